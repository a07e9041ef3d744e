//! What host and supervisor say to each other: one order in, some reports out, each a line of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the supervisor is to run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) argv: Vec<String>,
    pub(super) user: Option<(u32, u32)>,
    pub(super) memory: u64,
    pub(super) environment: Vec<(String, String)>,
    pub(super) directory: PathBuf,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Report {
    /// It runs, as this process and in the process group of the same number.
    Started(i32),
    /// It could not be started: nothing has happened.
    NotStarted(String),
    /// It has exited by itself.
    Exited(i32),
    /// A signal ended it, ours or another's.
    Killed(i32),
}
