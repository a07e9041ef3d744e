//! What the host looks at before an upgrade: server and version, clusters and proxies, rights, tables that cannot be restored.

use super::MysqlConfig;
use super::link::Link;
use crate::effect::{Fault, Finding};

/// All findings. Changes nothing.
pub(super) fn check(_link: &mut Link, _config: &MysqlConfig) -> Result<Vec<Finding>, Fault> {
    Err(Fault::new("internal", "not built yet"))
}
