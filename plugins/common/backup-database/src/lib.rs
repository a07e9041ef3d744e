//! Copies tables into the operator's backup directory, where the host reads them back and compares.
//!
//! This is the operator's own copy, for their peace. What undo needs is the host's, made later under freeze.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `database` | the database; default `main` |
//! | `tables` | the tables to copy; default all |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `backup` | snapshot | the copy |
//! | `backup-file` | text | its name below the backup directory |

use liftlock_sdk::prelude::*;

struct BackupDatabase;

impl Stage for BackupDatabase {
    fn info() -> Info {
        Info::new("backup-database", env!("CARGO_PKG_VERSION"))
            .produces("backup", Kind::Snapshot)
            .produces("backup-file", Kind::Text)
            .asks(Ask::database("*").read("copies the tables into your backup directory"))
    }

    fn check() -> Findings {
        let there = open()?.tables()?;
        Ok(missing(&run::list_param("tables"), &there).into_iter().map(no_such_table).collect())
    }

    fn apply() -> Result<Outcome, Failure> {
        let copy = open()?.snapshot(&run::list_param("tables"))?;
        run::set_output("backup", &copy.id)?;
        let file = copy.extra.iter().find(|(name, _)| name == "file");
        run::set_output("backup-file", file.map_or("", |(_, file)| file))?;
        Ok(Outcome::changed(format!("{} tables, {} rows, {} bytes", copy.tables, copy.rows, copy.bytes)))
    }
}

liftlock_sdk::export!(BackupDatabase);

fn open() -> Result<Database, Failure> {
    Database::open(&run::param_or("database", "main"))
}

/// The tables that are asked for and not there.
fn missing<'a>(wanted: &'a [String], there: &[String]) -> Vec<&'a str> {
    wanted.iter().filter(|table| !there.contains(table)).map(String::as_str).collect()
}

fn no_such_table(table: &str) -> Finding {
    Finding::blocking("no-such-table", format!("the table {table}, which is to be copied, is not there"))
        .fix("take it out of the parameter `tables`, or leave that empty to copy all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_not_there_is_named() {
        let there = ["users".to_owned(), "contacts".to_owned()];
        assert_eq!(missing(&["users".to_owned(), "mail".to_owned()], &there), ["mail"]);
        assert!(missing(&[], &there).is_empty());
    }
}
