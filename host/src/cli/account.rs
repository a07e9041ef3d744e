//! The account of the run as a text file, at the end of each command that has changed something.

use liftlock::upgrade::Upgrade;

use super::{Global, output};

/// Writes it where one is wanted. If it cannot be written that is said, and the run ends as it has.
pub(super) fn write(global: &Global, upgrade: &Upgrade) {
    if let Err(fault) = upgrade.write_account() {
        output::warning(global, "log-not-written", &format!("{}; `liftlock log` shows it", fault.message));
    }
}
