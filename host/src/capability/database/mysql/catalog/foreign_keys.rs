//! Foreign keys with the names that they really have.

use std::collections::BTreeMap;

use super::reader::{Only, Reader, cell, text};
use crate::capability::database::ForeignKey;
use crate::effect::Fault;

/// The foreign keys of the tables that `only` leaves, by table, in the order of their names.
pub(super) fn read(reader: &mut Reader<'_>, only: &Only) -> Result<BTreeMap<String, Vec<ForeignKey>>, Fault> {
    let only = only.on("TABLE_NAME");
    // Both views are read alone: a join would make a server open every table once per row.
    let rules = reader.rows(&format!(
        "SELECT TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE, MATCH_OPTION
            FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE(){only}"
    ))?;
    let rule = |row| ((text(row, 0), text(row, 1)), [text(row, 2), text(row, 3), text(row, 4)]);
    let mut rules: BTreeMap<_, _> = rules.iter().map(rule).collect();
    let parts = reader.rows(&format!(
        "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME,
            NULLIF(REFERENCED_TABLE_SCHEMA, TABLE_SCHEMA)
            FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL{only}
            ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
    ))?;
    let mut tables: BTreeMap<String, Vec<ForeignKey>> = BTreeMap::new();
    for row in parts {
        let (table, name, column, referenced) = (text(&row, 0), text(&row, 1), text(&row, 2), text(&row, 4));
        let keys = tables.entry(table.clone()).or_default();
        match keys.last_mut() {
            Some(last) if last.name == name => {
                last.columns.push(column);
                last.referenced_columns.push(referenced);
            }
            _ => {
                let [on_delete, on_update, matching] = rules.remove(&(table, name.clone())).unwrap_or_default();
                let mut extra = vec![("match".to_owned(), matching)];
                extra.extend(cell(&row, 5).map(|schema| ("schema".to_owned(), schema)));
                keys.push(ForeignKey {
                    name,
                    columns: vec![column],
                    references: text(&row, 3),
                    referenced_columns: vec![referenced],
                    on_delete,
                    on_update,
                    extra,
                });
            }
        }
    }
    Ok(tables)
}
