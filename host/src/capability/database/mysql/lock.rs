//! Locks that die with their session: one for the run, one for the schema. An orphan of this run that is idle is killed, one
//! that works is waited for.

use super::MysqlConfig;
use super::link::Link;
use crate::effect::Fault;

/// Takes both locks for this session, or waits for the orphan that has them.
pub(super) fn take(_link: &mut Link, _config: &MysqlConfig) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}
