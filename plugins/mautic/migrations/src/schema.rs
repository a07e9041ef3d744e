//! The schema as it really is: what migrations are decided by. Tables are asked for without their prefix.

use std::collections::BTreeMap;

use liftlock_sdk::database::{ColumnDefinition, Dialect, Object};
use liftlock_sdk::prelude::*;

/// The tables that a migration meets, and the programs of the whole database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    prefix: String,
    tables: BTreeMap<String, Table>,
    programs: Vec<Program>,
}

/// A table that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    indexes: Vec<Index>,
    foreign_keys: Vec<ForeignKey>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the server says it: "int(10) unsigned".
    pub declared: String,
    /// Its character set, where it has one.
    pub charset: Option<String>,
    /// Its collation, where it has one.
    pub collation: Option<String>,
}

/// An index, or a constraint that is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The name that it really has; "PRIMARY" for the primary key.
    pub name: String,
    /// Whether no two rows may be alike in it.
    pub unique: bool,
    /// Its columns in their order.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The name that it really has.
    pub name: String,
    /// Its columns in their order.
    pub columns: Vec<String>,
    /// The table that it refers to, with prefix.
    pub references: String,
}

/// A view or a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Program {
    kind: String,
    name: String,
    definition: String,
}

impl Schema {
    /// Reads these tables.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(database: &Database, prefix: &str, tables: &[&str]) -> Result<Self, Failure> {
        let objects = database.objects()?;
        let mut schema = Self { prefix: prefix.to_owned(), programs: programs(&objects), ..Self::default() };
        for name in tables {
            let full = schema.full(name);
            if objects.iter().any(|object| object.kind == "table" && same(&object.name, &full)) {
                let foreign_keys = database.foreign_keys(&full)?.into_iter();
                let table = Table {
                    columns: database.columns(&full)?.into_iter().map(Column::from).collect(),
                    indexes: objects.iter().filter(|object| same(&object.table, &full)).filter_map(index).collect(),
                    foreign_keys: foreign_keys
                        .map(|key| ForeignKey { name: key.name, columns: key.columns, references: key.references })
                        .collect(),
                };
                schema.tables.insert((*name).to_owned(), table);
            }
        }
        Ok(schema)
    }

    /// The name that a table has with its prefix.
    pub fn full(&self, table: &str) -> String {
        format!("{}{table}", self.prefix)
    }

    /// The same, quoted.
    pub fn quoted(&self, table: &str) -> String {
        ident(&self.full(table))
    }

    /// What the tables' names begin with; may be empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A table, if it is there.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// All tables that were read and are there.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Views and triggers that name both the table and the column, as "view v".
    pub fn programs_with(&self, table: &str, column: &str) -> Vec<String> {
        let table = self.full(table);
        let names = |definition: &str, name: &str| words(definition).any(|word| same(word, name));
        let using = self.programs.iter().filter(|it| names(&it.definition, &table) && names(&it.definition, column));
        using.map(|program| format!("{} {}", program.kind, program.name)).collect()
    }
}

impl Table {
    /// A column, if it is there.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// An index, if it is there.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| same(&index.name, name))
    }

    /// The indexes that have this column.
    pub fn indexes_with(&self, column: &str) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(move |index| has(&index.columns, column))
    }

    /// All foreign keys.
    pub fn foreign_keys(&self) -> &[ForeignKey] {
        &self.foreign_keys
    }

    /// The foreign keys that have this column.
    pub fn foreign_keys_with(&self, column: &str) -> impl Iterator<Item = &ForeignKey> {
        self.foreign_keys.iter().filter(move |key| has(&key.columns, column))
    }
}

impl Column {
    /// Whether it holds no negative numbers.
    pub fn is_unsigned(&self) -> bool {
        self.declared.split_whitespace().any(|word| word.eq_ignore_ascii_case("unsigned"))
    }

    /// Whether it is one of the text types without a length.
    pub fn is_text(&self) -> bool {
        ["text", "mediumtext", "longtext"].iter().any(|kind| same(&self.declared, kind))
    }
}

impl From<ColumnDefinition> for Column {
    fn from(column: ColumnDefinition) -> Self {
        let fact = |name: &str| column.extra.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Self { charset: fact("charset"), collation: fact("collation"), name: column.name, declared: column.declared }
    }
}

impl Index {
    /// Whether it is on these columns, in this order, and no others.
    pub fn is_on(&self, columns: &[&str]) -> bool {
        self.columns.len() == columns.len() && self.columns.iter().zip(columns).all(|(one, other)| same(one, other))
    }
}

/// A name as MySQL and MariaDB want it quoted, whatever it contains.
pub fn ident(name: &str) -> String {
    Dialect::Mysql.quote(name)
}

fn index(object: &Object) -> Option<Index> {
    let facts = |name: &'static str| object.extra.iter().filter(move |(key, _)| key == name).map(|(_, value)| value);
    (object.kind == "index").then(|| Index {
        name: object.name.clone(),
        unique: facts("unique").any(|value| value == "yes"),
        columns: facts("column").cloned().collect(),
    })
}

fn programs(objects: &[Object]) -> Vec<Program> {
    let programs = objects.iter().filter(|object| ["view", "trigger"].contains(&object.kind.as_str()));
    programs
        .map(|object| Program {
            kind: object.kind.clone(),
            name: object.name.clone(),
            definition: object.definition.clone(),
        })
        .collect()
}

/// The words of a definition, as far as they could be names.
fn words(definition: &str) -> impl Iterator<Item = &str> {
    definition.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$')
}

fn has(columns: &[String], column: &str) -> bool {
    columns.iter().any(|name| same(name, column))
}

/// Names of columns and indexes never differ by case only; those of tables not on every server.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{schema, table};

    #[test]
    fn a_program_counts_only_if_it_has_both_names_as_words() {
        let schema = schema("mau_")
            .with("users", table(&["id int(11)", "online_status varchar(255)"]))
            .with_program("view", "who", "select `u`.`online_status` from `mau_users` `u`")
            .with_program("view", "other", "select `online_status_text` from `mau_users`")
            .with_program("trigger", "t", "CREATE TRIGGER t BEFORE UPDATE ON mau_userslog SET NEW.online_status = 1");
        assert_eq!(schema.programs_with("users", "online_status"), ["view who"]);
    }

    #[test]
    fn the_sign_is_a_word_of_the_type() {
        let table = table(&["a int(10) unsigned", "b int(11)", "c enum('unsigned')"]);
        assert!(table.column("a").unwrap().is_unsigned());
        assert!(!table.column("b").unwrap().is_unsigned());
        assert!(!table.column("C").unwrap().is_unsigned());
    }

    #[test]
    fn an_index_is_known_by_its_columns_in_their_order() {
        let table = table(&["a int", "b int"]).with_index("i", &["a", "b"]);
        let index = table.index("I").unwrap();
        assert!(index.is_on(&["a", "b"]) && !index.is_on(&["b", "a"]) && !index.is_on(&["a"]));
        assert_eq!(table.indexes_with("b").count(), 1);
    }

    #[test]
    fn names_are_quoted_whatever_they_contain() {
        assert_eq!(schema("a`b_").quoted("users"), "`a``b_users`");
    }
}
