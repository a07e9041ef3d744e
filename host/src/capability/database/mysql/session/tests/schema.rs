//! Statements that commit by themselves.

use std::thread;

use super::super::super::catalog::Catalog;
use super::*;
use crate::effect::Verdict;

const T: [&str; 2] = ["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)", "INSERT INTO t (n) VALUES (0), (0)"];

impl Place {
    fn prepare(&self, sql: &str) -> Result<(serde_json::Value, crate::capability::database::Act), CallError> {
        self.ready();
        let prepared = self.database.prepare(&statement(sql, &[]))?;
        Ok((prepared.record, prepared.act))
    }

    fn has_column(&self, name: &str) -> bool {
        self.database.columns("t").unwrap().iter().any(|column| column.name == name)
    }
}

#[test]
fn what_commits_by_itself_is_told_from_what_does_not() {
    let Some(place) = Place::new(&[T[0], "CREATE TABLE old (a INT) ENGINE = MyISAM"]) else { return };
    for sql in ["ALTER TABLE t ADD c INT", "TRUNCATE t", "INSERT INTO old VALUES (1)", "DROP TABLE t"] {
        assert!(place.database.commits_itself(sql), "{sql}");
    }
    for sql in ["INSERT INTO t (n) VALUES (1)", "SELECT 1", "GRANT ALL ON *.* TO x", "nonsense", ""] {
        assert!(!place.database.commits_itself(sql), "{sql}");
    }
}

#[test]
fn a_statement_that_is_refused_is_an_answer_and_has_not_happened() {
    let Some(place) = Place::new(&T) else { return };
    assert_eq!(answer(place.prepare("ALTER TABLE t ADD n INT").map(drop)).code, "sql-error");
    assert_eq!(answer(place.prepare("GRANT ALL ON *.* TO x").map(drop)).code, "statement-refused");
    let several = answer(place.prepare("DROP TABLE t, u").map(drop));
    assert_eq!(several.code, "statement-refused");
    assert!(several.message.contains("DROP TABLE t; DROP TABLE u"), "{}", several.message);
    assert_eq!(place.int("SELECT COUNT(*) FROM t"), 2);
}

#[test]
fn an_announced_change_has_not_happened_before_it_is_sent() {
    let Some(place) = Place::new(&T) else { return };
    let (record, act) = place.prepare("ALTER TABLE t ADD c INT DEFAULT 7").unwrap();
    assert!(!place.has_column("c"));
    assert_eq!(place.database.settle(&record).unwrap(), Verdict::NotDone);
    act().unwrap();
    assert!(place.has_column("c"), "the catalog is read anew");
    assert!(matches!(place.database.settle(&record).unwrap(), Verdict::Done(_)));
    // In a new process too.
    place.database.close();
    assert!(matches!(place.database.settle(&record).unwrap(), Verdict::Done(_)));
}

#[test]
fn an_error_on_real_rows_is_an_answer_once_it_is_certain_that_nothing_happened() {
    let Some(place) = Place::new(&T) else { return };
    // The empty clone has no duplicates.
    let (record, act) = place.prepare("ALTER TABLE t ADD UNIQUE KEY (n)").unwrap();
    let failure = answer(act());
    assert_eq!(failure.code, "sql-error");
    assert!(failure.extra.contains(&("code".to_owned(), "1062".to_owned())), "{failure:?}");
    assert_eq!(place.database.settle(&record).unwrap(), Verdict::NotDone);
}

#[test]
fn a_change_that_waits_for_a_lock_is_tried_again() {
    let Some(place) = Place::new(&T) else { return };
    let (_, act) = place.prepare("ALTER TABLE t ADD c INT").unwrap();
    let hurry = |session: &mut Session| session.stage().unwrap().link.run("SET lock_wait_timeout = 1").map(drop);
    place.inside(hurry).unwrap();
    let mut other = place.schema.link();
    other.run("START TRANSACTION").unwrap();
    other.run("SELECT * FROM t").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            other.run("COMMIT").unwrap();
        });
        act().unwrap();
    });
    assert!(place.has_column("c"));
}

#[test]
fn a_change_whose_connection_is_lost_is_settled_and_done_once() {
    let Some(place) = Place::new(&MANY) else { return };
    for round in 0..5_u64 {
        let name = format!("c{round}");
        let (record, act) = place.prepare(&format!("ALTER TABLE many ADD {name} INT, ALGORITHM = COPY")).unwrap();
        let id = place.session_id();
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(5 * round));
                place.schema.link().run(format!("KILL {id}")).map(drop)
            });
            act()
        });
        done.unwrap();
        assert!(matches!(place.database.settle(&record).unwrap(), Verdict::Done(_)), "{name}");
    }
    assert_eq!(place.database.columns("many").unwrap().len(), 7);
}

#[test]
fn a_change_that_takes_too_long_is_ended_and_settled() {
    let Some(place) = Place::with(&MANY, |config| config.statement_time = SHORT) else { return };
    let mut other = place.schema.link();
    let (record, act) = place.prepare("ALTER TABLE many ADD c INT, ALGORITHM = COPY").unwrap();
    // It waits for this one's lock on the table.
    other.run("START TRANSACTION").unwrap();
    other.run("SELECT * FROM many LIMIT 1").unwrap();
    assert_eq!(fault(act()).code, "deadline");
    other.run("COMMIT").unwrap();
    assert_eq!(place.database.settle(&record).unwrap(), Verdict::NotDone);
    assert_eq!(place.database.columns("many").unwrap().len(), 2);
}

/// The guard and the closure of undo rely on it.
#[test]
fn what_is_known_behind_a_change_is_what_would_be_read() {
    let Some(place) = Place::new(&[
        "CREATE TABLE parent (id INT PRIMARY KEY, n INT)",
        "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))",
        "CREATE TRIGGER t AFTER INSERT ON child FOR EACH ROW UPDATE parent SET n = n + 1",
        "CREATE VIEW v AS SELECT id FROM parent",
    ]) else {
        return;
    };
    place.ready();
    let changes = [
        "ALTER TABLE parent ADD COLUMN extra VARCHAR(10), ADD INDEX (n)",
        "CREATE TABLE made (id INT PRIMARY KEY)",
        "ALTER TABLE parent CHANGE id number INT NOT NULL",
        "RENAME TABLE parent TO renamed",
        "ALTER TABLE child DROP COLUMN p, DROP FOREIGN KEY child_ibfk_1",
        "DROP TABLE made",
        "TRUNCATE TABLE child",
        "DROP TABLE child",
    ];
    for sql in changes {
        let [known, read] = place.inside(move |session| {
            // The server shows a view that a change has broken with the schema's name in it: the same to the guard.
            let told = |catalog: &Catalog| (catalog.tables.clone(), catalog.views.keys().cloned().collect::<Vec<_>>());
            let announced = session.announce(&statement(sql, &[])).unwrap().announced;
            session.act(&announced).unwrap();
            let known = told(&session.schema().unwrap().catalog);
            session.forget_schema();
            [known, told(&session.schema().unwrap().catalog)]
        });
        assert_eq!(known, read, "{sql}");
    }
}
