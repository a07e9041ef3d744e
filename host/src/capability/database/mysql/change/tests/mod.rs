//! On a real server: each kind of statement, not sent, sent and done, and sent to a server that dies.

use super::super::MysqlConfig;
mod killed;

use std::slice;
use std::time::Instant;

use super::super::catalog::Catalog;
use super::super::link::{Account, Link};
use super::super::sql::{self, Use};
use super::super::testing::{TestSchema, server};
use super::{Judged, Record, atomic, describe, forget, settle};
use crate::capability::database::Executed;
use crate::effect::{CallError, Verdict};

/// Parents, children, triggers, a view, and a table without transactions.
const WORLD: [&str; 12] = [
    "CREATE TABLE parent (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, n VARCHAR(20) DEFAULT 'x' COMMENT 'AUTO_INCREMENT=5', a INT, b INT) \
        AUTO_INCREMENT=5 COMMENT='AUTO_INCREMENT=5' CHARSET=latin1",
    "CREATE TABLE child (id INT PRIMARY KEY, pid INT UNSIGNED, CONSTRAINT child_parent FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE)",
    "CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY, v INT, KEY v (v))",
    "CREATE TABLE plain (id INT AUTO_INCREMENT PRIMARY KEY, v INT UNIQUE) ENGINE=MyISAM",
    "CREATE TABLE dates (id INT PRIMARY KEY, d DATETIME NOT NULL DEFAULT '1000-01-01')",
    "CREATE TRIGGER first_trigger BEFORE INSERT ON parent FOR EACH ROW SET NEW.n = CONCAT(NEW.n, '!')",
    "CREATE TRIGGER second_trigger AFTER DELETE ON parent FOR EACH ROW INSERT INTO other (v) VALUES (OLD.id)",
    "CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN 2 * x",
    "CREATE VIEW names AS SELECT id, n FROM parent",
    "CREATE VIEW a_names AS SELECT n, twice(id) AS t FROM names",
    "INSERT INTO parent (n, a, b) VALUES ('one', 1, 2), ('two', 3, 4)",
    "INSERT INTO plain (v) VALUES (1), (2)",
];

/// Statements that show in the definitions.
const CHANGES: [&str; 42] = [
    "ALTER TABLE parent ADD COLUMN c INT NOT NULL DEFAULT 7",
    "ALTER TABLE parent ADD COLUMN IF NOT EXISTS c INT",
    "ALTER TABLE parent DROP COLUMN b, ALGORITHM=COPY",
    "ALTER TABLE parent MODIFY n TEXT COMMENT 'AUTO_INCREMENT=6'",
    "ALTER TABLE parent CHANGE n name VARCHAR(30)",
    "ALTER TABLE parent CHANGE a b INT, CHANGE b a INT",
    "ALTER TABLE parent RENAME COLUMN id TO pid",
    "ALTER TABLE parent CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "ALTER TABLE parent COMMENT = 'it''s \"new\"'",
    "ALTER TABLE parent RENAME TO elder",
    "RENAME TABLE parent TO elder",
    "RENAME TABLE other TO another",
    "ALTER TABLE child DROP FOREIGN KEY child_parent",
    "ALTER TABLE child DROP FOREIGN KEY child_parent, ADD CONSTRAINT again FOREIGN KEY (pid) REFERENCES parent (id)",
    "ALTER TABLE other ADD CONSTRAINT new_key FOREIGN KEY (v) REFERENCES other (id) ON DELETE SET NULL",
    "ALTER TABLE other ADD p INT UNSIGNED, ADD FOREIGN KEY (p) REFERENCES parent (id)",
    "ALTER TABLE plain ENGINE=InnoDB",
    "ALTER TABLE other DROP PRIMARY KEY, MODIFY id INT, ADD PRIMARY KEY (v)",
    "ALTER TABLE other ADD g INT AS (v + 1) VIRTUAL, ADD CHECK (v < 100)",
    "ALTER TABLE dates ADD e DATETIME NOT NULL DEFAULT '1000-01-01'",
    "ALTER TABLE dates PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE made (id INT AUTO_INCREMENT PRIMARY KEY, t TIMESTAMP) AUTO_INCREMENT=9",
    "CREATE TABLE made LIKE child",
    "CREATE TABLE made AS SELECT t, n FROM a_names",
    "CREATE TABLE made (id INT PRIMARY KEY, p INT UNSIGNED, FOREIGN KEY (p) REFERENCES parent (id))",
    "ALTER TABLE child ADD KEY (pid, id), ADD KEY child_parent (id)",
    "CREATE INDEX i ON child (pid)",
    "ALTER TABLE child DROP FOREIGN KEY child_parent, DROP KEY child_parent",
    "CREATE INDEX i ON other (v, id)",
    "CREATE UNIQUE INDEX i ON parent (n)",
    "DROP INDEX v ON other",
    "DROP TABLE child",
    "DROP TABLE IF EXISTS other",
    "ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german1_ci",
    "CREATE TRIGGER third BEFORE UPDATE ON other FOR EACH ROW SET NEW.v = OLD.v",
    "DROP TRIGGER first_trigger",
    "CREATE VIEW wider AS SELECT a_names.*, parent.a FROM a_names JOIN parent ON parent.id = a_names.t",
    "ALTER VIEW names AS SELECT id, n, a FROM parent",
    "DROP VIEW a_names",
    "CREATE PROCEDURE p(x INT) BEGIN DECLARE y INT; SET y = x; END",
    "DROP FUNCTION twice",
    "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM other",
];

/// Statements that leave every definition as it is, and may be done twice.
const REPEATABLE: [&str; 10] = [
    "TRUNCATE TABLE plain",
    "TRUNCATE TABLE child",
    "OPTIMIZE TABLE other",
    "ANALYZE TABLE other",
    "ALTER TABLE other ENGINE=InnoDB",
    "ALTER TABLE other AUTO_INCREMENT = 100",
    "ALTER TABLE other MODIFY v INT",
    "ALTER TABLE other CHANGE v v INT",
    "CREATE TABLE IF NOT EXISTS other (x INT)",
    "DROP TABLE IF EXISTS nothing",
];

fn described(config: &MysqlConfig, sql: &str) -> Result<Record, CallError> {
    let mut link = Link::open(config, Account::Host)?;
    let catalog = Catalog::read(&mut link, config)?;
    let used = Use::Execute { define: true };
    let [parsed] = &sql::parse(sql, used)?[..] else { panic!("{sql}") };
    let touched = sql::touched(parsed, used, &catalog, slice::from_ref(&config.server.schema))?;
    assert!(touched.commits_itself, "{sql}");
    let record = describe(&mut link, config, &catalog, parsed, &touched)?;
    // Through the journal and back.
    Ok(serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap())
}

fn settled(config: &MysqlConfig, record: &Record) -> Verdict {
    settle(&mut Link::open(config, Account::Host).unwrap(), config, record).unwrap()
}

fn scratch_schemas(schema: &TestSchema) -> Vec<Vec<String>> {
    let name = super::scratch::name(&schema.config());
    schema.rows(&format!("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"))
}

#[test]
fn what_the_server_refuses_is_answered_before_anything_is_sent() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    for (sql, code) in [
        ("ALTER TABLE other ADD COLUMN v INT", "1060"),
        ("ALTER TABLE other DROP COLUMN nothing", "1091"),
        ("ALTER TABLE other ADD x INT DEFAULT 'no", "1064"),
        ("ALTER TABLE other ADD KEY (nothing)", "1072"),
        ("CREATE TABLE child (id INT)", "1050"),
        ("ALTER TABLE dates ADD f DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', ADD f INT", "1060"),
    ] {
        let error = described(&config, sql).unwrap_err();
        let CallError::Answer(failure) = error else { panic!("{sql}: {error:?}") };
        assert_eq!(failure.code, "sql-error");
        assert_eq!(failure.extra[0], ("code".to_owned(), code.to_owned()), "{sql}");
    }
    assert!(scratch_schemas(&schema).is_empty());
}

#[test]
fn the_record_has_no_text_of_a_definition() {
    let Some(server) = server() else { return };
    let schema =
        server.schema(&["CREATE TABLE t (a VARCHAR(20) DEFAULT 'hunter2' COMMENT 'hunter2') COMMENT='hunter2'"]);
    let record = described(&schema.config(), "ALTER TABLE t ADD b VARCHAR(20) DEFAULT 'hunter2'").unwrap();
    let json = serde_json::to_string(&record).unwrap();
    assert!(!json.contains("hunter2") && !json.contains("VARCHAR") && json.contains("table t"), "{json}");
}

#[test]
fn each_kind_of_change_is_told_done_from_not_done() {
    let Some(server) = server() else { return };
    let (mut wrong, mut counted, mut times) = (Vec::new(), 0, Vec::new());
    for sql in CHANGES {
        let schema = server.schema(&WORLD);
        let config = schema.config();
        let start = Instant::now();
        let record = described(&config, sql).unwrap();
        times.push(start.elapsed());
        let not_sent = settled(&config, &record);
        schema.run(sql);
        let sent = settled(&config, &record);
        counted += 2;
        let right = not_sent == Verdict::NotDone && matches!(sent, Verdict::Done(_));
        let unchecked = matches!(&record.witness, super::Witness::Definitions(d) if d.expected.is_none());
        let cannot_be_tried = sql.contains("EVENT") || sql.contains("KEY child_parent (id)");
        if !right || unchecked != cannot_be_tried {
            wrong.push(format!("{sql}: {not_sent:?}, {sent:?}, expected unknown: {unchecked}"));
        }
        assert!(scratch_schemas(&schema).is_empty());
    }
    times.sort();
    println!("verdicts={counted} wrong={}, described in {:?} (median)", wrong.len(), times[times.len() / 2]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_shows_nothing_is_done_again_unless_twice_is_not_once() {
    let Some(server) = server() else { return };
    for sql in REPEATABLE {
        let schema = server.schema(&WORLD);
        let config = schema.config();
        let record = described(&config, sql).unwrap();
        assert_eq!(settled(&config, &record), Verdict::NotDone, "{sql}");
        schema.run(sql);
        assert_eq!(settled(&config, &record), Verdict::NotDone, "{sql}");
    }
    for sql in [
        "ALTER TABLE parent CHANGE b a INT AFTER n, CHANGE a b INT AFTER a",
        "ALTER TABLE parent DROP a, CHANGE b a INT, ADD b INT AFTER a",
    ] {
        let schema = server.schema(&WORLD);
        let config = schema.config();
        let record = described(&config, sql).unwrap();
        assert!(matches!(settled(&config, &record), Verdict::Undetermined(_)), "{sql}");
        schema.run(sql);
        assert!(matches!(settled(&config, &record), Verdict::Undetermined(_)), "{sql}");
    }
}

#[test]
fn a_table_that_is_neither_as_before_nor_as_expected_is_named() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    let record = described(&config, "ALTER TABLE parent ADD COLUMN c INT").unwrap();
    schema.run("ALTER TABLE child ADD COLUMN foreign_hand INT");
    let Verdict::Undetermined(why) = settled(&config, &record) else { panic!() };
    assert!(why.contains("table child") && why.contains("neither"), "{why}");
    schema.run("ALTER TABLE parent ADD COLUMN c INT");
    assert!(matches!(settled(&config, &record), Verdict::Undetermined(_)));
    schema.run("ALTER TABLE child DROP COLUMN foreign_hand");
    let Verdict::Done(answer) = settled(&config, &record) else { panic!() };
    let executed: Executed = serde_json::from_value(answer).unwrap();
    assert_eq!((executed.affected, executed.last_id), (0, None));
    assert_eq!(executed.extra[0].0, "settled");
}

#[test]
fn an_account_that_may_make_no_schema_is_believed_on_atomic_servers_only() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let (config, _account) = schema.account(&["ALL ON schema.*", "SELECT ON mysql.proc"]);
    let mut record = described(&config, "ALTER TABLE parent ADD COLUMN c INT").unwrap();
    assert_eq!(settled(&config, &record), Verdict::NotDone);
    schema.run("ALTER TABLE parent ADD COLUMN c INT");
    assert!(matches!(settled(&config, &record), Verdict::Done(_)));
    let super::Witness::Definitions(definitions) = &mut record.witness else { panic!() };
    assert!(definitions.expected.is_none() && definitions.atomic);
    definitions.atomic = false;
    let Verdict::Undetermined(why) = settled(&config, &record) else { panic!() };
    assert!(why.contains("table parent"), "{why}");
    for (version, is) in [
        ("10.11.19-MariaDB-0+deb12u1", true),
        ("11.4.2-MariaDB", true),
        ("10.6.0-MariaDB", true),
        ("10.5.29-MariaDB", false),
        ("8.0.36", true),
        ("5.7.44-log", false),
        ("", false),
        ("99999999999", false),
    ] {
        assert_eq!(atomic(version), is, "{version}");
    }
}

#[test]
fn a_table_that_is_there_but_may_be_half_filled_is_not_believed() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    let mut record = described(&config, "CREATE TABLE made AS SELECT id FROM parent").unwrap();
    schema.run("CREATE TABLE made AS SELECT id FROM parent");
    let super::Witness::Definitions(definitions) = &mut record.witness else { panic!() };
    let now = definitions.now(&mut schema.link(), &config).unwrap();
    assert!(matches!(definitions.judge(&now), Judged::Done));
    definitions.atomic = false;
    assert!(matches!(definitions.judge(&now), Judged::Undetermined(_)));
}

#[test]
fn rows_without_transactions_are_compared() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    let insert = "INSERT INTO plain (v) VALUES (9), (1)";
    let record = described(&config, insert).unwrap();
    assert_eq!(settled(&config, &record), Verdict::NotDone);
    // The second row is a duplicate: an error, and yet one row is in.
    schema.link().run(insert).unwrap_err();
    let Verdict::Undetermined(why) = settled(&config, &record) else { panic!() };
    assert!(why.contains("table plain"), "{why}");
    schema.run("DELETE FROM plain WHERE v = 9");
    assert_eq!(settled(&config, &record), Verdict::NotDone);
}

#[test]
fn not_done_puts_the_next_ids_back() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    let record = described(&config, "ALTER TABLE other ADD c INT").unwrap();
    let ids = || Catalog::next_ids(&mut schema.link(), &config).unwrap();
    let before = ids();
    let mut link = schema.link();
    for sql in ["BEGIN", "INSERT INTO other (v) VALUES (1), (2), (3)", "ROLLBACK"] {
        link.run(sql).unwrap();
    }
    assert_ne!(ids(), before);
    assert_eq!(settled(&config, &record), Verdict::NotDone);
    assert_eq!(ids(), before);
}

#[test]
fn what_a_killed_trial_left_is_dropped_by_the_next_and_at_the_end() {
    let Some(server) = server() else { return };
    let schema = server.schema(&WORLD);
    let config = schema.config();
    let name = super::scratch::name(&config);
    for clear in [true, false] {
        schema.run(&format!("CREATE DATABASE {name}"));
        schema.run(&format!("CREATE TABLE {name}.other (x INT)"));
        if clear {
            forget(&mut schema.link(), &config).unwrap();
            forget(&mut schema.link(), &config).unwrap();
        } else {
            let record = described(&config, "ALTER TABLE other ADD c INT").unwrap();
            assert!(matches!(&record.witness, super::Witness::Definitions(d) if d.expected.is_some()));
        }
        assert!(scratch_schemas(&schema).is_empty());
    }
}

#[test]
fn looser_tables_and_programs_of_others_can_be_cloned() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "SET sql_mode = ''",
        "CREATE TABLE old (id INT PRIMARY KEY, d DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', e ENUM('a','') DEFAULT '', b BINARY(2) DEFAULT x'ff00')",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE next (id INT DEFAULT NEXTVAL(numbers))",
        "CREATE DEFINER=gone@nowhere TRIGGER t BEFORE INSERT ON old FOR EACH ROW SET NEW.id = nothing_there(NEW.id)",
        "CREATE DEFINER=gone@nowhere SQL SECURITY INVOKER VIEW v AS SELECT * FROM old",
        "SET sql_mode = 'ANSI_QUOTES'",
        "CREATE TRIGGER \"odd name\" BEFORE INSERT ON \"old\" FOR EACH ROW FOLLOWS t SET NEW.d = NOW()",
    ]);
    let config = schema.config();
    for sql in [
        "ALTER TABLE old ADD c INT",
        "RENAME TABLE old TO older",
        "RENAME TABLE older TO old",
        "ALTER TABLE next ADD c INT",
        "ALTER VIEW v AS SELECT id FROM old",
    ] {
        let record = described(&config, sql).unwrap();
        let super::Witness::Definitions(definitions) = &record.witness else { panic!() };
        assert!(definitions.expected.is_some(), "{sql}");
        assert_eq!(settled(&config, &record), Verdict::NotDone, "{sql}");
        schema.run(sql);
        assert!(matches!(settled(&config, &record), Verdict::Done(_)), "{sql}");
    }
}
