//! A zoo of a schema on a real server, changed in many ways and put back. What is refused comes first.

mod damage;
#[cfg(feature = "faults")]
mod kills;
mod steps;
mod undoing;

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, quoted};
use super::super::link::Link;
use super::super::sql::{self, Touched, Use};
use super::super::testing::{TestSchema, server};
use super::{before_touch, begin, put_back};
use crate::effect::Fault;

/// All kinds of things that hang together.
const ZOO: &[&str] = &[
    "CREATE TABLE pr (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) CHARACTER SET latin1, UNIQUE KEY (name))",
    "CREATE TABLE cd (id INT AUTO_INCREMENT PRIMARY KEY, pr_id INT UNSIGNED,
        CONSTRAINT cd_pr FOREIGN KEY (pr_id) REFERENCES pr (id) ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE grand (id INT PRIMARY KEY, cd_id INT, CONSTRAINT grand_cd FOREIGN KEY (cd_id) REFERENCES cd (id) ON DELETE SET NULL)",
    "CREATE TABLE tree (id INT PRIMARY KEY, up INT, CONSTRAINT tree_up FOREIGN KEY (up) REFERENCES tree (id))",
    "CREATE TABLE ring_a (id INT PRIMARY KEY, b INT)",
    "CREATE TABLE ring_b (id INT PRIMARY KEY, a INT, CONSTRAINT ring_ba FOREIGN KEY (a) REFERENCES ring_a (id))",
    "ALTER TABLE ring_a ADD CONSTRAINT ring_ab FOREIGN KEY (b) REFERENCES ring_b (id)",
    "CREATE TABLE audit (id BIGINT AUTO_INCREMENT PRIMARY KEY, what TEXT, at TIMESTAMP NULL)",
    "CREATE TABLE alone (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, b BLOB) AUTO_INCREMENT=1000",
    "CREATE TABLE lost (id INT PRIMARY KEY, pr_id INT UNSIGNED, CONSTRAINT lost_pr FOREIGN KEY (pr_id) REFERENCES pr (id))",
    "CREATE TABLE kept (id INT PRIMARY KEY, one INT UNSIGNED, two INT UNSIGNED, pr_id INT UNSIGNED,
        CONSTRAINT kept_1 FOREIGN KEY (one) REFERENCES pr (id) ON DELETE NO ACTION ON UPDATE NO ACTION,
        CONSTRAINT kept_2 FOREIGN KEY (two) REFERENCES pr (id) ON DELETE SET NULL ON UPDATE RESTRICT,
        CONSTRAINT kept_3 FOREIGN KEY (pr_id) REFERENCES pr (id))",
    "CREATE TABLE anew (id INT AUTO_INCREMENT PRIMARY KEY, old VARCHAR(9) NOT NULL DEFAULT 'x', KEY (old))",
    "CREATE TABLE twin_a (id INT PRIMARY KEY, v INT) COMMENT='AUTO_INCREMENT=5'",
    "CREATE TABLE twin_b (id INT PRIMARY KEY, v INT) COMMENT='AUTO_INCREMENT=5'",
    "CREATE TABLE plain (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
    "CREATE TABLE `odd ``name``/..` (`a``b` INT PRIMARY KEY)",
    "INSERT INTO pr (name) VALUES ('one'), ('two'), ('three')",
    "INSERT INTO cd (pr_id) VALUES (1), (1), (2), (NULL)",
    "INSERT INTO grand VALUES (1, 1), (2, 2), (3, NULL)",
    "INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)",
    "INSERT INTO ring_a VALUES (1, NULL)",
    "INSERT INTO ring_b VALUES (1, 1)",
    "UPDATE ring_a SET b = 1",
    "INSERT INTO alone (f, b) VALUES (1.23456789, X'00ff27'), (16777217, NULL)",
    "DELETE FROM alone WHERE id = 1001",
    "SET foreign_key_checks = 0",
    "INSERT INTO lost VALUES (1, NULL), (2, 77)",
    "SET foreign_key_checks = 1",
    "INSERT INTO anew (old) VALUES ('a'), ('b')",
    "INSERT INTO twin_a VALUES (1, 10)",
    "INSERT INTO twin_b VALUES (1, 20)",
    "INSERT INTO plain VALUES (1, 1)",
    "INSERT INTO `odd ``name``/..` VALUES (1)",
    "SET sql_mode = 'NO_ZERO_DATE,PIPES_AS_CONCAT'",
    "CREATE TRIGGER pr_z AFTER UPDATE ON pr FOR EACH ROW INSERT INTO audit (what) VALUES ('first' || OLD.name)",
    "CREATE TRIGGER pr_a AFTER UPDATE ON pr FOR EACH ROW INSERT INTO audit (what) VALUES ('second')",
    "SET sql_mode = DEFAULT",
    "SET NAMES latin1",
    "CREATE TRIGGER pr_del BEFORE DELETE ON pr FOR EACH ROW INSERT INTO audit (what) VALUES ('gelöscht')",
    "CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2 /* größer */",
    "SET NAMES utf8mb4",
    "CREATE PROCEDURE tidy () BEGIN DELETE FROM audit WHERE what = 'ž'; END",
    "CREATE PROCEDURE twice () SELECT 2",
    "CREATE VIEW z_names AS SELECT id, name FROM pr",
    "CREATE VIEW a_names AS SELECT name, twice(id) AS d FROM z_names",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO DELETE FROM audit",
];

/// A schema with a restore point, and what it was.
struct Zoo {
    schema: TestSchema,
    config: MysqlConfig,
    saved: Value,
    before: State,
}

/// Everything that undo promises to bring back.
#[derive(Debug, PartialEq)]
struct State {
    catalog: Catalog,
    next_ids: BTreeMap<String, u64>,
    checksums: Vec<Vec<String>>,
}

impl Zoo {
    /// With a restore point; none without a server.
    fn new() -> Option<Self> {
        Self::of(ZOO)
    }

    fn of(sql: &[&str]) -> Option<Self> {
        let schema = server()?.schema(sql);
        let config = schema.config();
        let before = State::of(&schema, &config);
        let saved = begin(&mut schema.link(), &config).unwrap();
        Some(Self { schema, config, saved, before })
    }

    fn catalog(&self) -> Catalog {
        Catalog::read(&mut self.schema.link(), &self.config).unwrap()
    }

    /// A statement of the run, which may change these tables' rows.
    fn change(&self, rows: &[&str], sql: &str) {
        self.touch(rows).unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
        self.schema.run(sql);
    }

    /// A statement of a guest: what it may touch is told by the guard, as in a run.
    fn execute(&self, sql: &str) {
        let (used, catalog) = (Use::Execute { define: true }, self.catalog());
        let [statement] = &sql::parse(sql, used).unwrap_or_else(|why| panic!("{sql}: {why:?}"))[..] else {
            panic!("{sql}: several statements");
        };
        let touched = sql::touched(statement, used, &catalog, std::slice::from_ref(&self.schema.name));
        let touched = touched.unwrap_or_else(|why| panic!("{sql}: {why:?}"));
        before_touch(&self.config, &catalog, &touched).unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
        self.schema.run(&statement.text);
    }

    /// Statements of the run that only change definitions.
    fn define(&self, sql: &[&str]) {
        for sql in sql {
            self.change(&[], sql);
        }
    }

    fn touch(&self, rows: &[&str]) -> Result<(), Fault> {
        let rows = rows.iter().map(|table| (*table).to_owned()).collect();
        before_touch(&self.config, &self.catalog(), &Touched { rows, ..Touched::default() })
    }

    fn undo(&self) -> Result<(), Fault> {
        put_back(&mut self.locked(), &self.config, &self.saved)
    }

    fn locked(&self) -> Link {
        self.schema.link()
    }

    fn now(&self) -> State {
        State::of(&self.schema, &self.config)
    }

    /// Undoes, twice, and compares with the start each time.
    fn expect_undone(&self) {
        for _ in 0..2 {
            self.undo().unwrap_or_else(|fault| panic!("{fault:?}"));
            assert_eq!(self.now(), self.before);
        }
    }
}

impl State {
    fn of(schema: &TestSchema, config: &MysqlConfig) -> Self {
        let mut link = schema.link();
        let catalog = Catalog::read(&mut link, config).unwrap();
        let next_ids = Catalog::next_ids(&mut link, config).unwrap();
        let names: Vec<_> = catalog.tables.keys().map(|name| quoted(name)).collect();
        let checksums = schema.rows(&format!("CHECKSUM TABLE {} EXTENDED", names.join(", ")));
        assert!(checksums.iter().all(|row| row[1] != "NULL"), "{checksums:?}");
        Self { catalog, next_ids, checksums }
    }
}
