//! Applies the migrations of Mautic 3.0.2 natively, and notes each in Doctrine's ledger as Doctrine would.
//!
//! Each is worked out from the schema as it is, object by object, so that one that stopped halfway is finished and one that is
//! done is only noted. A change of the schema is one statement for one table; rows are rewritten in pages, a transaction each.
//! Values in PHP's serialised form keep their lengths in bytes; a value that cannot be read stays as it is, and its row is
//! named in the log.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `database` | the database; default `main` |
//! | `root` | the live root, with the translations; default `app` |
//! | `prefix` | what the names of the tables begin with; default what `db_table_prefix` of Mautic's settings says |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `outstanding` | text | what `identify-3x-migrations` has found; optional, and only compared |
//!
//! Failures of its own: `no-ledger`, `not-mysql`, `settings-unreadable`, `prefix-unknown`, and what blocks in
//! `identify-3x-migrations`. A failed statement is named by its migration and what it was for.

mod verify;

use liftlock_sdk::prelude::*;
use mautic_migrations::installation::Installation;
use mautic_migrations::ledger::Ledger;
use mautic_migrations::three::{self, Migration};
use mautic_migrations::version::{self, in_words};
use mautic_migrations::work;

struct Apply3xMigrations;

impl Stage for Apply3xMigrations {
    fn info() -> Info {
        Info::new("apply-3x-migrations", env!("CARGO_PKG_VERSION"))
            .may_consume("outstanding", Kind::Text)
            .asks(Ask::database("*").write("applies the migrations of Mautic 3"))
            .asks(
                Ask::files("*")
                    .write("rewrites the descriptions of translations, where an old site still has them as PHP"),
            )
    }

    fn check() -> Findings {
        // What it will meet `identify-3x-migrations` says, by the same plans.
        Installation::open().map(|_| Vec::new())
    }

    fn apply() -> Result<Outcome, Failure> {
        let at = Installation::open()?;
        let mut ledger = Ledger::require(&at.database, &at.prefix)?;
        let due: Vec<_> = three::ALL.iter().filter(|migration| migration.is_looked_at(&ledger)).collect();
        let (mut noted, mut steps) = (Vec::new(), 0);
        for (done, migration) in due.iter().enumerate() {
            run::progress(done as u64, Some(due.len() as u64), "migrations");
            steps += apply(&at, migration).map_err(|failure| failure.at(migration.version))?;
            if !ledger.has(migration.version) {
                ledger.note(&at.database, &at.prefix, migration.version)?;
                noted.push(migration.version);
            }
        }
        if let Some(found) = run::input("outstanding") {
            let found = version::from_lines(&found);
            let surprise: Vec<_> = noted.iter().copied().filter(|version| !found.contains(version)).collect();
            if !surprise.is_empty() {
                run::warn(format!("not found outstanding before, and applied all the same: {}", in_words(&surprise)));
            }
        }
        let summary = format!("{} migrations, {steps} steps", noted.len());
        Ok(Outcome::changed_if(!noted.is_empty() || steps > 0, summary))
    }

    fn verify() -> Findings {
        let at = Installation::open()?;
        let ledger = Ledger::require(&at.database, &at.prefix)?;
        let mut findings: Vec<_> = verify::ledger(&ledger).into_iter().collect();
        for migration in three::ALL.iter().filter(|migration| !migration.kept) {
            let plan = migration.plan(&at.database, &at.prefix)?;
            findings.extend(verify::migration(migration.version, work::look(&at, &plan)?));
        }
        Ok(findings)
    }
}

liftlock_sdk::export!(Apply3xMigrations);

fn apply(at: &Installation, migration: &Migration) -> Result<u64, Failure> {
    let plan = migration.plan(&at.database, &at.prefix)?;
    run::info(format!("{}: {}", migration.version, migration.about));
    work::apply(at, &plan)
}
