//! Kinds, splitting, targets.

use super::*;

fn change(sql: &str, used: Use) -> SchemaChange {
    one(sql, used).change.unwrap_or_else(|| panic!("{sql}"))
}

#[test]
fn names_that_change_places_are_refused() {
    for sql in [
        "RENAME TABLE a TO x, b TO a, x TO b",
        "RENAME TABLE a TO b, b TO a",
        "RENAME TABLE a TO x, b TO a, c TO b, x TO c",
        "RENAME TABLE a TO x, B TO A, X TO b",
    ] {
        assert!(refusal(sql, CHANGE).message.contains("exchange of names"), "{sql}");
    }
    assert_eq!(
        texts("RENAME TABLE `users` TO users_old,users_new WAIT 5 TO `users`", CHANGE),
        ["RENAME TABLE `users` TO users_old", "RENAME TABLE users_new WAIT 5 TO `users`"]
    );
}

#[test]
fn a_list_of_objects_becomes_one_statement_each() {
    assert_eq!(
        texts("DROP TABLE IF EXISTS `a`,b , `c d` CASCADE", CHANGE),
        ["DROP TABLE IF EXISTS `a` CASCADE", "DROP TABLE IF EXISTS b CASCADE", "DROP TABLE IF EXISTS `c d` CASCADE"]
    );
    assert_eq!(texts("OPTIMIZE TABLE a,b", CHANGE), ["OPTIMIZE TABLE a", "OPTIMIZE TABLE b"]);
    assert_eq!(texts("DROP VIEW v,w", DEFINE), ["DROP VIEW v", "DROP VIEW w"]);
    let dropped = parse("DROP TABLE parent, child", CHANGE).unwrap();
    assert_eq!(dropped.iter().map(Parsed::targets).collect::<Vec<_>>(), [["parent"], ["child"]]);
}

#[test]
fn queries_are_told() {
    for sql in [
        "SELECT 1",
        "select a.b FROM c WHERE d = ?",
        "(SELECT 1) UNION (SELECT 2)",
        "((SELECT 1))",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "WITH RECURSIVE x (a, b) AS (SELECT 1, 2 UNION SELECT a, b FROM x), y AS (SELECT 1) SELECT * FROM x, y",
        "WITH x AS (SELECT 1) (SELECT * FROM x)",
        "VALUES (1), (2)",
        "TABLE parent",
        "SHOW TABLES",
        "SHOW FULL TABLES LIKE 'a%'",
        "SHOW TABLE STATUS LIKE 'x'",
        "SHOW FULL COLUMNS FROM parent WHERE Field IN ('a')",
        "SHOW INDEX FROM `parent`",
        "SHOW CREATE TABLE parent",
        "SHOW VARIABLES LIKE 'version'",
        "SHOW CHARACTER SET",
        "SHOW COLLATION",
        "SHOW STORAGE ENGINES",
        "DESCRIBE parent",
        "DESC parent a",
        "EXPLAIN parent 'a%'",
        "EXPLAIN SELECT 1",
        "EXPLAIN FORMAT=JSON WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT INSERT('abc', 1, 1, 'x'), REPLACE('a', 'b', 'c'), TRUNCATE(1.5, 0), `into`, t.lock FROM t",
        "SELECT CURRENT_USER(), NOW(), UUID(), RAND(), DATABASE()",
        "SELECT `get_lock`, t.sleep, \"GET_LOCK('x', 1)\" FROM t",
    ] {
        assert_eq!(one(sql, Use::Query).kind, Kind::Read, "{sql}");
        assert_eq!(guard(sql, Use::Query), Ok(vec![Touched::default()]), "{sql}");
    }
}

#[test]
fn changes_of_rows_are_told() {
    for sql in [
        "INSERT INTO parent VALUES (1)",
        "INSERT LOW_PRIORITY IGNORE INTO parent (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
        "INSERT INTO parent SET a = 1",
        "INSERT INTO parent SELECT * FROM child FOR UPDATE",
        "REPLACE INTO parent VALUES (1)",
        "UPDATE IGNORE parent JOIN child ON child.p = parent.id SET parent.a = child.a ORDER BY parent.id LIMIT 5",
        "DELETE FROM parent WHERE a = 1",
        "DELETE QUICK parent FROM parent JOIN child ON 1",
        "DELETE FROM history",
        "WITH x AS (SELECT 1) DELETE FROM parent WHERE a IN (SELECT * FROM x)",
        "WITH x AS (SELECT 1 AS a), y AS (SELECT 2) UPDATE parent SET a = 1",
        "UPDATE parent SET a = JSON_VALUE(b, '$.c' RETURNING CHAR)",
    ] {
        let statement = one(sql, CHANGE);
        assert_eq!((statement.kind, statement.change), (Kind::Data, None), "{sql}");
    }
}

#[test]
fn columns_may_be_called_like_options() {
    for sql in [
        "CREATE TABLE x (engine VARCHAR(20), connection INT, `union` INT, tablespace INT, sequence INT, data INT)",
        "ALTER TABLE x ADD engine VARCHAR(20), ADD COLUMN connection TEXT, DROP tablespace, DROP COLUMN sequence",
        "ALTER TABLE x ADD COLUMN IF NOT EXISTS engine TEXT AFTER connection, ADD INDEX (engine), ADD KEY engine (connection)",
        "ALTER TABLE x ENGINE InnoDB, COMMENT 'ENGINE=MyISAM DATA DIRECTORY'",
        "CREATE TABLE x ENGINE='innodb' AS SELECT 1 UNION (SELECT 2) UNION ALL SELECT 3",
        "ALTER TABLE x PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5) ENGINE = InnoDB)",
        "ALTER TABLE x REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (5))",
    ] {
        assert_eq!(one(sql, CHANGE).kind, Kind::Schema, "{sql}");
    }
    assert!(refusal("ALTER TABLE x CHANGE a engine VARCHAR(5)", CHANGE).message.contains("must be quoted"));
}

#[test]
fn a_schema_change_names_its_object() {
    for (sql, action, object, targets) in [
        ("CREATE TABLE IF NOT EXISTS `a b` (x INT)", Action::Create, ObjectKind::Table, vec!["a b"]),
        ("ALTER TABLE a ADD x INT", Action::Alter, ObjectKind::Table, vec!["a"]),
        ("ALTER TABLE a ADD x INT, RENAME TO b", Action::Alter, ObjectKind::Table, vec!["a", "b"]),
        ("ALTER TABLE a RENAME b, ADD x INT", Action::Alter, ObjectKind::Table, vec!["a", "b"]),
        ("ALTER ONLINE TABLE a RENAME = b", Action::Alter, ObjectKind::Table, vec!["a", "b"]),
        ("ALTER IGNORE TABLE a RENAME COLUMN x TO y", Action::Alter, ObjectKind::Table, vec!["a"]),
        ("RENAME TABLE a TO b", Action::Rename, ObjectKind::Table, vec!["a", "b"]),
        ("DROP TABLE a", Action::Drop, ObjectKind::Table, vec!["a"]),
        ("TRUNCATE a", Action::Truncate, ObjectKind::Table, vec!["a"]),
        ("ANALYZE LOCAL TABLE a PERSISTENT FOR ALL", Action::Maintain, ObjectKind::Table, vec!["a"]),
        ("REPAIR TABLE a QUICK", Action::Repair, ObjectKind::Table, vec!["a"]),
        ("CREATE UNIQUE INDEX i USING BTREE ON a (x)", Action::Create, ObjectKind::Index, vec!["i", "a"]),
        ("DROP INDEX IF EXISTS i ON a ALGORITHM=INPLACE", Action::Drop, ObjectKind::Index, vec!["i", "a"]),
        ("ALTER DATABASE CHARACTER SET = utf8mb4 COLLATE utf8mb4_bin", Action::Alter, ObjectKind::Database, vec![]),
        ("ALTER SCHEMA DEFAULT CHARSET 'utf8'", Action::Alter, ObjectKind::Database, vec![]),
        ("CREATE OR REPLACE VIEW v (a) AS SELECT 1", Action::Create, ObjectKind::View, vec!["v"]),
        ("DROP TRIGGER IF EXISTS g", Action::Drop, ObjectKind::Trigger, vec!["g"]),
        ("DROP FUNCTION f", Action::Drop, ObjectKind::Function, vec!["f"]),
        ("ALTER EVENT e RENAME TO f", Action::Alter, ObjectKind::Event, vec!["e", "f"]),
    ] {
        let statement = one(sql, DEFINE);
        let change = statement.change.as_ref().unwrap();
        assert_eq!((statement.kind, change.action, change.object), (Kind::Schema, action, object), "{sql}");
        assert_eq!(statement.targets(), targets, "{sql}");
    }
}

#[test]
fn names_that_swap_inside_a_table_are_noticed() {
    for sql in [
        "ALTER TABLE t CHANGE a b INT, CHANGE b a INT",
        "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
        "ALTER TABLE t RENAME INDEX a TO b, CHANGE COLUMN x y INT",
    ] {
        assert!(change(sql, CHANGE).permutes, "{sql}");
    }
    for sql in
        ["ALTER TABLE t CHANGE a a INT, CHANGE b b INT", "ALTER TABLE t CHANGE a b INT", "ALTER TABLE t RENAME u"]
    {
        assert!(!change(sql, CHANGE).permutes, "{sql}");
    }
    assert!(change("CREATE TABLE t AS SELECT 1", CHANGE).fills);
    assert!(!change("CREATE TABLE t LIKE u", CHANGE).fills);
}
