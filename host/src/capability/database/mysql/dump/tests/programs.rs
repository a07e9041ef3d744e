//! Triggers, views, routines and events: with their modes, character sets and definers.

use super::*;

const SCHEMA: &[&str] = &[
    "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20))",
    "CREATE TABLE log (n INT, s VARCHAR(20))",
    "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    "CREATE TRIGGER one BEFORE INSERT ON a FOR EACH ROW SET NEW.s = NEW.s || 'ü;'",
    "SET sql_mode = '', NAMES latin1",
    "CREATE TRIGGER two AFTER INSERT ON a FOR EACH ROW BEGIN /* ;; */ INSERT INTO log VALUES (NEW.id, '\u{e4}'); END",
    "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
    "CREATE TRIGGER three AFTER INSERT ON a FOR EACH ROW PRECEDES two INSERT INTO log VALUES (-NEW.id, 'ß')",
    "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE PROCEDURE fill(IN n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO INSERT INTO a (s) VALUES ('p'); \
        SET i = i + 1; END WHILE; END",
    "CREATE VIEW z AS SELECT id, twice(id) AS t, 'é' AS e FROM a",
    "CREATE VIEW b AS SELECT t + 1 AS u FROM z WHERE e = 'é'",
    "CREATE SQL SECURITY INVOKER VIEW c AS SELECT b.u, z.id FROM b JOIN z",
    "SET time_zone = '+05:00'",
    "CREATE EVENT later ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DISABLE DO BEGIN DELETE FROM log; END",
    "CREATE EVENT never ON SCHEDULE EVERY 1 HOUR STARTS '2037-01-01 00:00:00' COMMENT 'it''s' DO DELETE FROM log WHERE s = ';'",
    "INSERT INTO a (s) VALUES ('x')",
];

#[test]
fn triggers_come_back_behind_the_rows_and_fire_in_their_order() {
    let Some(server) = server() else { return };
    let saved = Saved::new(server.schema(SCHEMA), Quiet::Frozen);
    let before = state(&saved.schema);
    assert_eq!(before.0.tables["a"].triggers.len(), 3);
    saved.schema.run("DROP TRIGGER one");
    saved.schema.run("DELETE FROM a");
    saved.load().unwrap();
    assert_eq!(state(&saved.schema), before);
    // Another collation of the database than the triggers were made under.
    saved.schema.run("ALTER DATABASE CHARACTER SET latin1");
    saved.load().unwrap();
    assert_eq!(catalog(&saved.schema).tables, before.0.tables);
    assert_eq!(catalog(&saved.schema).charset, "latin1");
}

#[test]
fn all_that_is_in_a_schema_comes_back_without_us() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[]);
    let mut link = schema.link();
    let mariadb = schema.rows("SELECT VERSION()")[0][0].contains("MariaDB");
    let sequence = if mariadb { "CREATE SEQUENCE s START WITH 5 INCREMENT BY 3" } else { "DO 1" };
    for statement in [&[sequence], SCHEMA].concat() {
        link.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    if mariadb {
        link.run("DO NEXTVAL(s)").unwrap();
        link.run("CREATE TABLE 0_first (n BIGINT DEFAULT NEXTVAL(s))").unwrap();
    }
    let (before, name) = (state(&schema), schema.name.clone());
    let saved = Saved::new(schema, Quiet::Frozen);
    let other = server.schema(&[]);
    saved.load_by_hand(&other);
    let there = |(mut catalog, ids, sums): State, name: &str| {
        for program in catalog.views.values_mut().chain(catalog.routines.values_mut()) {
            program.definition = program.definition.replace(&format!("`{name}`."), "");
        }
        (catalog, ids, sums)
    };
    assert_eq!(there(state(&other), &other.name), there(before, &name));
    if mariadb {
        let next = |schema: &TestSchema| schema.rows("SELECT NEXTVAL(s)")[0][0].parse::<i64>().unwrap();
        assert!(next(&other) >= next(&saved.schema) - 3);
    }
}
