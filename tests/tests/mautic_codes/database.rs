//! Faults of the database: its backup, its migrations.

use std::fs;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use liftlock_tests::disk::SmallDisk;
use liftlock_tests::fixture::mautic::versions::FORM_ATTRIBUTES;
use liftlock_tests::fixture::mautic::{Data, PACKAGE};
use liftlock_tests::http::Misbehaviour;
use liftlock_tests::trial::{Fault, Met, Trial};

use super::package::{badly, well};
use super::{USUAL, prove};

const LEDGER_IS_LOST: &str = "RENAME TABLE migrations TO migrations_lost";
const LEDGER_IS_FOUND: &str = "RENAME TABLE migrations_lost TO migrations";

#[test]
fn err_database_backup_failed() -> Result<()> {
    let full = Fault {
        what: "no room for another file in the backup directory",
        slot: "backup-database",
        met: Met::Stopped,
        words: &["disk-full", "backup", "No space left on device"],
        make: |trial| {
            trial.hold(SmallDisk::mount(&trial.site.installation.backup, "size=64m,nr_inodes=1")?);
            Ok(())
        },
        cure: |trial| SmallDisk::remount_at(&trial.site.installation.backup, "nr_inodes=1000"),
        ..USUAL
    };
    let down = Fault {
        what: "the server dies in the middle of the backup",
        slot: "backup-database",
        met: Met::Stopped,
        words: &["connection-lost", "database main"],
        site: Trial::on_own_server,
        make: dies_in_the_backup,
        cure: |trial| {
            let server = trial.server.as_ref().context("it has no server")?;
            server.lock().unwrap_or_else(PoisonError::into_inner).restart()
        },
        ..USUAL
    };
    prove("ERR_DATABASE_BACKUP_FAILED", &[full, down])
}

/// A table that only the backup reads is locked, so that it waits. Then the server is killed.
fn dies_in_the_backup(trial: &Trial) -> Result<()> {
    let server = trial.server.as_ref().context("it has no server")?.clone();
    let mut client = trial.schema()?.root()?;
    client.run("LOCK TABLES page_hits WRITE")?;
    let mut looking = trial.schema()?.root()?;
    thread::spawn(move || -> Result<()> {
        let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%'";
        let start = Instant::now();
        while looking.cell(waiting)? == "0" && start.elapsed() < Duration::from_mins(2) {
            thread::sleep(Duration::from_millis(5));
        }
        server.lock().unwrap_or_else(PoisonError::into_inner).kill9();
        drop(client);
        Ok(())
    });
    Ok(())
}

#[test]
fn err_mautic_2_migrations_identification_failed() -> Result<()> {
    let lost = Fault {
        what: "the ledger is not there",
        slot: "identify-2x-migrations",
        met: Met::Found,
        words: &["no-ledger", "the table migrations is not there"],
        make: |trial| trial.sql(LEDGER_IS_LOST),
        cure: |trial| trial.sql(LEDGER_IS_FOUND),
        ..USUAL
    };
    let empty = Fault {
        what: "the files of the migrations are not there",
        slot: "identify-2x-migrations",
        met: Met::Found,
        words: &["no-migration-files", "app/migrations"],
        make: |trial| Ok(fs::rename(trial.root("app/migrations"), trial.aside("migrations"))?),
        cure: |trial| Ok(fs::rename(trial.aside("migrations"), trial.root("app/migrations"))?),
        ..USUAL
    };
    prove("ERR_MAUTIC_2_MIGRATIONS_IDENTIFICATION_FAILED", &[lost, empty])
}

/// What a console does about the migration that is outstanding.
const CONSOLE: &str = r#"if [ -e "$HAND/broken" ]; then echo "SQLSTATE[HY000] the console has no rights"; exit 1; fi
mariadb --no-defaults --socket="$SOCKET" --user="$ACCOUNT" "$SCHEMA" -e "ALTER TABLE forms ADD form_attr VARCHAR(255);
INSERT INTO migrations (version) VALUES ('20190715065013')"
"#;

/// What the operator does who has to.
fn migrate_by_hand(trial: &Trial) -> Result<()> {
    trial.sql("ALTER TABLE forms ADD form_attr VARCHAR(255)")?;
    trial.sql(&format!("INSERT INTO migrations (version) VALUES ('{FORM_ATTRIBUTES}')"))
}

fn with_an_outstanding_migration() -> Result<Trial> {
    Trial::with(Data { outstanding: vec![FORM_ATTRIBUTES.to_owned()], ..Data::default() })
}

#[test]
fn err_mautic_2_migrations_failed() -> Result<()> {
    let fails = Fault {
        what: "the operator's console fails",
        slot: "apply-2x-migrations",
        words: &["migrate-2x", "code 1", "SQLSTATE[HY000] the console has no rights"],
        site: with_an_outstanding_migration,
        make: |trial| {
            trial.switch("broken", true)?;
            trial.command("apply-2x-migrations", "migrate-2x", CONSOLE)
        },
        cure: |trial| trial.switch("broken", false),
        untouched: false,
        ..USUAL
    };
    let lies = Fault {
        what: "the operator's console says that it is done, and is not",
        slot: "apply-2x-migrations",
        words: &["still outstanding", FORM_ATTRIBUTES],
        site: with_an_outstanding_migration,
        make: |trial| trial.command("apply-2x-migrations", "migrate-2x", "echo No migrations to execute."),
        cure: migrate_by_hand,
        same: false,
        ..USUAL
    };
    let nobody = Fault {
        what: "a migration is outstanding, and there is no console",
        slot: "apply-2x-migrations",
        met: Met::Found,
        words: &["outstanding-2x-migrations", FORM_ATTRIBUTES],
        site: with_an_outstanding_migration,
        cure: |trial| {
            trial.site.is_before()?;
            migrate_by_hand(trial)
        },
        same: false,
        ..USUAL
    };
    prove("ERR_MAUTIC_2_MIGRATIONS_FAILED", &[fails, lies, nobody])
}

#[test]
fn err_mautic_3_migrations_identification_failed() -> Result<()> {
    let lost = Fault {
        what: "the ledger is lost during the run",
        slot: "identify-3x-migrations",
        met: Met::Checked,
        words: &["migrations' doesn't exist", "SQLSTATE 42S02", "SELECT version"],
        make: |trial| {
            let mut client = trial.schema()?.client()?;
            trial.when_asked_for(PACKAGE, move || client.run(LEDGER_IS_LOST));
            Ok(())
        },
        cure: |trial| trial.sql(LEDGER_IS_FOUND),
        untouched: false,
        ..USUAL
    };
    prove("ERR_MAUTIC_3_MIGRATIONS_IDENTIFICATION_FAILED", &[lost])
}

#[test]
fn err_mautic_3_migrations_failed() -> Result<()> {
    let trigger = Fault {
        what: "a trigger of somebody else's refuses a row",
        slot: "apply-3x-migrations",
        words: &["20181111095447", "webhooks are audited", "SQLSTATE 45000", "UPDATE"],
        make: |trial| {
            trial.sql(
                "CREATE TRIGGER audit BEFORE UPDATE ON webhooks FOR EACH ROW
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'webhooks are audited'",
            )
        },
        cure: |trial| trial.sql("DROP TRIGGER audit"),
        untouched: false,
        ..USUAL
    };
    let twice = Fault {
        what: "a row would be there twice",
        words: &["20200220172041", "Duplicate entry", "one_of_a_kind", "SQLSTATE 23000"],
        make: |trial| {
            trial.sql("UPDATE categories SET alias = 'category-1' WHERE id = 4")?;
            trial.sql("ALTER TABLE categories ADD UNIQUE KEY one_of_a_kind (bundle, alias)")
        },
        cure: |trial| {
            trial.sql("ALTER TABLE categories DROP KEY one_of_a_kind")?;
            trial.sql("UPDATE categories SET alias = 'category-4' WHERE id = 4")
        },
        ..trigger
    };
    let rights = Fault {
        what: "the account has lost a right",
        met: Met::Again,
        words: &["20181111095447", "ALTER command denied", "webhooks"],
        make: |trial| {
            badly(trial, PACKAGE, Misbehaviour::NotFound)?;
            trial.run("apply --on-failure keep", false)?.expect(4)?;
            well(trial)?;
            trial.schema()?.root()?.run(&right(trial, "REVOKE ALTER", "FROM")?)
        },
        cure: |trial| trial.schema()?.root()?.run(&right(trial, "GRANT ALTER", "TO")?),
        ..trigger
    };
    prove("ERR_MAUTIC_3_MIGRATIONS_FAILED", &[trigger, twice, rights])
}

fn right(trial: &Trial, verb: &str, word: &str) -> Result<String> {
    let schema = trial.schema()?;
    // As it was granted: as a pattern.
    Ok(format!("{verb} ON `{}`.* {word} `{}`@localhost", schema.name().replace('_', "\\_"), schema.user()))
}
