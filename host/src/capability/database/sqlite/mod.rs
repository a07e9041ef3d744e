//! SQLite: one file, its write-ahead log, one connection on a thread of its own.
//!
//! * [`session`] is the connection, on a worker's thread, and runs single statements; [`stream`] has the rows of an open
//!   cursor; [`guard`] is the wall in front of a guest's SQL; [`batch`] has the transactions with the marker.
//! * [`restore`] saves the files and puts them back byte for byte; [`stamp`] tells whether anybody wrote.
//! * [`setting`] reads and sets one value of the application's, for the host itself.
//! * [`snapshot`] and [`load`] are the operator's backups.
//!
//! No statement commits by itself here: schema changes and the header's pragmas are part of the transaction, and the pragmas
//! that are not (`foreign_keys`) are refused.

mod batch;
mod catalog;
mod error;
mod guard;
mod load;
mod restore;
mod session;
mod setting;
mod snapshot;
mod sql;
mod stamp;
mod stream;
#[cfg(test)]
mod tests;
mod wal;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::capability::database::desk::{Desk, refuse_bad_name};
use crate::capability::database::spool::SpoolRoom;
use crate::capability::database::{
    ColumnDefinition, ColumnInfo, Cursor, Driver, Executed, ForeignKey, Object, SnapshotInfo, Statement, Value,
};
use crate::effect::{CallError, Fault, Marker, Setting, Store};

use session::Session;

/// What the host knows about a SQLite database.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// Its name in the installation: letters, digits, `_` and `-`; it becomes part of file names.
    pub name: String,
    /// The file. A database is never created.
    pub path: PathBuf,
    /// How the application connects: whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// The longest that one statement of a guest may run, and the longest wait for a lock (at most 5 s).
    pub statement_time: Duration,
    /// The biggest value, and the biggest row of a result, in bytes.
    pub result_bytes: u64,
    /// The most that open cursors may take on disk, together, in bytes.
    pub spool_bytes: u64,
    /// The directory for that.
    pub spool: PathBuf,
    /// Set when the operator wants to stop.
    pub stop: Arc<AtomicBool>,
    /// The id of the run.
    pub run: String,
}

/// A SQLite database.
pub struct Sqlite {
    desk: Desk<Session>,
}

impl Sqlite {
    /// A database. Its file is opened with the first call.
    ///
    /// # Errors
    /// "bad-configuration" for a name that cannot be part of a file name.
    pub fn open(config: SqliteConfig) -> Result<Self, Fault> {
        refuse_bad_name(&config.name)?;
        let room = SpoolRoom { directory: config.spool.clone(), name: config.name.clone(), most: config.spool_bytes };
        Ok(Self { desk: Desk::new(Arc::new(config), room) })
    }

    /// Has something done with the connection.
    fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Session) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        self.desk.with(|session| act(session))
    }

    /// The same for what only the host asks.
    fn own<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.desk.own(|session| act(session))
    }
}

impl Driver for Sqlite {
    fn dialect(&self) -> Result<&'static str, Fault> {
        Ok("sqlite")
    }

    fn server_version(&self) -> Result<String, Fault> {
        Ok(rusqlite::version().to_owned())
    }

    fn objects(&self) -> Result<Vec<Object>, CallError> {
        self.with(|session| Ok(session.objects()?))
    }

    fn columns(&self, table: &str) -> Result<Vec<ColumnDefinition>, CallError> {
        let table = table.to_owned();
        self.with(move |session| Ok(session.columns(&table)?))
    }

    fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>, CallError> {
        let table = table.to_owned();
        self.with(move |session| Ok(session.foreign_keys(&table)?))
    }

    fn query(&self, sql: &str, params: &[Value], keep: Option<&str>) -> Result<Box<dyn Cursor>, CallError> {
        self.desk.query(sql, params, keep)
    }

    fn reopen(
        &self,
        sql: &str,
        params: &[Value],
        columns: &[ColumnInfo],
        keep: &str,
        position: u64,
    ) -> Result<Box<dyn Cursor>, CallError> {
        self.desk.reopen(sql, params, columns, keep, position)
    }

    fn execute(&self, statement: &Statement<'_>) -> Result<Executed, CallError> {
        let (sql, params) = (statement.sql.to_owned(), statement.params.to_owned());
        self.with(move |session| session.execute(&sql, &params))
    }

    fn snapshot(&self, tables: &[String], directory: &Path, _frozen: bool) -> Result<SnapshotInfo, CallError> {
        let (tables, directory) = (tables.to_owned(), directory.to_owned());
        self.with(move |session| Ok(session.snapshot(&tables, &directory)?))
    }

    fn snapshot_info(&self, directory: &Path) -> Result<SnapshotInfo, Fault> {
        Ok(snapshot::read_manifest(directory)?.info)
    }

    fn load(&self, directory: &Path) -> Result<SnapshotInfo, CallError> {
        let directory = directory.to_owned();
        self.with(move |session| session.load(&directory))
    }

    fn size(&self) -> Result<u64, Fault> {
        self.own(Session::size)
    }

    fn row_counts(&self) -> Result<BTreeMap<String, u64>, Fault> {
        self.own(|session| catalog::row_counts(&session.connection).map_err(|error| session.fault("count", &error)))
    }
}

impl Store for Sqlite {
    fn name(&self) -> &str {
        &self.desk.config().name
    }

    fn marker(&self) -> Result<Option<Marker>, Fault> {
        self.own(Session::marker)
    }

    fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        let expected = expected.cloned();
        self.own(move |session| session.begin(expected.as_ref()))
    }

    fn commit(&self, new: &Marker) -> Result<(), Fault> {
        let new = new.clone();
        self.own(move |session| session.commit(&new))
    }

    fn rollback(&self) -> Result<(), Fault> {
        self.own(Session::rollback)
    }

    fn restore_point(&self, directory: &Path) -> Result<serde_json::Value, Fault> {
        let directory = directory.to_owned();
        self.own(move |session| session.restore_point(&directory))
    }

    fn restore(&self, saved: &serde_json::Value) -> Result<(), Fault> {
        let saved = restore::verify(self.desk.config(), saved)?;
        self.close();
        restore::put_back(self.desk.config(), &saved)
    }

    fn stamp(&self) -> Result<String, Fault> {
        self.own(Session::stamp)
    }

    fn setting(&self, setting: &Setting) -> Result<serde_json::Value, CallError> {
        let setting = setting.clone();
        self.with(move |session| session.setting(&setting))
    }

    fn set(&self, setting: &Setting, value: &serde_json::Value, stamp: &str) -> Result<Option<String>, CallError> {
        let (setting, value, stamp) = (setting.clone(), value.clone(), stamp.to_owned());
        self.with(move |session| session.set(&setting, &value, &stamp))
    }

    fn forget(&self) -> Result<(), Fault> {
        self.own(Session::forget)
    }

    fn close(&self) {
        self.desk.close();
    }
}
