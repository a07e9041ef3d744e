//! Databases of the installation, by name: `liftlock:database` without wasm.
//!
//! A [`Driver`] is one database: the engine sees it as a [`Store`] (transactions with a marker, a restore point), a stage as
//! SQL. Its connection lives on the thread of a [`worker`], behind a [`desk`]. [`Databases`] holds the drivers and makes snapshots, the one change here that is not a transaction;
//! [`StageDatabase`] is what a stage gets, and cannot be built without its grant.
//!
//! What a stage may not do is refused with an answer (`Failure`); what the surroundings do to us (disk full, lock, damage,
//! deadline) is a `Fault`, never an answer: it stops the run, and `resume` repeats the call.

mod desk;
pub mod mysql;
mod open;
mod page;
mod plain;
mod schema;
mod snapshots;
mod spool;
pub mod sqlite;
mod stage;
#[cfg(test)]
mod testing;
mod value;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;

use crate::effect::{CallError, Fault, Finding, Store, Verdict};

pub use page::{Column, ColumnData, PAGE_BYTES, Packed, Page, PageBuilder};
pub use schema::{ColumnDefinition, ColumnInfo, Executed, ForeignKey, Object, SnapshotInfo};
pub use snapshots::Databases;
pub use stage::{DatabaseGrant, StageDatabase};
pub use value::{Cell, Value};

/// The table with the engine's marker: ours, invisible to stages and in snapshots, gone after commit and after undo.
pub const MARKER_TABLE: &str = "liftlock_marker";

/// The most rows that a guest may ask of a cursor at once.
pub const MOST_ROWS: u32 = 100_000;

/// One statement of a stage that changes something.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Its text.
    pub sql: &'a str,
    /// The values of its parameters.
    pub params: &'a [Value],
    /// The stage's clock, milliseconds since 1970: what `NOW()` says where a server can be told.
    pub now: u64,
    /// Whether it may make programs that stay: triggers, views, routines, events.
    pub define: bool,
}

/// What a statement that was announced comes back with.
pub type Act = Box<dyn FnOnce() -> Result<Executed, CallError> + Send>;

/// A statement that commits by itself, described but not sent.
pub struct PreparedStatement {
    /// What it changes, for people: "main:users".
    pub object: String,
    /// The driver's record, for [`Driver::settle`]. No values: it goes into the journal.
    pub record: serde_json::Value,
    /// Sends it. On an answer nothing has changed.
    pub act: Act,
}

/// One database. The engine brackets every [`Driver::execute`] and [`Driver::load`] with [`Store::begin`] and
/// [`Store::commit`].
pub trait Driver: Store {
    /// "sqlite", "mysql" or "mariadb".
    ///
    /// # Errors
    /// Where the server must be asked and cannot be reached.
    fn dialect(&self) -> Result<&'static str, Fault>;

    /// The version of the library or server, as it says it.
    ///
    /// # Errors
    /// As [`Driver::dialect`].
    fn server_version(&self) -> Result<String, Fault>;

    /// Tables, views, indexes and triggers, in the order of kind and name.
    ///
    /// # Errors
    /// Faults only.
    fn objects(&self) -> Result<Vec<Object>, CallError>;

    /// The columns of a table in their order; empty if there is no such table.
    ///
    /// # Errors
    /// Faults only.
    fn columns(&self, table: &str) -> Result<Vec<ColumnDefinition>, CallError>;

    /// The foreign keys that a table has.
    ///
    /// # Errors
    /// Faults only.
    fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>, CallError>;

    /// Reads. Sees the open batch, and cannot write. With `keep`, a name, the rest of the rows is durable under it if it has to
    /// be moved to disk: for [`Driver::reopen`].
    ///
    /// # Errors
    /// "statement-refused", "several-statements", "bad-argument", "sql-error".
    fn query(&self, sql: &str, params: &[Value], keep: Option<&str>) -> Result<Box<dyn Cursor>, CallError>;

    /// Opens the query of a replayed stage again, at the row behind the `position` rows that it was given: from what was kept
    /// if the database has changed under the cursor, else from the database.
    ///
    /// # Errors
    /// As [`Driver::query`].
    fn reopen(
        &self,
        sql: &str,
        params: &[Value],
        columns: &[ColumnInfo],
        keep: &str,
        position: u64,
    ) -> Result<Box<dyn Cursor>, CallError>;

    /// Changes data or schema, in the open batch. On an answer nothing of this statement has happened.
    ///
    /// # Errors
    /// As [`Driver::query`]; the fault "batch-lost" if the whole batch went with it.
    fn execute(&self, statement: &Statement<'_>) -> Result<Executed, CallError>;

    /// Whether this statement cannot be part of a transaction, as it commits by itself: it is then an effect of its own, by
    /// [`Driver::prepare`].
    fn commits_itself(&self, sql: &str) -> bool {
        let _ = sql;
        false
    }

    /// Describes a statement that commits by itself, and makes durable what is needed to settle and to undo it. No batch is
    /// open. On an answer nothing has happened.
    ///
    /// # Errors
    /// As [`Driver::query`].
    fn prepare(&self, statement: &Statement<'_>) -> Result<PreparedStatement, CallError> {
        let text = format!("the database {} has no statements that commit by themselves", self.name());
        let _ = statement;
        Err(Fault::new("internal", text).into())
    }

    /// Looks whether a statement of [`Driver::prepare`] happened, from the record that it gave.
    ///
    /// # Errors
    /// Where the database cannot be looked at.
    fn settle(&self, record: &serde_json::Value) -> Result<Verdict, Fault> {
        let _ = record;
        Err(Fault::new("journal-damaged", format!("the database {} has nothing to settle", self.name())))
    }

    /// Copies tables (all, if the list is empty) into an empty directory, reads the copy back, compares, and makes it
    /// durable. The copy can be loaded without us. `frozen`: nobody else writes meanwhile.
    ///
    /// # Errors
    /// "no-such-table"; the fault "disk-full".
    fn snapshot(&self, tables: &[String], directory: &Path, frozen: bool) -> Result<SnapshotInfo, CallError>;

    /// What [`Driver::snapshot`] made in this directory.
    ///
    /// # Errors
    /// The fault "snapshot-damaged".
    fn snapshot_info(&self, directory: &Path) -> Result<SnapshotInfo, Fault>;

    /// Puts the tables of a snapshot back: definitions, rows, indexes, triggers. No trigger fires and nothing cascades. In the
    /// open batch, unless [`Driver::load_commits_itself`].
    ///
    /// # Errors
    /// "foreign-key-violation"; the fault "snapshot-damaged".
    fn load(&self, directory: &Path) -> Result<SnapshotInfo, CallError>;

    /// Whether [`Driver::load`] cannot be part of a transaction. It is then an effect that is done again after a crash.
    fn load_commits_itself(&self) -> bool {
        false
    }

    /// Makes durable what undo needs of the tables that [`Driver::load`] would replace.
    ///
    /// # Errors
    /// "snapshot-damaged"; where they cannot be saved.
    fn before_load(&self, directory: &Path) -> Result<(), Fault> {
        let _ = directory;
        Ok(())
    }

    /// What the host itself should look at before an upgrade. Changes nothing.
    ///
    /// # Errors
    /// Where the database cannot be reached.
    fn preflight(&self) -> Result<Vec<Finding>, Fault> {
        Ok(Vec::new())
    }

    /// Bytes that all rows take, about.
    ///
    /// # Errors
    /// Where the database cannot be looked at.
    fn size(&self) -> Result<u64, Fault>;

    /// Rows of every table, without our marker.
    ///
    /// # Errors
    /// Where they cannot be counted.
    fn row_counts(&self) -> Result<BTreeMap<String, u64>, Fault>;
}

/// Rows on their way. Cursors may be dropped at any time and in any order.
pub trait Cursor: Send {
    /// The columns of every page.
    fn columns(&self) -> &[ColumnInfo];

    /// At most `max` rows (1 to [`MOST_ROWS`]), fewer where they are big. A page without rows is the end.
    ///
    /// # Errors
    /// "bad-argument", "sql-error", "too-big"; the faults "deadline", "spool-full".
    fn next(&mut self, max: u32) -> Result<Page, CallError>;

    /// Leaves out rows, as many as there are at most: how a replayed cursor gets to its place.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    fn skip(&mut self, rows: u64) -> Result<(), CallError>;
}
