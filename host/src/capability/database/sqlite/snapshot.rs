//! The operator's backup: a SQLite database like any other, and a page of JSON about it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::catalog::{quoted, row_counts, tables};
use super::restore::digest;
use super::session::Session;
use crate::capability::database::{MARKER_TABLE, SnapshotInfo};
use crate::effect::Fault;
use crate::io::{fault, sync_dir, write_atomic};

/// The page of JSON.
const MANIFEST: &str = "snapshot.json";

/// Pages copied between two looks at the operator's wish to stop.
const PAGES: i32 = 4096;

/// What is free beyond the copy, so that the disk is not filled to the last byte.
const RESERVE: u64 = 16 << 20;

/// What `snapshot.json` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// As `snapshot` answered, without id.
    pub(super) info: SnapshotInfo,
    /// The database, in the same directory.
    pub(super) file: String,
    /// Its SHA-256.
    pub(super) sha256: String,
    /// Rows by table.
    pub(super) rows: BTreeMap<String, u64>,
    /// The version of SQLite that wrote it.
    pub(super) sqlite: String,
}

/// Reads `snapshot.json`.
pub(super) fn read_manifest(directory: &Path) -> Result<Manifest, Fault> {
    let path = directory.join(MANIFEST);
    let damaged = |why: String| Fault::new("snapshot-damaged", format!("{}: {why}", path.display()));
    let bytes = fs::read(&path).map_err(|error| damaged(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}

impl Session {
    /// As `Driver::snapshot`.
    pub(super) fn snapshot(&self, wanted: &[String], directory: &Path) -> Result<SnapshotInfo, Fault> {
        let file = format!("{}.sqlite", self.name());
        let copy = directory.join(&file);
        self.point("sqlite.snapshot")?;
        self.refuse_if_too_big(directory)?;
        // One read transaction for counting and copying: both see the same rows.
        self.host("BEGIN")?;
        let copied = self.copy_database(wanted, &copy);
        self.host("ROLLBACK")?;
        let rows = copied?;
        self.point("sqlite.snapshot.copied")?;
        self.read_back(&copy, &rows)?;
        let io = |error: std::io::Error| Fault::io(copy.display(), &error);
        let written = File::options().read(true).write(true).open(&copy).map_err(io)?;
        written.sync_all().map_err(io)?;
        let (bytes, sha256) = digest(&written).map_err(io)?;
        let info = SnapshotInfo {
            id: String::new(),
            tables: rows.len() as u64,
            rows: rows.values().sum(),
            bytes,
            extra: vec![("sha256".to_owned(), sha256.clone())],
        };
        let manifest = Manifest { info: info.clone(), file, sha256, rows, sqlite: rusqlite::version().to_owned() };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|error| Fault::new("internal", error.to_string()))?;
        write_atomic(&directory.join(MANIFEST), &json, 0o600).map_err(io)?;
        sync_dir(directory).map_err(io)?;
        self.point("sqlite.snapshot.synced")?;
        Ok(info)
    }

    /// Copies, leaves out what is not wanted, and returns the rows of what was copied, as counted in the original.
    fn copy_database(&self, wanted: &[String], to: &Path) -> Result<BTreeMap<String, u64>, Fault> {
        let failed = |error| self.fault("snapshot", &error);
        let mut rows = row_counts(&self.connection).map_err(failed)?;
        if !wanted.is_empty() {
            rows.retain(|table, _| wanted.contains(table));
        }
        make_private_file(to)?;
        let mut copy = open_copy(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        self.copy_pages(&mut copy)?;
        trim(&copy, wanted).map_err(failed)?;
        copy.close().map_err(|(_, error)| failed(error))?;
        Ok(rows)
    }

    fn copy_pages(&self, copy: &mut Connection) -> Result<(), Fault> {
        let failed = |error| self.fault("snapshot", &error);
        let backup = Backup::new(&self.connection, copy).map_err(failed)?;
        loop {
            fault::point("sqlite.snapshot.pages").map_err(|error| Fault::io("snapshot", &error))?;
            if self.watch.stopped() {
                return Err(Fault::new("interrupted", "stopped in the middle of a snapshot"));
            }
            match backup.step(PAGES).map_err(failed)? {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// A copy that was not read back is no backup.
    fn read_back(&self, copy: &Path, rows: &BTreeMap<String, u64>) -> Result<(), Fault> {
        let failed = |error| self.fault("read the snapshot back", &error);
        let connection = open_copy(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        let verdict: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            let text =
                format!("database {}: the copy is damaged, and so perhaps is the database: {verdict}", self.name());
            return Err(Fault::new("database-damaged", text));
        }
        if row_counts(&connection).map_err(failed)? != *rows {
            let text = format!("database {}: the copy has other rows than the database", self.name());
            return Err(Fault::new("snapshot-damaged", text));
        }
        Ok(())
    }

    /// As `Driver::size`.
    pub(super) fn size(&self) -> Result<u64, Fault> {
        let number =
            |pragma: &str| -> rusqlite::Result<i64> { self.connection.query_row(pragma, [], |row| row.get(0)) };
        let size = || Ok(number("PRAGMA page_count")?.cast_unsigned() * number("PRAGMA page_size")?.cast_unsigned());
        size().map_err(|error| self.fault("size", &error))
    }

    fn refuse_if_too_big(&self, directory: &Path) -> Result<(), Fault> {
        let size = self.size()?;
        let disk = rustix::fs::statvfs(directory).map_err(|error| Fault::io(directory.display(), &error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if size.saturating_add(RESERVE) > free {
            let text = format!(
                "a snapshot of database {} needs {size} bytes and {RESERVE} in reserve; {} has {free} free",
                self.name(),
                directory.display()
            );
            return Err(Fault::new("disk-full", text));
        }
        Ok(())
    }
}

/// Opens a database of our own making: nothing in its schema may run.
pub(super) fn open_copy(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    Ok(connection)
}

/// Makes the copy one file, without our marker and without what is not wanted.
fn trim(copy: &Connection, wanted: &[String]) -> rusqlite::Result<()> {
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    copy.execute_batch(&format!("DROP TABLE IF EXISTS {MARKER_TABLE}"))?;
    if wanted.is_empty() {
        return Ok(());
    }
    let others = tables(copy)?.into_iter().filter(|table| !wanted.contains(table));
    let views = copy
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for view in views {
        copy.execute_batch(&format!("DROP VIEW IF EXISTS {}", quoted(&view)))?;
    }
    for table in others {
        copy.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(&table)))?;
    }
    copy.execute_batch("VACUUM")
}

fn make_private_file(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = File::options().create_new(true).write(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| Fault::io(path.display(), &error))
}
