//! The restore point: every definition at the start, each table before it is touched first; and the way back.

use serde_json::Value;

use super::MysqlConfig;
use super::catalog::Catalog;
use super::link::Link;
use super::sql::Touched;
use crate::effect::Fault;

/// Makes the definitions durable. Returns the record for [`put_back`].
pub(super) fn begin(_link: &mut Link, _config: &MysqlConfig) -> Result<Value, Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Makes durable what is not yet saved of the tables that a statement touches. Called before the statement is sent.
pub(super) fn before_touch(_config: &MysqlConfig, _catalog: &Catalog, _touched: &Touched) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}

/// Puts the whole schema back and compares every definition. The locks are held by `link`. May be called again.
pub(super) fn put_back(_link: &mut Link, _config: &MysqlConfig, _saved: &Value) -> Result<(), Fault> {
    Err(Fault::new("internal", "not built yet"))
}
