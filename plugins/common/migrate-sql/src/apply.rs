//! The files, one behind the other.

use liftlock_sdk::prelude::*;

use crate::ledger::Ledger;
use crate::work::{File, Step};

/// Applies the files and writes the ledger after each. Returns the number of statements.
pub(crate) fn apply(database: &Database, ledger: &Ledger, files: &[File]) -> Result<u64, Failure> {
    let total = files.iter().map(|file| file.steps.len() as u64).sum();
    let mut done = 0;
    for file in files {
        run::info(format!("{}: {} statements", file.path, file.steps.len()));
        for step in &file.steps {
            database.execute(&step.sql, &[]).map_err(|failure| located(failure, &file.path, step))?;
            done += 1;
            run::progress(done, Some(total), "statements");
        }
        ledger.write(database, &file.version)?;
    }
    Ok(done)
}

/// The failure with the place of its statement.
fn located(failure: Failure, file: &str, step: &Step) -> Failure {
    failure
        .at(format!("{file}, statement {}, line {}", step.number, step.line))
        .with("file", file)
        .with("statement", step.number.to_string())
        .with("line", step.line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_statement_is_named_by_its_place() {
        let step = Step { sql: "DROP TABLE a".to_owned(), number: 3, line: 7 };
        let failure = located(Failure::new("sql-error", "no such table: a"), "SQL/sqlite/1.sql", &step);
        assert_eq!(failure.message, "SQL/sqlite/1.sql, statement 3, line 7: no such table: a");
        assert_eq!(failure.extra.len(), 3);
    }
}
