//! What a database says about itself and about what it did: the records of the contract.

use serde::{Deserialize, Serialize};

use crate::effect::Extra;

/// What a column of a result is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// The type as declared; empty for an expression.
    pub declared: String,
    /// "unsigned", "charset" and "collation" where the server says so.
    pub extra: Extra,
}

/// What a statement did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Executed {
    /// Rows inserted, changed or deleted.
    pub affected: u64,
    /// The id that the last INSERT made.
    pub last_id: Option<i64>,
    /// More, by name.
    pub extra: Extra,
}

/// A table, an index or another object of the schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// "table", "view", "index" or "trigger".
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to; its own name for a table.
    pub table: String,
    /// The statement that makes it. Empty for an index that a constraint made.
    pub definition: String,
    /// More, by name.
    pub extra: Extra,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: String,
    /// The type as declared.
    pub declared: String,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// The expression of its default.
    pub default: Option<String>,
    /// Position in the primary key, from 1; 0 if it is not part of it.
    pub primary_key: u32,
    /// More, by name.
    pub extra: Extra,
}

/// A foreign key, with the name that this database really has (empty on SQLite, which has none).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub references: String,
    /// The columns there, in the same order.
    pub referenced_columns: Vec<String>,
    /// "CASCADE", "NO ACTION" …
    pub on_delete: String,
    /// The same for changes.
    pub on_update: String,
    /// More, by name.
    pub extra: Extra,
}

/// A copy of tables: the operator's backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// The id, for `load` and outputs of kind "snapshot". A driver leaves it empty: [`super::Databases`] gives it.
    pub id: String,
    /// Tables in it.
    pub tables: u64,
    /// Rows in it, all tables.
    pub rows: u64,
    /// Its size on disk.
    pub bytes: u64,
    /// "file": its name below the operator's backup directory; "sha256".
    pub extra: Extra,
}
