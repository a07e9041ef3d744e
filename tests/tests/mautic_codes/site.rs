//! Faults of the site: its files, its settings, its cache.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Result, ensure};
use liftlock_tests::disk::{Immutable, SmallDisk};
use liftlock_tests::fixture::mautic::PACKAGE;
use liftlock_tests::trial::{self, Fault, Met};

use super::{USUAL, prove};

#[test]
fn err_restore_user_data_failed() -> Result<()> {
    let link = Fault {
        what: "a directory of the users is a link to elsewhere",
        slot: "restore-user-data",
        met: Met::Checked,
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
