//! Descriptions of a schema for tests, in few words.

use super::{Column, ForeignKey, Index, Program, Schema, Table};

/// A schema without tables.
pub(crate) fn schema(prefix: &str) -> Schema {
    Schema { prefix: prefix.to_owned(), ..Schema::default() }
}

/// A table with these columns: name, a blank, type.
pub(crate) fn table(columns: &[&str]) -> Table {
    let column = |text: &&str| {
        let (name, declared) = text.split_once(' ').expect("a name and a type");
        Column { name: name.to_owned(), declared: declared.to_owned(), ..Column::default() }
    };
    Table { columns: columns.iter().map(column).collect(), ..Table::default() }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Schema {
    pub(crate) fn with(mut self, name: &str, table: Table) -> Self {
        self.tables.insert(name.to_owned(), table);
        self
    }

    pub(crate) fn with_program(mut self, kind: &str, name: &str, definition: &str) -> Self {
        self.programs.push(Program { kind: kind.into(), name: name.into(), definition: definition.into() });
        self
    }
}

impl Table {
    pub(crate) fn with_index(mut self, name: &str, columns: &[&str]) -> Self {
        self.indexes.push(Index { name: name.to_owned(), unique: false, columns: owned(columns) });
        self
    }

    pub(crate) fn with_unique(mut self, name: &str, columns: &[&str]) -> Self {
        self.indexes.push(Index { name: name.to_owned(), unique: true, columns: owned(columns) });
        self
    }

    pub(crate) fn with_foreign_key(mut self, name: &str, columns: &[&str], references: &str) -> Self {
        self.foreign_keys.push(ForeignKey {
            name: name.to_owned(),
            columns: owned(columns),
            references: references.to_owned(),
        });
        self
    }
}
