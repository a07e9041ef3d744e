//! Rows on their way from SQLite to a guest that adds them up; recorded on the way, as all that a stage reads.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::line::{Goal, Line};
use super::native::{by_turns, is_there, text, time};
use super::site::Site;
use crate::Result;

const ROWS: u32 = 1_000_000;
const SQL: &str = "SELECT id, parent, score, name, mail FROM people";

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let site = Site::new(&format!(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, parent INTEGER, score REAL, name TEXT, mail TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO people SELECT i, i / 7, i * 0.25, 'Person ' || i, 'person.' || i || '@example.org' FROM n;"
    ))?;
    let database = site.database();
    let tool = || {
        if !is_there("sqlite3") {
            return Ok(f64::NAN);
        }
        time(|| print_all(text(&database)?))
    };
    let library = || time(|| step_all(&Connection::open(&database)?));
    let params = format!("what = \"rows\", sql = \"{SQL}\"");
    let [guest, tool, library] = by_turns([Box::new(|| site.apply(&params)), Box::new(tool), Box::new(library)])?;
    let each = |seconds: f64| seconds / f64::from(ROWS);
    let what = "a row of 5 columns to a guest, recorded";
    tell(
        Line::new(what, each(guest))
            .against("`sqlite3`, rows as text through a pipe", each(tool))
            .goal(Goal::Within(1e-6)),
    );
    tell(Line::new(what, each(guest)).against("SQLite itself, in a loop", each(library)));
    fs::remove_file(database)?;
    Ok(())
}

/// Every value of every row, added up, without leaving the process.
fn step_all(database: &Connection) -> Result<(i64, f64, usize)> {
    let mut statement = database.prepare(SQL)?;
    let mut rows = statement.query([])?;
    let mut sums = (0, 0.0, 0);
    while let Some(row) = rows.next()? {
        for column in 0..5 {
            match row.get_ref(column)? {
                ValueRef::Integer(int) => sums.0 += int,
                ValueRef::Real(real) => sums.1 += real,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => sums.2 += bytes.len(),
                ValueRef::Null => {}
            }
        }
    }
    Ok(std::hint::black_box(sums))
}

/// As a script would read them.
fn print_all(database: &str) -> Result<usize> {
    let mut child = Command::new("sqlite3").args([database, SQL]).stdout(Stdio::piped()).spawn()?;
    let pipe = child.stdout.take().ok_or("no pipe")?;
    let mut pipe = BufReader::with_capacity(1 << 20, File::from(std::os::fd::OwnedFd::from(pipe)));
    let mut bytes = 0;
    loop {
        let length = pipe.fill_buf()?.len();
        if length == 0 {
            break;
        }
        bytes += length;
        pipe.consume(length);
    }
    child.wait()?;
    Ok(bytes)
}
