//! Tables as SQL files, compressed, that the server's own client loads without us; and the way back.
//!
//! In a directory: for each table, under its number, `…-1-schema`, its rows as `…-2-data-00001` and so on, and its triggers as
//! `…-9-triggers`; behind the tables' numbers routines, views and events; `manifest.json`; and `SHA256SUMS`, for `sha256sum -c`.
//! Without us: `for f in *.sql.zst; do zstd -dc "$f"; done | mariadb --comments DATABASE`.
//!
//! Exact is what comes back, not what is easy to read: values in the bytes of their column's character set, times in UTC, FLOAT
//! by way of DOUBLE (its text has too few digits). The last line of a file says how many rows it has: a file that was cut is
//! recognised, by us and by a person.
//!
//! * [`save`](self::save()): [`moment`] opens connections that see the same; [`plan`] shares the tables among them; [`read`] makes
//!   statements of rows as [`text`] says; [`file`] compresses, hashes, syncs and reads back; [`programs`] writes what is not rows.
//! * [`load`](self::load()): [`keys`] takes definitions apart; [`fields`] and [`infile`] make a stream for `LOAD DATA` of a file.

mod fields;
mod file;
mod infile;
mod keys;
mod load;
mod moment;
mod names;
mod plan;
mod programs;
mod read;
mod save;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::file::{FileEntry, damaged, hex};
use super::MysqlConfig;
use super::catalog::Catalog;
use crate::capability::database::SnapshotInfo;
use crate::effect::Fault;
use crate::io::{fault, sync_dir, write_atomic};

pub(super) use self::programs::make as make_program;

/// The page of JSON.
const MANIFEST: &str = "manifest.json";

/// The hashes of all files, also of the manifest, as `sha256sum` writes them.
const SUMS: &str = "SHA256SUMS";

/// Who else writes while tables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Quiet {
    /// Nobody: several connections read at once.
    Frozen,
    /// Others may: all is read as of one moment.
    Live,
}

impl Quiet {
    /// What makes the rows fit together that so many connections read, for the manifest.
    fn consistency(self, connections: usize) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Live if connections > 1 => "one-moment",
            Self::Live => "one-transaction",
        }
    }
}

/// The page of JSON in a directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// As `snapshot` answers, without id.
    pub(super) info: SnapshotInfo,
    /// The definitions of the tables that are in it, and of the programs if it is whole.
    pub(super) catalog: Catalog,
    /// What there is of each table.
    pub(super) tables: BTreeMap<String, TableEntry>,
    /// All files but this one, in the order in which they are loaded.
    pub(super) files: Vec<FileEntry>,
}

/// What there is of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableEntry {
    /// Its rows.
    pub(super) rows: u64,
    /// The id that the next row would have got.
    pub(super) next_id: Option<u64>,
    /// The names of the files with its rows.
    pub(super) data: Vec<String>,
}

/// Writes tables (their definitions, rows and triggers) into an empty directory, durable, and reads it back. `whole`: also
/// views, routines and events.
///
/// # Errors
/// "no-such-table", "table-not-restorable", "interrupted", "disk-full", "connection-lost".
pub(super) fn save(
    config: &MysqlConfig,
    catalog: &Catalog,
    tables: &[String],
    whole: bool,
    directory: &Path,
    quiet: Quiet,
) -> Result<SnapshotInfo, Fault> {
    let mut manifest = save::save(config, catalog, tables, whole, directory, quiet)?;
    manifest.info.bytes = manifest.files.iter().map(|file| file.bytes).sum();
    let sums = sums(&manifest.files);
    manifest.info.extra.push(("sha256".to_owned(), hex(Sha256::new_with_prefix(&sums))));
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| Fault::new("internal", error.to_string()))?;
    let sums = format!("{sums}{}", sum_of_manifest(&json));
    let io = |error: std::io::Error| Fault::io(directory.display(), &error);
    fault::point("mysql.dump.manifest").map_err(io)?;
    write_atomic(&directory.join(SUMS), sums.as_bytes(), 0o600).map_err(io)?;
    write_atomic(&directory.join(MANIFEST), &json, 0o600).map_err(io)?;
    sync_dir(directory).map_err(io)?;
    fault::point("mysql.dump.done").map_err(io)?;
    Ok(manifest.info)
}

/// What is in a directory that [`save`](self::save()) wrote: read, and each file compared with its hash.
///
/// # Errors
/// "snapshot-damaged", with the name of the file that is missing, altered or cut.
pub(super) fn verify(directory: &Path) -> Result<Manifest, Fault> {
    let manifest = read_manifest(directory)?;
    manifest.files.iter().try_for_each(|file| file.verify(directory))?;
    Ok(manifest)
}

/// The manifest alone, compared with its hash: for what a snapshot says about itself.
///
/// # Errors
/// "snapshot-damaged".
pub(super) fn read_manifest(directory: &Path) -> Result<Manifest, Fault> {
    let read = |name: &str| {
        let path = directory.join(name);
        fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => damaged(&path, "it is missing"),
            _ => Fault::io(path.display(), &error),
        })
    };
    let (json, found) = (read(MANIFEST)?, read(SUMS)?);
    let path = directory.join(MANIFEST);
    let Some(others) = found.strip_suffix(sum_of_manifest(&json).as_bytes()) else {
        return Err(damaged(&path, format!("it is not what {SUMS} says")));
    };
    let manifest: Manifest = serde_json::from_slice(&json).map_err(|error| damaged(&path, error))?;
    if let Some(file) = manifest.files.iter().find(|file| !names::is_ours(&file.name)) {
        return Err(damaged(&path, format!("{:?} is no name of a file of ours", file.name)));
    }
    if others != sums(&manifest.files).as_bytes() {
        return Err(damaged(&directory.join(SUMS), format!("it is not what {MANIFEST} says")));
    }
    Ok(manifest)
}

/// The lines of `SHA256SUMS` but the manifest's.
fn sums(files: &[FileEntry]) -> String {
    files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect()
}

/// The last line.
fn sum_of_manifest(json: &[u8]) -> String {
    format!("{}  {MANIFEST}\n", hex(Sha256::new_with_prefix(json)))
}

/// Drops the tables that a directory holds and loads them anew: definitions, rows, keys, triggers, next ids. No trigger fires
/// and nothing cascades. The directory has been verified. May be called again after a kill at any point.
///
/// # Errors
/// "snapshot-damaged"; "load-incomplete" and "load-inexact" where the server has something else now; "database-busy";
/// "interrupted"; what the connection says.
pub(super) fn load(config: &MysqlConfig, directory: &Path, manifest: &Manifest) -> Result<(), Fault> {
    load::load(config, directory, manifest, None)
}
