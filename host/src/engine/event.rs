//! The durable events of a run. They are the truth; the state ([`super::state`]) is their fold, and a report is drawn from them.
//!
//! Progress and log lines are not events: they may be lost (see [`super::sink`]).
//!
//! Events name kinds, objects, sizes and statement shapes, never values: the journal may be shown. Outputs of kind "text" are
//! the exception; a stage must not put a secret into one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cost::Cost;
use crate::effect::{Change, Failure, Stamps};

/// The version of what a run keeps: its journal and its recordings. Bumped with every change that an older reader would misread.
pub const FORMAT: u32 = 3;

/// What a run is going to do: the first event carries the whole of it, so any reader can draw the full list at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The run's id, sortable by time.
    pub run: String,
    /// The version of Liftlock that runs it. A recording is valid only for the same one.
    pub host: String,
    /// Milliseconds since 1970.
    pub started: u64,
    /// The installation's name.
    pub installation: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// For people: "Roundcube Webmail 1.4 to 1.6".
    pub title: String,
    /// sha256 of `pipeline.toml`.
    pub pipeline_sha256: String,
    /// The versions it goes between.
    pub from: String,
    /// The versions it goes between.
    pub to: String,
    /// Local copies of packages that the operator has named for this run, by package.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: BTreeMap<String, PathBuf>,
    /// Whether it takes over what another tool has left half done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// The slots, in their order.
    pub slots: Vec<PlannedStage>,
}

/// One slot of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedStage {
    /// The slot's name.
    pub slot: String,
    /// For people.
    pub title: String,
    /// sha256 of the component that fills it.
    pub component: String,
    /// Whether the operator put another vendor's component in.
    pub swapped: bool,
    /// Digest of everything else that its calls depend on: parameters, grants, limits.
    pub parameters: String,
    /// What it puts out: name and kind.
    pub produces: BTreeMap<String, String>,
    /// Its inputs: name and "slot.output".
    pub inputs: BTreeMap<String, String>,
    /// Whether it runs after the installation is open again.
    pub after: bool,
    /// The application's codes for its failures.
    pub codes: Vec<String>,
}

/// The name of the fact in a finding that is [`application_code`].
pub const APPLICATION_CODE: &str = "application-code";

/// What people look up for a failure under this code: of a slot's own codes the first, which is its general one. None if the code
/// is one of them already.
#[must_use]
pub fn application_code<'a>(codes: &'a [String], code: &str) -> Option<&'a str> {
    codes.first().filter(|_| !codes.iter().any(|own| own == code)).map(String::as_str)
}

/// An output of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// "text", "artifact", "tree" or "snapshot".
    pub kind: String,
    /// Text, or the id that the host made.
    pub value: String,
}

/// How an effect ended: what the guest got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectResult {
    /// It happened.
    Ok(Value),
    /// It was refused after it was announced; nothing changed.
    Failed(Failure),
}

/// Why a stage failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It said so itself.
    Answered,
    /// It trapped, or passed a limit.
    Trapped,
    /// Its own check found something blocking just before it.
    Checked,
    /// What it left does not hold: its `verify`, the pipeline's post-conditions, a missing output.
    Unverified,
}

/// A durable event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run exists from here on.
    RunStarted {
        /// All of it.
        plan: Plan,
    },
    /// A stage starts, or starts again after a crash, a stop or a failure.
    StageStarted {
        /// Position in the plan.
        stage: u32,
        /// From 1.
        attempt: u32,
        /// The stage's clock at its first start, milliseconds since 1970.
        clock: u64,
    },
    /// The installation is being frozen.
    FreezeStarted {
        /// Milliseconds since 1970, for people.
        #[serde(default)]
        since: u64,
    },
    /// Nobody else writes now.
    Frozen {},
    /// All that undo needs of a database is durable.
    RestorePoint {
        /// The database.
        database: String,
        /// The store's own record.
        saved: Value,
        /// The store's stamp then.
        stamp: String,
    },
    /// An effect is about to happen.
    Intent {
        /// Its number in the run.
        effect: u64,
        /// The stage that asked for it.
        stage: u32,
        /// Digest of function and arguments.
        call: u64,
        /// Length of the stage's recording, flushed before this line.
        recording: u64,
        /// What it is.
        change: Change,
        /// The databases that it changes by itself, outside of batches.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        databases: Vec<String>,
    },
    /// The effect happened, or was refused without a change.
    Done {
        /// Its number.
        effect: u64,
        /// What the guest gets.
        result: EffectResult,
        /// The stamp of each database that it changed.
        #[serde(default, skip_serializing_if = "Stamps::is_empty")]
        stamps: Stamps,
    },
    /// After a crash: the effect did not happen.
    NotDone {
        /// Its number.
        effect: u64,
        /// The stamp of each database that it would have changed.
        #[serde(default, skip_serializing_if = "Stamps::is_empty")]
        stamps: Stamps,
    },
    /// A batch of data changes is committed.
    Batch {
        /// The stage that made them.
        stage: u32,
        /// The database.
        database: String,
        /// Batches of this run, this one included.
        sequence: u64,
        /// Length of the stage's recording that it belongs to.
        recording: u64,
        /// Statements in it; 0 if the line was lost in a crash and written again from the marker.
        statements: u64,
        /// Rows changed.
        rows: u64,
        /// The store's stamp after it; empty if it is not known.
        stamp: String,
    },
    /// The stage has done its work.
    StageApplied {
        /// Position in the plan.
        stage: u32,
        /// Whether there was something to do.
        changed: bool,
        /// In the stage's words.
        summary: String,
        /// What it put out.
        outputs: BTreeMap<String, Output>,
    },
    /// Its work holds.
    StageDone {
        /// Position in the plan.
        stage: u32,
        /// What this turn of it has cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Cost>,
    },
    /// The stage failed.
    StageFailed {
        /// Position in the plan.
        stage: u32,
        /// How.
        kind: FailureKind,
        /// The stable code.
        code: String,
        /// What happened.
        message: String,
        /// Length of the recording up to its last successful effect; what came later is asked anew by `resume`.
        recording: u64,
        /// What an earlier stage has handed over is what is wrong: `resume` would meet it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        for_good: bool,
    },
    /// A database was changed after the stage had failed, by the operator who mends it: the run goes on with it as it is.
    Mended {
        /// The database.
        database: String,
        /// The store's stamp now.
        stamp: String,
    },
    /// The run stopped without an answer: a fault of the surroundings, or an interrupt. `resume` goes on.
    Stopped {
        /// The stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// Others may write again from here on.
    ThawStarted {
        /// Milliseconds since 1970: the run's own changes are before it, what others write is after it.
        since: u64,
    },
    /// The freeze is lifted.
    Thawed {
        /// The stamp of each database that the host itself has written to for it: that write is nobody else's.
        #[serde(default, skip_serializing_if = "Stamps::is_empty")]
        stamps: Stamps,
    },
    /// All stages are done.
    RunDone {},
    /// From here on the run goes backwards.
    UndoStarted {
        /// "operator", or the code of the failure.
        reason: String,
    },
    /// An effect is put back.
    Undone {
        /// Its number.
        effect: u64,
    },
    /// A database is put back.
    Restored {
        /// The database.
        database: String,
    },
    /// Everything is as it was.
    UndoDone {},
    /// Something could not be put back. A person must act.
    UndoFailed {
        /// The stable code.
        code: String,
        /// What, exactly.
        message: String,
    },
    /// The undo data is gone.
    Committed {},
}
