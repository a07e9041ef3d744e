//! Finds the migrations of Mautic 3.0.2 that are due, object by object, and what they will meet: halves of earlier tries,
//! indexes and keys of other names, ids of other signs, rows that cannot be understood. Changes nothing.
//!
//! What is there counts, not only the ledger: a migration that is noted and was not done is due, one that was done and is not
//! noted will be noted.
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
//! | `outstanding` | text | the versions that are due, one a line |
//!
//! Findings of its own that block: `no-ledger`, `table-missing`, `table-differs`, `index-differs`, `index-in-the-way`,
//! `unique-index-in-the-way`, `migration-unknown`. That warn: `column-in-use`, `left-alone`, `noted-but-not-done`,
//! `signedness-differs`. That inform: `due`, `half-applied`, `index-of-another-name`, `foreign-key-names`,
//! `signedness-mixed`. Failures: those that block, and `not-mysql`, `settings-unreadable`, `prefix-unknown`.

mod shipped;
mod survey;

use liftlock_sdk::prelude::*;
use mautic_migrations::installation::Installation;
use mautic_migrations::ledger::{self, Ledger};
use mautic_migrations::schema::Schema;
use mautic_migrations::version::{Version, to_lines};
use mautic_migrations::{installed, lineage, three, work};

use crate::survey::Surveyed;

struct Identify3xMigrations;

impl Stage for Identify3xMigrations {
    fn info() -> Info {
        Info::new("identify-3x-migrations", env!("CARGO_PKG_VERSION"))
            .produces("outstanding", Kind::Text)
            .asks(Ask::database("*").read("reads the schema, and the rows that Mautic 3 wants in another form"))
            .asks(
                Ask::files("*").read("reads the names of the migrations, and the prefix of the tables in the settings"),
            )
    }

    fn check() -> Findings {
        let at = Installation::open()?;
        let Some(ledger) = Ledger::read(&at.database, &at.prefix)? else {
            return Ok(vec![ledger::missing_finding(&at.prefix)]);
        };
        let mut findings: Vec<_> = shipped::finding(&installed::read(&at.root)?).into_iter().collect();
        findings.extend(survey(&at, &ledger)?.into_iter().flat_map(Surveyed::findings));
        findings.extend(lineage::findings(&Schema::read(&at.database, &at.prefix, lineage::TABLES)?));
        Ok(findings)
    }

    fn apply() -> Result<Outcome, Failure> {
        let at = Installation::open()?;
        let ledger = Ledger::require(&at.database, &at.prefix)?;
        let surveyed = survey(&at, &ledger)?;
        let due: Vec<Version> = surveyed.iter().filter(|it| it.is_due()).map(|it| it.version).collect();
        let findings = surveyed.into_iter().flat_map(Surveyed::findings);
        let shipped = shipped::finding(&installed::read(&at.root)?);
        if let Some(finding) = shipped.into_iter().chain(findings).find(|finding| finding.severity == "blocking") {
            return Err(Failure::new(finding.code, finding.message));
        }
        run::set_output("outstanding", &to_lines(&due))?;
        Ok(Outcome::unchanged(format!("{} of the {} migrations of Mautic 3.0.2 are due", due.len(), three::ALL.len())))
    }
}

liftlock_sdk::export!(Identify3xMigrations);

/// Each migration that is looked at, with what is left of it.
fn survey(at: &Installation, ledger: &Ledger) -> Result<Vec<Surveyed>, Failure> {
    let looked_at = three::ALL.iter().filter(|migration| migration.is_looked_at(ledger));
    looked_at
        .map(|migration| {
            let plan = migration.plan(&at.database, &at.prefix)?;
            let left = work::look(at, &plan)?;
            Ok(Surveyed {
                version: migration.version,
                about: migration.about,
                is_noted: ledger.has(migration.version),
                left,
                findings: plan.findings,
            })
        })
        .collect()
}
