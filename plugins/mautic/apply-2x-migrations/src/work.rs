//! Whether the console is asked, and whether it has done what it was asked for.

use liftlock_sdk::prelude::*;
use mautic_migrations::ledger::Ledger;
use mautic_migrations::version::{Version, in_words};

use crate::console::{COMMAND, Console};

/// What the operator can do: one step.
const REMEDY: &str = "run `php app/console doctrine:migrations:migrate --no-interaction --env=prod` in the root of the \
                      installation, as the user that the web server runs as";

/// What `check` says of outstanding migrations.
pub(crate) fn finding(outstanding: &[Version], has_command: bool) -> Option<Finding> {
    if outstanding.is_empty() {
        return None;
    }
    let (number, names) = (outstanding.len(), in_words(outstanding));
    Some(match has_command {
        true => {
            let message =
                format!("{number} migrations of Mautic 2 are outstanding; your command {COMMAND} will run: {names}");
            Finding::info("outstanding-2x-migrations", message)
        }
        false => {
            let message = format!("{number} migrations of Mautic 2 are outstanding: {names}");
            Finding::blocking("outstanding-2x-migrations", message).fix(REMEDY)
        }
    })
}

/// Runs what is outstanding and reads the ledger again.
pub(crate) fn apply(
    outstanding: &[Version],
    console: &impl Console,
    ledger: impl FnOnce() -> Result<Ledger, Failure>,
) -> Result<Outcome, Failure> {
    if outstanding.is_empty() {
        return Ok(Outcome::unchanged("no migration of Mautic 2 is outstanding"));
    }
    if !console.is_there() {
        let message = format!("migrations of Mautic 2 are outstanding: {}; {REMEDY}", in_words(outstanding));
        return Err(Failure::new("outstanding-2x-migrations", message));
    }
    let ended = console.run()?;
    let ledger = ledger()?;
    let still: Vec<_> = outstanding.iter().copied().filter(|version| !ledger.has(*version)).collect();
    // It is the ledger that counts: a console may fail after its last migration, over a cache it cannot write.
    let Some(failure) = left(&still) else {
        if !ended.succeeded() {
            run::warn(format!("{COMMAND} ended with code {}, but all its migrations are executed", ended.exit_code));
        }
        return Ok(Outcome::changed(format!("{} migrations of Mautic 2", outstanding.len())));
    };
    ended.expect_success(COMMAND).map_err(|ended| ended.with("still-outstanding", in_words(&still)))?;
    Err(failure)
}

/// The failure if migrations are left.
pub(crate) fn left(still: &[Version]) -> Option<Failure> {
    (!still.is_empty()).then(|| {
        let message = format!("{} migrations of Mautic 2 are still outstanding: {}", still.len(), in_words(still));
        Failure::new("still-outstanding", message)
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use liftlock_sdk::command::Ended;

    use super::*;

    const DUE: [Version; 2] = [Version::new(20180702145735), Version::new(20190715065013)];

    /// A console that ends like this, if it is there.
    struct Fake {
        exit_code: Option<i32>,
        runs: Cell<u32>,
    }

    impl Fake {
        fn new(exit_code: Option<i32>) -> Self {
            Self { exit_code, runs: Cell::new(0) }
        }
    }

    impl Console for Fake {
        fn is_there(&self) -> bool {
            self.exit_code.is_some()
        }

        fn run(&self) -> Result<Ended, Failure> {
            self.runs.set(self.runs.get() + 1);
            Ok(Ended { exit_code: self.exit_code.unwrap_or_default(), output: "said\n".to_owned(), extra: Vec::new() })
        }
    }

    fn with(versions: &[Version]) -> Result<Ledger, Failure> {
        let rows: Vec<_> = versions.iter().map(Version::to_string).collect();
        Ok(Ledger::of(&rows, &["version".to_owned()]))
    }

    #[test]
    fn without_a_command_each_outstanding_migration_is_named_with_one_next_step() {
        let finding = finding(&DUE, false).unwrap();
        assert_eq!(finding.severity, "blocking");
        assert!(finding.message.ends_with("20180702145735, 20190715065013"), "{}", finding.message);
        assert!(finding.fix.unwrap().starts_with("run `php app/console doctrine:migrations:migrate"));
        let failure = apply(&DUE, &Fake::new(None), || with(&[])).unwrap_err();
        assert_eq!(failure.code, "outstanding-2x-migrations");
    }

    #[test]
    fn a_console_that_says_that_all_is_well_is_not_believed() {
        let failure = apply(&DUE, &Fake::new(Some(0)), || with(&DUE[..1])).unwrap_err();
        assert_eq!(failure.code, "still-outstanding");
        assert!(failure.message.ends_with("1 migrations of Mautic 2 are still outstanding: 20190715065013"));
    }

    #[test]
    fn a_console_that_fails_is_named_with_what_it_left() {
        let failure = apply(&DUE, &Fake::new(Some(1)), || with(&[])).unwrap_err();
        assert_eq!(failure.code, "command-failed");
        assert_eq!(failure.message, "the command migrate-2x ended with code 1: said");
        let left = ("still-outstanding".to_owned(), "20180702145735, 20190715065013".to_owned());
        assert!(failure.extra.contains(&left));
    }

    #[test]
    fn nothing_outstanding_runs_nothing() {
        let console = Fake::new(Some(0));
        let outcome = apply(&[], &console, || with(&[])).unwrap();
        assert!(!outcome.changed);
        assert_eq!(console.runs.get(), 0);
        assert_eq!(finding(&[], false), None);
        assert_eq!(left(&[]), None);
    }

    #[test]
    fn what_the_ledger_has_afterwards_is_done() {
        let console = Fake::new(Some(0));
        assert!(apply(&DUE, &console, || with(&DUE)).unwrap().changed);
        assert_eq!(console.runs.get(), 1);
        assert_eq!(finding(&DUE, true).unwrap().severity, "info");
    }
}
