//! Rows that refer to nothing: counted before a table is touched, and again when it is put back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, quoted};
use super::super::error;
use super::super::link::Link;
use super::step::other_schema;
use crate::capability::database::ForeignKey;
use crate::effect::Fault;

/// How many rows of a table refer to nothing by one of its foreign keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Orphans {
    /// The table that refers.
    pub(super) table: String,
    /// The table that it refers to.
    pub(super) references: String,
    /// The foreign key's name.
    pub(super) key: String,
    /// Rows.
    pub(super) count: u64,
}

impl Orphans {
    /// Whether a table is on either side of the foreign key.
    pub(super) fn concern(&self, table: &str) -> bool {
        self.table == table || self.references == table
    }
}

/// The foreign keys with one of these tables on either side, as (table, key). Those that lead out of the schema are left out.
pub(super) fn keys_of<'a>(catalog: &'a Catalog, tables: &BTreeSet<&str>) -> Vec<(&'a str, &'a ForeignKey)> {
    let all = catalog.tables.iter().flat_map(|(name, table)| table.foreign_keys.iter().map(move |key| (name, key)));
    all.filter(|(name, key)| tables.contains(name.as_str()) || tables.contains(key.references.as_str()))
        .filter(|(_, key)| other_schema(key).is_none() && catalog.tables.contains_key(&key.references))
        .map(|(name, key)| (name.as_str(), key))
        .collect()
}

/// Counts.
pub(super) fn count(link: &mut Link, config: &MysqlConfig, table: &str, key: &ForeignKey) -> Result<Orphans, Fault> {
    let sql = query(table, key);
    let rows = link.rows(&sql).map_err(|error| error::fault(&config.name, "counting orphans", &error))?;
    let count = rows.first().and_then(|row| row.get_opt::<u64, _>(0)).and_then(Result::ok).ok_or_else(|| {
        Fault::new(
            "database-error",
            format!("database {}: the server counts the orphans of {table} to nothing", config.name),
        )
    })?;
    Ok(Orphans { table: table.to_owned(), references: key.references.clone(), key: key.name.clone(), count })
}

/// A row with a NULL in the key refers to nothing on purpose.
fn query(table: &str, key: &ForeignKey) -> String {
    let filled: String = key.columns.iter().map(|column| format!("c.{} IS NOT NULL AND ", quoted(column))).collect();
    let pairs = key.columns.iter().zip(&key.referenced_columns);
    let equal: Vec<_> = pairs.map(|(own, other)| format!("p.{} = c.{}", quoted(other), quoted(own))).collect();
    format!(
        "SELECT COUNT(*) FROM {} c WHERE {filled}NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
        quoted(table),
        quoted(&key.references),
        equal.join(" AND ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_count_are_only_names() {
        let key = ForeignKey {
            name: "k".to_owned(),
            columns: vec!["a`b".to_owned(), "c".to_owned()],
            references: "p`; DROP".to_owned(),
            referenced_columns: vec!["x".to_owned(), "y".to_owned()],
            on_delete: String::new(),
            on_update: String::new(),
            extra: Vec::new(),
        };
        assert_eq!(
            query("t", &key),
            "SELECT COUNT(*) FROM `t` c WHERE c.`a``b` IS NOT NULL AND c.`c` IS NOT NULL AND \
             NOT EXISTS (SELECT 1 FROM `p``; DROP` p WHERE p.`x` = c.`a``b` AND p.`y` = c.`c`)"
        );
    }
}
