//! Whether anybody wrote: the server's own note of each table's last change, and the next ids.

use super::MysqlConfig;
use super::link::Link;
use crate::effect::Fault;

/// The stamp now.
pub(super) fn take(_link: &mut Link, _config: &MysqlConfig) -> Result<String, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// What somebody has written to since.
pub(super) fn written_since(_link: &mut Link, _config: &MysqlConfig, _stamp: &str) -> Result<Option<String>, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Puts the next ids back that a lost batch has used up.
pub(super) fn rewind(_link: &mut Link, _config: &MysqlConfig, _stamp: &str) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}
