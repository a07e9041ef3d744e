//! Each of the twelve codes of Mautic's own script, provoked by faults that are real: it is told word for word, with its cause and
//! one next command; and when the fault is gone, that very command helps.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::disk::{Immutable, SmallDisk};
use liftlock_tests::fixture::mautic::versions::FORM_ATTRIBUTES;
use liftlock_tests::fixture::mautic::{CONTROL, Data, PACKAGE};
use liftlock_tests::http::Misbehaviour;
use liftlock_tests::numbers;
use liftlock_tests::trial::{self, Fault, Met, Trial, counted};
use toml_edit::value;

/// How many codes there are: each has a test below.
const CODES: u32 = 12;
static DONE: AtomicU32 = AtomicU32::new(0);

/// A code and faults that lead to it. With the last code the line of numbers is printed.
fn prove(code: &str, faults: &[Fault]) -> Result<()> {
    let mut wrong = Vec::new();
    for fault in faults {
        let start = Instant::now();
        wrong.extend(fault.prove(code).err().map(|error| format!("{error:#}")));
        println!("{code}: {}: {:.1} s", fault.what, start.elapsed().as_secs_f64());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    if DONE.fetch_add(1, Ordering::SeqCst) + 1 == CODES {
        let [faults, shown, cured] = counted();
        numbers(format_args!("codes={CODES} faults={faults} shown={shown} cured={cured}"));
        ensure!(shown == 2 * faults && cured == shown, "a fault was not proved");
    }
    Ok(())
}

/// Most faults are met before anything live is touched, and leave no trace.
const USUAL: Fault = Fault {
    what: "",
    slot: "",
    met: Met::Failed,
    words: &[],
    site: Trial::plain,
    make: |_| Ok(()),
    cure: |trial| {
        trial.release();
        Ok(())
    },
    untouched: true,
    same: true,
};

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
        cure: |trial| Ok(fs::write(trial.hand.path().join("migrate-2x"), CONSOLE)?),
        untouched: false,
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
            trial.sql("ALTER TABLE forms ADD form_attr VARCHAR(255)")?;
            trial.sql(&format!("INSERT INTO migrations (version) VALUES ('{FORM_ATTRIBUTES}')"))
        },
        same: false,
        ..USUAL
    };
    prove("ERR_MAUTIC_2_MIGRATIONS_FAILED", &[fails, lies, nobody])
}

#[test]
fn err_download_upgrade_package_failed() -> Result<()> {
    let usual = Fault { slot: "download-package", cure: well, ..USUAL };
    let gone = Fault {
        what: "404",
        words: &[PACKAGE, "404"],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::NotFound),
        ..usual
    };
    let page = Fault {
        what: "a page in the place of the package",
        words: &[PACKAGE, "bytes"],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::Page),
        ..usual
    };
    let cut = Fault {
        what: "the server breaks off each time",
        words: &[PACKAGE],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::Truncated { after: 10 }),
        ..usual
    };
    let killed = Fault {
        what: "the kill switch",
        words: &["/m3-status"],
        make: |trial| {
            trial.site.vendor.set_kill_switch(true);
            Ok(())
        },
        ..usual
    };
    let no_control = Fault {
        what: "the control file is a page",
        words: &[],
        make: |trial| badly(trial, CONTROL, Misbehaviour::Page),
        ..usual
    };
    prove("ERR_DOWNLOAD_UPGRADE_PACKAGE_FAILED", &[gone, page, cut, killed, no_control])
}

fn badly(trial: &Trial, path: &str, how: Misbehaviour) -> Result<()> {
    trial.site.vendor.misbehave(path, Some(how));
    Ok(())
}

fn well(trial: &Trial) -> Result<()> {
    trial.site.vendor.misbehave(PACKAGE, None);
    trial.site.vendor.set_kill_switch(false);
    Ok(())
}

#[test]
fn err_extract_upgrade_package_failed() -> Result<()> {
    let cut = Fault {
        what: "the operator has pinned a zip that is cut short",
        slot: "extract-package",
        met: Met::ForGood,
        words: &["the archive", "damaged"],
        make: |trial| offer(trial, |package| package[..package.len() / 2].to_vec()),
        cure: |trial| offer(trial, |package| package),
        ..USUAL
    };
    let page = Fault {
        what: "the operator has pinned a page",
        words: &["web page"],
        make: |trial| offer(trial, |_| b"<!DOCTYPE html><title>404 Not Found</title>".to_vec()),
        ..cut
    };
    let read_only = Fault {
        what: "nothing can be made in the root any more",
        slot: "extract-package",
        met: Met::Stopped,
        words: &["not-permitted", "Operation not permitted"],
        make: |trial| {
            let root = trial.root("");
            trial.when_asked_for(PACKAGE, move || Immutable::new(&root));
            Ok(())
        },
        ..USUAL
    };
    let full = Fault {
        what: "the disk is full",
        slot: "extract-package",
        met: Met::Stopped,
        words: &["disk-full", "No space left on device"],
        site: Trial::on_small_disk,
        make: |trial| {
            let disk = trial.disk.as_ref().context("it has no disk")?.path().to_owned();
            trial.when_asked_for(CONTROL, move || SmallDisk::fill_at(&disk));
            Ok(())
        },
        cure: |trial| trial.disk.as_ref().context("it has no disk")?.remount("nr_inodes=1000000"),
        ..USUAL
    };
    prove("ERR_EXTRACT_UPGRADE_PACKAGE_FAILED", &[cut, page, read_only, full])
}

/// The vendor has this, and the operator has pinned it.
fn offer(trial: &Trial, spoil: fn(Vec<u8>) -> Vec<u8>) -> Result<()> {
    let package = spoil(trial.site.template.package()?);
    trial.site.settings(|document| {
        document["artifacts"]["package"]["sha256"] = value(sha256_hex(&package));
        document["artifacts"]["package"]["size"] = value(i64::try_from(package.len()).unwrap_or(i64::MAX));
    })?;
    trial.site.vendor.put(PACKAGE, package);
    Ok(())
}

#[test]
fn err_restore_user_data_failed() -> Result<()> {
    let link = Fault {
        what: "a directory of the users is a link to elsewhere",
        slot: "restore-user-data",
        words: &["media/css", "link"],
        make: |trial| {
            fs::rename(trial.root("media/css"), trial.aside("css"))?;
            Ok(symlink(trial.aside("css"), trial.root("media/css"))?)
        },
        cure: |trial| {
            fs::remove_file(trial.root("media/css"))?;
            Ok(fs::rename(trial.aside("css"), trial.root("media/css"))?)
        },
        ..USUAL
    };
    prove("ERR_RESTORE_USER_DATA_FAILED", &[link])
}

const SETTINGS: &str = "app/config/local.php";
/// As an editor leaves it that was closed too early.
const HALF: &[u8] = b"<?php\n$parameters = array(\n\t'db_driver' => 'pdo_mysql',\n\t'db_host' => 'loc";

#[test]
fn err_update_local_config() -> Result<()> {
    let before = Fault {
        what: "local.php cannot be parsed",
        slot: "update-local-config",
        met: Met::Found,
        words: &[SETTINGS, "line 4"],
        make: |trial| trial.replace(SETTINGS, HALF),
        cure: |trial| trial.put_back(SETTINGS),
        ..USUAL
    };
    let meanwhile = Fault {
        what: "local.php is spoilt during the run",
        met: Met::CheckedForGood,
        make: |trial| {
            let (path, aside) = (trial.root(SETTINGS), trial.aside(SETTINGS));
            trial.when_asked_for(PACKAGE, move || trial::replace(&path, &aside, HALF));
            Ok(())
        },
        ..before
    };
    prove("ERR_UPDATE_LOCAL_CONFIG", &[before, meanwhile])
}

#[test]
fn err_move_mautic_2_and_3_files() -> Result<()> {
    let fixed = Fault {
        what: "a file that nobody can move",
        slot: "switch-files",
        met: Met::Stopped,
        words: &["not-permitted", "index.php", "Operation not permitted"],
        make: |trial| {
            let path = trial.root("index.php");
            trial.when_asked_for(PACKAGE, move || Immutable::new(&path));
            Ok(())
        },
        untouched: false,
        ..USUAL
    };
    let mounted = Fault {
        what: "a directory of Mautic's is a mount point",
        slot: "switch-files",
        met: Met::Failed,
        words: &["app/cache", "mount"],
        make: |trial| {
            let path = trial.root("app/cache");
            trial.when_asked_for(PACKAGE, move || SmallDisk::mount(&path, "size=1m"));
            Ok(())
        },
        ..fixed
    };
    prove("ERR_MOVE_MAUTIC_2_AND_3_FILES", &[fixed, mounted])
}

#[test]
fn err_mautic_3_migrations_identification_failed() -> Result<()> {
    let lost = Fault {
        what: "the ledger is lost during the run",
        slot: "identify-3x-migrations",
        met: Met::Checked,
        words: &["no-ledger", "the table migrations is not there"],
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

#[test]
fn err_build_m3_cache() -> Result<()> {
    let fails = Fault {
        what: "the operator's command fails",
        slot: "build-cache",
        words: &["clear-cache", "code 1", "var/cache is not writable"],
        make: |trial| {
            trial.switch("broken", true)?;
            let script = r#"if [ -e "$HAND/broken" ]; then echo "var/cache is not writable"; exit 1; fi"#;
            trial.command("build-cache", "clear-cache", script)
        },
        cure: |trial| trial.switch("broken", false),
        untouched: false,
        ..USUAL
    };
    let read_only = Fault {
        what: "the cache cannot be emptied",
        met: Met::Stopped,
        words: &["not-permitted", "var/cache", "Operation not permitted"],
        make: |trial| {
            let cache = trial.root("var/cache");
            let cache = cache.display();
            trial.after_switch(&format!(
                "mkdir -p {cache}/prod && touch {cache}/prod/x && chattr +i {cache}/prod/x {cache}"
            ))
        },
        cure: |trial| loosen(&[&trial.root("var/cache"), &trial.root("var/cache/prod/x")]),
        ..fails
    };
    prove("ERR_BUILD_M3_CACHE", &[fails, read_only])
}

fn loosen(paths: &[&std::path::Path]) -> Result<()> {
    let status = std::process::Command::new("chattr").arg("-i").args(paths).status()?;
    ensure!(status.success(), "chattr: {status}");
    Ok(())
}

#[test]
fn err_cleanup_files() -> Result<()> {
    let fixed = Fault {
        what: "a file that nobody can remove",
        slot: "cleanup",
        met: Met::Stopped,
        words: &["not-permitted", "Operation not permitted"],
        make: |trial| {
            let state = trial.site.installation.state.display();
            trial.after_switch(&format!("chattr +i {state}/runs/*/artifacts/*"))
        },
        cure: |trial| {
            for run in fs::read_dir(trial.site.installation.state.join("runs"))? {
                for artifact in fs::read_dir(run?.path().join("artifacts")).into_iter().flatten() {
                    loosen(&[&artifact?.path()])?;
                }
            }
            Ok(())
        },
        untouched: false,
        ..USUAL
    };
    prove("ERR_CLEANUP_FILES", &[fixed])
}
