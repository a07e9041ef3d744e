//! Every definition of a schema, at one moment, with the names that it really has.
//!
//! Definitions are those that `SHOW CREATE` gives, whatever the session's settings: [`reader`] asks, [`definition`]
//! understands. A catalog costs one round trip per object and eight more.

mod columns;
mod definition;
mod foreign_keys;
mod objects;
mod programs;
mod reader;
#[cfg(test)]
mod tests;
pub(super) mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use mysql_client::Error;
use serde::{Deserialize, Serialize};

use super::MysqlConfig;
use super::error;
use super::link::Link;
use crate::capability::database::{ColumnDefinition, ForeignKey, MARKER_TABLE};
use crate::effect::Fault;

pub(super) use definition::without_implied_keys;
use reader::{Only, Reader, bytes, plainly, text};

/// All that a schema is made of, but rows. Equal catalogs: nothing differs that a restore would have to put back, except the
/// next ids, which are beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Catalog {
    /// The character set that new tables get.
    pub(super) charset: String,
    /// The collation that new tables get.
    pub(super) collation: String,
    /// Tables by name, without our marker.
    pub(super) tables: BTreeMap<String, Table>,
    /// Views by name.
    pub(super) views: BTreeMap<String, Program>,
    /// Procedures and functions, by "procedure name" and "function name"; MariaDB's packages, package bodies and sequences
    /// too ("package name", "package body name", "sequence name"). A sequence's next value is not known here.
    pub(super) routines: BTreeMap<String, Program>,
    /// Events by name.
    pub(super) events: BTreeMap<String, Program>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// `SHOW CREATE TABLE`, without `AUTO_INCREMENT=`. Bytes of a default that are no text are in hexadecimal.
    pub(super) definition: String,
    /// "InnoDB".
    pub(super) engine: String,
    /// Whether the engine has transactions.
    pub(super) transactional: bool,
    /// The columns, in their order.
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, or of the first unique key that is never null; empty if there is none.
    pub(super) key: Vec<String>,
    /// The foreign keys that it has.
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// The triggers on it, in the order in which they fire.
    pub(super) triggers: Vec<Program>,
}

/// What the key of a sequence among the routines begins with.
const SEQUENCE: &str = "sequence ";

/// The server has no system variable of this name.
const NO_SUCH_SETTING: u16 = 1193;

/// A column, as far as reading and writing rows needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    /// For a guest: name, declared type, nullable, default, position in the primary key, extra.
    pub(super) definition: ColumnDefinition,
    /// The type without length: "float", "varchar", "bit", "geometry".
    pub(super) data_type: String,
    /// Whether its value is computed, so that it cannot be inserted.
    pub(super) generated: bool,
    /// Its character set, if it is text.
    pub(super) charset: Option<String>,
}

/// Code that stays in the schema: a trigger, a view, a routine, an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    /// Its name.
    pub(super) name: String,
    /// The statement that makes it, as the server shows it, with its definer.
    pub(super) definition: String,
    /// The `sql_mode` that it was made under; empty for a view.
    pub(super) sql_mode: String,
    /// The time zone that its times are in; empty but for an event.
    pub(super) time_zone: String,
    /// Client character set, connection collation and database collation that it was made under. A view has no third.
    pub(super) collations: [String; 3],
}

impl Catalog {
    /// Reads all of it.
    ///
    /// # Errors
    /// "definition-unreadable" where the account may not see something that is there.
    pub(super) fn read(link: &mut Link, config: &MysqlConfig) -> Result<Self, Fault> {
        plainly(link, config, |reader| {
            let mut catalog = Self::tables(reader, &Only::all())?;
            reader.convert_results()?;
            catalog.routines.extend(programs::routines(reader)?);
            catalog.events = programs::events(reader)?;
            Ok(catalog)
        })
    }

    /// Reads the character set, the tables, views and sequences with these names, and the triggers on them. A name that is not
    /// there is left out. No names: all tables, views and sequences, which is cheaper than [`Catalog::read`].
    ///
    /// # Errors
    /// As [`Catalog::read`].
    pub(super) fn read_tables(
        link: &mut Link,
        config: &MysqlConfig,
        names: Option<&BTreeSet<String>>,
    ) -> Result<Self, Fault> {
        plainly(link, config, |reader| Self::tables(reader, &names.map_or_else(Only::all, Only::names)))
    }

    /// Puts what [`Catalog::read_tables`] has read of these names in the place of what was known of them.
    pub(super) fn replace_tables(&mut self, names: &BTreeSet<String>, read: Self) {
        self.tables.retain(|name, _| !names.contains(name));
        self.views.retain(|name, _| !names.contains(name));
        self.routines.retain(|name, _| name.strip_prefix(SEQUENCE).is_none_or(|name| !names.contains(name)));
        self.tables.extend(read.tables);
        self.views.extend(read.views);
        self.routines.extend(read.routines);
        (self.charset, self.collation) = (read.charset, read.collation);
    }

    /// The next id of each table that has one, now.
    ///
    /// # Errors
    /// What the connection says.
    pub(super) fn next_ids(link: &mut Link, config: &MysqlConfig) -> Result<BTreeMap<String, u64>, Fault> {
        let failed = |error| error::fault(&config.name, "next ids", &error);
        // MySQL 8 keeps what it shows here for a day, unless it is told not to. Others have no such setting.
        match link.run("SET SESSION information_schema_stats_expiry = 0") {
            Err(Error::Server(server)) if server.code == NO_SUCH_SETTING => {}
            told => drop(told.map_err(failed)?),
        }
        let sql = "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES
            WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL";
        let rows = link.rows(sql).map_err(failed)?;
        let next = |row| Some((text(row, 0), text(row, 1).parse().ok()?));
        Ok(rows.iter().filter(|row| !is_marker(&text(row, 0))).filter_map(next).collect())
    }

    /// Character set, tables with triggers, views and sequences.
    fn tables(reader: &mut Reader<'_>, only: &Only) -> Result<Self, Fault> {
        let mut catalog = Self::default();
        let sql = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA
            WHERE SCHEMA_NAME = DATABASE()";
        if let Some(row) = reader.rows(sql)?.first() {
            (catalog.charset, catalog.collation) = (text(row, 0), text(row, 1));
        }
        let sql = "SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'";
        let transactional: BTreeSet<_> = reader.rows(sql)?.iter().map(|row| text(row, 0)).collect();
        let mut columns = columns::read(reader, only)?;
        let mut foreign_keys = foreign_keys::read(reader, only)?;
        let sql = format!(
            "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES
                WHERE TABLE_SCHEMA = DATABASE(){} ORDER BY TABLE_NAME",
            only.on("TABLE_NAME")
        );
        let mut programs = Vec::new();
        for row in reader.rows(&sql)? {
            let (name, kind) = (text(&row, 0), text(&row, 1));
            match kind.as_str() {
                "VIEW" | "SEQUENCE" => programs.push((kind, name)),
                "TEMPORARY" => {}
                _ if is_marker(&name) => {}
                _ => {
                    let engine = text(&row, 2);
                    let mut table = Table {
                        definition: table_definition(reader, &name)?,
                        transactional: transactional.contains(&engine),
                        engine,
                        columns: columns.remove(&name).unwrap_or_default(),
                        key: Vec::new(),
                        foreign_keys: foreign_keys.remove(&name).unwrap_or_default(),
                        triggers: Vec::new(),
                        name,
                    };
                    table.note_keys();
                    catalog.tables.insert(table.name.clone(), table);
                }
            }
        }
        reader.convert_results()?;
        for (table, triggers) in programs::triggers(reader, only)? {
            if let Some(table) = catalog.tables.get_mut(&table) {
                table.triggers = triggers;
            }
        }
        for (kind, name) in programs {
            let program = programs::plain(reader, &kind, &name)?;
            if kind == "VIEW" {
                catalog.views.insert(name, program);
            } else {
                catalog.routines.insert(format!("{SEQUENCE}{name}"), program);
            }
        }
        Ok(catalog)
    }
}

impl Table {
    /// Takes from the definition which columns tell rows apart.
    fn note_keys(&mut self) {
        let keys = definition::keys(&self.definition);
        let columns = &mut self.columns;
        if let Some(primary) = keys.iter().find(|key| key.name == "PRIMARY") {
            for (position, name) in (1..).zip(&primary.columns) {
                let part = columns.iter_mut().find(|column| column.definition.name == *name);
                if let Some(column) = part {
                    column.definition.primary_key = position;
                }
            }
        }
        let never_null = |name: &String| columns.iter().any(|c| c.definition.name == *name && !c.definition.nullable);
        let tells_apart =
            |key: &&definition::Key| key.unique && !key.columns.is_empty() && key.columns.iter().all(never_null);
        self.key = keys.iter().find(tells_apart).map(|key| key.columns.clone()).unwrap_or_default();
    }
}

/// A table's definition without its next id.
fn table_definition(reader: &mut Reader<'_>, name: &str) -> Result<String, Fault> {
    let object = format!("table {name}");
    let row = reader.show(&format!("SHOW CREATE TABLE {}", quoted(name)), &object)?;
    match bytes(&row, 1).and_then(definition::readable) {
        Some(definition) if !definition.is_empty() => Ok(definition::without_next_id(&definition)),
        _ => Err(reader.unreadable(&object, "it is no text")),
    }
}

/// Whether it is our own table.
fn is_marker(table: &str) -> bool {
    table.eq_ignore_ascii_case(MARKER_TABLE)
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
