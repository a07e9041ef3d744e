//! The catalog as a guest sees it.

use super::{Catalog, Program, Table, definition, quoted};
use crate::capability::database::{ColumnDefinition, ForeignKey, Object};

impl Catalog {
    /// A table, by its name as the server has it, else by one that differs in case only.
    pub(in super::super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name).or_else(|| self.tables.values().find(|table| table.name.eq_ignore_ascii_case(name)))
    }

    /// Indexes, tables, triggers and views, in the order of kind and name.
    pub(in super::super) fn objects(&self) -> Vec<Object> {
        let mut objects: Vec<Object> = self.views.values().map(|view| program("view", &view.name, view)).collect();
        for table in self.tables.values() {
            objects.push(Object {
                kind: "table".to_owned(),
                name: table.name.clone(),
                table: table.name.clone(),
                definition: table.definition.clone(),
                extra: vec![("engine".to_owned(), table.engine.clone())],
            });
            objects.extend(table.triggers.iter().map(|trigger| program("trigger", &table.name, trigger)));
            objects.extend(indexes(table));
        }
        objects.sort_by(|a, b| (&a.kind, &a.name, &a.table).cmp(&(&b.kind, &b.name, &b.table)));
        objects
    }

    /// The columns of a table in their order; empty if there is no such table.
    pub(in super::super) fn columns(&self, table: &str) -> Vec<ColumnDefinition> {
        let columns = self.table(table).map(|table| table.columns.iter());
        columns.into_iter().flatten().map(|column| column.definition.clone()).collect()
    }

    /// The foreign keys that a table has.
    pub(in super::super) fn foreign_keys(&self, table: &str) -> Vec<ForeignKey> {
        self.table(table).map(|table| table.foreign_keys.clone()).unwrap_or_default()
    }
}

fn program(kind: &str, table: &str, program: &Program) -> Object {
    Object {
        kind: kind.to_owned(),
        name: program.name.clone(),
        table: table.to_owned(),
        definition: program.definition.clone(),
        extra: Vec::new(),
    }
}

/// The indexes of a table. A name is unique in its table only.
fn indexes(table: &Table) -> impl Iterator<Item = Object> {
    definition::keys(&table.definition).into_iter().map(|key| {
        let mut extra = vec![("unique".to_owned(), if key.unique { "yes" } else { "no" }.to_owned())];
        extra.extend(key.columns.into_iter().map(|column| ("column".to_owned(), column)));
        Object {
            kind: "index".to_owned(),
            name: key.name,
            table: table.name.clone(),
            definition: format!("ALTER TABLE {} ADD {}", quoted(&table.name), key.text),
            extra,
        }
    })
}
