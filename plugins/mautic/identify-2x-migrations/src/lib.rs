//! Finds the migrations of Mautic 2 that are outstanding: those of the installed files (`app/migrations/Version*.php`, by
//! their names) that Doctrine's ledger does not have. Changes nothing.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `database` | the database; default `main` |
//! | `root` | the live root; default `app` |
//! | `prefix` | what the names of the tables begin with; default what `db_table_prefix` of Mautic's settings says |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `outstanding` | text | the versions that are outstanding, one a line |
//! | `executed` | text | the versions that the ledger has, one a line |
//!
//! Findings of its own: `no-ledger`, `ledger-empty`, `ledger-from-the-future`, `no-migration-files` block;
//! `executed-unavailable`, `upgraded-before`, `ledger-rows-unknown` and `outstanding` inform. Failures: the same that block,
//! and `not-mysql`, `settings-unreadable`, `prefix-unknown`.

use liftlock_sdk::prelude::*;
use mautic_migrations::installation::Installation;
use mautic_migrations::ledger::{self, Ledger};
use mautic_migrations::version::{Version, in_words, to_lines};
use mautic_migrations::{installed, two};

struct Identify2xMigrations;

impl Stage for Identify2xMigrations {
    fn info() -> Info {
        Info::new("identify-2x-migrations", env!("CARGO_PKG_VERSION"))
            .produces("outstanding", Kind::Text)
            .produces("executed", Kind::Text)
            .asks(Ask::database("*").read("reads which migrations were executed"))
            .asks(
                Ask::files("*").read("reads the names of the migrations, and the prefix of the tables in the settings"),
            )
    }

    fn check() -> Findings {
        let at = Installation::open()?;
        let Some(ledger) = Ledger::read(&at.database, &at.prefix)? else {
            return Ok(vec![ledger::missing_finding(&at.prefix)]);
        };
        let installed = installed::read(&at.root)?;
        let mut findings = two::findings(&installed, &ledger);
        findings.extend(said(&two::outstanding(&installed, &ledger)));
        Ok(findings)
    }

    fn apply() -> Result<Outcome, Failure> {
        let at = Installation::open()?;
        let ledger = Ledger::require(&at.database, &at.prefix)?;
        let installed = installed::read(&at.root)?;
        if let Some(finding) = two::findings(&installed, &ledger).into_iter().find(|it| it.severity == "blocking") {
            return Err(Failure::new(finding.code, finding.message));
        }
        let outstanding = two::outstanding(&installed, &ledger);
        run::set_output("outstanding", &to_lines(&outstanding))?;
        run::set_output("executed", &to_lines(ledger.executed()))?;
        let (executed, due) = (ledger.executed().len(), outstanding.len());
        Ok(Outcome::unchanged(format!("{executed} migrations are executed, {due} of Mautic 2 are outstanding")))
    }
}

liftlock_sdk::export!(Identify2xMigrations);

/// What is outstanding, for the operator. Whether that blocks is for the next stage to say: it knows whether there is a command.
fn said(outstanding: &[Version]) -> Option<Finding> {
    (!outstanding.is_empty()).then(|| {
        let mut message = format!("outstanding migrations of Mautic 2: {}", in_words(outstanding));
        let kept = outstanding.len() - two::for_console(outstanding).len();
        if kept > 0 {
            message.push_str(&format!(" ({kept} of them Mautic 3 has kept: applied with its own)"));
        }
        Finding::info("outstanding", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outstanding_is_not_worth_a_word() {
        assert_eq!(said(&[]), None);
    }

    #[test]
    fn what_is_outstanding_is_named() {
        let finding = said(&[Version::new(20190715065013)]).unwrap();
        assert_eq!(finding.severity, "info");
        assert_eq!(finding.message, "outstanding migrations of Mautic 2: 20190715065013");
    }

    #[test]
    fn a_kept_one_is_no_reason_to_look_for_a_console() {
        let finding = said(&[Version::new(20190715065013), two::NEWEST]).unwrap();
        assert!(finding.message.ends_with("20190724110039 (1 of them Mautic 3 has kept: applied with its own)"));
    }
}
