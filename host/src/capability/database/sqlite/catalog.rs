//! What is in the database, by SQLite's own tables.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::session::Session;
use crate::capability::database::{ColumnDefinition, ForeignKey, MARKER_TABLE, Object};
use crate::effect::Fault;

impl Session {
    /// As `Driver::objects`.
    pub(super) fn objects(&self) -> Result<Vec<Object>, Fault> {
        let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
            WHERE tbl_name <> ?1 COLLATE NOCASE AND NOT (type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\')
            ORDER BY type, name";
        let object = |row: &Row<'_>| {
            let (kind, name, table, definition) = (text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?);
            Ok(Object { kind, name, table, definition, extra: Vec::new() })
        };
        self.all(sql, MARKER_TABLE, object)
    }

    /// As `Driver::columns`.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<ColumnDefinition>, Fault> {
        if table.eq_ignore_ascii_case(MARKER_TABLE) {
            return Ok(Vec::new());
        }
        let sql = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
        self.all(sql, table, |row| {
            let generated = match row.get(5)? {
                2 => Some("virtual"),
                3 => Some("stored"),
                _ => None,
            };
            Ok(ColumnDefinition {
                name: text(row, 0)?,
                declared: text(row, 1)?,
                nullable: !row.get(2)?,
                default: if row.get_ref(3)? == rusqlite::types::ValueRef::Null { None } else { Some(text(row, 3)?) },
                primary_key: row.get(4)?,
                extra: generated.map(|kind| ("generated".to_owned(), kind.to_owned())).into_iter().collect(),
            })
        })
    }

    /// As `Driver::foreign_keys`.
    pub(super) fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>, Fault> {
        let sql = "SELECT id, \"table\", \"from\", \"to\", on_delete, on_update, match
            FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq";
        let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
        let rows = self.all(sql, table, |row| {
            let to: Option<String> = row.get(3)?;
            let key = ForeignKey {
                name: String::new(),
                columns: vec![text(row, 2)?],
                references: text(row, 1)?,
                referenced_columns: to.into_iter().collect(),
                on_delete: text(row, 4)?,
                on_update: text(row, 5)?,
                extra: vec![("match".to_owned(), text(row, 6)?)],
            };
            Ok((row.get(0)?, key))
        })?;
        for (id, mut part) in rows {
            match keys.last_mut() {
                Some((last, key)) if *last == id => {
                    key.columns.append(&mut part.columns);
                    key.referenced_columns.append(&mut part.referenced_columns);
                }
                _ => keys.push((id, part)),
            }
        }
        keys.into_iter().map(|(_, key)| self.name_referenced_columns(key)).collect()
    }

    /// `REFERENCES parent` without columns means the parent's primary key.
    fn name_referenced_columns(&self, mut key: ForeignKey) -> Result<ForeignKey, Fault> {
        if key.referenced_columns.is_empty() {
            let mut columns = self.columns(&key.references)?;
            columns.retain(|column| column.primary_key > 0);
            columns.sort_by_key(|column| column.primary_key);
            key.referenced_columns = columns.into_iter().map(|column| column.name).collect();
        }
        Ok(key)
    }

    /// All rows of a statement of the host's own with one parameter.
    fn all<T>(&self, sql: &str, param: &str, to: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, Fault> {
        let read =
            || -> rusqlite::Result<Vec<T>> { self.connection.prepare_cached(sql)?.query_map([param], to)?.collect() };
        read().map_err(|error| self.fault("schema", &error))
    }
}

/// Tables with rows of their own, without SQLite's and ours. Virtual tables keep theirs in shadow tables, which are listed.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1 COLLATE NOCASE ORDER BY name";
    connection.prepare(sql)?.query_map([MARKER_TABLE], |row| text(row, 0))?.collect()
}

/// Rows of each of them.
pub(super) fn row_counts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let count = |table: String| {
        let sql = format!("SELECT count(*) FROM main.{}", quoted(&table));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((table, rows.cast_unsigned()))
    };
    tables(connection)?.into_iter().map(count).collect()
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text of the schema, which need not be UTF-8 in a file from anywhere.
fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(index)? {
        rusqlite::types::ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}
