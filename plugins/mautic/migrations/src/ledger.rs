//! Doctrine's ledger, the table `migrations`: one row for each migration that was executed.
//!
//! | Doctrine | a row | columns |
//! | --- | --- | --- |
//! | 1 (Mautic 2) | 14 digits | `version` |
//! | 2 (Mautic 3) | 14 digits | `version`, `executed_at` |
//! | 3 (Mautic 5) | the name of the class | `version`, `executed_at`, `execution_time` |
//!
//! Doctrine adds the columns that it misses by itself, so a table of Mautic 2 is left as it is. It is read as rows: the
//! original script looks for a number in what the console prints.

use std::collections::BTreeSet;

use liftlock_sdk::prelude::*;

use crate::schema::ident;
use crate::version::Version;

/// The ledger as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    executed: BTreeSet<Version>,
    foreign: Vec<String>,
    form: Form,
    has_executed_at: bool,
}

/// How a row names its migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    /// By its digits.
    #[default]
    Digits,
    /// By its class.
    Class,
}

impl Ledger {
    /// What the rows and columns say.
    pub fn of(rows: &[String], columns: &[String]) -> Self {
        let (mut executed, mut foreign) = (BTreeSet::new(), Vec::new());
        let mut form = Form::Digits;
        for row in rows {
            match Version::from_row(row) {
                Some(version) => executed.insert(version),
                None => {
                    foreign.push(row.clone());
                    continue;
                }
            };
            if row.contains('\\') {
                form = Form::Class;
            }
        }
        let has_executed_at = columns.iter().any(|column| column.eq_ignore_ascii_case("executed_at"));
        Self { executed, foreign, form, has_executed_at }
    }

    /// Reads the ledger; none if there is no such table, or it has no column `version`.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(database: &Database, prefix: &str) -> Result<Option<Self>, Failure> {
        let table = table(prefix);
        let columns: Vec<_> = database.columns(&table)?.into_iter().map(|column| column.name).collect();
        if !columns.iter().any(|column| column.eq_ignore_ascii_case("version")) {
            return Ok(None);
        }
        let sql = format!("SELECT version FROM {} ORDER BY version", ident(&table));
        let rows = database.query(&sql, &[])?.map(|row| row?.get(0)).collect::<Result<Vec<String>, _>>()?;
        Ok(Some(Self::of(&rows, &columns)))
    }

    /// Reads the ledger of a database that must have one.
    ///
    /// # Errors
    /// `no-ledger`, or what the database says.
    pub fn require(database: &Database, prefix: &str) -> Result<Self, Failure> {
        Self::read(database, prefix)?.ok_or_else(|| Failure::new("no-ledger", missing(prefix)))
    }

    /// Whether this migration was executed.
    pub fn has(&self, version: Version) -> bool {
        self.executed.contains(&version)
    }

    /// All that were executed.
    pub fn executed(&self) -> &BTreeSet<Version> {
        &self.executed
    }

    /// Rows that are no migrations of Mautic's.
    pub fn foreign(&self) -> &[String] {
        &self.foreign
    }

    /// Notes that a migration was executed, as Doctrine would in this table.
    ///
    /// # Errors
    /// What the database says.
    pub fn note(&mut self, database: &Database, prefix: &str, version: Version) -> Result<(), Failure> {
        let (sql, value) = self.row(prefix, version);
        database.execute(&sql, &[value.into()]).map_err(|failure| failure.at(format!("noting {version}")))?;
        self.executed.insert(version);
        Ok(())
    }

    fn row(&self, prefix: &str, version: Version) -> (String, String) {
        let table = ident(&table(prefix));
        // NOW() is the stage's clock: a resumed run writes the same.
        let sql = match self.has_executed_at {
            true => format!("INSERT INTO {table} (version, executed_at) VALUES (?, NOW())"),
            false => format!("INSERT INTO {table} (version) VALUES (?)"),
        };
        let value = match self.form {
            Form::Digits => version.to_string(),
            Form::Class => version.class(),
        };
        (sql, value)
    }
}

/// The ledger's own table.
pub fn table(prefix: &str) -> String {
    format!("{prefix}migrations")
}

/// What it means that there is no ledger.
pub fn missing(prefix: &str) -> String {
    format!("the table {} is not there, so nobody knows which migrations this database has seen", table(prefix))
}

/// A database without a ledger, for the operator.
pub fn missing_finding(prefix: &str) -> Finding {
    Finding::blocking("no-ledger", missing(prefix)).fix(
        "compare db_table_prefix in app/config/local.php with the names of the tables; if the table is really lost, restore it \
         from a backup of this database",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Version = Version::new(20190724110039);

    fn ledger(rows: &[&str], columns: &[&str]) -> Ledger {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Ledger::of(&owned(rows), &owned(columns))
    }

    #[test]
    fn a_row_that_is_no_migration_is_kept_apart() {
        let ledger = ledger(&["20190724110039", "Acme\\Version20190724110040", "x"], &["version"]);
        assert_eq!(ledger.foreign(), ["Acme\\Version20190724110040", "x"]);
        assert_eq!(ledger.executed().len(), 1);
    }

    #[test]
    fn rows_are_written_in_the_form_that_the_table_has() {
        let row = |rows: &[&str], columns: &[&str]| ledger(rows, columns).row("mau_", KEPT);
        let digits = "INSERT INTO `mau_migrations` (version) VALUES (?)";
        assert_eq!(row(&["20190704154940"], &["version"]), (digits.into(), "20190724110039".into()));
        let dated = "INSERT INTO `mau_migrations` (version, executed_at) VALUES (?, NOW())";
        assert_eq!(row(&[], &["version", "executed_at"]), (dated.into(), "20190724110039".into()));
        let class = row(&["Mautic\\Migrations\\Version20190704154940"], &["version", "executed_at", "execution_time"]);
        assert_eq!(class, (dated.into(), "Mautic\\Migrations\\Version20190724110039".into()));
    }

    #[test]
    fn both_forms_are_read() {
        let ledger = ledger(&["20190704154940", "Mautic\\Migrations\\Version20190724110039"], &["version"]);
        assert!(ledger.has(KEPT) && ledger.has(Version::new(20190704154940)));
        assert!(!ledger.has(Version::new(20181111095447)));
    }

    #[test]
    fn a_prefix_is_part_of_the_name() {
        assert_eq!(table(""), "migrations");
        assert!(missing("mau_").contains("the table mau_migrations is not there"));
    }
}
