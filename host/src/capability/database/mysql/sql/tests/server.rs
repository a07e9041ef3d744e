//! Whether a real server reads statements as we do.

use mysql_client::Error;

use super::super::token::{render, tokens};
use super::programs::PROGRAMS;
use super::*;
use crate::capability::database::mysql::link::Link;
use crate::capability::database::mysql::testing::{self, texts as texts_of};

const SYNTAX_ERROR: u16 = 1064;

const PIECES: &str = r#"1¦2¦'a\'b'¦"x""y"¦x'41'¦0x42¦0X42¦b'01'¦1.5¦.5¦1e1¦N'n'¦_utf8mb4'u'¦a¦b¦`c d`¦2fa¦t.a¦t . b¦t.`c d`¦NULL¦+¦-¦--¦-- c
¦# c
¦/**/¦/* ' */¦*¦/¦%¦=¦<¦>¦||¦<=>¦!¦,¦,¦,¦(¦)¦AS¦as x¦AND¦COUNT(*)¦COUNT¦IN (1)¦ ¦ ¦
¦1e1x¦1a¦0x1G¦e¦.¦\N¦$¦ü"#;

fn answer(link: &mut Link, sql: &str) -> Result<Vec<Vec<String>>, u16> {
    match link.rows(sql) {
        Ok(rows) => Ok(rows.into_iter().map(texts_of).collect()),
        Err(Error::Server(error)) => Err(error.code),
        Err(error) => panic!("{sql}: {error}"),
    }
}

#[test]
fn a_statement_without_its_comments_gives_the_same_answer() {
    let Some(server) = testing::server() else { return };
    let schema =
        server.schema(&["CREATE TABLE t (a INT, b TEXT, `c d` INT, 2fa INT)", "INSERT INTO t VALUES (1, 'x', 2, 3)"]);
    let mut link = schema.link();
    let pieces: Vec<_> = PIECES.split('¦').collect();
    let mut state = 11_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let (mut good, mut bad) = (0, 0);
    for _ in 0..6_000 {
        let length = random(6) + 1;
        let list: String = (0..length).map(|_| pieces[random(pieces.len())]).collect();
        let sql = format!("SELECT {list}\nFROM t");
        let Ok(checked) = tokens(&sql) else { continue };
        let sent = render(&checked);
        let (written, got) = (answer(&mut link, &sql), answer(&mut link, &sent));
        assert_eq!(written, got, "{sql:?} → {sent:?}");
        match got {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    println!("{good} answers and {bad} errors, all the same");
    assert!(good > 500, "{good}");
}

#[test]
fn programs_without_their_comments_are_understood() {
    let Some(server) = testing::server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE parent (id INT, a INT, n INT, x INT, y INT, changed DATETIME)",
        "CREATE TABLE child (id INT, p INT)",
        "CREATE TABLE audit (id INT)",
        "CREATE TRIGGER h AFTER DELETE ON parent FOR EACH ROW INSERT INTO audit VALUES (1)",
    ]);
    let mut link = schema.link();
    for sql in PROGRAMS {
        let text = texts(sql, DEFINE).remove(0);
        let answer = answer(&mut link, &text);
        let missing = answer.as_ref().is_err_and(|code| *code != SYNTAX_ERROR && sql.starts_with("ALTER"));
        assert!(answer.is_ok() || missing, "{text}: {answer:?}");
        for name in ["TRIGGER IF EXISTS g", "FUNCTION IF EXISTS f"] {
            link.run(format!("DROP {name}")).unwrap();
        }
    }
}

#[test]
fn a_number_that_runs_into_a_name_reads_a_table_that_nobody_sees() {
    let Some(server) = testing::server() else { return };
    let schema = server.schema(&["CREATE TABLE users (a INT)", "INSERT INTO users VALUES (7)"]);
    assert_eq!(schema.rows("SELECT 1e1from users"), [["10"]]);
    assert!(parse("SELECT 1e1from users", Use::Query).is_err());
}
