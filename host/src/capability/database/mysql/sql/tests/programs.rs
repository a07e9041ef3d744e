//! Triggers, views, routines and events of stages.

use super::*;

const TRIGGER: &str = "CREATE TRIGGER g BEFORE INSERT ON parent FOR EACH ROW ";
const PROCEDURE: &str = "CREATE PROCEDURE p(IN a INT, INOUT b DECIMAL(5, 2)) ";

#[test]
fn a_second_statement_behind_a_body_is_seen() {
    for body in [
        "SET NEW.a = 1; DROP TABLE parent",
        "BEGIN SET NEW.a = 1; END; DROP TABLE parent",
        "BEGIN END; SET GLOBAL general_log = 1; BEGIN END",
        "l: BEGIN END l; DROP TABLE parent",
        "IF NEW.a THEN SET NEW.a = 1; END IF; DROP TABLE parent",
        "BEGIN BEGIN END; END; SELECT 1 AS `end`",
        "CASE NEW.a WHEN 1 THEN SET NEW.a = 2; END CASE; DROP TABLE parent",
        "BEGIN SET NEW.a = CASE 1 WHEN 1 THEN 2 END; END; DROP TABLE parent",
    ] {
        assert_eq!(refusal(&format!("{TRIGGER}{body}"), DEFINE).code, "several-statements", "{body}");
    }
}

#[test]
fn a_name_that_looks_like_a_block_hides_nothing() {
    for body in [
        "BEGIN SELECT begin INTO x FROM t; END; SET sql_mode = ''; END",
        "BEGIN SELECT end INTO x FROM t; END; SET sql_mode = ''; END",
        "BEGIN IF CASE end WHEN 1 THEN begin END THEN SET sql_mode = ''; END IF; END",
        "BEGIN IF CASE end WHEN 1 THEN open END THEN SET sql_mode = ''; END IF; END",
        "BEGIN WHILE do DO SET sql_mode = ''; END WHILE; END",
        "BEGIN OPEN c THEN SET sql_mode = ''; END",
        "BEGIN DECLARE CONTINUE HANDLER FOR begin SET sql_mode = ''; END",
        "BEGIN SELECT (1; SET sql_mode = ''; SELECT 2); END",
        "BEGIN SELECT CASE 1; SET sql_mode = ''; END; END",
        "BEGIN",
        "BEGIN IF NEW.a THEN SET NEW.a = 1; END; END",
        "BEGIN LOOP SET NEW.a = 1; END IF; END",
        "END",
        "ELSE SET NEW.a = 1",
        "",
        ";",
    ] {
        let failure = refusal(&format!("{TRIGGER}{body}"), DEFINE);
        let codes = ["statement-refused", "several-statements"];
        assert!(codes.contains(&failure.code.as_str()), "{body}: {failure:?}");
    }
    // Names of objects that look like the start of the body do not shift it.
    for sql in [
        "CREATE TRIGGER g BEFORE INSERT ON begin FOR EACH ROW SET NEW.a = 1; SET sql_mode = ''; END",
        "CREATE TRIGGER begin BEFORE INSERT ON parent FOR EACH ROW SET NEW.a = 1; SET sql_mode = ''; END",
        "CREATE TRIGGER g BEFORE INSERT ON parent FOR EACH ROW FOLLOWS begin SET NEW.a = 1; SET sql_mode = ''; END",
        "CREATE EVENT begin ON SCHEDULE EVERY 1 DAY DO DELETE FROM parent; SET sql_mode = ''; END",
        "CREATE EVENT e ON SCHEDULE EVERY begin DAY DO DELETE FROM parent; SET sql_mode = ''; END",
        "CREATE EVENT e ON SCHEDULE EVERY do DAY DO BEGIN END; SET sql_mode = ''",
        "CREATE PROCEDURE p(begin INT) SELECT 1; SET sql_mode = ''; END",
        "CREATE FUNCTION f() RETURNS INT RETURN 1; SET sql_mode = ''; END",
    ] {
        let failure = refusal(sql, DEFINE);
        assert!(["statement-refused", "several-statements"].contains(&failure.code.as_str()), "{sql}: {failure:?}");
    }
}

#[test]
fn a_body_reaches_neither_session_nor_definitions() {
    for statement in [
        "SET sql_mode = ''",
        "SET foreign_key_checks = 0",
        "SET a = 1, foreign_key_checks = 0",
        "SET SESSION sql_mode = ''",
        "SET GLOBAL general_log = 1",
        "SET @x = 1",
        "SET @@sql_mode = ''",
        "SET NAMES gbk",
        "SET PASSWORD = 'x'",
        "SET ROLE admin",
        "SET TRANSACTION READ ONLY",
        "SET STATEMENT max_statement_time = 0 FOR SELECT 1",
        "SET hot.key_buffer_size = 1",
        "PREPARE s FROM 'DROP TABLE parent'",
        "EXECUTE s",
        "EXECUTE IMMEDIATE 'DROP TABLE parent'",
        "DEALLOCATE PREPARE s",
        "START TRANSACTION",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "XA START 'x'",
        "LOCK TABLES parent WRITE",
        "GRANT ALL ON *.* TO x",
        "CREATE USER x",
        "DROP TABLE parent",
        "CREATE TABLE x (a INT)",
        "CREATE TEMPORARY TABLE x (a INT)",
        "ALTER TABLE parent ADD a INT",
        "TRUNCATE parent",
        "FLUSH TABLES",
        "KILL 1",
        "USE blog",
        "LOAD DATA INFILE 'x' INTO TABLE parent",
        "DO SLEEP(1)",
        "DO 1",
        "HANDLER parent OPEN",
        "SHOW TABLES",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO @x",
        "SELECT GET_LOCK('x', 1) INTO a",
        "SELECT LOAD_FILE('x') INTO a",
        "SELECT SLEEP(1) INTO a",
        "INSERT INTO parent VALUES (LAST_INSERT_ID())",
        "SELECT 1 FROM mysql.user",
        "DELETE FROM liftlock_marker",
        "BEGIN NOT ATOMIC SELECT 1; END",
    ] {
        for sql in [
            format!("{PROCEDURE}{statement}"),
            format!("{PROCEDURE}BEGIN {statement}; END"),
            format!("{PROCEDURE}BEGIN IF a THEN SET a = 1; ELSE {statement}; END IF; END"),
            format!("{PROCEDURE}BEGIN CASE a WHEN 1 THEN {statement}; END CASE; END"),
            format!("{PROCEDURE}BEGIN DECLARE EXIT HANDLER FOR SQLSTATE '23000', NOT FOUND {statement}; END"),
            format!("{PROCEDURE}l: LOOP {statement}; END LOOP"),
            format!("{PROCEDURE}BEGIN REPEAT {statement}; UNTIL 1 END REPEAT; END"),
            format!("{PROCEDURE}BEGIN WHILE a DO m: BEGIN {statement}; END m; END WHILE; END"),
            format!("CREATE EVENT e ON SCHEDULE AT NOW() + INTERVAL 1 DAY DO {statement}"),
            format!("{TRIGGER}{statement}"),
        ] {
            let failure = refusal(&sql, DEFINE);
            assert!(["statement-refused", "other-schema"].contains(&failure.code.as_str()), "{sql}: {failure:?}");
        }
    }
}

#[test]
fn a_variable_lives_in_its_block_only() {
    for body in [
        "BEGIN BEGIN DECLARE sql_mode INT; END; SET sql_mode = ''; END",
        "BEGIN DECLARE sql_mode CONDITION FOR 1234; SET sql_mode = ''; END",
        "BEGIN DECLARE sql_mode CURSOR FOR SELECT 1; SET sql_mode = ''; END",
        "BEGIN SET sql_mode = ''; DECLARE sql_mode INT; END",
        "BEGIN IF 1 THEN DECLARE x INT; END IF; END",
        "DECLARE x INT",
    ] {
        assert_eq!(refusal(&format!("{PROCEDURE}{body}"), DEFINE).code, "statement-refused", "{body}");
    }
}

#[test]
fn nobody_elses_rights_stay_behind() {
    for sql in [
        "CREATE DEFINER=root@localhost VIEW v AS SELECT 1",
        "CREATE DEFINER=`root` VIEW v AS SELECT 1",
        "CREATE DEFINER = 'root' TRIGGER g AFTER INSERT ON parent FOR EACH ROW DELETE FROM child",
        "ALTER DEFINER=admin EVENT e ENABLE",
        "CREATE DEFINER=CURRENT_ROLE PROCEDURE p() SELECT 1",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS 'x'",
        "CREATE PROCEDURE p",
        "CREATE VIEW v",
        "CREATE VIEW v AS SELECT 1 INTO OUTFILE 'x'",
        "CREATE VIEW v AS SELECT * FROM parent PROCEDURE ANALYSE()",
    ] {
        assert_eq!(refusal(sql, DEFINE).code, "statement-refused", "{sql}");
    }
}

/// Programs that applications really have.
pub(super) const PROGRAMS: &[&str] = &[
    "CREATE TRIGGER g BEFORE UPDATE ON parent FOR EACH ROW SET NEW.changed = NOW(), NEW.n = OLD.n + 1",
    "CREATE DEFINER = CURRENT_USER() TRIGGER g AFTER DELETE ON parent FOR EACH ROW FOLLOWS h INSERT INTO audit VALUES (OLD.id)",
    "CREATE TRIGGER g BEFORE INSERT ON parent FOR EACH ROW IF NEW.a IS NULL THEN SET NEW.a = 1; END IF",
    "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW BEGIN DECLARE n, m INT DEFAULT 0; SELECT COUNT(*) INTO n FROM child; \
         IF n > 5 THEN SET m = CASE WHEN n = 6 THEN 1 ELSE 2 END; ELSEIF n = 4 THEN SET m = IF(n, 1, 2); ELSE SET m = 3; END IF; \
         INSERT INTO audit VALUES (m); END",
    "CREATE OR REPLACE ALGORITHM = UNDEFINED SQL SECURITY INVOKER VIEW v (a, b) AS SELECT x, y FROM parent WITH CHECK OPTION",
    "CREATE PROCEDURE IF NOT EXISTS p (IN a INT, OUT b VARCHAR(20)) COMMENT 'why' NOT DETERMINISTIC MODIFIES SQL DATA BEGIN \
         DECLARE done TINYINT(1) DEFAULT 0; DECLARE x INT; DECLARE c CURSOR FOR SELECT id FROM parent; \
         DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; \
         DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE VALUE '23000', 1062 BEGIN CLOSE c; RESIGNAL; END; \
         OPEN c; walk: LOOP FETCH c INTO x; IF done THEN LEAVE walk; END IF; UPDATE child SET p = x WHERE id = a; \
         CALL q(x); SET b := 'y'; END LOOP walk; CLOSE c; \
         WHILE a > 0 DO SET a = a - 1; END WHILE; REPEAT SET a = a + 1; UNTIL a > 5 END REPEAT; \
         CASE a WHEN 1 THEN DELETE FROM child; ELSE BEGIN END; END CASE; END",
    "CREATE FUNCTION f(a INT UNSIGNED, b ENUM('x','y')) RETURNS VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin \
         DETERMINISTIC NO SQL RETURN CONCAT(a, b)",
    "CREATE FUNCTION f() RETURNS INT UNSIGNED BEGIN RETURN 1; END",
    "CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY STARTS (NOW() + INTERVAL 1 HOUR) ON COMPLETION PRESERVE COMMENT 'x' \
         DO BEGIN DELETE FROM parent WHERE a < NOW(); END",
    "ALTER EVENT e ON SCHEDULE EVERY 2 DAY DO DELETE FROM audit",
    "ALTER PROCEDURE p SQL SECURITY INVOKER COMMENT 'x'",
    "ALTER SQL SECURITY INVOKER VIEW v AS SELECT 1",
    "DROP EVENT IF EXISTS e",
];

#[test]
fn programs_of_applications_pass() {
    for sql in PROGRAMS {
        assert_eq!(one(sql, DEFINE).kind, Kind::Schema, "{sql}");
        guard(sql, DEFINE).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
    }
}
