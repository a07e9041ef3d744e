//! Tests of the cutting: first what is refused.

use liftlock_sdk::database::Dialect::{Mariadb, Mysql, Sqlite};

use super::*;

fn texts(text: &str, dialect: Dialect) -> Vec<&str> {
    split(text, dialect).unwrap().into_iter().map(|statement| statement.text).collect()
}

fn open(text: &str, dialect: Dialect) -> (usize, &'static str) {
    let broken = split(text, dialect).unwrap_err();
    (broken.line, broken.what)
}

#[test]
fn what_is_never_closed_is_refused_with_its_line() {
    assert_eq!(open("SELECT 1;\nSELECT 'a;\nb", Sqlite), (2, "a quote"));
    assert_eq!(open("SELECT \"a", Sqlite), (1, "a quote"));
    assert_eq!(open("SELECT `a", Mysql), (1, "a quote"));
    assert_eq!(open("SELECT [a", Sqlite), (1, "a bracket"));
    assert_eq!(open("\n\n/* SELECT 1;", Sqlite), (3, "a comment"));
    assert_eq!(open("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;", Sqlite), (1, "a BEGIN or CASE"));
    assert_eq!(open("SELECT 'a\\'", Mysql), (1, "a quote"));
}

#[test]
fn nothing_is_no_statement() {
    for text in ["", "\u{feff}", " \r\n\t", ";", ";;\n;", "-- empty", "-- empty\n", "/* a; b */", "-- a;\n/* b */;\n"] {
        assert_eq!(texts(text, Sqlite), [""; 0], "{text:?}");
    }
    assert_eq!(texts("# empty", Mysql), [""; 0]);
    assert_eq!(texts("DELIMITER $$\n$$\nDELIMITER ;\n", Mysql), [""; 0]);
}

#[test]
fn the_last_one_needs_no_semicolon() {
    assert_eq!(texts("SELECT 1;\nSELECT 2", Sqlite), ["SELECT 1", "SELECT 2"]);
    assert_eq!(texts("SELECT 1 -- done", Sqlite), ["SELECT 1 -- done"]);
}

#[test]
fn a_semicolon_in_quotes_ends_nothing() {
    for one in ["SELECT ';'", "SELECT \";\"", "SELECT `;`", "SELECT 'it''s;'", "SELECT \"a\"\";\"", "SELECT ';', ''"] {
        for dialect in [Sqlite, Mysql, Mariadb] {
            assert_eq!(texts(&format!("{one};SELECT 2;"), dialect), [one, "SELECT 2"]);
        }
    }
    assert_eq!(texts("SELECT [a;b];SELECT 2", Sqlite), ["SELECT [a;b]", "SELECT 2"]);
    assert_eq!(texts("SELECT '--';SELECT '/*';SELECT '*/'", Sqlite).len(), 3);
}

#[test]
fn a_backslash_escapes_only_in_mysql() {
    assert_eq!(texts(r"SELECT 'it\'s;';SELECT 2", Mysql), [r"SELECT 'it\'s;'", "SELECT 2"]);
    assert_eq!(texts(r"SELECT 'a\';SELECT 2", Sqlite), [r"SELECT 'a\'", "SELECT 2"]);
    assert_eq!(texts(r"SELECT 'a\\';SELECT 2", Mysql), [r"SELECT 'a\\'", "SELECT 2"]);
    assert_eq!(texts(r"SELECT `a\`;SELECT 2", Mysql), [r"SELECT `a\`", "SELECT 2"]);
}

#[test]
fn a_semicolon_in_a_comment_ends_nothing() {
    assert_eq!(texts("SELECT 1 -- a; 'b\n, 2;SELECT 3", Sqlite), ["SELECT 1 -- a; 'b\n, 2", "SELECT 3"]);
    assert_eq!(texts("SELECT /* a; */ 1;SELECT 3", Sqlite), ["SELECT /* a; */ 1", "SELECT 3"]);
    assert_eq!(texts("SELECT 1 # a;\n;SELECT 3", Mysql), ["SELECT 1 # a;", "SELECT 3"]);
}

#[test]
fn what_is_a_comment_depends_on_the_database() {
    assert_eq!(texts("SELECT 5--2;SELECT 3", Mysql), ["SELECT 5--2", "SELECT 3"]);
    assert_eq!(texts("SELECT 5--2;SELECT 3", Sqlite), ["SELECT 5--2;SELECT 3"]);
    assert_eq!(texts("SELECT a[1;2]", Mysql), ["SELECT a[1", "2]"]);
    assert_eq!(texts("/*!40101 SET NAMES utf8 */;\nSELECT 1;", Mysql), ["/*!40101 SET NAMES utf8 */", "SELECT 1"]);
    assert_eq!(texts("/*M!100100 SELECT 2 */;", Mariadb), ["/*M!100100 SELECT 2 */"]);
    assert_eq!(texts("/*M!999999\\- enable the sandbox mode */ \nSELECT 1;", Mariadb), ["SELECT 1"]);
    assert_eq!(texts("/*! a */;SELECT 1", Sqlite), ["SELECT 1"]);
}

#[test]
fn a_statement_is_kept_as_it_is_and_knows_its_line() {
    let file = "\u{feff}-- Add\r\n\r\nCREATE TABLE a (\r\n  b text -- c;\r\n);\r\n  DROP TABLE x ;\r\n";
    let expected = [
        Statement { text: "CREATE TABLE a (\r\n  b text -- c;\r\n)", line: 3 },
        Statement { text: "DROP TABLE x", line: 6 },
    ];
    assert_eq!(split(file, Sqlite).unwrap(), expected);
}

#[test]
fn a_trigger_is_one_statement() {
    let trigger = "CREATE TEMP TRIGGER IF NOT EXISTS t AFTER UPDATE ON a FOR EACH ROW WHEN CASE new.x WHEN 1 THEN 0 END BEGIN\n\
                   UPDATE a SET x = CASE WHEN x > 1 THEN CASE x WHEN 2 THEN 3 END ELSE 4 END;\n\
                   INSERT INTO b VALUES (new.end, old.begin, 'END;');\n\
                   end";
    assert_eq!(texts(&format!("{trigger};\nSELECT 1;"), Sqlite), [trigger, "SELECT 1"]);
}

#[test]
fn a_routine_without_a_delimiter_line_is_one_statement() {
    let routine = "CREATE DEFINER=`root`@localhost PROCEDURE p(n INT)\nBEGIN\n\
                   IF n > IF(n, 1, 2) THEN SELECT REPEAT('a', n); END IF;\n\
                   WHILE n > 0 DO SET n = n - 1; END WHILE;\n\
                   CASE n WHEN 0 THEN SELECT 1; ELSE BEGIN END; END CASE;\n\
                   l: LOOP LEAVE l; END LOOP l;\nEND";
    assert_eq!(texts(&format!("{routine};SELECT 1"), Mysql), [routine, "SELECT 1"]);
    let short = "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1";
    assert_eq!(texts(&format!("{short};SELECT 1"), Mariadb), [short, "SELECT 1"]);
}

#[test]
fn words_that_begin_a_body_elsewhere_begin_none_here() {
    assert_eq!(texts("BEGIN;SELECT 1;COMMIT;", Sqlite), ["BEGIN", "SELECT 1", "COMMIT"]);
    assert_eq!(texts("CREATE TABLE trigger (begin int);SELECT 1", Sqlite).len(), 2);
    assert_eq!(texts("CREATE VIEW v AS SELECT CASE a WHEN 1 THEN 2 END;SELECT 1", Sqlite).len(), 2);
    assert_eq!(texts("DROP TRIGGER t;SELECT 1", Sqlite).len(), 2);
    assert_eq!(texts("CREATE UNIQUE INDEX i ON event (\"begin\");SELECT 1", Sqlite).len(), 2);
}

#[test]
fn delimiter_lines_belong_to_mysql() {
    let file = "DELIMITER $$\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @x = '$$'; END$$\n\
                delimiter ;\nSELECT 1;\nDELIMITER //\nSELECT 2; SELECT 3//\nSELECT 4\n//";
    let expected = [
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @x = '$$'; END",
        "SELECT 1",
        "SELECT 2; SELECT 3",
        "SELECT 4",
    ];
    assert_eq!(texts(file, Mysql), expected);
    assert_eq!(texts("DELIMITER x;SELECT 1", Sqlite), ["DELIMITER x", "SELECT 1"]);
    assert_eq!(texts("DELIMITER\nSELECT 1;", Mysql), ["SELECT 1"]);
}

#[test]
fn text_that_is_not_ascii_is_cut_between_characters() {
    assert_eq!(texts("SELECT 'ü;€' AS größe;SELECT '😀'", Sqlite), ["SELECT 'ü;€' AS größe", "SELECT '😀'"]);
    assert_eq!(texts("SELECT '\\ü';SELECT 1", Mysql), ["SELECT '\\ü'", "SELECT 1"]);
}
