//! Restore points and stamps, with a rollback journal and with a write-ahead log.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

/// The bytes of the database and of its log.
fn bytes(place: &Place) -> (Vec<u8>, Vec<u8>) {
    (fs::read(&place.config.path).unwrap(), fs::read(place.beside("-wal")).unwrap_or_default())
}

#[test]
fn a_damaged_restore_point_is_noticed_before_anything_is_changed() {
    let place = Place::new(MANY);
    let saved = place.database.restore_point(&place.saved()).unwrap();
    place.batch(1, &["DELETE FROM many WHERE id > 5"]);
    let copy = place.saved().join("main.sqlite");
    let mut damaged = fs::read(&copy).unwrap();
    damaged[5000] ^= 1;
    for content in [Some(damaged), Some(Vec::new()), None] {
        match content {
            Some(content) => fs::write(&copy, content).unwrap(),
            None => fs::remove_file(&copy).unwrap(),
        }
        assert_eq!(fault(place.database.restore(&saved)).code, "restore-point-damaged");
        assert_eq!(place.int("SELECT count(*) FROM many"), 5);
    }
    assert_eq!(fault(place.database.restore(&serde_json::json!({}))).code, "restore-point-damaged");
}

#[test]
fn a_restore_point_waits_for_writers_and_not_for_ever() {
    let place = Place::with(MANY, |config| config.statement_time = Duration::from_millis(100));
    let outside = place.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(fault(place.database.restore_point(&place.saved())).code, "database-busy");
    assert_eq!(fault(place.database.stamp()).code, "database-busy");
}

#[test]
fn with_a_journal_everything_is_put_back_byte_for_byte() {
    let place = Place::new(MANY);
    fs::set_permissions(&place.config.path, fs::Permissions::from_mode(0o640)).unwrap();
    let (before, meta) = (bytes(&place), fs::metadata(&place.config.path).unwrap());
    let stamp = place.database.stamp().unwrap();
    let saved = place.database.restore_point(&place.saved()).unwrap();
    assert_eq!(bytes(&place), before, "saving changes nothing");
    place.batch(1, &["UPDATE many SET text = 'x'", "DROP TABLE many", "CREATE TABLE other (a)"]);
    // A journal that a crash left would be rolled back into whatever main file stands beside it.
    fs::write(place.beside("-journal"), b"left over").unwrap();
    for _ in 0..2 {
        place.database.restore(&saved).unwrap();
        assert_eq!(bytes(&place), before);
        let now = fs::metadata(&place.config.path).unwrap();
        assert_eq!(
            (now.mode(), now.uid(), now.mtime(), now.mtime_nsec()),
            (meta.mode(), meta.uid(), meta.mtime(), meta.mtime_nsec())
        );
        assert!(!place.beside("-journal").exists());
        assert!(!place.beside(".liftlock-restore").exists());
    }
    assert_eq!(place.database.stamp().unwrap(), stamp);
    assert_eq!(place.database.marker().unwrap(), None);
    assert_eq!(place.database.row_counts().unwrap()["many"], 10_000);
}

#[test]
fn with_a_log_file_and_log_are_put_back_byte_for_byte() {
    let (place, outside) = Place::with_log(MANY);
    let before = bytes(&place);
    assert!(before.1.len() > 1_000_000, "the rows are in the log");
    let stamp = place.database.stamp().unwrap();
    let saved = place.database.restore_point(&place.saved()).unwrap();
    assert_eq!(bytes(&place), before);
    drop(outside);
    assert_eq!(bytes(&place), before, "we have it open: nobody is the last");
    place.batch(1, &["UPDATE many SET text = 'x'"]);
    place.batch(2, &["DROP TABLE many"]);
    assert_ne!(bytes(&place), before);
    for _ in 0..2 {
        place.database.restore(&saved).unwrap();
        assert_eq!(bytes(&place), before);
        assert!(!place.beside("-shm").exists());
    }
    assert_eq!(place.database.stamp().unwrap(), stamp);
    assert_eq!(place.database.row_counts().unwrap()["many"], 10_000);
}

#[test]
fn a_log_that_the_run_began_is_gone_after_undo() {
    let place = Place::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    let before = bytes(&place);
    assert_eq!(before.1, b"");
    let saved = place.database.restore_point(&place.saved()).unwrap();
    place.batch(1, &["INSERT INTO t VALUES (1)"]);
    place.database.restore(&saved).unwrap();
    assert!(!place.beside("-wal").exists());
    assert_eq!(bytes(&place), before);
}

#[test]
fn looking_at_a_database_leaves_no_files_beside_it() {
    let place = Place::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
    let before = fs::metadata(&place.config.path).unwrap();
    place.int("SELECT count(*) FROM t");
    place.database.stamp().unwrap();
    assert!(place.beside("-shm").exists());
    place.database.close();
    assert!(!place.beside("-shm").exists() && !place.beside("-wal").exists());
    let after = fs::metadata(&place.config.path).unwrap();
    assert_eq!((after.mtime_nsec(), after.ino()), (before.mtime_nsec(), before.ino()));
}

#[test]
fn a_link_stays_a_link_and_its_target_is_put_back() {
    let place = Place::new(MANY);
    let real = place.directory.path().join("real.db");
    fs::rename(&place.config.path, &real).unwrap();
    std::os::unix::fs::symlink("real.db", &place.config.path).unwrap();
    let before = bytes(&place);
    let saved = place.database.restore_point(&place.saved()).unwrap();
    place.batch(1, &["DROP TABLE many"]);
    place.database.restore(&saved).unwrap();
    assert!(fs::symlink_metadata(&place.config.path).unwrap().is_symlink());
    assert_eq!(bytes(&place), before);
}

#[test]
fn a_database_that_is_gone_or_ruined_is_put_back() {
    let place = Place::new(MANY);
    let before = bytes(&place);
    let saved = place.database.restore_point(&place.saved()).unwrap();
    place.database.close();
    fs::write(&place.config.path, b"ruined").unwrap();
    place.database.restore(&saved).unwrap();
    assert_eq!(bytes(&place), before);
    place.database.close();
    fs::remove_file(&place.config.path).unwrap();
    place.database.restore(&saved).unwrap();
    assert_eq!(bytes(&place), before);
}

#[test]
fn a_restore_point_can_be_made_again_after_a_kill() {
    let place = Place::new(MANY);
    fs::create_dir(place.saved()).unwrap();
    fs::write(place.saved().join("main.sqlite.new"), b"half").unwrap();
    fs::write(place.saved().join("main.sqlite"), b"older").unwrap();
    let saved = place.database.restore_point(&place.saved()).unwrap();
    place.database.restore(&saved).unwrap();
    assert_eq!(place.database.row_counts().unwrap()["many"], 10_000);
}

#[test]
fn with_a_journal_the_stamp_changes_with_every_foreign_write_and_with_nothing_else() {
    let place = Place::new(MANY);
    let stamp = place.database.stamp().unwrap();
    place.int("SELECT count(*) FROM many");
    place.database.marker().unwrap();
    place.database.begin(None).unwrap();
    place.execute("DELETE FROM many").unwrap();
    place.database.rollback().unwrap();
    place.database.close();
    assert_eq!(place.database.stamp().unwrap(), stamp, "nobody wrote");
    let outside = place.outside();
    outside.execute_batch("UPDATE many SET text = 'y' WHERE id = 1").unwrap();
    let second = place.database.stamp().unwrap();
    assert_ne!(second, stamp);
    outside.execute_batch("UPDATE many SET text = 'z' WHERE id = 1").unwrap();
    assert_ne!(place.database.stamp().unwrap(), second);
}

#[test]
fn with_a_log_the_stamp_changes_with_foreign_writes_and_not_with_checkpoints() {
    let (place, outside) = Place::with_log(MANY);
    let stamp = place.database.stamp().unwrap();
    place.int("SELECT count(*) FROM many");
    place.database.close();
    assert_eq!(place.database.stamp().unwrap(), stamp, "nobody wrote");
    outside.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    assert_eq!(place.database.stamp().unwrap(), stamp, "a checkpoint is no write");
    place.database.close();
    outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(place.database.stamp().unwrap(), stamp, "a cut log is no write");
    place.database.close();
    drop(outside);
    assert!(!place.beside("-wal").exists());
    assert_eq!(place.database.stamp().unwrap(), stamp, "the last one out removes the log");
    place.outside().execute_batch("UPDATE many SET text = 'y' WHERE id = 1").unwrap();
    let second = place.database.stamp().unwrap();
    assert_ne!(second, stamp);
    place.outside().execute_batch("UPDATE many SET text = 'z' WHERE id = 1").unwrap();
    assert_ne!(place.database.stamp().unwrap(), second);
}
