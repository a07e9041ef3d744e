//! The files, one behind the other.

use liftlock_sdk::prelude::*;

use crate::directory::Source;
use crate::ledger::Ledger;
use crate::split::{Statement, split};

/// Applies the files and writes the ledger after each. Returns the number of statements.
pub(crate) fn apply(
    database: &Database,
    source: &Source,
    ledger: &Ledger,
    versions: &[String],
) -> Result<u64, Failure> {
    let files = versions.iter().map(|version| source.read(version)).collect::<Result<Vec<_>, _>>()?;
    let mut work = Vec::new();
    for (version, text) in versions.iter().zip(&files) {
        let statements = split(text, database.dialect()).map_err(|broken| {
            let place = format!("{}, line {}", source.path(version), broken.line);
            Failure::new("sql-broken", format!("{place}: {} is never closed", broken.what))
        })?;
        work.push((version, statements));
    }
    let total = work.iter().map(|(_, statements)| statements.len() as u64).sum();

    let mut done = 0;
    for (version, statements) in &work {
        run::info(format!("{}: {} statements", source.path(version), statements.len()));
        for (index, statement) in statements.iter().enumerate() {
            database
                .execute(statement.text, &[])
                .map_err(|failure| located(failure, &source.path(version), index + 1, statement))?;
            done += 1;
            run::progress(done, Some(total), "statements");
        }
        ledger.write(database, version)?;
    }
    Ok(done)
}

/// The failure with the place of its statement.
fn located(failure: Failure, file: &str, number: usize, statement: &Statement<'_>) -> Failure {
    failure
        .at(format!("{file}, statement {number}, line {}", statement.line))
        .with("file", file)
        .with("statement", number.to_string())
        .with("line", statement.line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_statement_is_named_by_its_place() {
        let statement = Statement { text: "DROP TABLE a", line: 7 };
        let failure = located(Failure::new("sql-error", "no such table: a"), "SQL/sqlite/1.sql", 3, &statement);
        assert_eq!(failure.message, "SQL/sqlite/1.sql, statement 3, line 7: no such table: a");
        assert_eq!(failure.extra.len(), 3);
    }
}
