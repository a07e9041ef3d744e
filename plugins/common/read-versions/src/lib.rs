//! Reads the versions of an application with numbered SQL files, as `migrate-sql` applies them: for `liftlock diagnose`.
//!
//! The files say a release. Whether the database fits them is another question: several releases have the same tables, and a new
//! one is often without a new SQL file. So the sides are compared by numbers: the newest SQL file of the files that are there is
//! what they ask of a database, and the database says itself which one it has had. Only the files are of a release.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | what is read; default `app` and `main` |
//! | `version-file`, `version-pattern`, `version` | where the files say their release, and that of the pipeline, as in `extract-package` |
//! | `directory`, `suffix`, `ledger-read`, `target` | SQL files, ledger, and the number that the pipeline goes to, as in `migrate-sql` |
//!
//! There are no marks: what another tool has left, it has left in files and ledger.

use std::cmp::Ordering;
use std::fmt;

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;
use liftlock_sdk::version::VersionRule;
use liftlock_sdk::versions::{Report, Side, Versions, against, report};
use numbered_sql::{SqlFiles, compare, directory, read_ledger};

struct ReadVersions;

impl Versions for ReadVersions {
    fn look() -> Result<Report, Failure> {
        let rule = VersionRule::from_params()?
            .ok_or_else(|| Failure::new("param-missing", "the component has no parameter `version-file`"))?;
        let target = At::number(run::require_param("target")?);
        let root = Directory::root(&run::param_or("root", "app"));
        let database = Database::open(&run::param_or("database", "main"));

        let release = match &root {
            Ok(root) => rule.read(root),
            Err(failure) => Err(failure.clone()),
        };
        let against_target = release.as_ref().ok().map(|release| compare(release, rule.version()));
        let dialect = database.as_ref().ok().map(Database::dialect);
        let in_files = root.and_then(|root| of_files(root, &release?, dialect));
        let in_database = database.and_then(|database| read_ledger(&database)).map(|number| Some(At::number(number)));
        let silent = "there are no SQL files, which would say what they ask of a database";
        let files = Side::new(rule.file(), in_files, silent);
        let database = Side::new("the application's own note", in_database, "it is empty");
        Ok(compared(files, database, &target, against_target))
    }
}

liftlock_sdk::export_versions!(ReadVersions);

/// Of a database that cannot be asked it is not known which SQL files would be its own.
fn of_files(root: Directory, release: &str, dialect: Option<Dialect>) -> Result<Option<At>, Failure> {
    let Some(dialect) = dialect else { return Ok(Some(At { number: String::new(), text: release.to_owned() })) };
    let versions = SqlFiles::new(root, directory(dialect)?)
        .versions()
        .map_err(|failure| failure.at(format!("they say release {release}, and not what they ask of a database")))?;
    Ok(versions.into_iter().last().map(|number| At { text: format!("{release} ({number})"), number }))
}

/// The sides, with each other and with the pipeline's: the files by their release, the database by its number. Where the release is
/// new and the SQL files are not, only one of them is where the pipeline goes, and nothing is wrong.
fn compared(files: Side<At>, database: Side<At>, target: &At, release: Option<Ordering>) -> Report {
    let mut report = report(files, database, target, Vec::new());
    if let (Some(release), Some(_)) = (release, &report.files.version) {
        report.files.against = against(release).to_owned();
    }
    report
}

/// A side's place: the number of the newest SQL file that it has had, or asks for.
#[derive(Debug, Clone)]
struct At {
    number: String,
    text: String,
}

impl At {
    fn number(number: String) -> Self {
        Self { text: number.clone(), number }
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.number, &other.number)
    }
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for At {}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: (&str, &str) = ("1.6.5", "2022081200");

    fn look(release: &str, files: Option<&str>, database: &str) -> [String; 3] {
        let number = |number: &str| At::number(number.to_owned());
        let files = Side::new("a file", Ok(files.map(number)), "it is silent");
        let database = Side::new("a row", Ok(Some(number(database))), "it is silent");
        let report = compared(files, database, &number(TARGET.1), Some(compare(release, TARGET.0)));
        [report.relation, report.files.against, report.database.against]
    }

    #[test]
    fn files_that_do_not_say_what_they_ask_for_are_compared_with_nothing() {
        assert_eq!(look("1.6.5", None, "2022081200"), ["unknown", "unknown", "target"]);
    }

    #[test]
    fn the_sides_differ_by_number_and_never_by_release() {
        assert_eq!(look("1.6.5", Some("2022081200"), "2020020100"), ["files-newer", "target", "before"]);
        assert_eq!(look("1.4.15", Some("2020020100"), "2022081200"), ["database-newer", "before", "target"]);
        assert_eq!(look("1.4.15", Some("2020020100"), "2030010100"), ["database-newer", "before", "beyond"]);
        assert_eq!(look("1.4.15", Some("2020020100"), "2020020100"), ["same", "before", "before"]);
        assert_eq!(look("1.6.5", Some("2022081200"), "2022081200"), ["same", "target", "target"]);
    }

    #[test]
    fn a_release_without_new_tables_is_before_or_beyond_by_itself() {
        for (release, against) in
            [("1.6-beta", "before"), ("1.6.0", "before"), ("1.6.10", "beyond"), ("1.7-git", "beyond")]
        {
            assert_eq!(look(release, Some("2022081200"), "2022081200"), ["same", against, "target"], "{release}");
        }
    }
}
