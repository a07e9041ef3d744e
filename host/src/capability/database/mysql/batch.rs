//! Batches: transactions whose last word is the engine's marker, fenced against other sessions.

use super::MysqlConfig;
use super::link::Link;
use crate::effect::{Fault, Marker};

/// Makes our table, before the first batch of a run. Commits by itself.
pub(super) fn make_table(_link: &mut Link, _config: &MysqlConfig) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// The marker, read `FOR UPDATE`, never by a plain read: it lies while a COMMIT is pending.
pub(super) fn marker(_link: &mut Link, _config: &MysqlConfig) -> Result<Option<Marker>, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Begins a batch, if the marker is what the engine expects.
pub(super) fn begin(_link: &mut Link, _config: &MysqlConfig, _expected: Option<&Marker>) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Sets the marker and commits.
pub(super) fn commit(_link: &mut Link, _config: &MysqlConfig, _new: &Marker) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Drops our table, at commit of the run and after undo.
pub(super) fn drop_table(_link: &mut Link, _config: &MysqlConfig) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}
