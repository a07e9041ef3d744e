//! Commands that stages may run: what the vendor suggests, and what the operator has named.
//!
//! All of a command stands in the operator's file: program, arguments, user, limits, reach. There is no shell and no
//! placeholder, so nothing of a guest or a pipeline can get into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Item, Section, Wrong};
use super::installation::Installation;
use super::owner::Owner;
use super::pipeline::{Pipeline, about};
use super::place::DatabasePlace;
use super::problem::Problem;
use super::suggest::did_you_mean;
use super::value;

/// Where a program is looked for that is named without its directory; and what a command gets as `PATH`, if the operator
/// says nothing else.
pub const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const TIME: Duration = Duration::from_mins(10);
const MEMORY: u64 = 1 << 30;

/// A command that a pipeline can use. It never needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandUse {
    /// What it is for.
    pub about: String,
    /// What the operator could write as `argv`. Only shown: nothing of it is ever run.
    pub suggested: Vec<String>,
}

/// A command that the operator has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCommand {
    /// The program, as an absolute path, and its arguments.
    pub argv: Vec<String>,
    /// As whom it runs; we ourselves, if nothing is said, who are not root then.
    pub user: Option<Owner>,
    /// How long it may take. 10 minutes.
    pub time: Duration,
    /// Address space that each of its processes may have, in bytes. 1 GiB.
    pub memory: u64,
    /// All that is in its environment, beside a `PATH`.
    pub environment: Vec<Variable>,
    /// Where it is started; `/`, if nothing is said.
    pub directory: WorkingDirectory,
    /// What it may change. Nothing: it is a look.
    pub reach: Reach,
}

/// A variable of a command's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// With the value that it has for us, if it has one.
    Passed(String),
    /// With this value.
    Set(String, String),
}

/// Where a command is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// In a root.
    Root(String),
    /// Somewhere else.
    Path(PathBuf),
}

/// What a command may change. It is saved as a whole before the command starts, as nobody sees what the command does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Roots, or directories in them.
    pub roots: Vec<ReachedRoot>,
    /// Databases, each with all of its tables.
    pub databases: BTreeSet<String>,
}

/// A root that a command may change, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReachedRoot {
    /// The root.
    pub root: String,
    /// The directory in it; empty for all of it.
    pub path: String,
}

/// A command of the pipeline, with the operator's, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCommand {
    /// What the vendor says.
    pub usage: CommandUse,
    /// What the operator says.
    pub named: Option<NamedCommand>,
}

impl Reach {
    /// Whether it may change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.databases.is_empty()
    }
}

impl CommandUse {
    /// Reads a `[commands.<name>]` of a pipeline.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let suggested = section.optional("suggested", value::list(value::line)).unwrap_or_default();
        Self { about: about(section), suggested }
    }
}

impl NamedCommand {
    /// Reads a `[commands.<name>]` of an installation. `own` is the number of our user; `owner` reads one.
    pub(super) fn read(
        section: &mut Section<'_>,
        own: u32,
        owner: impl Fn(&Item<'_>) -> Result<Owner, Wrong>,
    ) -> Option<Self> {
        let argv = section.required("argv", argv);
        let user = match own {
            0 => section.required("user", |item| not_root(item, &owner)).map(Some),
            own => Some(section.optional("user", |item| ourselves(item, own, &owner))),
        };
        let time = section.optional("time", value::time_limit).unwrap_or(TIME);
        let memory = section.optional("memory", value::size).unwrap_or(MEMORY);
        let environment = section.optional("environment", value::list(variable)).unwrap_or_default();
        let directory = section.optional("directory", working_directory);
        let directory = directory.unwrap_or_else(|| WorkingDirectory::Path(PathBuf::from("/")));
        let reach = section.table("reach").map(|mut reach| Reach::read(&mut reach)).unwrap_or_default();
        Some(Self { argv: argv?, user: user?, time, memory, environment, directory, reach })
    }
}

impl Reach {
    fn read(section: &mut Section<'_>) -> Self {
        let roots: BTreeSet<_> = section.optional("roots", value::set(reached)).unwrap_or_default();
        let databases = section.optional("databases", value::set(value::name)).unwrap_or_default();
        Self { roots: roots.into_iter().collect(), databases }
    }
}

/// The pipeline's commands with the operator's.
pub(super) fn plan(installation: &Installation, pipeline: &Pipeline) -> BTreeMap<String, PlannedCommand> {
    let planned = pipeline.commands.iter().map(|(name, usage)| {
        let named = installation.commands.get(name).cloned();
        (name.clone(), PlannedCommand { usage: usage.clone(), named })
    });
    planned.collect()
}

/// What is named in commands and is not there, or must not get into one.
pub(super) fn check(installation: &Installation) -> Vec<Problem> {
    let mut check = Check { installation, problems: Vec::new() };
    for (name, command) in &installation.commands {
        check.command(name, command);
    }
    check.problems
}

struct Check<'i> {
    installation: &'i Installation,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn command(&mut self, name: &str, command: &NamedCommand) {
        let (section, reach) = (format!("[commands.{name}]"), format!("[commands.{name}.reach]"));
        let Installation { roots, databases, .. } = self.installation;
        if let WorkingDirectory::Root(root) = &command.directory {
            let hint = "or write an absolute path".to_owned();
            self.known(&format!("{section} directory"), "root", root, roots.keys(), Some(hint));
        }
        for reached in &command.reach.roots {
            self.known(&format!("{reach} roots"), "root", &reached.root, roots.keys(), None);
        }
        for database in &command.reach.databases {
            self.known(&format!("{reach} databases"), "database", database, databases.keys(), None);
        }
        let secrets: BTreeSet<_> = databases.values().filter_map(DatabasePlace::variable).collect();
        for variable in &command.environment {
            let (Variable::Passed(name) | Variable::Set(name, _)) = variable;
            if secrets.contains(name.as_str()) {
                let message = format!("{name} holds the address of a database with its password: no command gets it");
                let key = format!("{section} environment");
                self.problems.push(self.installation.places.problem("secret-in-environment", &key, message));
            }
        }
    }

    fn known<'n>(
        &mut self,
        key: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n String>,
        or: Option<String>,
    ) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        if !known.contains(&name) {
            let problem =
                self.installation.places.problem("unknown-name", key, format!("no {what} is called {name:?}"));
            self.problems.push(problem.hint(or.or_else(|| did_you_mean(name, known))));
        }
    }
}

fn argv(item: &Item<'_>) -> Result<Vec<String>, Wrong> {
    if item.get_ref().is_str() {
        let hint = "write a list, as in [\"php\", \"bin/console\", \"cache:clear\"]";
        return Err(value::bad("a command is not a line for a shell", hint.to_owned()));
    }
    let mut words = value::list(value::text)(item)?;
    if words.iter().any(|word| word.contains('\0')) {
        return Err(value::bad("a command has a zero byte", None));
    }
    match words.first_mut() {
        Some(first) if !first.is_empty() => *first = program(first)?,
        _ => return Err(value::bad("a command has no program", None)),
    }
    Ok(words)
}

/// The program as an absolute path: what stands in our own `PATH` decides nothing.
fn program(name: &str) -> Result<String, Wrong> {
    if Path::new(name).is_absolute() {
        return Ok(name.to_owned());
    }
    if name.contains('/') {
        return Err(value::bad(format!("{name:?} is a relative path"), "write the absolute path".to_owned()));
    }
    let mut places = PROGRAM_PATH.split(':').map(|directory| format!("{directory}/{name}"));
    places.find(|path| is_program(Path::new(path))).ok_or_else(|| Wrong {
        code: "program-missing",
        message: format!("no program {name:?} is in {PROGRAM_PATH}"),
        hint: Some("install it, or write its absolute path".to_owned()),
        at: None,
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What a command does as root, nobody can limit.
fn not_root(item: &Item<'_>, owner: impl Fn(&Item<'_>) -> Result<Owner, Wrong>) -> Result<Owner, Wrong> {
    let named_root = item.get_ref().as_str().is_some_and(|text| text.split(':').next() == Some("root"));
    match owner(item) {
        Ok(Owner { uid: 0, .. }) => Err(as_root()),
        _ if named_root => Err(as_root()),
        other => other,
    }
}

fn as_root() -> Wrong {
    Wrong {
        code: "command-as-root",
        message: "no command is run as root".to_owned(),
        hint: Some("write the user that the application runs as, as in \"www-data\"".to_owned()),
        at: None,
    }
}

fn ourselves(item: &Item<'_>, own: u32, owner: impl Fn(&Item<'_>) -> Result<Owner, Wrong>) -> Result<Owner, Wrong> {
    let user = owner(item)?;
    if user.uid == own {
        return Ok(user);
    }
    Err(value::bad("only root can run a command as another user", "run liftlock as that user, or as root".to_owned()))
}

/// `NAME`, or `NAME=value`.
fn variable(item: &Item<'_>) -> Result<Variable, Wrong> {
    let text = value::text(item)?;
    let (name, content) = text.split_once('=').map_or((text.as_str(), None), |(name, content)| (name, Some(content)));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
        // Not shown: what stands there instead of a name may be a secret.
        return Err(value::bad("is not a name of a variable", "write NAME, or NAME=value".to_owned()));
    }
    // The loader would run somebody's code before the program's.
    if name.starts_with("LD_") {
        return Err(value::bad(format!("{name} changes what the program is"), None));
    }
    match content {
        Some(content) if content.contains('\0') => Err(value::bad("has a zero byte", None)),
        Some(content) => Ok(Variable::Set(name.to_owned(), content.to_owned())),
        None => Ok(Variable::Passed(name.to_owned())),
    }
}

fn working_directory(item: &Item<'_>) -> Result<WorkingDirectory, Wrong> {
    let path = value::path(item)?;
    if path.is_absolute() { Ok(WorkingDirectory::Path(path)) } else { Ok(WorkingDirectory::Root(value::name(item)?)) }
}

/// "app", or "app:var/cache".
fn reached(item: &Item<'_>) -> Result<ReachedRoot, Wrong> {
    let text = value::text(item)?;
    let (root, path) = text.split_once(':').unwrap_or((&text, ""));
    let below = |path: &str| {
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        path.is_empty() || path.split('/').all(plain) && !path.contains(['\0', '\\'])
    };
    if !value::is_name(root) || !below(path) || text.ends_with(':') {
        let hint = "write a root, or a directory in one, as in \"app:var/cache\"".to_owned();
        return Err(value::bad(format!("{text:?} is no place in a root"), hint));
    }
    Ok(ReachedRoot { root: root.to_owned(), path: path.to_owned() })
}
