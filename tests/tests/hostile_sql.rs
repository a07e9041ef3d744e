//! SQL that attacks (rows 36 to 51 of the table of attacks): each statement is refused, or bounded, and the server never sees what
//! was hidden in it. A rogue server gets no file and no patience.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::counting::Counting;
use liftlock_tests::fixture::small::{Slot, Small};
use liftlock_tests::mariadb::{Options, Server};
use liftlock_tests::{numbers, watched};

const ROWS: &str = "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), secret VARCHAR(50));
    INSERT INTO users (name, secret) SELECT CONCAT('user ', seq), 'canary-5b1f' FROM seq_1_to_100;
    CREATE TABLE plain (id INT PRIMARY KEY);
    CREATE PROCEDURE sweep() DELETE FROM users;
    CREATE FUNCTION wipe() RETURNS INT DETERMINISTIC BEGIN DELETE FROM users; RETURN 1; END;";

/// What a stage sends, and how the answers may begin. One in which nothing works but what is said to.
const ATTACKS: &[(&str, &[&str])] = &[
    // 36: a second statement.
    ("query: SELECT 1; DROP TABLE users", &["several-statements"]),
    ("INSERT INTO plain VALUES (1); DELETE FROM users", &["several-statements"]),
    // 37: hidden in comments.
    ("query: SELECT 1 /*M!100100 , hidden_a() */", &["statement-refused"]),
    ("query: SELECT 1 /*!50000 , hidden_b() */", &["statement-refused"]),
    ("DELETE FROM plain /*!99999 WHERE 1=0 */ /*! OR hidden_c() */", &["statement-refused"]),
    // 38: SQL made at run time, and programs.
    ("EXECUTE IMMEDIATE CONCAT('DR', 'OP TABLE users')", &["statement-refused"]),
    ("PREPARE s FROM 'DROP TABLE users'", &["statement-refused"]),
    ("CREATE PROCEDURE p() DROP TABLE users", &["not-granted"]),
    ("CALL sweep()", &["statement-refused"]),
    ("query: SELECT wipe()", &["not-granted", "statement-refused"]),
    ("UPDATE plain SET id = wipe()", &["not-granted", "statement-refused"]),
    // 39: other schemas.
    ("query: SELECT * FROM mysql.user", &["other-schema"]),
    ("query: SELECT * FROM `mysql`.`global_priv`", &["other-schema"]),
    ("query: SELECT table_name FROM information_schema.tables", &["other-schema"]),
    ("RENAME TABLE plain TO mysql.plain", &["other-schema", "statement-refused"]),
    // 40: files.
    ("query: SELECT 'x' INTO OUTFILE '/tmp/liftlock-outfile'", &["statement-refused"]),
    ("query: SELECT LOAD_FILE('/etc/passwd')", &["statement-refused"]),
    ("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE users", &["statement-refused"]),
    ("LOAD DATA INFILE '/etc/passwd' INTO TABLE users", &["statement-refused"]),
    // 41: tables that are elsewhere.
    ("CREATE TABLE dd (a INT) DATA DIRECTORY = '/tmp'", &["statement-refused"]),
    ("CREATE TABLE csv (a INT NOT NULL) ENGINE = CSV", &["statement-refused"]),
    ("CREATE TABLE fed (a INT) ENGINE FEDERATED CONNECTION = 'mysql://evil/x'", &["statement-refused"]),
    // 42: time.
    ("SET SESSION max_statement_time = 98765", &["statement-refused"]),
    ("query: SELECT SLEEP(1000)", &["statement-refused"]),
    ("query: SELECT BENCHMARK(1000000000, SHA2('x', 512))", &["statement-refused"]),
    // 43: accounts.
    ("SET PASSWORD = PASSWORD('mine')", &["statement-refused"]),
    ("query: SHOW GRANTS FOR CURRENT_ROLE", &["statement-refused"]),
    ("query: SHOW CREATE USER CURRENT_USER", &["statement-refused"]),
    ("CREATE USER evil", &["statement-refused"]),
    ("GRANT ALL ON *.* TO evil", &["statement-refused"]),
    // 44: what stays behind.
    ("CREATE TRIGGER back AFTER INSERT ON users FOR EACH ROW DELETE FROM plain", &["not-granted"]),
    ("CREATE EVENT back ON SCHEDULE EVERY 1 DAY DO DELETE FROM users", &["not-granted"]),
    ("CREATE VIEW back AS SELECT secret FROM users", &["not-granted"]),
    // 45: what holds others up.
    ("XA START 'x'", &["statement-refused"]),
    ("LOCK TABLES users WRITE", &["statement-refused"]),
    ("query: SELECT GET_LOCK('liftlock', 0)", &["statement-refused"]),
    ("query: SELECT RELEASE_ALL_LOCKS()", &["statement-refused"]),
    ("START TRANSACTION", &["statement-refused"]),
    ("COMMIT", &["statement-refused"]),
    ("FLUSH TABLES WITH READ LOCK", &["statement-refused"]),
    // 46: another meaning for later SQL.
    ("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", &["statement-refused"]),
    ("SET NAMES gbk", &["statement-refused"]),
    ("query: SELECT @@global.secure_file_priv", &["statement-refused"]),
    ("query: SELECT @x := 1", &["statement-refused"]),
    // 48: a query that writes.
    ("query: DELETE FROM users", &["statement-refused"]),
    ("query: SELECT * FROM users FOR UPDATE", &["statement-refused"]),
    ("query: INSERT INTO plain VALUES (7) RETURNING id", &["statement-refused"]),
    // The host's own.
    ("DROP TABLE liftlock_marker", &["statement-refused"]),
    ("UPDATE liftlock_marker SET sequence = 9", &["statement-refused"]),
    ("CREATE TEMPORARY TABLE t (a INT)", &["statement-refused"]),
    ("CREATE OR REPLACE TABLE users (a INT)", &["statement-refused"]),
    ("RENAME TABLE users TO x, plain TO users, x TO plain", &["statement-refused"]),
];

/// What may be in none of the server's notes; the host itself says none of it.
const NEVER_SEEN: [&str; 12] = [
    "hidden_",
    "OUTFILE",
    "LOAD_FILE",
    "INFILE",
    "DATA DIRECTORY",
    "98765",
    "SLEEP(",
    "SET PASSWORD",
    "gbk",
    "XA START",
    "CURRENT_ROLE",
    "CREATE USER evil",
];

fn statements(lines: &[&str], access: &str) -> Result<Slot> {
    Ok(Slot::guest("statements")?
        .param("statements", lines.join("\n"))
        .key("produces = { answers = \"text\" }")
        .asks("database", "main", access)
        .granted(&format!("database.main = {access:?}"))
        .limit("statement-time = \"1s\""))
}

/// The answers as the journal has them: code and words.
fn answers(site: &Counting) -> Result<Vec<(String, String)>> {
    let log = site.host().run(["log", "--format", "json"])?.expect(0)?;
    let objects = log.stdout.lines().map(serde_json::from_str::<serde_json::Value>).collect::<Result<Vec<_>, _>>()?;
    let found = objects.iter().rev().find_map(find_answers).context("no answers are in the journal")?;
    Ok(found
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(code, said)| (code.to_owned(), said.to_owned()))
        .collect())
}

/// The output "answers", wherever the event has it.
fn find_answers(value: &serde_json::Value) -> Option<String> {
    if let Some(text) = value.pointer("/answers/value").and_then(serde_json::Value::as_str) {
        return Some(text.to_owned());
    }
    match value {
        serde_json::Value::Object(fields) => fields.values().find_map(find_answers),
        serde_json::Value::Array(items) => items.iter().find_map(find_answers),
        _ => None,
    }
}

#[test]
fn statements_that_attack_are_refused_and_the_server_sees_none_of_them() -> Result<()> {
    let server = Options::new().noting().start()?;
    let lines: Vec<_> = ATTACKS.iter().map(|(line, _)| *line).collect();
    let site = Counting::new(&server, ROWS, statements(&lines, "write")?, None)?;
    site.host().run(["apply"])?.expect(0)?;
    let answers = answers(&site)?;
    ensure!(answers.len() == ATTACKS.len(), "{} answers to {} attacks", answers.len(), ATTACKS.len());
    let wrong: Vec<_> = ATTACKS
        .iter()
        .zip(&answers)
        .filter(|((_, wanted), (code, _))| !wanted.contains(&code.as_str()))
        .map(|((line, wanted), (code, said))| format!("{line}: {code} ({said}), wanted {wanted:?}"))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let noted = server.statements()?;
    let seen: Vec<_> = NEVER_SEEN.iter().filter(|text| noted.contains(**text)).collect();
    ensure!(seen.is_empty(), "the server has seen {seen:?}");
    site.is_before().context("something was changed")?;
    numbers(format_args!("sql attacks={} blocked={} seen_by_server=0", ATTACKS.len(), ATTACKS.len()));
    Ok(())
}

/// 42, 47: what takes for ever or gives without end is cut off by the host, in time and without memory.
#[test]
fn statements_without_end_are_bounded() -> Result<()> {
    let server = Server::start()?;
    let endless = [
        "query: SELECT COUNT(*) FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b",
        "query: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT MAX(i) FROM n",
        "UPDATE users SET name = (SELECT COUNT(*) FROM seq_1_to_1000000000 a, seq_1_to_1000 b)",
        "query: SELECT REPEAT('a', 100000000) FROM seq_1_to_1000",
    ];
    let mut peak = 0;
    for line in endless {
        let site = Counting::new(&server, ROWS, statements(&[line], "write")?, None)?;
        let start = Instant::now();
        let run =
            watched::run(site.host(), &["apply", "--on-failure", "undo", "--format", "json"], Duration::from_secs(60))?;
        peak = peak.max(run.peak);
        ensure!(
            run.ended.code != Some(0) || run.ended.stdout.contains("1 of 1") || start.elapsed().as_secs() < 20,
            "{line}"
        );
        ensure!(start.elapsed() < Duration::from_secs(30), "{line} took {:?}", start.elapsed());
        ensure!(!run.ended.stderr.contains("panicked"), "{line}: {}", run.ended.stderr);
        if run.ended.code != Some(0) {
            // A fault waits for a person: the way out must be free.
            site.host().run(["undo", "--accept-data-loss"])?;
        }
        site.is_before().context(line)?;
    }
    ensure!(peak < 400, "{peak} MiB");
    numbers(format_args!("endless statements={} bounded={} peak_rss_mib={peak}", endless.len(), endless.len()));
    Ok(())
}

/// 50, 51: a server that asks for a file, sends nonsense, or nothing at all.
#[test]
fn a_rogue_server_gets_nothing() -> Result<()> {
    let greeting: Vec<u8> = {
        let mut body = vec![10];
        body.extend_from_slice(b"10.11.0-MariaDB\0");
        body.extend_from_slice(&[1, 0, 0, 0]);
        body.extend_from_slice(b"abcdefgh\0");
        body.extend_from_slice(&[0xfe, 0xf7, 33, 2, 0, 0xff, 0x81, 21]);
        body.extend_from_slice(&[0; 10]);
        body.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
        body
    };
    let packet = |number: u8, body: &[u8]| {
        let mut bytes = (body.len() as u32).to_le_bytes()[..3].to_vec();
        bytes.push(number);
        bytes.extend_from_slice(body);
        bytes
    };
    let hello = packet(0, &greeting);
    let ok = packet(2, &[0, 0, 0, 2, 0, 0, 0]);
    let infile = packet(1, b"\xfb/etc/passwd");
    // One column, of this type, and one row.
    let rows = |kind: u8, row: &[u8]| {
        let column = [b"\x03def\0\0\0\x01a\0\x0c\x21\0\xff\0\0\0".as_slice(), &[kind, 0, 0, 0, 0, 0]].concat();
        [packet(1, &[1]), packet(2, &column), packet(3, row), packet(4, &[0xfe, 0, 0, 2, 0, 0, 0])].concat()
    };
    let behaviours: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("asks for a file", vec![hello.clone(), ok.clone(), infile]),
        ("a row that is empty", vec![hello.clone(), ok.clone(), rows(0xfd, &[])]),
        ("a value longer than its row", vec![hello.clone(), ok.clone(), rows(0xfd, &[250, b'a'])]),
        ("a column of a type that is none", vec![hello.clone(), ok, rows(0xf0, &[1, b'a'])]),
        ("wrong lengths", vec![vec![0xff, 0xff, 0xff, 0, 10]]),
        ("no greeting but noise", vec![(0..200).collect()]),
        ("a clear-text password, please", vec![hello.clone(), packet(2, b"\xfemysql_clear_password\0")]),
        ("closes at once", vec![]),
        ("never says anything", vec![Vec::new()]),
    ];
    let mut told = 0;
    for (what, packets) in &behaviours {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (packets, what_) = (packets.clone(), *what);
        let heard = thread::spawn(move || rogue(&listener, &packets, what_));
        let directory = tempfile::tempdir()?;
        let small = Small::new(directory.path())?;
        let url = directory.path().join("url");
        fs::write(&url, format!("mysql://user:canary-77aa@127.0.0.1:{port}/shop"))?;
        fs::set_permissions(&url, fs::Permissions::from_mode(0o600))?;
        let small = small.with_database(&format!("url-file = {url:?}\ntls = \"off\""));
        small.pipeline(&[statements(&["query: SELECT 1"], "write")?], "")?;
        let run = watched::run(&small.host()?, &["check", "--format", "json"], Duration::from_secs(60))?;
        ensure!(run.ended.code != Some(0), "{what}: the check found nothing");
        ensure!(!run.ended.stderr.contains("panicked"), "{what}: {}", run.ended.stderr);
        ensure!(run.peak < 300, "{what}: {} MiB", run.peak);
        ensure!(!(run.ended.stdout + &run.ended.stderr).contains("canary-77aa"), "{what}: the password was shown");
        let heard = heard.join().unwrap_or_default();
        let text = String::from_utf8_lossy(&heard);
        if text.contains("root:") || text.contains("canary-77aa") {
            bail!("{what}: the server got {text}");
        }
        told += 1;
    }
    numbers(format_args!("rogue servers={} told={told}", behaviours.len()));
    Ok(())
}

/// Says what it is to say, one packet for each that it gets, and returns all that it heard. Ends with its first client.
fn rogue(listener: &TcpListener, packets: &[Vec<u8>], what: &str) -> Vec<u8> {
    let Ok((mut client, _)) = listener.accept() else { return Vec::new() };
    let _ = client.set_read_timeout(Some(Duration::from_secs(15)));
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    for packet in packets {
        if client.write_all(packet).is_err() {
            break;
        }
        match client.read(&mut piece) {
            Ok(length) if length > 0 => heard.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
    if what != "closes at once" {
        let _ = client.read(&mut piece).map(|length| heard.extend_from_slice(&piece[..length]));
    }
    heard
}
