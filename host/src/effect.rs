//! What the engine and the capabilities say to each other.
//!
//! The engine decides *when* a change may happen, records it and remembers it; a capability knows *how* it is done, how to see
//! afterwards whether it was done, and how to put it back. Neither knows the other's inside: the engine sees the traits
//! [`Capability`] and [`Store`], the capabilities see the types of this file.

mod setting;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use setting::Setting;

/// Pairs of name and value that an answer carries for later versions.
pub type Extra = Vec<(String, String)>;

/// How far a stage may go with an object. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It may look.
    Read,
    /// It may look and change.
    Write,
    /// It may also make and change programs that stay in a database: triggers, views, routines, events.
    Define,
    /// It may run it: a command of the operator's.
    Run,
}

impl Access {
    /// All of them, with their names in the contract.
    pub const NAMED: [(&'static str, Self); 4] =
        [("read", Self::Read), ("write", Self::Write), ("define", Self::Define), ("run", Self::Run)];

    /// Those that there are for databases.
    pub const OF_DATABASES: [(&'static str, Self); 3] =
        [("read", Self::Read), ("write", Self::Write), ("define", Self::Define)];

    /// The one that there is for commands.
    pub const OF_COMMANDS: [(&'static str, Self); 1] = [("run", Self::Run)];

    /// Those that there are for files.
    pub const OF_FILES: [(&'static str, Self); 2] = [("read", Self::Read), ("write", Self::Write)];

    /// The access with this name in the contract.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(name, _)| *name == word).map(|(_, access)| *access)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
            Self::Run => "run",
        })
    }
}

/// Why something did not work: an answer that the guest gets, and that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code in kebab case, or the application's own.
    pub code: String,
    /// One sentence without a full stop.
    pub message: String,
    /// More, by name.
    pub extra: Extra,
}

impl Failure {
    /// A failure without extra.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), extra: Vec::new() }
    }
}

/// A fault of the host or of its surroundings: disk full, server gone, deadline. Never an answer to a guest: it stops the
/// run, and `resume` repeats the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable code in kebab case.
    pub code: &'static str,
    /// What happened, one sentence without a full stop, with the object's name.
    pub message: String,
    /// What the operator can do, if the code does not say it.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault without a hint of its own.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An I/O error at something that has a name. Disk full gets a code of its own.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        let code = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => "disk-full",
            Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => "not-permitted",
            _ => "io-error",
        };
        Self::new(code, format!("{what}: {error}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// How a call ends that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The guest gets it.
    Answer(Failure),
    /// The run stops.
    Fault(Fault),
}

impl CallError {
    /// An answer with this code.
    pub fn answer(code: &str, message: impl Into<String>) -> Self {
        Self::Answer(Failure::new(code, message))
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self::Answer(failure)
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One change, as the journal has it: enough to settle it after a crash and to undo it.
///
/// It holds names, sizes and inode numbers, never contents: the journal may be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The capability that made it: "files", "network", "database", "command".
    pub capability: String,
    /// The verb of the contract: "write", "switch-entries".
    pub verb: String,
    /// What it is done to, for people: "app:config/config.inc.php".
    pub object: String,
    /// Whether it changes what the live installation sees. Such a change wants the freeze first, and is undone.
    pub touches: bool,
    /// The capability's own record for settling and undoing.
    pub undo: Value,
}

/// A change that is described and whose undo data is durable, but that has not happened yet.
pub struct Prepared {
    /// For the journal.
    pub change: Change,
    /// Does it. Returns the result for the guest. On `Answer` nothing has changed.
    pub act: Box<dyn FnOnce() -> Result<Value, CallError> + Send>,
}

/// What became of a change that was announced, as the world shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It happened (or was completed now); this is its result.
    Done(Value),
    /// It did not happen, and what it left behind is removed.
    NotDone,
    /// How far it came cannot be known, and need not be: what it may have changed is put back as it was, and it is done again.
    Again,
    /// It cannot be known. The run stops.
    Undetermined(String),
}

/// What others have written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// How many things.
    pub count: u64,
    /// The first of them, for people.
    pub first: Option<String>,
}

/// A capability with changes that are settled and undone one by one.
pub trait Capability: Send + Sync {
    /// The name in [`Change::capability`].
    fn name(&self) -> &'static str;

    /// Looks at the world after a crash: did the change happen? May complete it, or clear away what it left half done.
    ///
    /// # Errors
    /// Where the world cannot be looked at.
    fn settle(&self, change: &Change) -> Result<Verdict, Fault>;

    /// Puts back what the change did. Correct whether or not the change happened, and however often it is called: a kill can
    /// fall anywhere. Changes are undone newest first.
    ///
    /// # Errors
    /// Where it cannot be put back. Rare and loud: a person must act.
    fn undo(&self, change: &Change) -> Result<(), Fault>;

    /// The installation has just been frozen: is what was copied out of it before still what it was?
    ///
    /// # Errors
    /// "changed-before-freeze", with the name.
    fn recheck(&self, done: &[Change]) -> Result<(), Fault>;

    /// What others have written since a moment (milliseconds since 1970): what undo would lose.
    ///
    /// # Errors
    /// Where the world cannot be looked at.
    fn written_since(&self, millis: u64) -> Result<Written, Fault> {
        let _ = millis;
        Ok(Written::default())
    }

    /// The operator has decided: drops the undo data of the run.
    ///
    /// # Errors
    /// What the file system says. May be called again.
    fn forget(&self) -> Result<(), Fault>;
}

/// How far a database is: which batch was the last, and how long the stage's recording was then. It lives in the database
/// itself and changes in the same transaction as the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The run that wrote it.
    pub run: String,
    /// The position of the stage in the pipeline, from 0.
    pub stage: u32,
    /// Batches committed in this run, all stages.
    pub sequence: u64,
    /// Bytes of the stage's recording that the batch belongs to.
    pub recording: u64,
}

/// Stamps of databases, by their names.
pub type Stamps = BTreeMap<String, String>;

/// A database as the engine sees it: transactions with a marker, and a restore point for all of it.
pub trait Store: Send + Sync {
    /// The database's name in the installation.
    fn name(&self) -> &str;

    /// The marker, read behind the lock (never a plain read beside another session's commit). None before the first batch.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn marker(&self) -> Result<Option<Marker>, Fault>;

    /// Begins a batch, fenced: the marker must still be `expected` (none: this run has written nothing yet).
    ///
    /// # Errors
    /// "fenced" if another run wrote; "database-busy" if somebody holds the lock too long.
    fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault>;

    /// Sets the marker and commits, in one transaction.
    ///
    /// # Errors
    /// "batch-lost" if the batch was rolled back instead.
    fn commit(&self, new: &Marker) -> Result<(), Fault>;

    /// Gives up the open batch.
    ///
    /// # Errors
    /// Where the session is gone.
    fn rollback(&self) -> Result<(), Fault>;

    /// Makes all that undo needs durable, in a directory of the run. Called under freeze, before the first touch.
    /// Returns the record for [`Store::restore`].
    ///
    /// # Errors
    /// Where it cannot be saved: nothing may then be touched.
    fn restore_point(&self, directory: &Path) -> Result<Value, Fault>;

    /// Somebody is about to write whom nobody can watch: makes the restore point, which is there, hold all of the database.
    ///
    /// # Errors
    /// Where it cannot be saved: nothing may then be touched.
    fn cover(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Waits until what somebody has left behind who is gone, as a statement on a server, has come to its end.
    ///
    /// # Errors
    /// "database-busy"; "interrupted".
    fn quiet(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Puts the whole database back as the restore point has it, and compares. May be called again after a kill.
    ///
    /// # Errors
    /// "restore-point-damaged", before anything is changed; or what the file system says.
    fn restore(&self, saved: &Value) -> Result<(), Fault>;

    /// A stamp that changes whenever anybody writes. Taken under freeze.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn stamp(&self) -> Result<String, Fault>;

    /// What somebody else has written to since our last change, whose stamp this is: in words, none if nothing is known.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    fn written_since(&self, stamp: &str) -> Result<Option<String>, Fault> {
        Ok((self.stamp()? != stamp).then(|| format!("the database {}", self.name())))
    }

    /// Why [`Store::written_since`] may have missed something: a sentence, none if it cannot.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    fn doubt(&self, stamp: &str) -> Result<Option<String>, Fault> {
        let _ = stamp;
        Ok(None)
    }

    /// A batch was lost or given up: puts back what a rollback leaves behind, as the next ids are on MySQL. `stamp` is of the
    /// moment before the batch.
    ///
    /// # Errors
    /// Where it cannot be put back.
    fn rewind(&self, stamp: &str) -> Result<(), Fault> {
        let _ = stamp;
        Ok(())
    }

    /// What a setting of the application's says: null, a whole number, or a text.
    ///
    /// # Errors
    /// The answer "no-such-setting" if there is no such column, not exactly one such row, or something else in it.
    fn setting(&self, setting: &Setting) -> Result<Value, CallError>;

    /// Sets it, and changes nothing else in its row. Returns the stamp with our own write in it; none if there is no `stamp`, or
    /// if somebody else has written since it was taken: that must still be seen.
    ///
    /// # Errors
    /// As [`Store::setting`]; the same answer if its column cannot hold the value.
    fn set(&self, setting: &Setting, value: &Value, stamp: &str) -> Result<Option<String>, CallError>;

    /// Removes the marker, at commit.
    ///
    /// # Errors
    /// Where the database says no.
    fn forget(&self) -> Result<(), Fault>;

    /// Closes all sessions (before a restore, a command, the end).
    fn close(&self);
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// The operator should look at it.
    Warning,
    /// The run does not go on.
    Blocking,
}

/// One thing that a check or a verify noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// What the operator can do.
    pub fix: Option<String>,
    /// Cannot be known before an earlier stage has run: asked again just before the stage.
    pub deferred: bool,
    /// More, by name.
    pub extra: Extra,
}

impl Finding {
    /// A blocking finding of the host itself.
    pub fn blocking(code: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Blocking,
            code: code.to_owned(),
            message: message.into(),
            fix: None,
            deferred: false,
            extra: Vec::new(),
        }
    }

    /// Whether it keeps a run from beginning: what cannot be known yet does not.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocking && !self.deferred
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Self { code: finding.code, message: finding.message, extra: finding.extra }
    }
}

/// What `apply` of a stage did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// False if there was nothing to do.
    pub changed: bool,
    /// One sentence for the operator.
    pub summary: String,
    /// More, by name.
    pub extra: Extra,
}
