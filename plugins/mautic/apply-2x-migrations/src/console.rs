//! Mautic's console, as far as the operator has named it.

use liftlock_sdk::command::Ended;
use liftlock_sdk::prelude::*;

/// The name of the command in the operator's `installation.toml`.
pub(crate) const COMMAND: &str = "migrate-2x";

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

/// The operator's command.
pub(crate) struct Operators;

impl Console for Operators {
    fn is_there(&self) -> bool {
        command::is_there(COMMAND)
    }

    fn run(&self) -> Result<Ended, Failure> {
        command::run(COMMAND)
    }
}
