//! Batches on a server that loses connections and rolls back.

use std::sync::Barrier;
use std::thread;

use super::*;

const TWO: [&str; 2] =
    ["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)", "INSERT INTO t (n) VALUES (0), (0)"];

#[test]
fn a_lost_connection_loses_the_batch_and_nothing_goes_on_in_it() {
    let Some(place) = Place::new(&TWO) else { return };
    place.begin(None).unwrap();
    place.execute("UPDATE t SET n = 1").unwrap();
    place.schema.run(&format!("KILL {}", place.session_id()));
    assert_eq!(fault(place.execute("UPDATE t SET n = 2")).code, "batch-lost");
    // Neither a change nor a read may be done as if the batch were there.
    assert_eq!(fault(place.execute("UPDATE t SET n = 3")).code, "batch-lost");
    assert_eq!(fault(place.try_rows("SELECT n FROM t", &[])).code, "batch-lost");
    assert_eq!(fault(place.database.commit(&marker(&place.database, 1))).code, "batch-lost");
    assert_eq!(place.database.marker().unwrap(), None);
    assert_eq!(place.int("SELECT SUM(n) = 0 FROM t"), 1);
    place.batch(1, &["UPDATE t SET n = 4"]);
    assert_eq!(place.database.marker().unwrap(), Some(marker(&place.database, 1)));
}

#[test]
fn a_read_that_loses_its_connection_loses_the_batch_too() {
    let Some(place) = Place::new(&TWO) else { return };
    place.begin(None).unwrap();
    place.schema.run(&format!("KILL {}", place.session_id()));
    assert_eq!(fault(place.try_rows("SELECT n FROM t", &[])).code, "batch-lost");
    place.database.rollback().unwrap();
    place.batch(1, &["UPDATE t SET n = 4"]);
}

#[test]
fn a_deadlock_loses_the_batch_and_is_over_when_it_is_given_up() {
    let Some(place) = Place::new(&TWO) else { return };
    let met = Barrier::new(2);
    place.begin(None).unwrap();
    place.execute("UPDATE t SET n = 1 WHERE id = 1").unwrap();
    let lost = thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = place.schema.link();
            // The heavier transaction is spared.
            other.run("START TRANSACTION").unwrap();
            other.run("INSERT INTO t (n) VALUES (7), (7), (7), (7), (7), (7)").unwrap();
            other.run("UPDATE t SET n = 2 WHERE id = 2").unwrap();
            met.wait();
            other.run("UPDATE t SET n = 2 WHERE id = 1").unwrap();
            other.run("ROLLBACK").unwrap();
        });
        met.wait();
        thread::sleep(Duration::from_millis(300));
        place.execute("UPDATE t SET n = 1 WHERE id = 2")
    });
    assert_eq!(fault(lost).code, "batch-lost");
    assert_eq!(fault(place.execute("UPDATE t SET n = 3")).code, "batch-lost");
    place.database.rollback().unwrap();
    assert_eq!(place.int("SELECT SUM(n) = 0 FROM t"), 1);
    place.batch(1, &["UPDATE t SET n = 4"]);
}

#[test]
fn a_lock_of_somebody_else_is_waited_for_and_is_a_fault_in_the_end() {
    let Some(place) = Place::new(&TWO) else { return };
    let mut other = place.schema.link();
    other.run("START TRANSACTION").unwrap();
    other.run("UPDATE t SET n = 9 WHERE id = 1").unwrap();
    place.begin(None).unwrap();
    let hurry = |session: &mut Session| session.stage().unwrap().link.run("SET innodb_lock_wait_timeout = 1").map(drop);
    place.inside(hurry).unwrap();
    place.execute("UPDATE t SET n = 1 WHERE id = 2").unwrap();
    assert_eq!(fault(place.execute("UPDATE t SET n = 1 WHERE id = 1")).code, "database-busy");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            other.run("ROLLBACK").unwrap();
        });
        // The statement was rolled back, the batch was not: it is tried again.
        assert_eq!(place.execute("UPDATE t SET n = 1 WHERE id = 1").unwrap().affected, 1);
    });
    place.database.commit(&marker(&place.database, 1)).unwrap();
    assert_eq!(place.schema.rows("SELECT SUM(n) FROM t"), [["2"]]);
}

#[test]
fn a_connection_that_was_lost_between_two_calls_is_opened_again() {
    let Some(place) = Place::new(&TWO) else { return };
    place.batch(1, &["UPDATE t SET n = 1"]);
    for round in 0..3 {
        let host = place.inside(|session| session.host_link().unwrap().id());
        for id in [place.session_id(), host] {
            // It may be dead since the round before: nobody has noticed yet.
            let _ = place.schema.link().run(format!("KILL {id}"));
        }
        match round {
            0 => assert_eq!(place.int("SELECT n FROM t WHERE id = 1"), 1),
            1 => assert_eq!(place.database.row_counts().unwrap()["t"], 2),
            _ => drop(place.database.stamp().unwrap()),
        }
    }
    // The engine does a batch again that was lost: at its begin too.
    let _ = place.schema.link().run(format!("KILL {}", place.session_id()));
    let first = marker(&place.database, 1);
    if place.begin(Some(&first)).is_err() {
        place.begin(Some(&first)).unwrap();
    }
    place.execute("UPDATE t SET n = 2").unwrap();
    place.database.commit(&marker(&place.database, 2)).unwrap();
}

#[test]
fn a_batch_that_is_given_up_has_not_happened() {
    let Some(place) = Place::new(&TWO) else { return };
    place.begin(None).unwrap();
    place.execute("UPDATE t SET n = 1").unwrap();
    place.database.rollback().unwrap();
    place.database.rollback().unwrap();
    assert_eq!(place.int("SELECT SUM(n) = 0 FROM t"), 1);
    place.begin(None).unwrap();
    place.execute("UPDATE t SET n = 1").unwrap();
    // A session that is closed has not committed.
    place.database.close();
    assert_eq!(place.int("SELECT SUM(n) = 0 FROM t"), 1);
}

#[test]
fn foreign_keys_are_enforced_as_the_application_has_them() {
    let tables = ["CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id))"];
    for enforced in [true, false] {
        let Some(place) = Place::with(&tables, |config| config.foreign_keys = enforced) else { return };
        place.begin(None).unwrap();
        assert_eq!(place.execute("INSERT INTO c VALUES (1)").is_err(), enforced);
        place.database.rollback().unwrap();
    }
}

#[test]
fn what_a_run_did_is_put_back_and_what_it_kept_beside_is_gone() {
    let Some(place) = Place::new(&TWO) else { return };
    let saved = place.inside(|session| session.restore_point(&session.config.restore.clone())).unwrap();
    let before = place.schema.rows("SHOW CREATE TABLE t");
    place.batch(1, &["UPDATE t SET n = 1", "INSERT INTO t (n) VALUES (2), (3)"]);
    let sql = "ALTER TABLE t ADD c INT";
    let prepared = place.database.prepare(&statement(sql, &[])).unwrap();
    (prepared.act)().unwrap();
    let made = place.database.prepare(&statement("CREATE TABLE u AS SELECT * FROM t", &[])).unwrap();
    (made.act)().unwrap();
    place.database.close();
    place.database.restore(&saved).unwrap();
    assert_eq!(place.schema.rows("SHOW CREATE TABLE t"), before);
    assert_eq!(place.schema.rows("SHOW TABLES"), [["t"]]);
    assert_eq!(place.schema.rows("SELECT id, n FROM t"), [["1", "0"], ["2", "0"]]);
}

/// Where the host dies before the journal knows of the database, `undo` does not come here at all.
#[test]
fn a_restore_point_makes_no_table_of_ours() {
    let Some(place) = Place::new(&TWO) else { return };
    place.ready();
    assert_eq!(place.schema.rows("SHOW TABLES"), [["t"]]);
    place.begin(None).unwrap();
    assert_eq!(place.schema.rows("SHOW TABLES").len(), 2);
}

#[test]
fn a_run_that_is_over_leaves_no_table_of_ours() {
    let Some(place) = Place::new(&TWO) else { return };
    place.batch(1, &["UPDATE t SET n = 1"]);
    assert_eq!(place.database.row_counts().unwrap().into_iter().collect::<Vec<_>>(), [("t".to_owned(), 2)]);
    assert!(place.database.objects().unwrap().iter().all(|object| object.table == "t"));
    place.database.forget().unwrap();
    place.database.forget().unwrap();
    assert_eq!(place.schema.rows("SHOW TABLES"), [["t"]]);
}

#[test]
fn a_snapshot_is_loaded_over_what_came_after_it() {
    let Some(place) = Place::new(&TWO) else { return };
    let directory = place.schema.directory().join("snapshot");
    std::fs::create_dir(&directory).unwrap();
    let made = place.database.snapshot(&[], &directory, false).unwrap();
    assert_eq!((made.tables, made.rows), (1, 2));
    assert_eq!(place.database.snapshot_info(&directory).unwrap(), made);
    place.batch(1, &["UPDATE t SET n = 5", "DELETE FROM t WHERE id = 2"]);
    place.database.before_load(&directory).unwrap();
    assert_eq!(place.database.load(&directory).unwrap(), made);
    assert_eq!(place.rows("SELECT id, n FROM t"), [[Value::Int(1), Value::Int(0)], [Value::Int(2), Value::Int(0)]]);
}
