//! Tests of what is admitted: first what is refused.

use liftlock_sdk::database::Dialect::{Mariadb, Mysql, Sqlite};

use super::*;

fn admitted(text: &str) -> Admitted {
    admit(text, Mariadb, &[]).unwrap()
}

/// The byte and the code.
fn refused(text: &str) -> (usize, String) {
    let (at, failure) = admit(text, Mysql, &[]).unwrap_err();
    (at, failure.code)
}

/// What is set by a statement that is refused for it.
fn matters(text: &str) -> String {
    let (at, failure) = admit(text, Mysql, &[]).unwrap_err();
    assert_eq!((at, failure.code.as_str()), (0, "session-setting"), "{text}");
    failure.extra.into_iter().map(|(_, setting)| setting).collect()
}

fn in_parts(text: &str) -> Vec<String> {
    match admitted(text) {
        Admitted::InParts(parts) => parts,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn executable_comments_are_refused_where_they_are() {
    for (text, at) in [
        ("/*!40000 ALTER TABLE a DISABLE KEYS */", 0),
        ("/*!50003 CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1 */", 0),
        ("SELECT 1 /*M!100100 , current_user() */", 9),
        ("CREATE TABLE a (b int) /*!40101 CHARSET utf8 */ /*!40000 ENGINE=INNODB */", 23),
        ("/*!40101 SET NAMES utf8 */ /*!40101 SET sql_mode = '' */", 0),
        ("DROP TABLE a /*! , b */, c", 13),
        ("SET NAMES utf8 /*! , sql_mode = '' */", 15),
    ] {
        assert_eq!(refused(text), (at, "executable-comment".to_owned()), "{text}");
    }
    assert_eq!(admit("SELECT /*!1*/ 2", Sqlite, &[]), Ok(Admitted::AsItIs));
    assert_eq!(admitted("SELECT '/*! not one */' -- /*! nor this */"), Admitted::AsItIs);
}

#[test]
fn settings_that_mean_something_are_refused_by_name() {
    assert_eq!(matters("SET foreign_key_checks = 0"), "foreign_key_checks");
    assert_eq!(matters("set session `sql_mode` = ''"), "sql_mode");
    assert_eq!(matters("SET @@SESSION.sql_mode = 'ANSI_QUOTES'"), "sql_mode");
    assert_eq!(matters("SET NAMES utf8mb4, time_zone = '+00:00'"), "time_zone");
    assert_eq!(matters("SET NAMES latin1"), "names");
    assert_eq!(matters("SET NAMES utf8mb4 COLLATE utf8mb4_bin"), "names");
    assert_eq!(matters("SET CHARACTER SET 'gbk'"), "character set");
    assert_eq!(matters("SET @n = 5"), "@n");
    assert_eq!(matters("SET @n = (SELECT max(id) FROM a)"), "@n");
    assert_eq!(matters("SET GLOBAL max_connections = 1"), "global max_connections");
    assert_eq!(matters("SET PASSWORD = 'x'"), "password");
    assert_eq!(matters("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), "transaction isolation level serializable");
    assert_eq!(matters("/*!40014 SET @OLD=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */"), "foreign_key_checks");
    assert_eq!(matters("SET"), "");
}

#[test]
fn settings_without_meaning_are_left_out() {
    for text in [
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
        "/*!40101 SET NAMES utf8mb4 */",
        "/*!50503 SET NAMES 'utf8' */",
        "/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */",
        "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */",
        "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */",
        "/*M!100616 SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY */",
        "/*! */",
        "/*!40101 -- nothing\n */",
        "set names utf8",
        "SET character_set_client := utf8mb4",
        "SET character set utf8",
    ] {
        assert_eq!(admitted(text), Admitted::LeftOut, "{text}");
    }
}

#[test]
fn a_setting_that_the_pipeline_answers_for_is_left_out() {
    let settled = ["SQL_MODE".to_owned(), "foreign_key_checks".to_owned()];
    let text = "SET @@sql_mode = 'NO_AUTO_VALUE_ON_ZERO', FOREIGN_KEY_CHECKS=0";
    assert_eq!(admit(text, Mysql, &settled), Ok(Admitted::LeftOut));
    assert!(admit("SET GLOBAL sql_mode = ''", Mysql, &settled).is_err());
}

#[test]
fn one_object_stays_one_statement() {
    for text in [
        "DROP TABLE a",
        "DROP TABLE IF EXISTS `a,b` CASCADE",
        "DROP INDEX i ON a",
        "ALTER TABLE a DROP COLUMN b, DROP COLUMN c",
        "RENAME TABLE a TO b",
        "TRUNCATE a",
        "",
    ] {
        assert_eq!(admitted(text), Admitted::AsItIs, "{text}");
    }
}

#[test]
fn several_objects_are_one_statement_each_in_their_order() {
    assert_eq!(
        in_parts("DROP TABLE IF EXISTS a, -- the first\n x . `b` , cascade RESTRICT"),
        [
            "DROP TABLE IF EXISTS a RESTRICT",
            "DROP TABLE IF EXISTS x . `b` RESTRICT",
            "DROP TABLE IF EXISTS cascade RESTRICT"
        ]
    );
    assert_eq!(in_parts("drop view v,w"), ["drop view v", "drop view w"]);
    assert_eq!(
        in_parts("RENAME TABLE a TO tmp, b TO a, tmp TO b"),
        ["RENAME TABLE a TO tmp", "RENAME TABLE b TO a", "RENAME TABLE tmp TO b"]
    );
}
