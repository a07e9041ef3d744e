//! Tables as SQL files, compressed, that the server's own client loads without us; and the way back.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::MysqlConfig;
use super::catalog::Catalog;
use crate::capability::database::SnapshotInfo;
use crate::effect::Fault;

/// Who else writes while tables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Quiet {
    /// Nobody: several connections read at once.
    Frozen,
    /// Others may: one connection, one transaction.
    Live,
}

/// Writes tables (their definitions, rows and triggers) into an empty directory, durable, and reads it back. `whole`: also
/// views, routines and events.
pub(super) fn save(
    _config: &MysqlConfig,
    _catalog: &Catalog,
    _tables: &[String],
    _whole: bool,
    _directory: &Path,
    _quiet: Quiet,
) -> Result<SnapshotInfo, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// What is in a directory that [`save`] wrote: read, and each file compared with its hash.
pub(super) fn verify(_directory: &Path) -> Result<Manifest, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Drops the tables that a directory holds and loads them anew: definitions, rows, keys, triggers, next ids.
pub(super) fn load(_config: &MysqlConfig, _directory: &Path, _manifest: &Manifest) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// The page of JSON in a directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// As `snapshot` answers, without id.
    pub(super) info: SnapshotInfo,
    /// The definitions of the tables that are in it, and of the programs if it is whole.
    pub(super) catalog: Catalog,
}
