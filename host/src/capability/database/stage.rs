//! The databases as one stage sees them: those it was granted, for what it was granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    ColumnDefinition, ColumnInfo, Cursor, Databases, Driver, ForeignKey, Object, SnapshotInfo, Statement, Value,
};
use crate::effect::{Access, CallError, Failure, Prepared};

/// What the operator allowed one slot.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseGrant {
    /// The slot, for the line that would allow more.
    pub slot: String,
    /// Databases by name.
    pub databases: BTreeMap<String, Access>,
    /// Snapshots of earlier stages that are inputs of this one.
    pub snapshots: BTreeSet<String>,
    /// During `describe`, `check` and `verify`: nothing may change, whatever else is granted.
    pub read_only: bool,
}

/// The databases of one stage.
pub struct StageDatabase {
    databases: Arc<Databases>,
    grant: DatabaseGrant,
}

impl StageDatabase {
    /// The databases behind a grant.
    #[must_use]
    pub fn new(databases: Arc<Databases>, grant: DatabaseGrant) -> Self {
        Self { databases, grant }
    }

    /// A database that may at least be read.
    ///
    /// # Errors
    /// "not-granted", "no-such-database".
    pub fn open(&self, name: &str) -> Result<Arc<dyn Driver>, CallError> {
        self.admit(name, Access::Read)
    }

    /// "sqlite", "mysql" or "mariadb".
    ///
    /// # Errors
    /// As [`StageDatabase::open`].
    pub fn dialect(&self, name: &str) -> Result<&'static str, CallError> {
        Ok(self.open(name)?.dialect()?)
    }

    /// The version of the library or server.
    ///
    /// # Errors
    /// As [`StageDatabase::open`].
    pub fn server_version(&self, name: &str) -> Result<String, CallError> {
        Ok(self.open(name)?.server_version()?)
    }

    /// See [`Driver::objects`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn objects(&self, name: &str) -> Result<Vec<Object>, CallError> {
        self.open(name)?.objects()
    }

    /// See [`Driver::columns`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn columns(&self, name: &str, table: &str) -> Result<Vec<ColumnDefinition>, CallError> {
        self.open(name)?.columns(table)
    }

    /// See [`Driver::foreign_keys`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn foreign_keys(&self, name: &str, table: &str) -> Result<Vec<ForeignKey>, CallError> {
        self.open(name)?.foreign_keys(table)
    }

    /// See [`Driver::query`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn query(&self, name: &str, sql: &str, params: &[Value], keep: &str) -> Result<Box<dyn Cursor>, CallError> {
        self.open(name)?.query(sql, params, Some(keep))
    }

    /// See [`Driver::reopen`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn reopen(
        &self,
        name: &str,
        sql: &str,
        params: &[Value],
        columns: &[ColumnInfo],
        keep: &str,
        position: u64,
    ) -> Result<Box<dyn Cursor>, CallError> {
        self.open(name)?.reopen(sql, params, columns, keep, position)
    }

    /// Whether this stage may change a database. The engine asks before it begins a batch (and freezes for it).
    ///
    /// # Errors
    /// "not-granted", "read-only", "no-such-database".
    pub fn admit_write(&self, name: &str) -> Result<Arc<dyn Driver>, CallError> {
        self.admit(name, Access::Write)
    }

    /// Describes a snapshot that has not been made yet. `seq` is the effect's number in the run, and becomes part of the id.
    ///
    /// # Errors
    /// "not-granted", "read-only", "no-such-database", "no-such-table".
    pub fn prepare_snapshot(
        &self,
        seq: u64,
        name: &str,
        tables: &[String],
        frozen: bool,
    ) -> Result<Prepared, CallError> {
        self.open(name)?;
        self.refuse_if_read_only("snapshot")?;
        self.databases.prepare_snapshot(seq, name, tables, frozen)
    }

    /// Describes a statement that commits by itself. See [`Driver::prepare`].
    ///
    /// # Errors
    /// As there, and as [`StageDatabase::open`].
    pub fn prepare_statement(&self, name: &str, statement: &Statement<'_>) -> Result<Prepared, CallError> {
        self.admit_write(name)?;
        self.databases.prepare_statement(name, statement)
    }

    /// Whether this stage may make programs that stay in a database: triggers, views, routines, events.
    #[must_use]
    pub fn may_define(&self, name: &str) -> bool {
        self.grant.databases.get(name) == Some(&Access::Define)
    }

    /// Lets the stage load a snapshot that it made itself.
    pub fn admit_snapshot(&mut self, id: String) {
        self.grant.snapshots.insert(id);
    }

    /// Puts the tables of a snapshot back, in the open batch.
    ///
    /// # Errors
    /// "not-granted" for a snapshot that is neither the stage's own nor its input; else as [`Driver::load`].
    pub fn load(&self, name: &str, id: &str) -> Result<SnapshotInfo, CallError> {
        self.admit_load(name, id)?;
        self.databases.load(name, id)
    }

    /// The same where it commits by itself.
    ///
    /// # Errors
    /// As [`StageDatabase::load`].
    pub fn prepare_load(&self, name: &str, id: &str) -> Result<Prepared, CallError> {
        self.admit_load(name, id)?;
        self.databases.prepare_load(name, id)
    }

    fn admit_load(&self, name: &str, id: &str) -> Result<(), CallError> {
        self.admit_write(name)?;
        if !self.grant.snapshots.contains(id) {
            let text = format!("{id:?} is neither a snapshot of this stage nor one of its inputs of kind \"snapshot\"");
            return Err(CallError::answer("not-granted", text));
        }
        Ok(())
    }

    fn admit(&self, name: &str, wanted: Access) -> Result<Arc<dyn Driver>, CallError> {
        if self.grant.databases.get(name).is_none_or(|granted| *granted < wanted) {
            return Err(self.not_granted(name, wanted).into());
        }
        if wanted > Access::Read {
            self.refuse_if_read_only("change")?;
        }
        let missing = || CallError::answer("no-such-database", format!("the installation has no database {name:?}"));
        self.databases.driver(name).ok_or_else(missing)
    }

    fn not_granted(&self, name: &str, wanted: Access) -> Failure {
        let word = wanted;
        let line = format!("[grants.{}] database.{name} = \"{word}\"", self.grant.slot);
        let text = format!("the stage may not {word} the database {name:?}; to allow it: {line}");
        let mut failure = Failure::new("not-granted", text);
        failure.extra.push(("grant".to_owned(), line));
        failure
    }

    fn refuse_if_read_only(&self, what: &str) -> Result<(), CallError> {
        if self.grant.read_only {
            return Err(CallError::answer("read-only", format!("{what} is possible in apply only")));
        }
        Ok(())
    }
}
