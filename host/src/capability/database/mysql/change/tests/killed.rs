//! A server of the test's own, killed at some moment of a statement and started again: is the verdict the truth?

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::super::testing::server;
use super::super::super::{Credentials, Place, Server, Tls};
use super::*;
use crate::meter::Meter;

/// Rows of the table that is changed.
const ROWS: u32 = 300_000;

/// How often each statement is tried: as often as this environment variable says, else twice.
const ROUNDS: &str = "LIFTLOCK_TEST_KILLS";

/// What is sent; whether it happened, as a number from 0 (not at all) to 1 (wholly); how it is undone.
const STATEMENTS: [(&str, &str, &str); 6] = [
    (
        "ALTER TABLE big ADD COLUMN c INT NOT NULL DEFAULT 7, ALGORITHM=COPY",
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'big' AND COLUMN_NAME = 'c'",
        "ALTER TABLE big DROP COLUMN c",
    ),
    (
        "ALTER TABLE big DROP COLUMN b, ALGORITHM=INPLACE",
        "SELECT 1 - COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'big' AND COLUMN_NAME = 'b'",
        "ALTER TABLE big ADD COLUMN b VARCHAR(100) AFTER a",
    ),
    (
        "CREATE INDEX i ON big (a, b)",
        "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'i'",
        "DROP INDEX i ON big",
    ),
    ("CREATE TABLE made AS SELECT * FROM big", "SELECT COUNT(*) / 300000 FROM made", "DROP TABLE made"),
    (
        "RENAME TABLE big TO huge",
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'huge'",
        "RENAME TABLE huge TO big",
    ),
    (
        "ALTER TABLE child DROP FOREIGN KEY child_big, ADD CONSTRAINT anew FOREIGN KEY (pid) REFERENCES big (id)",
        "SELECT COUNT(*) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'anew'",
        "ALTER TABLE child DROP FOREIGN KEY anew, ADD CONSTRAINT child_big FOREIGN KEY (pid) REFERENCES big (id)",
    ),
];

/// A server in a directory, killed when this is dropped.
struct Private {
    directory: TempDir,
    process: Option<Child>,
}

impl Private {
    /// None where the server's programs are not installed.
    fn new() -> Option<Self> {
        let directory = TempDir::new().ok()?;
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", directory.path().join("data").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: mariadb-install-db is not there");
            return None;
        }
        Some(Self { directory, process: None })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    fn start(&mut self) {
        let file = |option: &str, name: &str| format!("--{option}={}", self.directory.path().join(name).display());
        // A server that starts clears its directory for temporary files: that must not be another's.
        let process = Command::new("mariadbd")
            .args(["--no-defaults", "--user=root", "--skip-networking", "--innodb-buffer-pool-size=128M"])
            .args([file("datadir", "data"), file("socket", "sock"), file("pid-file", "pid"), file("log-error", "log")])
            .arg(format!("--tmpdir={}", self.directory.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let config = at(&self.socket(), "information_schema");
        let patience = Instant::now() + Duration::from_secs(60);
        while Link::open(&config, Account::Host).is_err() {
            assert!(Instant::now() < patience, "the server does not start");
            sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.kill();
    }
}

fn at(socket: &Path, schema: &str) -> MysqlConfig {
    MysqlConfig {
        name: "main".to_owned(),
        server: Server {
            place: Place::Socket(socket.to_owned()),
            schema: schema.to_owned(),
            account: Credentials { user: "root".to_owned(), password: String::new() },
            stage_account: None,
            tls: Tls::Off,
        },
        foreign_keys: true,
        sql_mode: None,
        statement_time: Duration::from_secs(60),
        result_bytes: 1 << 20,
        spool_bytes: 1 << 20,
        spool: PathBuf::new(),
        restore: PathBuf::new(),
        stop: Arc::new(AtomicBool::new(false)),
        meter: Meter::default(),
        run: "killed".to_owned(),
    }
}

fn open(config: &MysqlConfig) -> Link {
    Link::open(config, Account::Host).unwrap()
}

/// How much of it happened. A table that is not there has no rows.
fn truth(config: &MysqlConfig, question: &str) -> f64 {
    let rows = open(config).rows(question).unwrap_or_default();
    rows.first().map_or(0.0, |row| row.get::<String, _>(0).unwrap().parse().unwrap())
}

#[test]
fn a_server_killed_at_any_moment_of_a_statement_gets_the_right_verdict() {
    if server().is_none() {
        return;
    }
    let Some(mut private) = Private::new() else { return };
    let rounds = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    private.start();
    let config = at(&private.socket(), "app");
    let mut root = open(&at(&private.socket(), "information_schema"));
    root.run("CREATE DATABASE app").unwrap();
    root.run("USE app").unwrap();
    root.run("CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(100)) ENGINE=InnoDB").unwrap();
    root.run(format!("INSERT INTO big SELECT seq, seq * 7, REPEAT('x', seq % 100) FROM seq_1_to_{ROWS}")).unwrap();
    root.run(
        "CREATE TABLE child (id INT PRIMARY KEY, pid INT, CONSTRAINT child_big FOREIGN KEY (pid) REFERENCES big (id))",
    )
    .unwrap();
    root.run("INSERT INTO child SELECT id, id FROM big WHERE id <= 20000").unwrap();
    drop(root);
    let (mut wrong, mut done, mut not_done, mut undetermined) = (Vec::new(), 0, 0, 0);
    for (sql, question, undo) in STATEMENTS {
        let mut link = open(&config);
        let start = Instant::now();
        link.run(sql).unwrap();
        let whole = start.elapsed();
        link.run(undo).unwrap();
        drop(link);
        for round in 0..rounds {
            let record = described(&config, sql).unwrap();
            let mut sender = open(&config);
            let sending = thread::spawn(move || sender.run(sql).is_ok());
            // From its beginning to a little behind its end.
            sleep(whole * (5 * round + 2) / (4 * rounds));
            private.kill();
            let answered = sending.join().unwrap();
            private.start();
            let happened = truth(&config, question);
            let verdict = settled(&config, &record);
            let right = match verdict {
                Verdict::Done(_) => happened == 1.0,
                Verdict::NotDone => happened == 0.0 && !answered,
                Verdict::Undetermined(_) | Verdict::Again => true,
            };
            match verdict {
                Verdict::Done(_) => done += 1,
                Verdict::NotDone => not_done += 1,
                Verdict::Undetermined(_) | Verdict::Again => undetermined += 1,
            }
            if !right {
                wrong.push(format!(
                    "{sql}, round {round}: {verdict:?}, {happened} of it happened, answered: {answered}"
                ));
            }
            if happened > 0.0 {
                open(&config).run(undo).unwrap();
            }
        }
    }
    println!(
        "kills={} done={done} not_done={not_done} undetermined={undetermined} wrong={}",
        done + not_done + undetermined,
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}
