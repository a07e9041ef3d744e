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

/// A row with a NULL in the key refers to nothing on purpose. Not by NOT EXISTS: a server may copy the other table for that, which
/// costs four times as much.
fn query(table: &str, key: &ForeignKey) -> String {
    let filled: String = key.columns.iter().map(|column| format!("c.{} IS NOT NULL AND ", quoted(column))).collect();
    let pairs = key.columns.iter().zip(&key.referenced_columns);
    let equal: Vec<_> = pairs.map(|(own, other)| format!("p.{} = c.{}", quoted(other), quoted(own))).collect();
    // A row that is found has no NULL in what was compared.
    let none: Vec<_> = key.referenced_columns.iter().map(|other| format!("p.{} IS NULL", quoted(other))).collect();
    format!(
        "SELECT COUNT(*) FROM {} c LEFT JOIN {} p ON {} WHERE {filled}{}",
        quoted(table),
        quoted(&key.references),
        equal.join(" AND "),
        none.join(" AND ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::server;
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
            "SELECT COUNT(*) FROM `t` c LEFT JOIN `p``; DROP` p ON p.`x` = c.`a``b` AND p.`y` = c.`c` \
             WHERE c.`a``b` IS NOT NULL AND c.`c` IS NOT NULL AND p.`x` IS NULL AND p.`y` IS NULL"
        );
    }
    #[test]
    fn only_rows_that_refer_to_nothing_are_counted() {
        let Some(server) = server() else { return };
        // A key that refers to several rows, as InnoDB allows; one with two columns; one that refers to its own table.
        let schema = server.schema(&[
            "CREATE TABLE p (a INT, b INT, KEY (a), KEY (a, b))",
            "CREATE TABLE c (id INT PRIMARY KEY, a INT, b INT, up INT, CONSTRAINT one FOREIGN KEY (a) REFERENCES p (a),
             CONSTRAINT two FOREIGN KEY (a, b) REFERENCES p (a, b), CONSTRAINT own FOREIGN KEY (up) REFERENCES c (id))",
            "INSERT INTO p VALUES (1, 1), (1, 2), (1, NULL), (NULL, 5), (2, 2)",
            "SET foreign_key_checks = 0",
            "INSERT INTO c VALUES (1, 1, 1, 1), (2, 1, 9, 1), (3, 9, NULL, 9), (4, NULL, 5, 9), (5, 9, 9, 9), (6, 1, 8, 9)",
        ]);
        let (config, mut link) = (schema.config(), schema.link());
        let catalog = Catalog::read(&mut link, &config).unwrap();
        let counted = keys_of(&catalog, &BTreeSet::from(["c"])).into_iter().map(|(table, key)| {
            let orphans = count(&mut link, &config, table, key).unwrap();
            (orphans.key, orphans.count)
        });
        assert_eq!(counted.collect::<Vec<_>>(), [("one".into(), 2), ("own".into(), 4), ("two".into(), 3)]);
    }
}
