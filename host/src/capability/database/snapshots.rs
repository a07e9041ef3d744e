//! All databases of an installation, and the changes that are no batch: snapshots, and what commits by itself.
//!
//! A snapshot is the operator's backup: it is built under a temporary name and renamed when it has been read back, so that a
//! directory with the final name is always whole. It outlives the run, and undo leaves it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Driver, PreparedStatement, SnapshotInfo, Statement};
use crate::effect::{CallError, Capability, Change, Fault, Prepared, Store, Verdict};
use crate::io::{fault, make_private_dir, sync_dir};

/// What the journal has about a change that is no batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Ordered {
    Snapshot(Copy),
    Load { database: String, id: String },
    Statement { database: String, record: serde_json::Value },
}

/// A snapshot that a stage ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Copy {
    seq: u64,
    database: String,
    tables: Vec<String>,
    frozen: bool,
}

impl Ordered {
    fn of(change: &Change) -> Result<Self, Fault> {
        serde_json::from_value(change.undo.clone()).map_err(|error| {
            Fault::new("journal-damaged", format!("the record of {} cannot be read: {error}", change.verb))
        })
    }

    fn change(&self, verb: &str, object: String) -> Result<Change, Fault> {
        Ok(Change {
            capability: "database".to_owned(),
            verb: verb.to_owned(),
            object,
            touches: !matches!(self, Self::Snapshot(_)),
            undo: to_json(self)?,
        })
    }
}

/// The databases of an installation.
pub struct Databases {
    drivers: Vec<Arc<dyn Driver>>,
    shelf: Shelf,
}

/// Where the snapshots of a run are.
#[derive(Clone)]
struct Shelf {
    backups: PathBuf,
    run: String,
}

impl Databases {
    /// Databases, the operator's backup directory, and the id of the run.
    #[must_use]
    pub fn new(drivers: Vec<Arc<dyn Driver>>, backups: PathBuf, run: String) -> Self {
        Self { drivers, shelf: Shelf { backups, run } }
    }

    /// All of them, as the engine sees them.
    #[must_use]
    pub fn stores(&self) -> Vec<Arc<dyn Store>> {
        self.drivers.iter().map(|driver| Arc::clone(driver) as Arc<dyn Store>).collect()
    }

    /// All of them.
    #[must_use]
    pub fn drivers(&self) -> &[Arc<dyn Driver>] {
        &self.drivers
    }

    /// The one with this name.
    #[must_use]
    pub fn driver(&self, name: &str) -> Option<Arc<dyn Driver>> {
        self.drivers.iter().find(|driver| driver.name() == name).cloned()
    }

    pub(super) fn prepare_snapshot(
        &self,
        seq: u64,
        name: &str,
        tables: &[String],
        frozen: bool,
    ) -> Result<Prepared, CallError> {
        let driver = self.existing(name)?;
        refuse_unknown_tables(driver.as_ref(), tables)?;
        let copy = Copy { seq, database: name.to_owned(), tables: tables.to_owned(), frozen };
        let object = if tables.is_empty() { name.to_owned() } else { format!("{name}:{}", tables.join(",")) };
        let change = Ordered::Snapshot(copy.clone()).change("snapshot", object)?;
        let shelf = self.shelf.clone();
        let act = move || {
            let info = shelf.build(driver.as_ref(), &copy)?;
            Ok(to_json(&info)?)
        };
        Ok(Prepared { change, act: Box::new(act) })
    }

    pub(super) fn prepare_statement(&self, name: &str, statement: &Statement<'_>) -> Result<Prepared, CallError> {
        let PreparedStatement { object, record, act } = self.existing(name)?.prepare(statement)?;
        let change = Ordered::Statement { database: name.to_owned(), record }.change("execute", object)?;
        Ok(Prepared { change, act: Box::new(move || Ok(to_json(&act()?)?)) })
    }

    pub(super) fn prepare_load(&self, name: &str, id: &str) -> Result<Prepared, CallError> {
        let (driver, seq, directory) = self.snapshot_to_load(name, id)?;
        driver.before_load(&directory)?;
        let change = Ordered::Load { database: name.to_owned(), id: id.to_owned() }.change("load", name.to_owned())?;
        let (shelf, name) = (self.shelf.clone(), name.to_owned());
        let act = move || Ok(to_json(&shelf.label(driver.load(&directory)?, seq, &name))?);
        Ok(Prepared { change, act: Box::new(act) })
    }

    pub(super) fn load(&self, name: &str, id: &str) -> Result<SnapshotInfo, CallError> {
        let (driver, seq, directory) = self.snapshot_to_load(name, id)?;
        let info = driver.load(&directory)?;
        Ok(self.shelf.label(info, seq, name))
    }

    fn snapshot_to_load(&self, name: &str, id: &str) -> Result<(Arc<dyn Driver>, u64, PathBuf), CallError> {
        let driver = self.existing(name)?;
        let missing =
            || CallError::answer("no-such-snapshot", format!("{id:?} is no snapshot of the database {name:?}"));
        let seq = id.strip_prefix("snapshot-").and_then(|seq| seq.parse().ok()).ok_or_else(missing)?;
        let directory = self.shelf.place(seq, name);
        if directory.is_dir() { Ok((driver, seq, directory)) } else { Err(missing()) }
    }

    fn existing(&self, name: &str) -> Result<Arc<dyn Driver>, Fault> {
        self.driver(name)
            .ok_or_else(|| Fault::new("no-such-database", format!("there is no database {name:?} any more")))
    }
}

impl Shelf {
    fn place(&self, seq: u64, name: &str) -> PathBuf {
        self.backups.join(format!("{}-{seq}-{name}", self.run))
    }

    fn building_site(&self, seq: u64, name: &str) -> PathBuf {
        self.backups.join(format!(".{}-{seq}-{name}.new", self.run))
    }

    /// Adds what the driver cannot know.
    fn label(&self, mut info: SnapshotInfo, seq: u64, name: &str) -> SnapshotInfo {
        info.id = format!("snapshot-{seq}");
        info.extra.push(("file".to_owned(), format!("{}-{seq}-{name}", self.run)));
        info
    }

    fn build(&self, driver: &dyn Driver, ordered: &Copy) -> Result<SnapshotInfo, CallError> {
        let site = self.building_site(ordered.seq, &ordered.database);
        let place = self.place(ordered.seq, &ordered.database);
        let io = |error: std::io::Error| Fault::io(format_args!("backup directory {}", self.backups.display()), &error);
        make_private_dir(&self.backups).map_err(io)?;
        clear(&site)?;
        make_private_dir(&site).map_err(io)?;
        let built = driver.snapshot(&ordered.tables, &site, ordered.frozen).and_then(|info| {
            fault::point("snapshot.built").map_err(io)?;
            fs::rename(&site, &place).map_err(io)?;
            fault::point("snapshot.renamed").map_err(io)?;
            sync_dir(&self.backups).map_err(io)?;
            Ok(info)
        });
        match built {
            Ok(info) => Ok(self.label(info, ordered.seq, &ordered.database)),
            Err(error) => {
                // The first error is the one to tell; what cannot be cleared now is cleared when the effect is settled.
                let _ = clear(&site);
                Err(error)
            }
        }
    }
}

impl Capability for Databases {
    fn name(&self) -> &'static str {
        "database"
    }

    fn settle(&self, change: &Change) -> Result<Verdict, Fault> {
        let Copy { seq, database, .. } = &match Ordered::of(change)? {
            Ordered::Snapshot(copy) => copy,
            // It puts the same there, however often.
            Ordered::Load { .. } => return Ok(Verdict::NotDone),
            Ordered::Statement { database, record } => return self.existing(&database)?.settle(&record),
        };
        clear(&self.shelf.building_site(*seq, database))?;
        let place = self.shelf.place(*seq, database);
        if !place.is_dir() {
            return Ok(Verdict::NotDone);
        }
        sync_dir(&self.shelf.backups).map_err(|error| Fault::io(self.shelf.backups.display(), &error))?;
        let info = self.existing(database)?.snapshot_info(&place)?;
        Ok(Verdict::Done(to_json(&self.shelf.label(info, *seq, database))?))
    }

    /// Only what is not whole of a backup: it is the operator's. Databases are put back from their restore points.
    fn undo(&self, change: &Change) -> Result<(), Fault> {
        match Ordered::of(change)? {
            Ordered::Snapshot(copy) => clear(&self.shelf.building_site(copy.seq, &copy.database)),
            Ordered::Load { .. } | Ordered::Statement { .. } => Ok(()),
        }
    }

    /// Nothing: a snapshot is never undo data. The restore point is made under freeze.
    fn recheck(&self, _done: &[Change]) -> Result<(), Fault> {
        Ok(())
    }

    /// Nothing: a backup is the operator's.
    fn forget(&self) -> Result<(), Fault> {
        Ok(())
    }
}

fn refuse_unknown_tables(driver: &dyn Driver, tables: &[String]) -> Result<(), CallError> {
    if tables.is_empty() {
        return Ok(());
    }
    let objects = driver.objects()?;
    match tables.iter().find(|table| !objects.iter().any(|o| o.kind == "table" && o.name == **table)) {
        Some(table) => Err(CallError::answer("no-such-table", format!("{} has no table {table:?}", driver.name()))),
        None => Ok(()),
    }
}

fn clear(directory: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Fault::io(directory.display(), &error)),
        _ => Ok(()),
    }
}

fn to_json<T: Serialize>(value: &T) -> Result<serde_json::Value, Fault> {
    serde_json::to_value(value).map_err(|error| Fault::new("internal", format!("a record cannot be written: {error}")))
}
