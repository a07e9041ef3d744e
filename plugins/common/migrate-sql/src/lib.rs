//! Applies an application's numbered SQL files, as they are, statement by statement, and keeps the application's own
//! ledger of them.
//!
//! The files of one directory are taken in the order of their names (runs of digits by their value); the name without the
//! suffix is the version. Those behind the version in the ledger are applied, and the ledger is written after each.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `database` | the database; default `main` |
//! | `root` | the root with the SQL files, if they are not in the input `tree`; they may come with the switch |
//! | `directory` | the directory with the SQL files; `{dialect}` in it is `sqlite` or `mysql` (MariaDB too): `SQL/{dialect}` |
//! | `suffix` | the end of the files' names; default `.sql` |
//! | `ledger-read` | a query whose first value is the version that the database is at |
//! | `ledger-write` | a statement with one parameter: the version that it is at now |
//! | `target` | the version to reach; default the last file's. Where the ledger is at it already no file is needed |
//! | `keep-rows` | tables that must not lose or gain a row: `table`, or `table: SELECT COUNT(*) FROM …` for the rows that must stay |
//! | `settings` | settings (`sql_mode`, `foreign_key_checks`) that the files make and the pipeline has declared: left out |
//! | `check-foreign-keys` | true: at the end no row may refer to one that is not there |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version, with the SQL files; optional |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `version` | text | the version that was reached |
//! | `rows` | text | the rows of the tables of `keep-rows`: lines of table, a tab, number |
//!
//! Failures of its own: `ledger-empty`, `ledger-from-the-future`, `ledger-not-written`, `no-files`, `no-target`,
//! `rows-lost`, `orphans`, `sql-broken`, `executable-comment`, `session-setting`. A failed statement is named by file, number
//! and line. All files that are due are looked through before the first statement runs, and in `check` as soon as they are
//! there:
//!
//! * A comment that a server executes (`/*!40101 … */`) is refused, as what hides in it could not be undone.
//! * `SET …` is left out, and named to the operator, where it would change nothing (`NAMES utf8`, what dump programs save and put
//!   back) or the parameter `settings` names it; any other is refused. How the application connects is the pipeline's to say.
//! * `DROP TABLE a, b` and `RENAME TABLE a TO b, c TO d` are sent as one statement for each table, in this order.

mod admit;
mod apply;
mod due;
mod ledger;
mod orphans;
mod rows;
mod source;
mod split;
mod work;

use liftlock_sdk::prelude::*;
use numbered_sql::read_ledger;

use crate::due::Due;
use crate::ledger::Ledger;
use crate::work::File;

struct MigrateSql;

impl Stage for MigrateSql {
    fn info() -> Info {
        Info::new("migrate-sql", env!("CARGO_PKG_VERSION"))
            .may_consume("tree", Kind::Tree)
            .produces("version", Kind::Text)
            .produces("rows", Kind::Text)
            .asks(Ask::database("*").define("applies the migrations of the new version"))
            .asks(Ask::files("*").read("reads the SQL files, where they are not in the package"))
    }

    fn check() -> Findings {
        let database = open()?;
        Ledger::from_params()?;
        let version = read_ledger(&database)?;
        rows::Guard::from_params(database.dialect()).count(&database)?;
        let Some(source) = source::open(database.dialect())? else {
            return Ok(vec![Finding::deferred("the SQL files are known when the package is extracted")]);
        };
        let due = due::due(&source.versions()?, &version, run::param("target").as_deref())?;
        let files = work::read(&source, &due.files, database.dialect())?;
        let message = format!("{} SQL files are due behind version {version}", files.len());
        Ok([Finding::info("migrations", message)].into_iter().chain(files.iter().flat_map(File::findings)).collect())
    }

    fn apply() -> Result<Outcome, Failure> {
        let database = open()?;
        let ledger = Ledger::from_params()?;
        let guard = rows::Guard::from_params(database.dialect());
        let before = guard.count(&database)?;
        let (due, files) = work(&database, &read_ledger(&database)?)?;

        let statements = apply::apply(&database, &ledger, &files)?;

        rows::compare(&before, &guard.count(&database)?)?;
        run::set_output("rows", &rows::lines(&before))?;
        run::set_output("version", &due.target)?;
        let summary = format!("{} migrations, {statements} statements", files.len());
        Ok(Outcome::changed_if(!files.is_empty(), summary))
    }

    fn verify() -> Findings {
        let database = open()?;
        let mut findings = Vec::new();
        let at = read_ledger(&database)?;
        // Where it is at the target it does not matter what brought it there: the files, or the application's own installer.
        let arrived = run::param("target").as_ref() == Some(&at);
        if let Some(source) = source::open(database.dialect())?.filter(|_| !arrived) {
            let due = due::due(&source.versions()?, &at, run::param("target").as_deref())?;
            if !due.files.is_empty() {
                let message = format!("the database is at version {at}, not at {}", due.target);
                findings.push(Finding::blocking("not-migrated", message));
            }
        }
        if run::bool_param("check-foreign-keys")? {
            findings.extend(orphans::find(&database)?);
        }
        Ok(findings)
    }
}

liftlock_sdk::export!(MigrateSql);

/// What is due behind a version, read and looked through.
fn work(database: &Database, at: &str) -> Result<(Due, Vec<File>), Failure> {
    let target = run::param("target");
    if target.as_deref() == Some(at) {
        return Ok((Due { files: Vec::new(), target: at.to_owned() }, Vec::new()));
    }
    let source = source::open(database.dialect())?
        .ok_or_else(|| Failure::new("no-files", "there is no directory with the SQL files that are due"))?;
    let due = due::due(&source.versions()?, at, target.as_deref())?;
    let files = work::read(&source, &due.files, database.dialect())?;
    Ok((due, files))
}

fn open() -> Result<Database, Failure> {
    Database::open(&run::param_or("database", "main"))
}
