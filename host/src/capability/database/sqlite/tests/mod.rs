//! SQLite through the traits, with real files. What is refused comes first.

mod batches;
mod children;
mod cursors;
mod refused;
mod restoring;
mod setting;
mod snapshots;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Sqlite, SqliteConfig};
use crate::capability::database::testing::{self, answer, fault, row_of};
use crate::capability::database::{Driver, Executed, Statement, Value};
use crate::effect::{CallError, Marker, Store};

/// A database in a directory of its own.
struct Place {
    directory: TempDir,
    config: SqliteConfig,
    database: Sqlite,
}

impl Place {
    /// A database with these tables and rows.
    fn new(setup: &str) -> Self {
        Self::with(setup, |_| {})
    }

    /// The same in WAL mode, with its rows still in the log.
    fn with_log(setup: &str) -> (Self, Connection) {
        let place = Self::new("PRAGMA journal_mode = WAL");
        let outside = place.outside();
        outside.execute_batch(setup).unwrap();
        (place, outside)
    }

    fn with(setup: &str, change: impl FnOnce(&mut SqliteConfig)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Self::config(directory.path());
        change(&mut config);
        Connection::open(&config.path).unwrap().execute_batch(setup).unwrap();
        let database = Sqlite::open(config.clone()).unwrap();
        Self { directory, config, database }
    }

    fn config(directory: &Path) -> SqliteConfig {
        SqliteConfig {
            name: "main".to_owned(),
            path: directory.join("app.db"),
            foreign_keys: false,
            statement_time: Duration::from_secs(2),
            result_bytes: 10 << 20,
            spool_bytes: 10 << 20,
            spool: directory.join("spool"),
            stop: Arc::new(AtomicBool::new(false)),
            run: "run-1".to_owned(),
        }
    }

    fn outside(&self) -> Connection {
        Connection::open(&self.config.path).unwrap()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        super::session::beside(&self.config.path, suffix)
    }

    fn saved(&self) -> PathBuf {
        self.directory.path().join("saved")
    }

    /// One batch that changes something and is committed.
    fn batch(&self, sequence: u64, statements: &[&str]) {
        let expected = (sequence > 1).then(|| marker(sequence - 1));
        self.database.begin(expected.as_ref()).unwrap();
        for sql in statements {
            self.execute(sql).unwrap();
        }
        self.database.commit(&marker(sequence)).unwrap();
    }

    fn execute(&self, sql: &str) -> Result<Executed, CallError> {
        self.database.execute(&Statement { sql, params: &[], now: 0, define: false })
    }

    /// All rows, as values.
    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.try_rows(sql).unwrap()
    }

    fn try_rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, CallError> {
        testing::rows(&self.database, sql, &[])
    }

    fn int(&self, sql: &str) -> i64 {
        testing::int(&self.database, sql)
    }
}

fn marker(sequence: u64) -> Marker {
    Marker { run: "run-1".to_owned(), stage: 0, sequence, recording: sequence * 100 }
}

/// Ten thousand rows of about 100 bytes.
const MANY: &str = "CREATE TABLE many (id INTEGER PRIMARY KEY, text TEXT);
    INSERT INTO many SELECT value, printf('%0100d', value) FROM
        (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 10000) SELECT value FROM n);";

/// Runs for ever.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
