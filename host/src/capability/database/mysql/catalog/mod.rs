//! Every definition of a schema, at one moment, with the names that it really has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MysqlConfig;
use super::link::Link;
use crate::capability::database::{ColumnDefinition, ForeignKey};
use crate::effect::Fault;

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
    /// Procedures and functions, by "procedure name" and "function name".
    pub(super) routines: BTreeMap<String, Program>,
    /// Events by name.
    pub(super) events: BTreeMap<String, Program>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// `SHOW CREATE TABLE`, without `AUTO_INCREMENT=`.
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
    /// Client character set, connection collation and database collation that it was made under; empty for a view.
    pub(super) collations: [String; 3],
}

impl Catalog {
    /// Reads all of it.
    ///
    /// # Errors
    /// "definition-unreadable" where the account may not see something that is there.
    pub(super) fn read(link: &mut Link, config: &MysqlConfig) -> Result<Self, Fault> {
        let _ = (link, config);
        Err(Fault::new("internal", "not built yet"))
    }

    /// The next id of each table that has one.
    pub(super) fn next_ids(link: &mut Link, config: &MysqlConfig) -> Result<BTreeMap<String, u64>, Fault> {
        let _ = (link, config);
        Err(Fault::new("internal", "not built yet"))
    }
}
