//! Databases of the installation, by name.
//!
//! Changes are applied exactly once however often the run is killed, and undone by the host. A session remembers nothing
//! between two calls: no user variables, no temporary tables, no settings.

use std::rc::Rc;

use crate::bindings::liftlock::database::database::{self as host, Connection, Cursor};
pub use crate::bindings::liftlock::database::database::{ColumnDefinition, Executed, ForeignKey, Object, SnapshotInfo};
use crate::failure::Failure;
use crate::rows::{PageRows, Row};
use crate::value::{FromCell, Value};

/// Rows that one call to the host brings. On two cores with the server on the same machine it is the work on each page that the
/// connection waits for: 10,000 took a tenth longer, 1,000 are no faster.
const PAGE: u32 = 2_500;

/// A database of the installation.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    dialect: Dialect,
}

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Dialect {
    fn from_name(name: &str) -> Result<Self, Failure> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "mysql" => Ok(Self::Mysql),
            "mariadb" => Ok(Self::Mariadb),
            other => {
                Err(Failure::new("unknown-dialect", format!("this stage does not know databases of kind {other}")))
            }
        }
    }

    /// "sqlite" or "mysql": MariaDB's SQL is written for both, and applications keep it with MySQL's.
    pub fn family(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql | Self::Mariadb => "mysql",
        }
    }

    /// A name as this database wants it quoted, whatever it contains.
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Mysql | Self::Mariadb => format!("`{}`", name.replace('`', "``")),
        }
    }
}

impl Database {
    /// Opens a database by its name in the installation.
    ///
    /// # Errors
    /// If it is not granted or there is none of that name.
    pub fn open(name: &str) -> Result<Self, Failure> {
        let connection = host::open(name)?;
        let dialect = Dialect::from_name(&connection.dialect())?;
        Ok(Self { connection, dialect })
    }

    /// Whose SQL it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The version of the library or server, as it says it.
    pub fn server_version(&self) -> String {
        self.connection.server_version()
    }

    /// Tables, views, indexes and triggers.
    ///
    /// # Errors
    /// What the host says.
    pub fn objects(&self) -> Result<Vec<Object>, Failure> {
        self.connection.objects()
    }

    /// The names of the tables.
    ///
    /// # Errors
    /// What the host says.
    pub fn tables(&self) -> Result<Vec<String>, Failure> {
        let objects = self.objects()?;
        Ok(objects.into_iter().filter(|object| object.kind == "table").map(|object| object.name).collect())
    }

    /// The columns of a table; empty if there is no such table.
    ///
    /// # Errors
    /// What the host says.
    pub fn columns(&self, table: &str) -> Result<Vec<ColumnDefinition>, Failure> {
        self.connection.columns(table)
    }

    /// The foreign keys that a table has, with the names that this database really has.
    ///
    /// # Errors
    /// What the host says.
    pub fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>, Failure> {
        self.connection.foreign_keys(table)
    }

    /// Reads. Finish with the rows before the next call: a result that is still open then is copied to disk.
    ///
    /// # Errors
    /// What the database says.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, Failure> {
        self.connection.query(sql, params).map(Rows::new)
    }

    /// The first value of the first row, or none without a row.
    ///
    /// # Errors
    /// What the database says, or `wrong-type`.
    pub fn query_value<T: for<'a> FromCell<'a>>(&self, sql: &str, params: &[Value]) -> Result<Option<T>, Failure> {
        self.query(sql, params)?.next().map(|row| row?.get(0)).transpose()
    }

    /// Walks through a table by a unique key that is never null, `size` rows at a time, in the order of the key. Between two
    /// pages nothing is open, so `visit` may change what it has seen.
    ///
    /// # Errors
    /// `bad-key` if rows could be left out, as the key is ordered otherwise than it is compared; else what the database or
    /// `visit` says.
    pub fn each_page(
        &self,
        table: &str,
        key: &str,
        size: u32,
        mut visit: impl FnMut(&[Row]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.refuse_bad_key(table, key)?;
        let mut last: Vec<Value> = Vec::new();
        loop {
            let sql = page_sql(self.dialect, table, key, size, !last.is_empty());
            let rows = self.query(&sql, &last)?.collect::<Result<Vec<_>, _>>()?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = vec![end.get(key)?];
            visit(&rows)?;
            if rows.len() < size as usize {
                return Ok(());
            }
        }
    }

    fn refuse_bad_key(&self, table: &str, key: &str) -> Result<(), Failure> {
        if self.dialect == Dialect::Sqlite {
            return Ok(());
        }
        let columns = self.columns(table)?;
        match columns.iter().find(|column| column.name.eq_ignore_ascii_case(key)) {
            Some(column) if is_bad_key(&column.declared) => {
                let text = format!("{table} cannot be walked by {key}, for it is {}", column.declared);
                Err(Failure::new("bad-key", text))
            }
            _ => Ok(()),
        }
    }

    /// Changes data or schema: one statement. On failure nothing of it has happened. On a server a change of the schema commits
    /// by itself; the host has seen to it that it is undone all the same.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<Executed, Failure> {
        self.connection.execute(sql, params)
    }

    /// Does `work` in one transaction: all of it, or nothing if it fails. Nothing else can be changed meanwhile.
    ///
    /// # Errors
    /// What the database or `work` says.
    pub fn transaction<T>(&self, work: impl FnOnce(&Transaction) -> Result<T, Failure>) -> Result<T, Failure> {
        let transaction = Transaction(self.connection.begin()?);
        match work(&transaction) {
            Ok(result) => transaction.0.commit().map(|()| result),
            Err(failure) => {
                transaction.0.rollback()?;
                Err(failure)
            }
        }
    }

    /// Copies tables (all, if none is named) into the operator's backup directory, and compares the copy.
    ///
    /// # Errors
    /// What the host says.
    pub fn snapshot(&self, tables: &[String]) -> Result<SnapshotInfo, Failure> {
        self.connection.snapshot(tables)
    }

    /// Puts the tables of a snapshot back.
    ///
    /// # Errors
    /// What the host says.
    pub fn load(&self, snapshot: &str) -> Result<SnapshotInfo, Failure> {
        self.connection.load(snapshot)
    }
}

/// A transaction that is open, inside [`Database::transaction`].
#[derive(Debug)]
pub struct Transaction(host::Transaction);

impl Transaction {
    /// Reads, what was changed here included.
    ///
    /// # Errors
    /// What the database says.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, Failure> {
        self.0.query(sql, params).map(Rows::new)
    }

    /// Changes data: one statement.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<Executed, Failure> {
        self.0.execute(sql, params)
    }
}

/// Rows on their way from the host. After a failure there are no more.
pub struct Rows {
    cursor: Option<Cursor>,
    names: Rc<[String]>,
    page: Option<PageRows>,
}

impl Rows {
    fn new(cursor: Cursor) -> Self {
        let names = cursor.columns().into_iter().map(|column| column.name).collect();
        Self { cursor: Some(cursor), names, page: None }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    fn next_page(&mut self) -> Result<Option<Row>, Failure> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let page = cursor.next(PAGE);
        if !matches!(&page, Ok(page) if page.rows > 0) {
            self.cursor = None;
        }
        Ok(self.page.insert(PageRows::new(&self.names, page?)).next())
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.page.as_mut().and_then(Iterator::next) {
            Some(row) => Some(Ok(row)),
            None => self.next_page().transpose(),
        }
    }
}

/// ENUM and SET are ordered by number and compared as text; a DECIMAL is compared with text as a number of 53 bits.
fn is_bad_key(declared: &str) -> bool {
    let kind = declared.split(['(', ' ']).next().unwrap_or_default();
    ["enum", "set", "decimal", "numeric"].iter().any(|bad| kind.eq_ignore_ascii_case(bad))
}

fn page_sql(dialect: Dialect, table: &str, key: &str, size: u32, further: bool) -> String {
    let (table, key) = (dialect.quote(table), dialect.quote(key));
    let behind = if further { format!(" WHERE {key} > ?") } else { String::new() };
    format!("SELECT * FROM {table}{behind} ORDER BY {key} LIMIT {size}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(Dialect::Sqlite.quote("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(Dialect::Mariadb.quote("a`b"), "`a``b`");
    }

    #[test]
    fn an_unknown_dialect_is_refused() {
        assert_eq!(Dialect::from_name("oracle").unwrap_err().code, "unknown-dialect");
    }

    #[test]
    fn a_key_that_is_ordered_otherwise_than_compared_is_refused() {
        assert!(is_bad_key("enum('b','a')"));
        assert!(is_bad_key("DECIMAL(40,0) unsigned"));
        assert!(is_bad_key("decimal unsigned"));
        assert!(!is_bad_key("bigint(20) unsigned"));
        assert!(!is_bad_key("varchar(64)"));
    }

    #[test]
    fn mariadb_is_of_the_family_of_mysql() {
        assert_eq!(Dialect::Mariadb.family(), "mysql");
        assert_eq!(Dialect::Sqlite.family(), "sqlite");
    }

    #[test]
    fn pages_go_by_key() {
        assert_eq!(page_sql(Dialect::Sqlite, "t", "id", 5, false), "SELECT * FROM \"t\" ORDER BY \"id\" LIMIT 5");
        let further = "SELECT * FROM `t` WHERE `id` > ? ORDER BY `id` LIMIT 5";
        assert_eq!(page_sql(Dialect::Mysql, "t", "id", 5, true), further);
    }
}
