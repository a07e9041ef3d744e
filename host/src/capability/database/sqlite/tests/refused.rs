//! What SQL of a stage may not do.

use super::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t VALUES (1, 'one');
    CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT)";

/// Everything that is refused in a query and in a change alike.
const NEVER: &[&str] = &[
    "ATTACH DATABASE '/etc/passwd' AS x",
    "DETACH DATABASE main",
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE liftlock_statement",
    "ROLLBACK TO liftlock_statement",
    "VACUUM",
    "VACUUM INTO 'never.db'",
    "PRAGMA journal_mode = WAL",
    "PRAGMA writable_schema = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA foreign_keys",
    "PRAGMA synchronous = OFF",
    "PRAGMA main.locking_mode = EXCLUSIVE",
    "PRAGMA temp_store_directory = '/'",
    "PRAGMA encoding = 'UTF-16'",
    "PRAGMA schema_version = 1",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "",
    "   -- nothing",
    ";",
    "SELECT 1\0; DROP TABLE t",
];

#[test]
fn what_reaches_other_files_or_the_session_is_refused_everywhere() {
    let place = Place::new(TABLES);
    for sql in NEVER {
        let failure = answer(place.try_rows(sql));
        assert!(["statement-refused", "bad-argument"].contains(&failure.code.as_str()), "{sql}: {failure:?}");
    }
    place.database.begin(None).unwrap();
    for sql in NEVER {
        let failure = answer(place.execute(sql));
        assert!(["statement-refused", "bad-argument"].contains(&failure.code.as_str()), "{sql}: {failure:?}");
    }
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
    place.database.commit(&marker(1)).unwrap();
    assert!(!PathBuf::from("never.db").exists());
}

#[test]
fn a_query_cannot_write() {
    let place = Place::new(TABLES);
    for sql in [
        "INSERT INTO t VALUES (2, 'two')",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT 2, 'two'",
        "DELETE FROM t",
        "EXPLAIN DELETE FROM t",
        "CREATE TABLE x (a)",
        "DROP TABLE t",
        "PRAGMA user_version = 7",
        "PRAGMA application_id(7)",
        "SELECT 1 FROM t; DELETE FROM t",
    ] {
        let failure = answer(place.try_rows(sql));
        assert_eq!(failure.code, "statement-refused", "{sql}: {failure:?}");
    }
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
    assert_eq!(place.rows("PRAGMA user_version"), [[Value::Int(0)]]);
}

#[test]
fn a_change_cannot_make_what_a_session_remembers_or_sqlite_owns() {
    let place = Place::new(TABLES);
    place.database.begin(None).unwrap();
    for sql in [
        "CREATE TEMP TABLE x (a)",
        "CREATE TABLE temp.x (a)",
        "CREATE TEMPORARY VIEW v AS SELECT 1",
        "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE v USING fts5(a)",
        "INSERT INTO t SELECT 2, load_extension('x')",
        "INSERT INTO t VALUES (last_insert_rowid() + 1, 'x')",
        "UPDATE t SET name = changes()",
        "UPDATE t SET name = total_changes()",
        "INSERT INTO t SELECT 2, fts3_tokenizer('simple')",
        "INSERT INTO t SELECT 3, foreign_keys FROM pragma_foreign_keys",
        "INSERT INTO sqlite_stat1 VALUES ('t', NULL, '1')",
        "INSERT OR ROLLBACK INTO t VALUES (1, 'again')",
        "CREATE TABLE x (a UNIQUE ON CONFLICT ROLLBACK)",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT raise(ROLLBACK, 'x'); END",
        "SELECT 1",
    ] {
        let Err(CallError::Answer(failure)) = place.execute(sql) else { panic!("{sql}") };
        // "no such table/function" is as good as a refusal, but only where the thing really is not there.
        let missing = failure.message.starts_with("no such");
        assert!(missing || failure.code == "statement-refused", "{sql}: {failure:?}");
    }
    for sql in ["DELETE FROM sqlite_master", "UPDATE sqlite_schema SET sql = ''", "CREATE TABLE sqlite_x (a)"] {
        assert_eq!(answer(place.execute(sql)).code, "sql-error", "{sql}");
    }
    assert_eq!(place.rows("SELECT * FROM t"), [[Value::Int(1), Value::Text("one".into())]]);
}

#[test]
fn the_marker_cannot_be_read_written_hidden_or_hung_on() {
    let place = Place::new(TABLES);
    place.batch(1, &["CREATE VIEW spy AS SELECT * FROM liftlock_marker"]);
    for sql in ["SELECT * FROM liftlock_marker", "SELECT count(*) FROM LIFTLOCK_Marker", "SELECT * FROM spy"] {
        let failure = answer(place.try_rows(sql));
        assert_eq!((failure.code.as_str(), failure.message.as_str()), MARKER, "{sql}");
    }
    place.database.begin(Some(&marker(1))).unwrap();
    place.execute("CREATE TRIGGER spy AFTER INSERT ON t BEGIN DELETE FROM liftlock_marker; END").unwrap();
    for sql in [
        "DELETE FROM liftlock_marker",
        "UPDATE liftlock_marker SET sequence = 9",
        "INSERT INTO liftlock_marker VALUES ('x', 1, 1, 1)",
        "DROP TABLE \"liftlock_marker\"",
        "ALTER TABLE liftlock_marker RENAME TO x",
        "CREATE INDEX i ON liftlock_marker (run)",
        "CREATE TRIGGER g AFTER INSERT ON liftlock_marker BEGIN SELECT 1; END",
        "INSERT INTO t SELECT sequence, run FROM liftlock_marker",
        "INSERT INTO t VALUES (2, 'fires the trigger')",
    ] {
        let failure = answer(place.execute(sql));
        assert_eq!((failure.code.as_str(), failure.message.as_str()), MARKER, "{sql}");
    }
    let failure = answer(place.execute("ALTER TABLE t RENAME TO liftlock_marker"));
    assert_eq!(failure.code, "sql-error");
    place.database.commit(&marker(2)).unwrap();
    assert_eq!(place.database.marker().unwrap(), Some(marker(2)));
    assert!(place.database.objects().unwrap().iter().all(|object| object.table != "liftlock_marker"));
    assert_eq!(place.database.columns("liftlock_marker").unwrap(), []);
}

const MARKER: (&str, &str) = ("statement-refused", "liftlock_marker belongs to the host");

#[test]
fn only_one_statement_a_call() {
    let place = Place::new(TABLES);
    assert_eq!(answer(place.try_rows("SELECT 1; SELECT 2")).code, "several-statements");
    place.database.begin(None).unwrap();
    let two = "INSERT INTO t VALUES (2, 'two'); INSERT INTO t VALUES (3, 'three')";
    assert_eq!(answer(place.execute(two)).code, "several-statements");
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
    place.execute("INSERT INTO t VALUES (2, 'two'); -- and a comment\n /* more */ ;").unwrap();
    assert_eq!(place.int("SELECT count(*) FROM t ; -- two"), 2);
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let place = Place::new(TABLES);
    for params in
        [vec![], vec![Value::Int(1), Value::Int(2)], vec![Value::Uint(u64::MAX)], vec![Value::Float(f64::NAN)]]
    {
        assert_eq!(
            answer(place.database.query("SELECT ?", &params, None).map(drop)).code,
            "bad-argument",
            "{params:?}"
        );
    }
    place.database.query("SELECT ?", &[Value::Uint(7)], None).unwrap();
}

#[test]
fn a_value_or_row_beyond_the_limit_is_an_answer() {
    let place = Place::with(TABLES, |config| config.result_bytes = 100_000);
    assert_eq!(answer(place.try_rows("SELECT zeroblob(100001)")).code, "too-big");
    assert_eq!(answer(place.try_rows("SELECT zeroblob(60000), zeroblob(60000)")).code, "too-big");
    assert_eq!(place.rows("SELECT length(zeroblob(99999))"), [[Value::Int(99_999)]]);
}

#[test]
fn a_statement_beyond_its_time_is_a_fault_and_not_an_answer() {
    let place = Place::with(TABLES, |config| config.statement_time = Duration::from_millis(100));
    assert_eq!(fault(place.try_rows(ENDLESS)).code, "deadline");
    place.database.begin(None).unwrap();
    assert_eq!(fault(place.execute(&format!("INSERT INTO t SELECT 5, ({ENDLESS})"))).code, "deadline");
    // SQLite may have thrown the whole batch away; then a commit must not say it is done.
    if let Err(lost) = place.database.commit(&marker(1)) {
        assert_eq!(lost.code, "batch-lost");
    }
    assert_eq!(place.int("SELECT count(*) FROM t"), 1);
}

#[test]
fn a_stop_ends_a_guests_statement_but_not_the_hosts() {
    let place = Place::new(TABLES);
    place.database.begin(None).unwrap();
    place.execute("INSERT INTO t VALUES (2, 'two')").unwrap();
    place.config.stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(fault(place.try_rows(ENDLESS)).code, "interrupted");
    place.database.commit(&marker(1)).unwrap();
    assert_eq!(place.database.marker().unwrap(), Some(marker(1)));
}

#[test]
fn a_database_is_never_created() {
    let place = Place::new(TABLES);
    std::fs::remove_file(&place.config.path).unwrap();
    assert_eq!(fault(place.try_rows("SELECT 1")).code, "database-missing");
    assert_eq!(fault(place.database.begin(None)).code, "database-missing");
    assert!(!place.config.path.exists());
    let other = SqliteConfig { name: "../x".to_owned(), ..place.config.clone() };
    assert_eq!(Sqlite::open(other).err().map(|fault| fault.code), Some("bad-configuration"));
}

#[test]
fn a_file_that_is_no_database_is_a_fault() {
    let place = Place::new(TABLES);
    std::fs::write(&place.config.path, "x".repeat(4096)).unwrap();
    assert_eq!(fault(place.try_rows("SELECT 1")).code, "database-damaged");
}

#[test]
fn what_is_allowed_works() {
    let place = Place::new(TABLES);
    place.database.begin(None).unwrap();
    for sql in [
        "CREATE TABLE x (a INTEGER PRIMARY KEY, b DEFAULT (random()), c REFERENCES t(id))",
        "CREATE TABLE y AS SELECT * FROM t",
        "CREATE INDEX i ON x (b)",
        "CREATE VIEW v AS SELECT a FROM x",
        "CREATE TRIGGER g AFTER INSERT ON x BEGIN UPDATE t SET name = last_insert_rowid() || name; END",
        "INSERT INTO x (b) VALUES (datetime('now'))",
        "INSERT INTO u (v) VALUES ('x')",
        "UPDATE sqlite_sequence SET seq = 41 WHERE name = 'u'",
        "ALTER TABLE u ADD COLUMN w TEXT NOT NULL DEFAULT 'w'",
        "ALTER TABLE u RENAME COLUMN w TO z",
        "ALTER TABLE u DROP COLUMN z",
        "ALTER TABLE u RENAME TO w",
        "REINDEX i",
        "ANALYZE",
        "REPLACE INTO t VALUES (1, 'uno')",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 8",
        "DROP VIEW v",
        "DROP TRIGGER g",
        "DROP INDEX i",
        "DROP TABLE w",
        "DELETE FROM t WHERE id = 99",
    ] {
        place.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    place.database.commit(&marker(1)).unwrap();
    for sql in [
        "PRAGMA table_info(t)",
        "PRAGMA index_list('t')",
        "PRAGMA foreign_key_list(x)",
        "PRAGMA integrity_check",
        "PRAGMA quick_check",
        "PRAGMA encoding",
        "VALUES (1), (2)",
        "EXPLAIN QUERY PLAN SELECT * FROM t",
        "SELECT * FROM pragma_table_info('t')",
        "SELECT name FROM sqlite_schema",
    ] {
        place.try_rows(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    assert_eq!(place.rows("PRAGMA user_version"), [[Value::Int(7)]]);
}
