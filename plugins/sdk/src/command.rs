//! Commands that the operator has named, as PHP's own `cache:clear`. They are always optional: ask [`is_there`] first, and have
//! another way, or a finding that says what to do.

use crate::bindings::liftlock::command::command as host;
pub use crate::bindings::liftlock::command::command::Ended;
use crate::failure::Failure;

/// Whether the operator has such a command and lets this stage run it.
pub fn is_there(name: &str) -> bool {
    host::is_there(name)
}

/// Runs a command and waits for its end, good or bad: [`Ended::succeeded`] tells. In `check` and `verify` only one that
/// changes nothing, as the operator says, can be run.
///
/// # Errors
/// If it is not there, not granted or cannot be started; nothing has happened then. The message has the lines for the
/// operator's file.
pub fn run(name: &str) -> Result<Ended, Failure> {
    host::run(name)
}

impl Ended {
    /// Whether it says that it did what it is for.
    pub fn succeeded(&self) -> bool {
        self.exit_code == 0
    }

    /// Itself if it succeeded, else the failure to end the stage with: `command-failed`, the exit code and the last line that
    /// the command wrote. The host runs the command again when the run is resumed, if nothing else is changed before that.
    ///
    /// # Errors
    /// If it did not succeed.
    pub fn expect_success(self, name: &str) -> Result<Self, Failure> {
        if self.succeeded() {
            return Ok(self);
        }
        let how = match self.exit_code {
            124 if self.extra.iter().any(|(fact, _)| fact == "time-limit") => "took longer than it may".to_owned(),
            code => format!("ended with code {code}"),
        };
        let last = self.output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it wrote nothing");
        Err(Failure::new("command-failed", format!("the command {name} {how}: {}", last.trim()))
            .with("exit-code", self.exit_code.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i32, output: &str, extra: &[&str]) -> Ended {
        let extra = extra.iter().map(|fact| ((*fact).to_owned(), String::new())).collect();
        Ended { exit_code, output: output.to_owned(), extra }
    }

    #[test]
    fn a_command_that_failed_says_why_in_its_last_line() {
        let failure = ended(1, "Clearing\nNo disk space\n\n", &[]).expect_success("clear-cache").unwrap_err();
        assert_eq!(failure.code, "command-failed");
        assert_eq!(failure.message, "the command clear-cache ended with code 1: No disk space");
        let failure = ended(124, "", &["time-limit"]).expect_success("x").unwrap_err();
        assert_eq!(failure.message, "the command x took longer than it may: it wrote nothing");
        assert!(ended(124, "", &[]).expect_success("x").unwrap_err().message.contains("code 124"));
        assert_eq!(ended(0, "fine", &[]).expect_success("x").unwrap().output, "fine");
    }
}
