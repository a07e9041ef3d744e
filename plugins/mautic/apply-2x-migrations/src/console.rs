//! Mautic's console, as far as the operator has named it.

use liftlock_sdk::prelude::*;

/// The name of the command in the operator's `installation.toml`.
pub(crate) const COMMAND: &str = "migrate-2x";

/// What became of a command that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// 0 if it says that it did its work.
    pub(crate) exit_code: i32,
    /// The end of what it printed, escaped.
    pub(crate) output: String,
}

/// Runs migrations of Mautic 2. A seam: tests have a console without a host.
pub(crate) trait Console {
    /// Whether there is one.
    fn is_there(&self) -> bool;

    /// Runs all that are outstanding.
    ///
    /// # Errors
    /// What the host says.
    fn run(&self) -> Result<Ended, Failure>;
}

/// The operator's command. Until the SDK knows commands there is none.
pub(crate) struct Operators;

impl Console for Operators {
    fn is_there(&self) -> bool {
        false
    }

    fn run(&self) -> Result<Ended, Failure> {
        Err(Failure::new("no-command", format!("the operator has named no command {COMMAND}")))
    }
}
