//! The operator's commands for a run: paths and variables put in, and what there is to say about them before it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Environment, Found};
use crate::bundle::{
    AskedCapability, Grants, NamedCommand, PROGRAM_PATH, PlannedSlot, Setup, Variable, WorkingDirectory,
};
use crate::capability::command::{Command, Known, lines};
use crate::effect::{Finding, Severity};

/// A command of the pipeline as the run knows it.
pub(super) fn known(setup: &Setup, name: &str, environment: Environment) -> Known {
    let Some(planned) = setup.commands.get(name) else { return Known::default() };
    let command = planned.named.as_ref().map(|named| command(setup, named, environment));
    Known { suggested: planned.usage.suggested.clone(), command }
}

fn command(setup: &Setup, named: &NamedCommand, environment: Environment) -> Command {
    Command {
        argv: named.argv.clone(),
        user: named.user.map(|user| (user.uid, user.gid)),
        time: named.time,
        memory: named.memory,
        environment: variables(named, environment),
        directory: directory(setup, named),
        roots: named.reach.roots.iter().map(|reached| (reached.root.clone(), reached.path.clone())).collect(),
        databases: named.reach.databases.iter().cloned().collect(),
    }
}

/// A `PATH` is always there; else only what is named.
fn variables(named: &NamedCommand, environment: Environment) -> Vec<(String, String)> {
    let mut variables = vec![("PATH".to_owned(), PROGRAM_PATH.to_owned())];
    for variable in &named.environment {
        match variable {
            Variable::Set(name, value) => variables.push((name.clone(), value.clone())),
            Variable::Passed(name) => variables.extend(environment(name).map(|value| (name.clone(), value))),
        }
    }
    variables
}

fn directory(setup: &Setup, named: &NamedCommand) -> PathBuf {
    match &named.directory {
        WorkingDirectory::Path(path) => path.clone(),
        // It is there: the files are held against each other.
        WorkingDirectory::Root(name) => {
            setup.installation.roots.get(name).map(|root| root.path.clone()).unwrap_or_default()
        }
    }
}

/// Commands that cannot be started as they are.
pub(super) fn check(setup: &Setup) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, named) in &setup.installation.commands {
        let program = named.argv.first().map(PathBuf::from).unwrap_or_default();
        if !is_program(&program) {
            let text = format!("the program of the command {name}, {}, is not there or no program", program.display());
            found.push(Finding::blocking("program-missing", text));
        }
        let directory = directory(setup, named);
        if !directory.is_dir() {
            let text = format!("the directory of the command {name}, {}, is not there", directory.display());
            found.push(Finding::blocking("directory-missing", text));
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What a slot has to do with commands: those that it will run, which nobody can foresee, and those that it could use.
pub(super) fn notes(setup: &Setup, planned: &PlannedSlot, grants: &Grants) -> Vec<Found> {
    let slot = &planned.slot.name;
    let asks = planned.slot.asks.iter().filter(|ask| ask.capability == AskedCapability::Command);
    let notes = asks.filter_map(|ask| {
        let command = setup.commands.get(&ask.object)?;
        let granted = grants.commands.contains_key(&ask.object);
        Some(match &command.named {
            Some(named) if granted => opaque(&ask.object, named),
            named => {
                let about = Some(command.usage.about.as_str()).filter(|about| !about.is_empty()).unwrap_or("a command");
                let text = format!("could use the command {} ({about}): {}", ask.object, ask.reason);
                let allow = lines(slot, &ask.object, &command.usage.suggested, named.is_some());
                info("command-not-granted", text, Some(allow.join("\n    ")))
            }
        })
    });
    notes.map(|finding| (slot.clone(), finding)).collect()
}

fn opaque(name: &str, named: &NamedCommand) -> Finding {
    let words = named.argv.join(" ");
    let roots = named.reach.roots.iter().map(|reached| match reached.path.as_str() {
        "" => format!("root {}", reached.root),
        path => format!("{}:{path}", reached.root),
    });
    let reach: Vec<_> = roots.chain(named.reach.databases.iter().map(|name| format!("database {name}"))).collect();
    let text = match reach.as_slice() {
        [] => format!("the command {name} is run to look: {words}"),
        reach => format!(
            "the command {name} is run, and what it does is not known before: {words}; it may change {}, which is saved first",
            reach.join(", ")
        ),
    };
    info("command-opaque", text, None)
}

fn info(code: &str, message: String, fix: Option<String>) -> Finding {
    Finding { severity: Severity::Info, fix, ..Finding::blocking(code, message) }
}
