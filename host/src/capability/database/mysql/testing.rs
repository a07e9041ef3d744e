//! A real server for tests: each test has a schema of its own, and drops it.
//!
//! The server is somebody else's business (the test runner starts a private one): its socket is in the environment variable
//! `LIFTLOCK_TEST_MYSQL_SOCKET`, and root has no password there. Without the variable a test has nothing to prove and ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use mysql_client::{Row, Value};
use tempfile::TempDir;

use super::link::{Account, Link};
use super::{Credentials, MysqlConfig, Place, Server, Tls};
use crate::meter::Meter;

/// Names the server's socket.
const SOCKET: &str = "LIFTLOCK_TEST_MYSQL_SOCKET";

/// A server that belongs to the tests.
pub(super) struct TestServer {
    socket: PathBuf,
}

/// A schema of a test, dropped with this, and directories beside it.
pub(super) struct TestSchema {
    socket: PathBuf,
    /// Its name.
    pub(super) name: String,
    directory: TempDir,
}

/// An account of a test, dropped with this.
pub(super) struct TestAccount {
    socket: PathBuf,
    name: String,
}

/// The server, if there is one.
pub(super) fn server() -> Option<TestServer> {
    let socket = std::env::var_os(SOCKET).map(PathBuf::from);
    if socket.is_none() {
        println!("skipped: {SOCKET} is not set");
    }
    socket.map(|socket| TestServer { socket })
}

impl TestServer {
    /// A new schema in which these statements have been run, as root.
    pub(super) fn schema(&self, sql: &[&str]) -> TestSchema {
        let schema = TestSchema {
            socket: self.socket.clone(),
            name: unique("liftlock_test"),
            directory: TempDir::new().unwrap(),
        };
        let mut root = root(&self.socket);
        root.run(format!("CREATE DATABASE {} CHARACTER SET utf8mb4", schema.name)).unwrap();
        root.run(format!("USE {}", schema.name)).unwrap();
        for statement in sql {
            root.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        schema
    }
}

impl TestSchema {
    /// The host's view of it, as root.
    pub(super) fn config(&self) -> MysqlConfig {
        let directory = self.directory.path();
        for name in ["spool", "restore"] {
            std::fs::create_dir_all(directory.join(name)).unwrap();
        }
        MysqlConfig {
            name: "main".to_owned(),
            server: Server { schema: self.name.clone(), ..at(&self.socket) },
            foreign_keys: true,
            sql_mode: None,
            statement_time: Duration::from_secs(20),
            result_bytes: 10 << 20,
            spool_bytes: 10 << 20,
            spool: directory.join("spool"),
            restore: directory.join("restore"),
            stop: Arc::new(AtomicBool::new(false)),
            meter: Meter::default(),
            run: format!("run-of-{}", self.name),
        }
    }

    /// The same for a smaller account that has no rights yet but what these say: "SELECT, INSERT ON schema.*", where
    /// `schema` stands for this schema's name.
    pub(super) fn account(&self, grants: &[&str]) -> (MysqlConfig, TestAccount) {
        let name = unique("lt");
        let mut root = root(&self.socket);
        root.run(format!("CREATE USER {name}@localhost IDENTIFIED BY 'secret'")).unwrap();
        for grant in grants {
            let sql = format!("GRANT {} TO {name}@localhost", grant.replace("schema.", &format!("{}.", self.name)));
            root.run(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let mut config = self.config();
        config.server.account = Credentials { user: name.clone(), password: "secret".to_owned() };
        (config, TestAccount { socket: self.socket.clone(), name })
    }

    /// A directory for this test's files, gone with the schema.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A connection as the host makes it, as root.
    pub(super) fn link(&self) -> Link {
        Link::open(&self.config(), Account::Host).unwrap()
    }

    /// Runs a statement on a connection of its own, as somebody else would.
    pub(super) fn run(&self, sql: &str) {
        self.link().run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a query on a connection of its own, each value as text; NULL as "NULL".
    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.link().rows(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.into_iter().map(texts).collect()
    }
}

impl Drop for TestSchema {
    fn drop(&mut self) {
        // Not `unwrap`: a test that fails should say why itself.
        if let Ok(mut root) = Link::open(&self.config(), Account::Host) {
            let _ = root.run("SET foreign_key_checks = 0");
            let _ = root.run(format!("DROP DATABASE IF EXISTS {}", self.name));
        }
    }
}

impl TestAccount {
    /// Its name on the server.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestAccount {
    fn drop(&mut self) {
        let _ = root(&self.socket).run(format!("DROP USER IF EXISTS {}@localhost", self.name));
    }
}

/// Each value as text; NULL as "NULL".
pub(super) fn texts(row: Row) -> Vec<String> {
    let text = |value| match value {
        Value::NULL => "NULL".to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => other.as_sql(true).trim_matches('\'').to_owned(),
    };
    row.unwrap().into_iter().map(text).collect()
}

fn root(socket: &Path) -> Link {
    let config = MysqlConfig {
        name: "main".to_owned(),
        server: at(socket),
        foreign_keys: true,
        sql_mode: None,
        statement_time: Duration::from_secs(20),
        result_bytes: 10 << 20,
        spool_bytes: 10 << 20,
        spool: PathBuf::new(),
        restore: PathBuf::new(),
        stop: Arc::new(AtomicBool::new(false)),
        meter: Meter::default(),
        run: "root".to_owned(),
    };
    Link::open(&config, Account::Host).unwrap()
}

fn at(socket: &Path) -> Server {
    Server {
        place: Place::Socket(socket.to_owned()),
        schema: "information_schema".to_owned(),
        account: Credentials { user: "root".to_owned(), password: String::new() },
        stage_account: None,
        tls: Tls::Off,
    }
}

/// A name that no other test has, in this process or another.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_schema_is_there_for_its_test_and_gone_afterwards() {
    let Some(server) = server() else { return };
    let schema = server.schema(&["CREATE TABLE t (id INT PRIMARY KEY, b BLOB)", "INSERT INTO t VALUES (1, NULL)"]);
    assert_eq!(schema.rows("SELECT * FROM t"), [["1", "NULL"]]);
    let name = schema.name.clone();
    let (config, account) = schema.account(&["SELECT ON schema.*"]);
    Link::open(&config, Account::Host).unwrap().run("INSERT INTO t VALUES (2, NULL)").unwrap_err();
    assert!(account.name().starts_with("lt_"));
    drop((account, schema));
    let found = root(&server.socket).rows(&format!("SHOW DATABASES LIKE '{name}'")).unwrap();
    assert!(found.is_empty());
}
