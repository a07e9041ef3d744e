//! The commands as one stage has them: by name, and only those that it was granted.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Command, Commands, Ended, NAME, Undo, launch};
use crate::effect::{CallError, Change, Failure, Fault, Prepared};

/// What the operator allowed one slot.
#[derive(Debug, Clone, Default)]
pub struct CommandGrant {
    /// The slot, for the lines that would allow more.
    pub slot: String,
    /// Commands by name.
    pub commands: BTreeSet<String>,
    /// `check` and `verify`: only what changes nothing.
    pub read_only: bool,
}

/// The commands of one stage. They cannot be had without a grant.
pub struct StageCommands {
    commands: Arc<Commands>,
    grant: CommandGrant,
}

impl StageCommands {
    /// The commands behind a grant.
    #[must_use]
    pub fn new(commands: Arc<Commands>, grant: CommandGrant) -> Self {
        Self { commands, grant }
    }

    /// Whether there is such a command for this stage.
    #[must_use]
    pub fn is_there(&self, name: &str) -> bool {
        self.grant.commands.contains(name) && self.commands.command(name).is_some()
    }

    /// The command, if this stage may run it now.
    ///
    /// # Errors
    /// "not-granted", with the lines that would allow it; "read-only".
    pub fn admit(&self, name: &str) -> Result<&Command, CallError> {
        let command = self.commands.command(name).filter(|_| self.grant.commands.contains(name));
        let Some(command) = command else { return Err(self.not_granted(name).into()) };
        if self.grant.read_only && !command.is_look() {
            let text = format!("the command {name} changes something: it is not run in check and verify");
            return Err(CallError::answer("read-only", text));
        }
        Ok(command)
    }

    /// Runs a command that changes nothing.
    ///
    /// # Errors
    /// As [`StageCommands::admit`], and "command-not-started".
    pub fn look(&self, name: &str) -> Result<Ended, CallError> {
        let command = self.admit(name)?;
        if !command.is_look() {
            return Err(Fault::new("internal", format!("the command {name} is no look")).into());
        }
        launch::run(&self.commands.config, name, command)
    }

    /// Describes the run of a command, and keeps the roots that it reaches. `seq` is the effect's number in the run. `act`
    /// returns an [`Ended`], and the answer "command-not-started".
    ///
    /// # Errors
    /// As [`StageCommands::admit`]; where the roots cannot be kept.
    pub fn prepare(&self, seq: u64, name: &str) -> Result<Prepared, CallError> {
        let command = self.admit(name)?.clone();
        for (part, (root, path)) in command.roots.iter().enumerate() {
            self.commands.files.keep(seq, part, root, path)?;
        }
        let undo = Undo {
            seq,
            command: data_encoding::HEXLOWER.encode(&Sha256::digest(format!("{command:?}"))),
            roots: command.roots.clone(),
            databases: command.databases.clone(),
        };
        let change = Change {
            capability: NAME.to_owned(),
            verb: "run".to_owned(),
            object: name.to_owned(),
            touches: true,
            undo: json!(undo),
        };
        let (commands, name) = (Arc::clone(&self.commands), name.to_owned());
        let act = move || {
            let ended = launch::run(&commands.config, &name, &command)?;
            serde_json::to_value(ended).map_err(|error| Fault::new("internal", error.to_string()).into())
        };
        Ok(Prepared { change, act: Box::new(act) })
    }

    fn not_granted(&self, name: &str) -> Failure {
        let shown: String = name.chars().take(100).filter(|c| !c.is_control()).collect();
        let Some(known) = self.commands.config.commands.get(name) else {
            return Failure::new("not-granted", format!("the pipeline knows no command {shown}"));
        };
        let lines = lines(&self.grant.slot, name, &known.suggested, known.command.is_some());
        let text = format!("there is no command {shown} for this stage; to allow it: {}", lines.join(" | "));
        Failure { extra: vec![("allow".to_owned(), lines.join("\n"))], ..Failure::new("not-granted", text) }
    }
}

/// The lines of `installation.toml` that let a slot run a command.
#[must_use]
pub fn lines(slot: &str, name: &str, suggested: &[String], is_there: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !is_there {
        let words: Vec<String> = suggested.iter().map(|word| format!("{word:?}")).collect();
        lines.push(format!("[commands.{name}]"));
        lines.push(format!("argv = [{}]", if words.is_empty() { "\"…\"".to_owned() } else { words.join(", ") }));
        lines.push("user = \"www-data\"  # as the application runs".to_owned());
        lines.push(
            "reach = { roots = [\"…\"], databases = [\"…\"] }  # what it may change; nothing, if left out".to_owned(),
        );
    }
    lines.push(format!("[grants.{slot}]"));
    lines.push(format!("command.{name} = \"run\""));
    lines
}
