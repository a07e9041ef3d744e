//! Commands of the operator's: programs that a stage may have run by their names.
//!
//! All of a command stands in the operator's file; a stage says its name and nothing else. What a command does, nobody sees.
//! So the operator says how far it reaches, and what it reaches is saved as a whole before it starts: databases by the engine,
//! roots by the files capability. One that reaches nothing is a look.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `stage.rs` | what a stage gets: looks, effects, refusals |
//! | `launch.rs` | the host's side: starts the supervisor, waits, keeps the limits |
//! | `supervise.rs` | a process of ours between host and command, which ends the command when the host ends |
//! | `order.rs` | what the two say to each other |
//! | `tail.rs` | what a command wrote, bounded and without what steers a terminal |
//!
//! A command has its own process group and user, its own environment, no input, and the descriptors of the run's lock: as long
//! as anything of it lives, no other run can begin and none can be resumed.
//!
//! Deliberately absent: a shell, arguments from anywhere but the operator's file, a way to talk to a running command.

mod launch;
mod order;
mod stage;
mod supervise;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use stage::{CommandGrant, StageCommands, lines};
pub use supervise::{SUPERVISE, supervise};

use super::files::Files;
use crate::effect::{Capability, Change, Extra, Fault, Verdict};
use crate::meter::Meter;

/// [`Change::capability`] of this module.
const NAME: &str = "command";

/// What the commands of one run are.
pub struct CommandsConfig {
    /// Those that the pipeline can use, by name.
    pub commands: BTreeMap<String, Known>,
    /// The program that has [`supervise`] behind its argument [`SUPERVISE`]: this one, in its own eyes `/proc/self/exe`.
    pub supervisor: PathBuf,
    /// What holds the run's lock. Every command inherits it.
    pub lock: Vec<File>,
    /// Set when the run shall stop: a command is ended then.
    pub stop: Arc<AtomicBool>,
    /// Where the time of a command is counted.
    pub meter: Meter,
}

impl CommandsConfig {
    /// None.
    #[must_use]
    pub fn none(stop: Arc<AtomicBool>) -> Self {
        let supervisor = PathBuf::from("/proc/self/exe");
        Self { commands: BTreeMap::new(), supervisor, lock: Vec::new(), stop, meter: Meter::default() }
    }
}

/// A command that the pipeline can use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What the vendor suggests as its words. Only shown.
    pub suggested: Vec<String>,
    /// The operator's command, if there is one.
    pub command: Option<Command>,
}

/// A command, ready to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// User and group; none: ourselves.
    pub user: Option<(u32, u32)>,
    /// How long it may take.
    pub time: Duration,
    /// Bytes of address space of each of its processes.
    pub memory: u64,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
    /// Where it is started.
    pub directory: PathBuf,
    /// Roots that it may change, each with a directory in it (empty: all of it).
    pub roots: Vec<(String, String)>,
    /// Databases that it may change.
    pub databases: Vec<String>,
}

impl Command {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_look(&self) -> bool {
        self.roots.is_empty() && self.databases.is_empty()
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// 128 + n if signal n ended it, 124 if it took too long.
    pub exit_code: i32,
    /// The end of what it wrote.
    pub output: String,
    /// "time-limit", "signal", "left-out".
    pub extra: Extra,
}

/// What a command's change remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Undo {
    /// The effect's number: what is kept of roots has it in its name.
    seq: u64,
    /// SHA-256 of all that the operator says of the command.
    command: String,
    /// The roots that it reaches, in the order in which they were kept.
    roots: Vec<(String, String)>,
    /// The databases that it reaches: the engine's business.
    databases: Vec<String>,
}

/// The commands of one run, as the engine sees them.
pub struct Commands {
    config: CommandsConfig,
    files: Arc<Files>,
}

impl Commands {
    /// The commands of a run. `files` keeps what they reach.
    #[must_use]
    pub fn new(config: CommandsConfig, files: Arc<Files>) -> Self {
        Self { config, files }
    }

    fn command(&self, name: &str) -> Option<&Command> {
        self.config.commands.get(name)?.command.as_ref()
    }
}

impl Capability for Commands {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nobody can see how far it came.
    fn settle(&self, change: &Change) -> Result<Verdict, Fault> {
        read_undo(change)?;
        Ok(Verdict::Again)
    }

    /// The roots. Databases are put back from their restore points.
    fn undo(&self, change: &Change) -> Result<(), Fault> {
        let undo = read_undo(change)?;
        for (part, (root, _)) in undo.roots.iter().enumerate() {
            self.files.put_back(undo.seq, part, root)?;
        }
        Ok(())
    }

    /// Nothing here comes out of the installation.
    fn recheck(&self, _done: &[Change]) -> Result<(), Fault> {
        Ok(())
    }

    /// What is kept lies in the staging of its root, and goes with it.
    fn forget(&self) -> Result<(), Fault> {
        Ok(())
    }
}

fn read_undo(change: &Change) -> Result<Undo, Fault> {
    Undo::deserialize(&change.undo).map_err(|error| {
        Fault::new("journal-damaged", format!("the record of {} cannot be read: {error}", change.object))
    })
}
