//! A file that is due: read, cut into statements, and looked through before the first of them runs.

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;
use numbered_sql::SqlFiles;

use crate::admit::{self, Admitted};
use crate::split::{line_of, split};

/// A file, ready to be applied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// The version that the database is at afterwards.
    pub(crate) version: String,
    /// Where it is.
    pub(crate) path: String,
    /// What is sent, in its order.
    pub(crate) steps: Vec<Step>,
    /// Statements that are not sent, as they would change nothing: "line 3: SET NAMES utf8mb4".
    pub(crate) left_out: Vec<String>,
}

/// One call to the database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The statement, or a part of one that names several objects.
    pub(crate) sql: String,
    /// The statement's number in the file, from 1.
    pub(crate) number: usize,
    /// The line that it begins on, from 1.
    pub(crate) line: usize,
}

/// Reads the files of these versions.
pub(crate) fn read(source: &SqlFiles, versions: &[String], dialect: Dialect) -> Result<Vec<File>, Failure> {
    let settled = run::list_param("settings");
    versions
        .iter()
        .map(|version| File::cut(version, source.path(version), &source.read(version)?, dialect, &settled))
        .collect()
}

impl File {
    /// Cuts a file. `settled` are the settings that the pipeline answers for.
    fn cut(version: &str, path: String, text: &str, dialect: Dialect, settled: &[String]) -> Result<Self, Failure> {
        let statements = split(text, dialect).map_err(|broken| {
            let what = format!("{} is never closed", broken.what);
            refused(Failure::new("sql-broken", what), &path, broken.line)
        })?;
        let (mut steps, mut left_out) = (Vec::new(), Vec::new());
        for (index, statement) in statements.iter().enumerate() {
            let admitted = admit::admit(statement.text, dialect, settled)
                .map_err(|(at, failure)| refused(failure, &path, statement.line + line_of(statement.text, at) - 1))?;
            let (number, line) = (index + 1, statement.line);
            match admitted {
                Admitted::AsItIs => steps.push(Step { sql: statement.text.to_owned(), number, line }),
                Admitted::InParts(parts) => {
                    steps.extend(parts.into_iter().map(|sql| Step { sql, number, line }));
                }
                Admitted::LeftOut => left_out.push(format!("line {line}: {}", statement.text)),
            }
        }
        Ok(Self { version: version.to_owned(), path, steps, left_out })
    }

    /// For the operator: what is not sent.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.left_out.iter().map(|what| {
            Finding::info("left-out", format!("{}, {what}: left out, for the host connects like this", self.path))
        })
    }
}

/// The failure with its place.
fn refused(failure: Failure, path: &str, line: usize) -> Failure {
    failure.at(format!("{path}, line {line}")).with("file", path).with("line", line.to_string())
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::database::Dialect::{Mysql, Sqlite};

    use super::*;

    fn cut(text: &str, dialect: Dialect) -> Result<File, Failure> {
        File::cut("7", "SQL/7.sql".to_owned(), text, dialect, &[])
    }

    #[test]
    fn what_hides_is_refused_with_its_line() {
        let failure = cut("SELECT 1;\n\nCREATE TABLE a (\n  b int\n) /*!40101 CHARSET utf8 */;", Mysql).unwrap_err();
        assert_eq!(failure.code, "executable-comment");
        assert!(failure.message.starts_with("SQL/7.sql, line 5: "), "{}", failure.message);
        assert_eq!(failure.extra, [("file".into(), "SQL/7.sql".into()), ("line".into(), "5".into())]);
    }

    #[test]
    fn a_setting_is_refused_with_its_line() {
        let failure = cut("-- a\nSET FOREIGN_KEY_CHECKS=0;", Mysql).unwrap_err();
        assert_eq!(failure.code, "session-setting");
        assert!(failure.message.starts_with("SQL/7.sql, line 2: "), "{}", failure.message);
    }

    #[test]
    fn what_is_never_closed_is_refused_with_its_line() {
        let failure = cut("SELECT 1;\nSELECT '", Sqlite).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("sql-broken", "SQL/7.sql, line 2: a quote is never closed")
        );
    }

    #[test]
    fn steps_keep_the_number_of_their_statement() {
        let file = cut("/*!40101 SET NAMES utf8 */;\nDROP TABLE a,\n b;\nSELECT 1", Mysql).unwrap();
        let steps: Vec<_> = file.steps.iter().map(|step| (step.sql.as_str(), step.number, step.line)).collect();
        assert_eq!(steps, [("DROP TABLE a", 2, 2), ("DROP TABLE b", 2, 2), ("SELECT 1", 3, 4)]);
        assert_eq!(file.left_out, ["line 1: /*!40101 SET NAMES utf8 */"]);
        assert_eq!(file.findings().count(), 1);
    }

    #[test]
    fn sqlite_gets_everything_as_it_is() {
        let text = "PRAGMA foreign_keys=off;\nDROP TABLE a";
        let file = cut(text, Sqlite).unwrap();
        assert_eq!(file.steps[0].sql, "PRAGMA foreign_keys=off");
        assert_eq!(file.steps.len(), 2);
    }
}
