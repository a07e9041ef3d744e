//! Attacks: rows 36 to 48 of the abuse suite, and more.

use super::*;

#[test]
fn a_second_statement_does_not_get_through() {
    for sql in
        ["SELECT 1; DROP TABLE users", "SELECT 1;SELECT 2", "SELECT ';' ; SELECT 1", "SELECT 1 -- x;\n; SELECT 2"]
    {
        assert_eq!(refusal(sql, Use::Query).code, "several-statements", "{sql}");
    }
    for sql in [
        "UPDATE parent SET a = 1; DROP TABLE parent",
        "DROP TABLE parent; DROP TABLE child",
        "CREATE TABLE x (a INT); GRANT ALL ON *.* TO x",
        "CREATE VIEW v AS SELECT 1; DROP TABLE parent",
        "DROP VIEW v; DROP TABLE parent",
        "ALTER PROCEDURE p NO SQL; DROP TABLE parent",
        "ALTER EVENT e ENABLE; DROP TABLE parent",
        "TRUNCATE parent; SELECT 1",
        "ALTER DATABASE COLLATE utf8mb4_bin; SELECT 1",
    ] {
        let code = refusal(sql, DEFINE).code;
        assert!(code == "several-statements" || sql.contains("EVENT"), "{sql}: {code}");
    }
    assert_eq!(texts("SELECT 1 ; -- two\n /* ; */ ;", Use::Query), ["SELECT 1"]);
}

#[test]
fn comments_that_the_server_runs_are_refused() {
    for sql in [
        "SELECT 1 /*M!100100 , current_user() */",
        "SELECT 1 /*!50000 , 2 */",
        "SELECT 1 /*!99999 , 2 */",
        "SELECT 1 /*! */",
        "/*!40014 SET FOREIGN_KEY_CHECKS=0 */",
        "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1",
        "CREATE TABLE x (a INT) /*!40000 ENGINE=FEDERATED */",
    ] {
        assert!(refusal(sql, Use::Query).message.contains("comment") || sql.contains("/*+"), "{sql}");
        assert_eq!(refusal(sql, CHANGE).code, "statement-refused", "{sql}");
    }
}

#[test]
fn no_byte_of_a_comment_reaches_the_server() {
    for (sql, sent) in [
        ("SELECT /* DROP */ 1 -- x\n, 2 # y\n, 3", "SELECT 1 , 2 , 3"),
        ("SELECT/**/COUNT(*)/* a */FROM/**/t", "SELECT COUNT(*) FROM t"),
        ("SELECT 5--/**/1", "SELECT 5- - 1"),
        ("SELECT 5--1", "SELECT 5- -1"),
        ("SELECT 5-/**/-1", "SELECT 5- -1"),
        ("SELECT 1/ /**/ *", "SELECT 1/ *"),
        ("SELECT '/*! text */', \"-- text\", `# name`", "SELECT '/*! text */', \"-- text\", `# name`"),
        ("SELECT 1 /* '*/ , '--' /* ' */", "SELECT 1 , '--'"),
    ] {
        assert_eq!(texts(sql, Use::Query), [sent], "{sql}");
    }
}

/// Refused in a query and in a change alike, with every grant.
const NEVER: &[&str] = &[
    "",
    " -- nothing",
    ";",
    "SET sql_mode = ''",
    "SET max_statement_time = 0",
    "SET STATEMENT max_statement_time = 0 FOR SELECT 1",
    "SET NAMES gbk",
    "SET PASSWORD = 'x'",
    "SET GLOBAL general_log = 1",
    "SET foreign_key_checks = 0",
    "SELECT @x := 1",
    "SELECT @@datadir",
    "SELECT 1 INTO @x",
    "UPDATE parent SET a = @x",
    "USE blog",
    "XA START 'x'",
    "XA RECOVER",
    "LOCK TABLES parent WRITE",
    "UNLOCK TABLES",
    "LOCK INSTANCE FOR BACKUP",
    "BACKUP STAGE START",
    "PREPARE s FROM 'DROP TABLE parent'",
    "EXECUTE s",
    "EXECUTE IMMEDIATE CONCAT('DR', 'OP TABLE parent')",
    "DEALLOCATE PREPARE s",
    "DO SLEEP(1)",
    "DO GET_LOCK('x', 1)",
    "CALL p()",
    "HANDLER parent OPEN",
    "BEGIN",
    "BEGIN NOT ATOMIC DROP TABLE parent; END",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE SAVEPOINT s",
    "GRANT ALL ON *.* TO x",
    "REVOKE ALL ON *.* FROM x",
    "CREATE USER x",
    "CREATE ROLE x",
    "ALTER USER USER() IDENTIFIED BY 'x'",
    "DROP USER x",
    "RENAME USER x TO y",
    "SET ROLE admin",
    "SET DEFAULT ROLE admin",
    "FLUSH TABLES",
    "RESET MASTER",
    "PURGE BINARY LOGS TO 'x'",
    "CHANGE MASTER TO MASTER_HOST='x'",
    "START SLAVE",
    "STOP REPLICA",
    "BINLOG 'x'",
    "KILL 1",
    "SHUTDOWN",
    "RESTART",
    "CLONE LOCAL DATA DIRECTORY = '/x'",
    "INSTALL SONAME 'x'",
    "INSTALL PLUGIN x SONAME 'x'",
    "UNINSTALL PLUGIN x",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE parent",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE parent",
    "LOAD XML INFILE '/x' INTO TABLE parent",
    "LOAD INDEX INTO CACHE parent",
    "CACHE INDEX parent IN x",
    "IMPORT TABLE FROM 'x'",
    "SELECT 'x' INTO OUTFILE '/tmp/x'",
    "SELECT 'x' INTO DUMPFILE '/tmp/x'",
    "SELECT * FROM parent INTO OUTFILE '/tmp/x'",
    "(SELECT 1) INTO OUTFILE '/tmp/x'",
    "INSERT INTO parent SELECT 1 INTO OUTFILE '/tmp/x'",
    "TABLE parent INTO OUTFILE '/tmp/x'",
    "SELECT LOAD_FILE('/etc/passwd')",
    "SELECT load_file ('/etc/passwd')",
    "SELECT SLEEP(1e6)",
    "SELECT `sleep`(1)",
    "SELECT sleep/**/(1)",
    "SELECT BENCHMARK(1000000, MD5('x'))",
    "SELECT GET_LOCK('liftlock', 1)",
    "SELECT RELEASE_LOCK('liftlock')",
    "SELECT RELEASE_ALL_LOCKS()",
    "SELECT IS_FREE_LOCK('x')",
    "SELECT IS_USED_LOCK('x')",
    "SELECT LAST_INSERT_ID()",
    "SELECT ROW_COUNT()",
    "SELECT FOUND_ROWS()",
    "SELECT CONNECTION_ID()",
    "SELECT MASTER_POS_WAIT('x', 4)",
    "SELECT WAIT_FOR_EXECUTED_GTID_SET('x')",
    "UPDATE parent SET a = LAST_INSERT_ID(a + 1)",
    "INSERT INTO parent VALUES (GET_LOCK('x', 1))",
    "SELECT NEXTVAL(s)",
    "SELECT NEXT VALUE FOR s",
    "SELECT PREVIOUS VALUE FOR s",
    "SELECT SETVAL(s, 1)",
    "INSERT INTO parent VALUES (NEXT VALUE FOR s)",
    "CREATE SEQUENCE s",
    "ALTER SEQUENCE s RESTART",
    "DROP SEQUENCE s",
    "CREATE DATABASE x",
    "CREATE SCHEMA x",
    "DROP DATABASE shop",
    "ALTER DATABASE shop CHARACTER SET utf8mb4",
    "ALTER DATABASE CHARACTER SET utf8mb4 READ ONLY = 1",
    "ALTER DATABASE COMMENT 'x'",
    "ALTER DATABASE UPGRADE DATA DIRECTORY NAME",
    "ALTER DATABASE",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
    "CREATE TABLESPACE x ADD DATAFILE 'x'",
    "CREATE LOGFILE GROUP x ADD UNDOFILE 'x'",
    "ALTER INSTANCE ROTATE INNODB MASTER KEY",
    "CREATE FUNCTION f RETURNS STRING SONAME 'udf.so'",
    "CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'udf.so'",
    "CREATE TEMPORARY TABLE x (a INT)",
    "DROP TEMPORARY TABLE x",
    "CREATE OR REPLACE TABLE parent (a INT)",
    "CREATE OR REPLACE INDEX i ON parent (a)",
    "CREATE OR REPLACE TEMPORARY TABLE x (a INT)",
    "CHECK TABLE parent",
    "CHECKSUM TABLE parent",
    "ANALYZE UPDATE parent SET a = 1",
    "ANALYZE FORMAT=JSON DELETE FROM parent",
    "REPAIR TABLE parent USE_FRM",
    "REPAIR VIEW v",
    "HELP 'x'",
    "SIGNAL SQLSTATE '45000'",
    "GET DIAGNOSTICS x = NUMBER",
    "SHOW GRANTS",
    "SHOW CREATE USER x",
    "SHOW CREATE DATABASE blog",
    "SHOW DATABASES",
    "SHOW PROCESSLIST",
    "SHOW FULL PROCESSLIST",
    "SHOW BINARY LOGS",
    "SHOW MASTER STATUS",
    "SHOW SLAVE STATUS",
    "SHOW STATUS",
    "SHOW WARNINGS",
    "SHOW ENGINE INNODB STATUS",
    "SHOW EXPLAIN FOR 1",
    "SHOW TABLES FROM blog",
    "SHOW TABLE STATUS IN blog",
    "SHOW COLUMNS FROM posts FROM blog",
    "SHOW INDEX IN posts IN blog",
    "SHOW TABLES WHERE 1 IN (SELECT 1 FROM mysql.user)",
    "EXPLAIN UPDATE parent SET a = 1",
    "EXPLAIN DELETE FROM parent",
    "EXPLAIN FOR CONNECTION 1",
    "EXPLAIN FORMAT=JSON INSERT INTO parent VALUES (1)",
    "EXPLAIN ANALYZE DELETE FROM parent",
    "EXPLAIN WITH x AS (SELECT 1) DELETE FROM parent",
    "DESCRIBE parent a b",
    "SELECT * FROM parent PROCEDURE ANALYSE()",
    "INSERT DELAYED INTO parent VALUES (1)",
    "INSERT INTO parent VALUES (1) RETURNING a",
    "REPLACE INTO parent VALUES (1) RETURNING a",
    "DELETE FROM parent RETURNING a",
    "DELETE HISTORY FROM parent",
    "SELECT 1\0; DROP TABLE parent",
    "SELECT 'a\0b'",
    "UPDATE parent SET a = 'x\0'",
    "SELECT 'open",
    "SELECT \"open",
    "SELECT `open",
    "SELECT ``",
    "SELECT 'a\\'",
    "SELECT /* open",
    "SELECT /* open *",
    "SELECT \\N",
    "SELECT {d '2020-01-01'}",
    "SELECT [a]",
    "SELECT \x01",
    "SELECT $$x$$",
    "SELECT x'4'G'",
    "SELECT b'012'",
];

#[test]
fn what_reaches_out_is_refused_with_every_grant() {
    for sql in NEVER {
        for used in [Use::Query, CHANGE, DEFINE] {
            let failure = refusal(sql, used);
            let codes = ["statement-refused", "other-schema", "several-statements", "not-granted"];
            assert!(codes.contains(&failure.code.as_str()), "{sql}: {failure:?}");
            assert!(failure.code != "not-granted" || used == CHANGE, "{sql}: {failure:?}");
        }
    }
}

#[test]
fn a_query_cannot_change_or_lock_anything() {
    for sql in [
        "INSERT INTO parent VALUES (1)",
        "REPLACE INTO parent VALUES (1)",
        "UPDATE parent SET a = 1",
        "DELETE FROM parent",
        "WITH x AS (SELECT 1) UPDATE parent, x SET a = 1",
        "WITH x AS (SELECT 1), y (a) AS (SELECT 2) DELETE FROM parent",
        "WITH RECURSIVE x AS (SELECT 1) INSERT INTO parent SELECT 1",
        "WITH x AS (SELECT 1)",
        "TRUNCATE parent",
        "DROP TABLE parent",
        "CREATE TABLE x (a INT)",
        "OPTIMIZE TABLE parent",
        "SELECT * FROM parent FOR UPDATE",
        "SELECT * FROM parent for /* */ update",
        "SELECT * FROM parent FOR SHARE",
        "SELECT * FROM parent LOCK IN SHARE MODE",
        "SELECT * FROM (SELECT * FROM parent FOR UPDATE) x",
        "SELECT a INTO b FROM parent",
        "((UPDATE parent SET a = 1))",
    ] {
        assert_eq!(refusal(sql, Use::Query).code, "statement-refused", "{sql}");
    }
    for sql in ["SELECT 1", "(SELECT 1)", "SHOW TABLES", "DESCRIBE parent", "WITH x AS (SELECT 1) SELECT * FROM x"] {
        assert!(refusal(sql, CHANGE).message.contains("query"), "{sql}");
    }
}

#[test]
fn options_of_tables_lead_to_no_file_server_or_engine() {
    for sql in [
        "CREATE TABLE x (a INT) DATA DIRECTORY='/tmp'",
        "CREATE TABLE x (a INT) DATA/**/DIRECTORY '/tmp'",
        "CREATE TABLE x (a INT) index directory = '/tmp'",
        "CREATE TABLE x (a INT) PARTITION BY HASH (a) (PARTITION p DATA DIRECTORY = '/tmp')",
        "ALTER TABLE parent DATA DIRECTORY = '/tmp'",
        "CREATE TABLE x (a INT) ENGINE=FEDERATED CONNECTION='mysql://x/y/z'",
        "CREATE TABLE x (a INT) ENGINE=InnoDB CONNECTION 'mysql://x/y/z'",
        "CREATE TABLE x (a INT) ENGINE FEDERATED",
        "CREATE TABLE x (a INT) ENGINE=`CONNECT` TABLE_TYPE=DOS FILE_NAME='/etc/passwd'",
        "CREATE TABLE x (a INT) ENGINE='CSV'",
        "CREATE TABLE x (a INT) ENGINE=InnoDB ENGINE=MyISAM",
        "CREATE TABLE x (a INT), ENGINE MyISAM",
        "CREATE TABLE x (a INT) ENGINE=",
        "CREATE TABLE x ENGINE=MEMORY SELECT 1",
        "CREATE TABLE x (a INT) PARTITION BY HASH (a) (PARTITION p ENGINE=MyISAM)",
        "CREATE TABLE x (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (3) ENGINE MyISAM)",
        "CREATE TABLE x (a INT) PARTITION BY HASH (a) (PARTITION modify ENGINE MyISAM)",
        "CREATE TABLE x (a INT) PARTITION BY HASH (a) (PARTITION after TABLESPACE ts)",
        "CREATE TABLE modify ENGINE MyISAM SELECT 1",
        "ALTER TABLE parent ENGINE=Aria",
        "ALTER TABLE parent ADD b INT, ENGINE MyISAM",
        "CREATE TABLE x (a INT) UNION=(parent)",
        "CREATE TABLE x (a INT) UNION (parent)",
        "ALTER TABLE x UNION = (parent)",
        "CREATE TABLE x (a INT) TABLESPACE ts",
        "CREATE TABLE x (a INT) TABLESPACE=innodb_system",
        "ALTER TABLE parent DISCARD TABLESPACE",
        "ALTER TABLE parent IMPORT TABLESPACE",
        "ALTER TABLE parent DISCARD PARTITION p TABLESPACE",
        "ALTER TABLE parent EXCHANGE PARTITION p WITH TABLE child",
        "ALTER TABLE parent CONVERT PARTITION p TO TABLE x",
        "ALTER TABLE parent CONVERT TABLE child TO PARTITION p",
        "CREATE TABLE x (a INT) WITH SYSTEM VERSIONING",
        "ALTER TABLE parent ADD SYSTEM VERSIONING",
        "ALTER TABLE parent DROP SYSTEM VERSIONING",
        "CREATE TABLE x (a INT, PERIOD FOR SYSTEM_TIME(b, c))",
        "CREATE TABLE x (a INT) SEQUENCE=1",
        "CREATE TABLE x (a INT) SEQUENCE 1",
        "CREATE TABLE x (a INT) SECONDARY_ENGINE = rapid",
        "CREATE TABLE x (a INT) START TRANSACTION",
        "CREATE TABLE x SELECT * FROM parent FOR UPDATE",
        "CREATE TABLE x SELECT 1 INTO OUTFILE '/tmp/x'",
        "CREATE TABLE x AS (SELECT 1 INTO @a)",
    ] {
        assert_eq!(refusal(sql, DEFINE).code, "statement-refused", "{sql}");
    }
}

#[test]
fn our_own_table_is_out_of_reach() {
    for sql in
        ["SELECT * FROM liftlock_marker", "SELECT * FROM `LiftLock_Marker` x", "SELECT liftlock_marker.run FROM x"]
    {
        assert!(refusal(sql, Use::Query).message.contains("belongs to the host"), "{sql}");
    }
    for sql in [
        "DELETE FROM liftlock_marker",
        "ALTER TABLE parent RENAME TO liftlock_marker",
        "RENAME TABLE liftlock_marker TO x",
        "DROP TABLE parent, liftlock_marker",
        "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW DELETE FROM liftlock_marker",
        "CREATE VIEW v AS SELECT * FROM liftlock_marker",
    ] {
        assert!(refusal(sql, DEFINE).message.contains("belongs to the host"), "{sql}");
    }
}

#[test]
fn routines_and_programs_want_the_grant_define() {
    for sql in ["SELECT next_number()", "SELECT NEXT_NUMBER ()", "SELECT `next_number`() FROM parent"] {
        assert_eq!(refusal(sql, Use::Query).code, "not-granted", "{sql}");
    }
    for sql in [
        "UPDATE parent SET a = next_number()",
        "CREATE VIEW v AS SELECT 1",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE ALGORITHM=MERGE DEFINER=CURRENT_USER SQL SECURITY INVOKER VIEW v AS SELECT 1",
        "ALTER VIEW v AS SELECT 1",
        "DROP VIEW v",
        "DROP TRIGGER IF EXISTS g",
        "CREATE TRIGGER g AFTER INSERT ON parent FOR EACH ROW SET NEW.a = 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM parent",
        "ALTER EVENT e DISABLE",
        "DROP PROCEDURE p",
    ] {
        let failure = refusal(sql, CHANGE);
        assert_eq!(failure.code, "not-granted", "{sql}");
        assert!(failure.message.contains("database.<name> = \"define\""), "{failure:?}");
    }
}
