//! How definitions are asked for: under settings that show all of them, and with errors that name the object.

use std::collections::BTreeSet;

use mysql_client::{Error, Row, Value};

use super::super::MysqlConfig;
use super::super::error::{self, code};
use super::super::link::Link;
use crate::effect::Fault;

/// A session that shows definitions whole, until [`plainly`] is over.
pub(super) struct Reader<'a> {
    link: &'a mut Link,
    config: &'a MysqlConfig,
    /// Whether the server is a MariaDB.
    pub(super) mariadb: bool,
}

/// Reads under settings of our own, and puts the session's back. Modes as ANSI_QUOTES or NO_TABLE_OPTIONS change what SHOW
/// CREATE says. Without a character set for results a table's definition comes as it is: else the bytes in the default of a
/// BINARY column, which are no text, are shown as "?".
pub(super) fn plainly<T>(
    link: &mut Link,
    config: &MysqlConfig,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut reader = Reader { link, config, mariadb: false };
    let rows = reader.rows("SELECT @@sql_mode, @@sql_quote_show_create, @@character_set_results, VERSION()")?;
    let (mode, quote, results, version) = match rows.first() {
        Some(row) => (text(row, 0), text(row, 1), cell(row, 2), text(row, 3)),
        None => return Err(Fault::new("database-error", format!("database {}: it shows no settings", config.name))),
    };
    reader.mariadb = version.contains("MariaDB");
    reader.run("SET SESSION sql_mode = '', sql_quote_show_create = 1, character_set_results = NULL")?;
    let done = read(&mut reader);
    let results = results.map_or_else(|| "NULL".to_owned(), |name| literal(&name));
    let back = format!(
        "SET SESSION character_set_results = {results}, sql_quote_show_create = {}, sql_mode = {}",
        u8::from(quote == "1"),
        literal(&mode)
    );
    let restored = reader.run(&back);
    let done = done?;
    restored?;
    Ok(done)
}

impl Reader<'_> {
    /// All rows of a query.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        self.link.rows(sql).map_err(|error| error::fault(&self.config.name, "definitions", &error))
    }

    /// The only row of a `SHOW CREATE`. `object` is for people: "table users".
    pub(super) fn show(&mut self, sql: &str, object: &str) -> Result<Row, Fault> {
        match self.link.rows(sql) {
            Ok(mut rows) if rows.len() == 1 => Ok(rows.remove(0)),
            Ok(_) => Err(self.unreadable(object, "the server does not show it")),
            Err(Error::Server(server)) if !passing(server.code) => Err(self.unreadable(object, &server.message)),
            Err(error) => Err(error::fault(&self.config.name, object, &error)),
        }
    }

    /// For a definition that is there but not shown.
    pub(super) fn unreadable(&self, object: &str, why: &str) -> Fault {
        let text = format!("database {}: the definition of {object} cannot be read: {why}", self.config.name);
        Fault::new("definition-unreadable", text).hint(
            "give the account the rights SELECT, SHOW VIEW, TRIGGER and EVENT on the schema (and SELECT on mysql.proc, or \
             SHOW_ROUTINE, for routines of others), or repair or drop what is broken",
        )
    }

    /// Text of the rest in the session's usual character set: the body of a program is converted from that of its author.
    pub(super) fn convert_results(&mut self) -> Result<(), Fault> {
        self.run("SET SESSION character_set_results = utf8mb4")
    }

    fn run(&mut self, sql: &str) -> Result<(), Fault> {
        self.link.run(sql).map(drop).map_err(|error| error::fault(&self.config.name, "settings", &error))
    }
}

/// Which tables are asked for.
pub(super) struct Only(Option<String>);

impl Only {
    /// All there are.
    pub(super) fn all() -> Self {
        Self(None)
    }

    /// Those with these names.
    pub(super) fn names(names: &BTreeSet<String>) -> Self {
        // No table has an empty name: so the list is never empty.
        let names: Vec<_> = names.iter().map(|name| literal(name)).chain(["''".to_owned()]).collect();
        Self(Some(names.join(", ")))
    }

    /// What follows a condition, about the column that has a table's name.
    pub(super) fn on(&self, column: &str) -> String {
        self.0.as_ref().map(|names| format!(" AND {column} IN ({names})")).unwrap_or_default()
    }
}

/// Errors of the moment, which say nothing about a definition.
fn passing(code: u16) -> bool {
    [code::DEADLOCK, code::LOCK_TIMEOUT, code::INTERRUPTED].contains(&code)
}

/// A cell as text. What is not UTF-8 is shown as such: exact are only definitions, see [`bytes`].
pub(super) fn cell(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index)? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        other => Some(other.as_sql(true)),
    }
}

/// The same, empty for NULL.
pub(super) fn text(row: &Row, index: usize) -> String {
    cell(row, index).unwrap_or_default()
}

/// A cell as the server sent it.
pub(super) fn bytes(row: &Row, index: usize) -> Option<Vec<u8>> {
    match row.as_ref(index)? {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// A text as SQL has it, where backslashes escape.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
