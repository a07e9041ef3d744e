//! A setting that an application keeps in its database: the host itself reads and sets it, by the operator's word.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CallError;

/// One value, in one row of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The table.
    pub table: String,
    /// The column that it is in.
    pub column: String,
    /// The row that it is in: columns, and what is in them there.
    pub row: BTreeMap<String, String>,
}

impl Setting {
    /// What it says as a text, whatever type its column has; none where it says nothing.
    #[must_use]
    pub fn words(value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// The answer that it is not there, or not as it has to be.
    pub fn wrong(&self, database: &str, why: impl fmt::Display) -> CallError {
        CallError::answer("no-such-setting", format!("database {database}, {self}: {why}"))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row: Vec<_> = self.row.iter().map(|(column, value)| format!("{column} = {value:?}")).collect();
        write!(f, "{} of {} where {}", self.column, self.table, row.join(" and "))
    }
}
