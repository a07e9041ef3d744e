//! What a guest may not do, and what the surroundings may not be.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;

#[test]
fn a_name_that_cannot_be_part_of_a_file_name_is_refused() {
    let Some(place) = Place::new(&[]) else { return };
    let config = MysqlConfig { name: "../main".to_owned(), ..place.schema.config() };
    assert_eq!(Mysql::open(config).err().unwrap().code, "bad-configuration");
}

#[test]
fn a_mode_under_which_the_server_reads_otherwise_than_the_guard_is_refused() {
    for mode in ["ANSI_QUOTES", "ANSI", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES"] {
        let Some(place) = Place::with(&[], |config| config.sql_mode = Some(mode.to_owned())) else { return };
        assert_eq!(fault(place.try_rows("SELECT 1", &[])).code, "unsupported-sql-mode", "{mode}");
    }
    let Some(place) = Place::with(&[], |config| config.sql_mode = Some("'; DROP TABLE t".to_owned())) else { return };
    assert_eq!(fault(place.try_rows("SELECT 1", &[])).code, "bad-configuration");
    let Some(place) = Place::with(&[], |config| config.sql_mode = Some("PIPES_AS_CONCAT".to_owned())) else { return };
    assert_eq!(place.rows("SELECT 'a' || 'b'"), [[Value::Text("ab".to_owned())]]);
}

#[test]
fn a_server_that_is_not_there_is_a_fault_at_once() {
    let Some(place) = Place::new(&[]) else { return };
    let mut config = place.schema.config();
    config.server.place = super::super::super::Place::Socket("/nowhere/sock".into());
    let started = Instant::now();
    let database = Mysql::open(config).unwrap();
    assert_eq!(fault(database.query("SELECT 1", &[], None).map(drop)).code, "database-unreachable");
    assert_eq!(fault(database.dialect().map_err(CallError::from)).code, "database-unreachable");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_server_itself_lets_no_query_write() {
    let Some(place) = Place::new(&["CREATE TABLE t (a INT)"]) else { return };
    let code = place.inside(|session| {
        session.begin_read().unwrap();
        let error = session.stage().unwrap().link.run("INSERT INTO t VALUES (1)").unwrap_err();
        session.end_read();
        match error {
            mysql_client::Error::Server(server) => server.code,
            other => panic!("{other}"),
        }
    });
    assert_eq!(code, 1792);
}

#[test]
fn a_statement_with_another_number_of_parameters_is_refused() {
    let Some(place) = Place::new(&["CREATE TABLE t (a INT)"]) else { return };
    assert_eq!(answer(place.try_rows("SELECT ?", &[])).code, "bad-argument");
    assert_eq!(answer(place.try_rows("SELECT 1", &[Value::Int(1)])).code, "bad-argument");
    assert_eq!(answer(place.try_rows("SELECT ?", &[Value::Float(f64::NAN)])).code, "bad-argument");
    place.begin(None).unwrap();
    assert_eq!(answer(place.execute("INSERT INTO t VALUES (?)")).code, "bad-argument");
    assert_eq!(answer(place.execute_with("INSERT INTO t VALUES (:a)", &[Value::Int(1)])).code, "sql-error");
    assert_eq!(place.int("SELECT COUNT(*) FROM t"), 0);
    // What looks like a named parameter elsewhere is none here.
    assert_eq!(
        place.rows("SELECT 2 -'1', REPLACE('x', 'x',':b')"),
        [[Value::Float(1.0), Value::Text(":b".to_owned())]]
    );
    assert_eq!(place.int("SELECT 1 = (3-'2:b')"), 1);
    place.database.rollback().unwrap();
}

#[test]
fn a_value_that_the_server_does_not_take_is_refused_before_it_is_sent() {
    let Some(place) = Place::new(&["CREATE TABLE t (a LONGBLOB)"]) else { return };
    let most = place.inside(|session| session.stage().unwrap().facts.max_packet);
    place.begin(None).unwrap();
    let big = Value::Bytes(vec![7; most as usize]);
    assert_eq!(answer(place.execute_with("INSERT INTO t VALUES (?)", &[big])).code, "too-big");
    assert_eq!(place.execute("INSERT INTO t VALUES ('x')").unwrap().affected, 1);
    place.database.rollback().unwrap();
}

#[test]
fn a_row_above_the_limit_is_an_answer() {
    let Some(place) = Place::with(&["CREATE TABLE t (a LONGBLOB)"], |config| config.result_bytes = 1000) else {
        return;
    };
    place.schema.run("INSERT INTO t VALUES (REPEAT('x', 2000))");
    assert_eq!(answer(place.try_rows("SELECT a FROM t", &[])).code, "too-big");
    assert_eq!(place.int("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn an_error_of_the_server_is_an_answer_with_its_code_and_the_batch_goes_on() {
    let Some(place) = Place::new(&["CREATE TABLE t (a INT PRIMARY KEY)"]) else { return };
    let failure = answer(place.try_rows("SELECT b FROM t", &[]));
    assert_eq!(failure.code, "sql-error");
    let extra = |name: &str| failure.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((extra("code"), extra("sqlstate")), (Some("1054"), Some("42S22")));
    place.begin(None).unwrap();
    place.execute("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(answer(place.execute("INSERT INTO t VALUES (2), (1)")).code, "sql-error");
    place.execute("INSERT INTO t VALUES (3)").unwrap();
    place.database.commit(&marker(&place.database, 1)).unwrap();
    assert_eq!(place.rows("SELECT a FROM t ORDER BY a"), [[Value::Int(1)], [Value::Int(3)]]);
}

#[test]
fn a_change_outside_a_batch_is_the_hosts_mistake() {
    let Some(place) = Place::new(&["CREATE TABLE t (a INT)"]) else { return };
    assert_eq!(fault(place.execute("INSERT INTO t VALUES (1)")).code, "internal");
    assert_eq!(fault(place.database.commit(&marker(&place.database, 1))).code, "batch-lost");
}

#[test]
fn a_read_that_takes_too_long_is_ended_and_its_session_lives() {
    let Some(place) = Place::with(&MANY, |config| config.statement_time = SHORT) else { return };
    let id = place.session_id();
    let started = Instant::now();
    assert_eq!(fault(place.try_rows(ENDLESS, &[])).code, "deadline");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(place.int("SELECT 1"), 1);
    assert_eq!(place.session_id(), id);
}

#[test]
fn a_change_that_takes_too_long_is_ended_and_its_batch_can_be_given_up() {
    let Some(place) = Place::with(&MANY, |config| config.statement_time = SHORT) else { return };
    place.begin(None).unwrap();
    place.execute("DELETE FROM many WHERE id = 1").unwrap();
    let sql = format!("UPDATE many SET text = 'x' WHERE id > ({ENDLESS})");
    assert_eq!(fault(place.execute(&sql)).code, "deadline");
    place.database.rollback().unwrap();
    assert_eq!(place.int("SELECT COUNT(*) FROM many WHERE text <> 'x'"), 10_000);
}

#[test]
fn the_operators_wish_to_stop_ends_reads_and_no_changes() {
    let Some(place) = Place::new(&MANY) else { return };
    let stop = std::sync::Arc::clone(&place.database.desk.config().stop);
    let sql = format!("{ENDLESS} AND 1 = 1");
    place.batch(1, &["DELETE FROM many WHERE id = 1"]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(SHORT);
            stop.store(true, Ordering::SeqCst);
        });
        assert_eq!(fault(place.try_rows(&sql, &[])).code, "interrupted");
    });
    assert!(started.elapsed() < Duration::from_secs(5));
    place.begin(Some(&marker(&place.database, 1))).unwrap();
    assert_eq!(place.execute("UPDATE many SET text = CONCAT(text, 'x')").unwrap().affected, 9_999);
    place.database.commit(&marker(&place.database, 2)).unwrap();
}
