//! Has outstanding migrations of Mautic 2 run by the operator's own command `migrate-2x`, and reads the ledger again: what a
//! console prints is no proof. Without such a command an outstanding migration blocks the run before it begins. The two that
//! Mautic 3 has kept need no console: `apply-3x-migrations` applies them.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `database` | the database; default `main` |
//! | `root` | the live root; default `app` |
//! | `prefix` | what the names of the tables begin with; default what `db_table_prefix` of Mautic's settings says |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `outstanding` | text | what `identify-2x-migrations` has found; optional, else the installed files are looked at again |
//!
//! Findings of its own: `outstanding-2x-migrations` blocks. Failures: the same, `command-failed`, `still-outstanding`,
//! `no-ledger`, `not-mysql`, `settings-unreadable`, `prefix-unknown`.

mod console;
mod work;

use liftlock_sdk::prelude::*;
use mautic_migrations::installation::Installation;
use mautic_migrations::ledger::Ledger;
use mautic_migrations::version::{self, Version};
use mautic_migrations::{installed, two};

use crate::console::{COMMAND, Console, Operators};

struct Apply2xMigrations;

impl Stage for Apply2xMigrations {
    fn info() -> Info {
        Info::new("apply-2x-migrations", env!("CARGO_PKG_VERSION"))
            .may_consume("outstanding", Kind::Text)
            .asks(Ask::database("*").read("reads whether the migrations were executed"))
            .asks(
                Ask::files("*").read("reads the names of the migrations, and the prefix of the tables in the settings"),
            )
            .asks(Ask::command(COMMAND).run("runs the migrations of Mautic 2 that are outstanding"))
    }

    fn check() -> Findings {
        let at = Installation::open()?;
        // Of a ledger that is not there `identify-2x-migrations` speaks.
        let Some(ledger) = Ledger::read(&at.database, &at.prefix)? else { return Ok(Vec::new()) };
        Ok(work::finding(&outstanding(&at, &ledger)?, Operators.is_there()).into_iter().collect())
    }

    fn apply() -> Result<Outcome, Failure> {
        let at = Installation::open()?;
        let due = outstanding(&at, &Ledger::require(&at.database, &at.prefix)?)?;
        work::apply(&due, &Operators, || Ledger::require(&at.database, &at.prefix))
    }

    fn verify() -> Findings {
        let at = Installation::open()?;
        let left = outstanding(&at, &Ledger::require(&at.database, &at.prefix)?)?;
        Ok(work::left(&left).map(Finding::from).into_iter().collect())
    }
}

liftlock_sdk::export!(Apply2xMigrations);

/// What the ledger lacks, and a console must run, of what was found, or of the installed files where nothing is wired.
fn outstanding(at: &Installation, ledger: &Ledger) -> Result<Vec<Version>, Failure> {
    let found = match run::input("outstanding") {
        Some(lines) => version::from_lines(&lines).into_iter().collect(),
        None => installed::read(&at.root)?,
    };
    Ok(two::for_console(&two::outstanding(&found, ledger)))
}
