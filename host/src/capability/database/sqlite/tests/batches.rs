//! Batches: the marker, the fence, and what a failed statement leaves.

use super::*;

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t VALUES (1, 'one')";

#[test]
fn another_runs_marker_or_another_sequence_fences_us_off() {
    let place = Place::new(T);
    place.batch(1, &[]);
    for expected in [None, Some(marker(2)), Some(Marker { recording: 7, ..marker(1) })] {
        assert_eq!(fault(place.database.begin(expected.as_ref())).code, "fenced", "{expected:?}");
    }
    let outside = place.outside();
    outside.execute("INSERT INTO liftlock_marker VALUES ('run-0', 0, 9, 9)", []).unwrap();
    assert_eq!(fault(place.database.begin(Some(&marker(1)))).code, "fenced");
    outside.execute("DELETE FROM liftlock_marker WHERE run = 'run-1'", []).unwrap();
    assert_eq!(fault(place.database.begin(None)).code, "fenced");
    // Nothing stays locked behind a refusal.
    outside.execute("DELETE FROM liftlock_marker", []).unwrap();
    place.database.begin(None).unwrap();
}

#[test]
fn a_lock_that_does_not_go_away_is_a_fault() {
    let place = Place::with(T, |config| config.statement_time = Duration::from_millis(100));
    let outside = place.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(fault(place.database.begin(None)).code, "database-busy");
    assert_eq!(fault(place.database.marker()).code, "database-busy");
    outside.execute_batch("ROLLBACK").unwrap();
    place.batch(1, &[]);
}

#[test]
fn a_change_without_a_batch_is_a_fault() {
    let place = Place::new(T);
    assert_eq!(fault(place.execute("DELETE FROM t")).code, "internal");
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
}

#[test]
fn a_failed_statement_leaves_nothing_of_itself_and_all_of_the_others() {
    let place = Place::new(T);
    place.database.begin(None).unwrap();
    place.execute("INSERT INTO t VALUES (2, 'two')").unwrap();
    let failure = answer(place.execute("INSERT OR FAIL INTO t VALUES (3, 'three'), (4, 'secret'), (5, 'two')"));
    assert_eq!(failure.message, "UNIQUE constraint failed: t.name");
    let shape = ("statement".to_owned(), "INSERT OR FAIL INTO t VALUES (?, ?), (?, ?), (?, ?)".to_owned());
    assert_eq!(failure.extra[0], shape);
    place.execute("INSERT OR IGNORE INTO t VALUES (6, 'six'), (7, 'two')").unwrap();
    place.database.commit(&marker(1)).unwrap();
    assert_eq!(place.rows("SELECT id FROM t"), [[Value::Int(1)], [Value::Int(2)], [Value::Int(6)]]);
}

#[test]
fn a_constraint_that_rolls_back_loses_the_batch_and_says_so() {
    let place = Place::new("CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO t VALUES (1)");
    place.database.begin(None).unwrap();
    place.execute("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(fault(place.execute("INSERT INTO t VALUES (1)")).code, "batch-lost");
    assert_eq!(fault(place.database.commit(&marker(1))).code, "batch-lost");
    place.database.rollback().unwrap();
    assert_eq!(place.database.marker().unwrap(), None);
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
}

#[test]
fn marker_and_data_come_and_go_together() {
    let place = Place::new(T);
    assert_eq!(place.database.marker().unwrap(), None);
    place.database.begin(None).unwrap();
    place.execute("UPDATE t SET name = 'uno'").unwrap();
    place.execute("CREATE TABLE u (a)").unwrap();
    place.execute("PRAGMA user_version = 3").unwrap();
    assert_eq!(place.rows("SELECT name FROM t"), [[Value::Text("uno".into())]], "a stage sees what it has changed");
    place.database.rollback().unwrap();
    assert_eq!(place.rows("SELECT name FROM t"), [[Value::Text("one".into())]]);
    assert_eq!(place.rows("PRAGMA user_version"), [[Value::Int(0)]]);
    assert_eq!(place.database.marker().unwrap(), None);
    place.batch(1, &["UPDATE t SET name = 'uno'"]);
    // A kill is a session that is closed in the middle of a batch.
    place.database.begin(Some(&marker(1))).unwrap();
    place.execute("UPDATE t SET name = 'eins'").unwrap();
    place.database.close();
    assert_eq!(place.database.marker().unwrap(), Some(marker(1)));
    assert_eq!(place.rows("SELECT name FROM t"), [[Value::Text("uno".into())]]);
    place.database.forget().unwrap();
    place.database.forget().unwrap();
    assert_eq!(place.outside().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)), Ok(2));
}

#[test]
fn affected_and_last_id_are_of_this_statement_and_of_no_other() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n DEFAULT 0);
         CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID; CREATE TABLE log (a);
         CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1), (2); END;",
    );
    place.database.begin(None).unwrap();
    let did = |sql: &str| {
        let done = place.execute(sql).unwrap();
        (done.affected, done.last_id)
    };
    assert_eq!(did("INSERT INTO t (id, name) VALUES (41, 'a'), (42, 'b')"), (2, Some(42)));
    assert_eq!(did("CREATE TABLE u AS SELECT * FROM t"), (0, None));
    assert_eq!(did("INSERT OR IGNORE INTO t (name) VALUES ('a')"), (0, None));
    assert_eq!(did("INSERT INTO t (name) VALUES ('a') ON CONFLICT DO UPDATE SET n = n + 1"), (1, None));
    assert_eq!(did("INSERT INTO keyed VALUES ('k')"), (1, None));
    assert_eq!(did("UPDATE t SET n = 9"), (2, None));
    assert_eq!(did("UPDATE t SET n = 9 WHERE id = 0"), (0, None));
    assert_eq!(did("INSERT INTO t (name) VALUES ('c') RETURNING id"), (1, Some(43)));
    assert_eq!(did("REPLACE INTO t (id, name) VALUES (43, 'd')"), (1, Some(43)));
    assert_eq!(did("DELETE FROM t"), (3, None));
    assert_eq!(did("DROP TABLE u"), (0, None));
}

#[test]
fn drop_table_with_foreign_keys_deletes_by_cascade_only_if_the_application_connects_so() {
    let setup = "CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE contacts (id INTEGER PRIMARY KEY, owner REFERENCES users ON DELETE CASCADE);
        INSERT INTO users VALUES (1), (2); INSERT INTO contacts VALUES (1, 1), (2, 1), (3, 2);";
    for (foreign_keys, left) in [(true, 0), (false, 3)] {
        let place = Place::with(setup, |config| config.foreign_keys = foreign_keys);
        place.batch(1, &["DROP TABLE users"]);
        assert_eq!(place.database.row_counts().unwrap()["contacts"], left, "foreign keys {foreign_keys}");
    }
}

#[test]
fn a_deferred_violation_shows_at_the_commit_and_nothing_is_committed() {
    let setup = "CREATE TABLE p (id INTEGER PRIMARY KEY);
        CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)";
    let place = Place::with(setup, |config| config.foreign_keys = true);
    place.database.begin(None).unwrap();
    place.execute("INSERT INTO c VALUES (1)").unwrap();
    assert_eq!(fault(place.database.commit(&marker(1))).code, "deferred-violation");
    place.database.rollback().unwrap();
    assert_eq!(place.database.marker().unwrap(), None);
}

#[test]
fn the_schema_is_told_as_it_is() {
    let place = Place::new(
        "CREATE TABLE p (a TEXT, b INT, PRIMARY KEY (b, a));
         CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, x INT NOT NULL DEFAULT 7, y TEXT,
            z AS (x + 1), FOREIGN KEY (x, y) REFERENCES p ON DELETE CASCADE, UNIQUE (y));
         CREATE VIEW v AS SELECT * FROM c;",
    );
    let objects: Vec<_> =
        place.database.objects().unwrap().into_iter().map(|o| (o.kind, o.name, o.definition)).collect();
    let names: Vec<_> = objects.iter().map(|(kind, name, _)| format!("{kind} {name}")).collect();
    assert_eq!(names, ["index sqlite_autoindex_c_1", "index sqlite_autoindex_p_1", "table c", "table p", "view v"]);
    assert_eq!((objects[0].2.as_str(), objects[4].2.as_str()), ("", "CREATE VIEW v AS SELECT * FROM c"));
    let columns = place.database.columns("c").unwrap();
    assert_eq!((columns[0].primary_key, columns[0].nullable), (1, true));
    assert_eq!((columns[1].nullable, columns[1].default.as_deref()), (false, Some("7")));
    assert_eq!(columns[3].extra, [("generated".to_owned(), "virtual".to_owned())]);
    let keys = place.database.foreign_keys("c").unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!((keys[0].columns.join(","), keys[0].referenced_columns.join(",")), ("x,y".into(), "b,a".into()));
    assert_eq!((keys[0].references.as_str(), keys[0].on_delete.as_str()), ("p", "CASCADE"));
    assert_eq!(place.database.columns("none").unwrap(), []);
}
