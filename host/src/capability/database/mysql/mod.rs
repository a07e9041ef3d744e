//! MySQL and MariaDB: a server whose schema changes commit by themselves.
//!
//! * [`account`] says who logs in and where; [`link`] is one blocking connection.
//! * [`session`] is the stage's connection, on a worker's thread: the guest's statements, guarded by [`sql`] and by
//!   [`watchdog`]; [`server`] sets it up, [`stream`] has the rows of an open cursor, [`value`] what they become.
//! * [`batch`] has the transactions with the marker, [`lock`] keeps other sessions out, [`stamp`] tells whether anybody wrote.
//! * [`catalog`] reads every definition of the schema; [`change`] sends a schema change and settles it by three verdicts.
//! * [`setting`] reads and sets one value of the application's, for the host itself.
//! * [`dump`] writes tables as SQL files and loads them; [`restore`] is the restore point and the way back.

mod account;
mod batch;
mod catalog;
mod change;
mod dump;
mod error;
mod link;
mod lock;
mod preflight;
mod quiet;
mod restore;
mod server;
mod session;
mod setting;
mod sql;
mod stamp;
mod stream;
#[cfg(test)]
mod testing;
mod value;
mod watchdog;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::capability::database::desk::{Desk, refuse_bad_name};
use crate::capability::database::spool::SpoolRoom;
use crate::capability::database::{
    ColumnDefinition, ColumnInfo, Cursor, Driver, Executed, ForeignKey, Object, PreparedStatement, SnapshotInfo,
    Statement, Value,
};
use crate::effect::{CallError, Fault, Finding, Marker, Setting, Store, Verdict};
use crate::meter::Meter;

pub use account::{Credentials, Place, Server, Tls};

use server::Facts;
use session::Session;

/// What the host knows about a database on a server.
#[derive(Clone, Debug)]
pub struct MysqlConfig {
    /// Its name in the installation: letters, digits, `_` and `-`; it becomes part of file names.
    pub name: String,
    /// Where it is and who logs in.
    pub server: Server,
    /// How the application connects: whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// How the application connects: its `sql_mode`, if it sets one.
    pub sql_mode: Option<String>,
    /// The longest that one statement of a guest may run.
    pub statement_time: Duration,
    /// The biggest value, and the biggest row of a result, in bytes.
    pub result_bytes: u64,
    /// The most that open cursors may take on disk, together, in bytes.
    pub spool_bytes: u64,
    /// The directory for that.
    pub spool: PathBuf,
    /// Where the run keeps what undo needs: definitions, and each table before it is touched first.
    pub restore: PathBuf,
    /// Set when the operator wants to stop.
    pub stop: Arc<AtomicBool>,
    /// What long work counts on.
    pub meter: Meter,
    /// The id of the run.
    pub run: String,
}

/// A database on a server.
pub struct Mysql {
    /// Shared with statements that are announced and not sent yet.
    desk: Arc<Desk<Session>>,
    facts: OnceLock<Facts>,
}

impl Mysql {
    /// A database. The server is asked with the first call.
    ///
    /// # Errors
    /// "bad-configuration" for a name that cannot be part of a file name.
    pub fn open(config: MysqlConfig) -> Result<Self, Fault> {
        refuse_bad_name(&config.name)?;
        let room = SpoolRoom { directory: config.spool.clone(), name: config.name.clone(), most: config.spool_bytes };
        Ok(Self { desk: Arc::new(Desk::new(Arc::new(config), room)), facts: OnceLock::new() })
    }

    /// What does not change while a server runs.
    fn facts(&self) -> Result<&Facts, Fault> {
        match self.facts.get() {
            Some(facts) => Ok(facts),
            None => {
                let facts = self.desk.own(|session| session.host(server::ask))?;
                Ok(self.facts.get_or_init(|| facts))
            }
        }
    }
}

impl Driver for Mysql {
    fn dialect(&self) -> Result<&'static str, Fault> {
        Ok(self.facts()?.dialect)
    }

    fn server_version(&self) -> Result<String, Fault> {
        Ok(self.facts()?.version.clone())
    }

    fn objects(&self) -> Result<Vec<Object>, CallError> {
        self.desk.with(|session| Ok(session.schema()?.catalog.objects()))
    }

    fn columns(&self, table: &str) -> Result<Vec<ColumnDefinition>, CallError> {
        let table = table.to_owned();
        self.desk.with(move |session| Ok(session.schema()?.catalog.columns(&table)))
    }

    fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>, CallError> {
        let table = table.to_owned();
        self.desk.with(move |session| Ok(session.schema()?.catalog.foreign_keys(&table)))
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
        let statement = OwnStatement::of(statement);
        self.desk.with(move |session| session.execute(&statement.borrow()))
    }

    fn commits_itself(&self, sql: &str) -> bool {
        let sql = sql.to_owned();
        // A server that cannot be asked says so again when the statement is executed.
        self.desk.with(move |session| session.commits_itself(&sql)).unwrap_or(false)
    }

    fn prepare(&self, statement: &Statement<'_>) -> Result<PreparedStatement, CallError> {
        let statement = OwnStatement::of(statement);
        let described = self.desk.with(move |session| session.announce(&statement.borrow()))?;
        let (desk, announced) = (Arc::clone(&self.desk), described.announced);
        let act = Box::new(move || desk.with(move |session| session.act(&announced)));
        Ok(PreparedStatement { object: described.object, record: described.record, act })
    }

    fn settle(&self, record: &serde_json::Value) -> Result<Verdict, Fault> {
        let record = record.clone();
        self.desk.own(move |session| session.settle(&record))
    }

    fn snapshot(&self, tables: &[String], directory: &Path, frozen: bool) -> Result<SnapshotInfo, CallError> {
        let (tables, directory) = (tables.to_owned(), directory.to_owned());
        self.desk.with(move |session| Ok(session.snapshot(tables, &directory, frozen)?))
    }

    fn snapshot_info(&self, directory: &Path) -> Result<SnapshotInfo, Fault> {
        Ok(dump::verify(directory)?.info)
    }

    fn load(&self, directory: &Path) -> Result<SnapshotInfo, CallError> {
        let directory = directory.to_owned();
        self.desk.with(move |session| Ok(session.load(&directory)?))
    }

    fn load_commits_itself(&self) -> bool {
        true
    }

    fn before_load(&self, directory: &Path) -> Result<(), Fault> {
        let directory = directory.to_owned();
        self.desk.own(move |session| session.before_load(&directory))
    }

    fn preflight(&self) -> Result<Vec<Finding>, Fault> {
        self.desk.own(|session| session.host(preflight::check))
    }

    fn size(&self) -> Result<u64, Fault> {
        self.desk.own(Session::size)
    }

    fn row_counts(&self) -> Result<BTreeMap<String, u64>, Fault> {
        self.desk.own(Session::row_counts)
    }
}

impl Store for Mysql {
    fn name(&self) -> &str {
        &self.desk.config().name
    }

    fn marker(&self) -> Result<Option<Marker>, Fault> {
        self.desk.own(Session::marker)
    }

    fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        let expected = expected.cloned();
        self.desk.own(move |session| session.begin(expected.as_ref()))
    }

    fn commit(&self, new: &Marker) -> Result<(), Fault> {
        let new = new.clone();
        self.desk.own(move |session| session.commit(&new))
    }

    fn rollback(&self) -> Result<(), Fault> {
        self.desk.own(|session| {
            session.rollback();
            Ok(())
        })
    }

    fn restore_point(&self, directory: &Path) -> Result<serde_json::Value, Fault> {
        let directory = directory.to_owned();
        self.desk.own(move |session| session.restore_point(&directory))
    }

    fn cover(&self) -> Result<(), Fault> {
        self.desk.own(Session::cover)
    }

    fn quiet(&self) -> Result<(), Fault> {
        self.desk.own(|session| session.host(quiet::wait))
    }

    fn restore(&self, saved: &serde_json::Value) -> Result<(), Fault> {
        let saved = saved.clone();
        self.desk.own(move |session| session.restore(&saved))
    }

    fn stamp(&self) -> Result<String, Fault> {
        self.desk.own(Session::stamp)
    }

    fn written_since(&self, stamp: &str) -> Result<Option<String>, Fault> {
        let stamp = stamp.to_owned();
        self.desk.own(move |session| session.written_since(&stamp))
    }

    fn doubt(&self, stamp: &str) -> Result<Option<String>, Fault> {
        let stamp = stamp.to_owned();
        self.desk.own(move |session| session.doubt(&stamp))
    }

    fn rewind(&self, stamp: &str) -> Result<(), Fault> {
        let stamp = stamp.to_owned();
        self.desk.own(move |session| session.rewind(&stamp))
    }

    fn setting(&self, setting: &Setting) -> Result<serde_json::Value, CallError> {
        let setting = setting.clone();
        self.desk.with(move |session| session.setting(&setting))
    }

    fn set(&self, setting: &Setting, value: &serde_json::Value, stamp: &str) -> Result<Option<String>, CallError> {
        let (setting, value, stamp) = (setting.clone(), value.clone(), stamp.to_owned());
        self.desk.with(move |session| session.set(&setting, &value, &stamp))
    }

    fn forget(&self) -> Result<(), Fault> {
        self.desk.own(Session::forget)
    }

    fn close(&self) {
        self.desk.close();
    }
}

/// A statement on its way to the worker.
struct OwnStatement {
    sql: String,
    params: Vec<Value>,
    now: u64,
    define: bool,
}

impl OwnStatement {
    fn of(statement: &Statement<'_>) -> Self {
        let Statement { sql, params, now, define } = *statement;
        Self { sql: sql.to_owned(), params: params.to_owned(), now, define }
    }

    fn borrow(&self) -> Statement<'_> {
        Statement { sql: &self.sql, params: &self.params, now: self.now, define: self.define }
    }
}
