//! Other processes: programs that share the database, and hosts that are killed.
//!
//! A child is this test binary again, told by its environment to play one scenario.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use rustix::fs::{FlockOperation, fcntl_lock};

use super::*;

const SCENARIO: &str = "LIFTLOCK_TEST_SCENARIO";
const DIRECTORY: &str = "LIFTLOCK_TEST_DIRECTORY";
const FAULT: &str = "LIFTLOCK_FAULT";

/// Plays a scenario on the place's database, in another process, with a fault or without.
fn play(scenario: &str, place: &Place, fault: Option<&str>) -> Output {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "--nocapture", &format!("{module}::child")]);
    child.env(SCENARIO, scenario).env(DIRECTORY, place.directory.path()).env_remove(FAULT);
    if let Some(fault) = fault {
        child.env(FAULT, fault);
    }
    child.output().unwrap()
}

#[test]
#[ignore = "not a test of its own: the other process of the tests here"]
fn child() {
    let (Ok(scenario), Ok(directory)) = (std::env::var(SCENARIO), std::env::var(DIRECTORY)) else { return };
    #[cfg(feature = "faults")]
    if let Ok(fault) = std::env::var(FAULT) {
        crate::io::fault::arm(&fault).unwrap();
    }
    let directory = Path::new(&directory);
    let database = Sqlite::open(Place::config(directory)).unwrap();
    match scenario.as_str() {
        "lock the whole file" => {
            let file = File::options().read(true).write(true).open(directory.join("app.db")).unwrap();
            let locked = fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
            assert!(locked.is_err(), "nobody has a lock on the database");
        }
        #[cfg(feature = "faults")]
        other => crashing::scenario(other, directory, database),
        #[cfg(not(feature = "faults"))]
        other => panic!("no scenario is called {other} ({})", database.name()),
    }
}

#[test]
fn reading_the_files_does_not_let_go_of_sqlites_locks() {
    // In WAL mode SQLite has a lock as long as the database is open. It is one of the process: had any descriptor of the
    // file been closed on the way, it would be gone, here and in the middle of a restore point.
    let (place, outside) = Place::with_log(MANY);
    place.database.stamp().unwrap();
    place.database.restore_point(&place.saved()).unwrap();
    drop(outside);
    let tried = play("lock the whole file", &place, None);
    assert!(tried.status.success(), "{tried:?}");
}

/// Kill the host, or fail the call, at the n-th step for n = 1, 2, 3 … until none is left.
#[cfg(feature = "faults")]
mod crashing {
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::capability::database::Databases;
    use crate::effect::{Capability, Verdict};

    /// A database small enough to be made a hundred times.
    const FEW: &str = "CREATE TABLE many (id INTEGER PRIMARY KEY, text TEXT);
        INSERT INTO many VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')";

    pub(super) fn scenario(name: &str, directory: &Path, database: Sqlite) {
        let saved = directory.join("saved.json");
        match name {
            "restore point" => drop(database.restore_point(&directory.join("saved"))),
            "restore" => {
                let record = serde_json::from_slice(&fs::read(saved).unwrap()).unwrap();
                drop(database.restore(&record));
            }
            "batches" => drop(two_batches(&database)),
            "snapshot" => {
                let databases = Databases::new(vec![Arc::new(database)], directory.join("backups"), "run-1".to_owned());
                drop((databases.prepare_snapshot(4, "main", &[], true).unwrap().act)());
            }
            other => panic!("no scenario is called {other}"),
        }
    }

    fn two_batches(database: &Sqlite) -> Result<(), CallError> {
        for sequence in [1, 2] {
            database.begin((sequence > 1).then(|| marker(sequence - 1)).as_ref())?;
            let sql = "DELETE FROM many WHERE id = (SELECT min(id) FROM many)";
            database.execute(&Statement { sql, params: &[], now: 0, define: false })?;
            database.commit(&marker(sequence))?;
        }
        Ok(())
    }

    /// Plays a scenario with every fault at every step; `make` makes the place, `look` says whether all is well after it.
    /// Returns how many steps there are.
    fn everywhere(scenario: &str, make: impl Fn() -> Place, look: impl Fn(&Place, &str)) -> usize {
        let strike = |fault: &str| {
            let place = make();
            place.database.close();
            let done = play(scenario, &place, Some(fault));
            look(&place, fault);
            done.status
        };
        let killed = |n: &usize| {
            let status = strike(&format!("{n}:kill"));
            assert!(status.success() || status.signal() == Some(9), "{n}: {status}");
            !status.success()
        };
        let steps = (1..).take_while(killed).count();
        for n in 1..=steps {
            for kind in ["enospc", "eio"] {
                assert!(strike(&format!("{n}:{kind}")).success(), "{n}:{kind}");
            }
        }
        steps
    }

    fn log_place() -> Place {
        let (place, outside) = Place::with_log(FEW);
        place.database.marker().unwrap();
        drop(outside);
        place
    }

    fn bytes(place: &Place) -> (Vec<u8>, Vec<u8>) {
        (fs::read(&place.config.path).unwrap(), fs::read(place.beside("-wal")).unwrap_or_default())
    }

    #[test]
    fn a_restore_that_is_killed_anywhere_is_done_again_and_ends_byte_for_byte() {
        for make in [|| Place::new(FEW), log_place] {
            let changed = || {
                let place = make();
                fs::write(place.directory.path().join("main.before"), bytes(&place).0).unwrap();
                fs::write(place.directory.path().join("log.before"), bytes(&place).1).unwrap();
                let saved = place.database.restore_point(&place.saved()).unwrap();
                fs::write(place.directory.path().join("saved.json"), saved.to_string()).unwrap();
                place.batch(1, &["UPDATE many SET text = 'x'", "CREATE TABLE other AS SELECT * FROM many"]);
                place
            };
            let steps = everywhere("restore", changed, |place, fault| {
                // Somebody may look in the middle; whatever they see, the end is the same.
                let _ = place.try_rows("SELECT count(*) FROM many");
                let read = |name: &str| fs::read(place.directory.path().join(name)).unwrap();
                let saved = serde_json::from_slice(&read("saved.json")).unwrap();
                place.database.restore(&saved).unwrap();
                assert!(bytes(place) == (read("main.before"), read("log.before")), "{fault}");
            });
            assert!(steps >= 10, "{steps}");
        }
    }

    #[test]
    fn a_restore_point_that_is_killed_anywhere_has_changed_nothing_and_is_made_again() {
        let steps = everywhere("restore point", log_place, |place, fault| {
            let before = bytes(place);
            let saved = place.database.restore_point(&place.saved()).unwrap();
            place.batch(1, &["DELETE FROM many"]);
            place.database.restore(&saved).unwrap();
            assert!(bytes(place) == before, "{fault}");
            assert_eq!(place.database.row_counts().unwrap()["many"], 4, "{fault}");
        });
        assert!(steps >= 5, "{steps}");
    }

    #[test]
    fn batches_that_are_killed_anywhere_have_as_many_changes_as_their_marker_says() {
        for make in [|| Place::new(FEW), log_place] {
            let steps = everywhere("batches", make, |place, fault| {
                let sequence = place.database.marker().unwrap().map_or(0, |marker| marker.sequence);
                assert_eq!(place.int("SELECT 4 - count(*) FROM many"), sequence.cast_signed(), "{fault}");
            });
            assert!(steps >= 8, "{steps}");
        }
    }

    #[test]
    fn a_snapshot_that_is_killed_anywhere_is_either_whole_or_gone() {
        let steps = everywhere(
            "snapshot",
            || Place::new(FEW),
            |place, fault| {
                let driver: Arc<dyn Driver> = Arc::new(Sqlite::open(place.config.clone()).unwrap());
                let backups = place.directory.path().join("backups");
                let databases = Databases::new(vec![driver], backups.clone(), "run-1".to_owned());
                let prepared = databases.prepare_snapshot(4, "main", &[], true).unwrap();
                if databases.settle(&prepared.change).unwrap() == Verdict::NotDone {
                    let left = fs::read_dir(&backups).map_or(0, Iterator::count);
                    assert_eq!(left, 0, "{fault}");
                    (prepared.act)().unwrap();
                }
                let copy = Connection::open(backups.join("run-1-4-main/main.sqlite")).unwrap();
                assert_eq!(copy.query_row("SELECT count(*) FROM many", [], |row| row.get(0)), Ok(4), "{fault}");
            },
        );
        assert!(steps >= 5, "{steps}");
    }
}
