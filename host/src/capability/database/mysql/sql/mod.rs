//! SQL from a guest: refused, or told apart by tokens, and rendered anew so that the server sees what the guard saw.

use std::collections::BTreeSet;

use super::catalog::Catalog;
use crate::effect::Failure;

/// Where a statement is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// In `query`: it only reads.
    Query,
    /// In `execute`. `define`: programs that stay are allowed.
    Execute { define: bool },
}

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SELECT, SHOW and the like.
    Read,
    /// Rows change: part of a transaction, if its tables are transactional.
    Data,
    /// Commits by itself.
    Schema,
}

/// A statement that is not refused outright.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    /// The text to send: without comments.
    pub(super) text: String,
    /// Its kind.
    pub(super) kind: Kind,
}

/// What a statement may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Tables whose rows may change or go.
    pub(super) rows: BTreeSet<String>,
    /// Tables whose definition may change, theirs included whose foreign keys name them.
    pub(super) definitions: BTreeSet<String>,
    /// Whether it commits by itself, or changes a table that has no transactions.
    pub(super) commits_itself: bool,
}

/// Refuses what no stage may do, and tells the kind. A statement that names several objects is split.
pub(super) fn parse(_sql: &str, _use: Use) -> Result<Vec<Parsed>, Failure> {
    Err(Failure::new("statement-refused", "not built yet"))
}

/// Refuses what reaches out of the schema or runs programs, as the catalog shows it, and tells what may change.
pub(super) fn touched(
    _statement: &Parsed,
    _use: Use,
    _catalog: &Catalog,
    _schemas: &[String],
) -> Result<Touched, Failure> {
    Err(Failure::new("statement-refused", "not built yet"))
}

/// The statement with `?` for each literal, at most `most` bytes: fit for journals and messages.
pub(super) fn shape(_sql: &str, _most: usize) -> String {
    String::new()
}
