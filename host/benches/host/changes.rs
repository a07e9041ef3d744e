//! Data changes: statements of one row each, in the host's batches (recorded, marked, with a restore point of the database
//! before them), replayed, and by `sqlite3` in one transaction and in one each.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::line::{Goal, Line};
use super::native::{alone, by_turns, is_there, run, text, time};
use super::site::Site;
use crate::Result;

const CHANGES: u32 = 100_000;
/// One transaction each takes its time.
const ALONE: u32 = 300;

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let site = Site::new(&format!(
        "CREATE TABLE bench (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CHANGES})
         INSERT INTO bench SELECT i, 0 FROM n;"
    ))?;
    let (database, one, each_own) = (site.database(), site.path("one.sql"), site.path("each-own.sql"));
    fs::write(&one, format!("BEGIN;\n{}COMMIT;\n", updates(CHANGES)?))?;
    fs::write(&each_own, updates(ALONE)?)?;
    let there = is_there("sqlite3");
    let tool = |script: &Path| {
        if !there {
            return Ok(f64::NAN);
        }
        let script = format!(".read {}", text(script)?);
        time(|| run("sqlite3", &[text(&database)?, &script]))
    };
    let params = format!("what = \"updates\", n = \"{CHANGES}\"");
    let [guest, one, each_own] =
        by_turns([Box::new(|| site.apply(&params)), Box::new(|| tool(&one)), Box::new(|| tool(&each_own))])?;
    let each = |seconds: f64| seconds / f64::from(CHANGES);
    let what = "an UPDATE of one row, undoable";
    tell(Line::new(what, each(guest)).against("`sqlite3`, one transaction for all", each(one)));
    tell(
        Line::new(what, each(guest))
            .against("`sqlite3`, a transaction each", each_own / f64::from(ALONE))
            .goal(Goal::Ratio(1.0)),
    );
    let mut failed = site.fail(&params)?;
    let replay = alone(|| failed.replay())?;
    tell(
        Line::new("the same UPDATE, replayed by `resume`", each(replay))
            .goal(Goal::Ratio(1.0))
            .against("the UPDATE itself", each(guest)),
    );
    Ok(())
}

fn updates(count: u32) -> Result<String> {
    let mut sql = String::new();
    for id in 1..=count {
        writeln!(sql, "UPDATE bench SET n = n + 1 WHERE id = {id};")?;
    }
    Ok(sql)
}
