//! Schema changes: what a statement would make of its tables, and afterwards whether it did.

use serde::{Deserialize, Serialize};

use super::MysqlConfig;
use super::catalog::Catalog;
use super::link::Link;
use super::sql::{Parsed, Touched};
use crate::effect::{CallError, Fault, Verdict};

/// What the journal has about a schema change. No values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {}

/// Describes a change before it is sent: the definitions before, the expected ones from an empty clone, the next ids.
pub(super) fn describe(
    _link: &mut Link,
    _config: &MysqlConfig,
    _catalog: &Catalog,
    _statement: &Parsed,
    _touched: &Touched,
) -> Result<Record, CallError> {
    Err(Fault::new("internal", "not built yet").into())
}

/// Whether it happened. Behind the lock: nobody is still at it. "Not done" puts the next ids back.
pub(super) fn settle(_link: &mut Link, _config: &MysqlConfig, _record: &Record) -> Result<Verdict, Fault> {
    Err(Fault::new("internal", "not built yet"))
}
