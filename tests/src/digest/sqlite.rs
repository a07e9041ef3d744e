//! A SQLite database as parts of a digest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest as _, Sha256};

use super::{MARKER, hex};

/// A part for each definition, for the rows of each table, and for the numbers in the header.
pub(super) fn parts(path: &Path) -> Result<BTreeMap<String, String>> {
    // Not read-only: a journal that a killed host left must be rolled back first, as the application would do.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database =
        Connection::open_with_flags(path, flags).with_context(|| format!("cannot open {}", path.display()))?;
    sound(&database).with_context(|| path.display().to_string())?;
    let mut parts = BTreeMap::new();
    for number in ["user_version", "application_id", "page_size", "encoding", "journal_mode"] {
        let value = database.pragma_query_value(None, number, |row| row.get_ref(0).map(text))?;
        parts.insert(format!("database {number}"), value);
    }
    for (kind, name, sql) in definitions(&database)? {
        if kind == "table" {
            parts.insert(format!("rows of {name}"), rows(&database, &name)?);
        }
        parts.insert(format!("{kind} {name}"), sql);
    }
    Ok(parts)
}

fn sound(database: &Connection) -> Result<()> {
    let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if answer != "ok" {
        bail!("integrity check: {answer}");
    }
    Ok(())
}

fn definitions(database: &Connection) -> Result<Vec<(String, String, String)>> {
    let mut query = database.prepare(
        "SELECT type, name, coalesce(sql, 'automatic') FROM sqlite_schema WHERE tbl_name <> ?1 ORDER BY type, name",
    )?;
    let rows = query.query_map([MARKER], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Number and digest of a table's rows, whatever their order in the file. Values with their types: 1, 1.0 and '1' differ.
fn rows(database: &Connection, table: &str) -> Result<String> {
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    let mut query = database.prepare(&format!("SELECT * FROM {quoted}"))?;
    let columns = query.column_count();
    let mut digests = Vec::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let mut hash = Sha256::new();
        for column in 0..columns {
            add(&mut hash, row.get_ref(column)?);
        }
        digests.push(<[u8; 32]>::from(hash.finalize()));
    }
    digests.sort_unstable();
    let all = digests.iter().fold(Sha256::new(), |hash, digest| hash.chain_update(digest));
    Ok(format!("{} rows, sha256 {}", digests.len(), hex(&all.finalize())))
}

fn add(hash: &mut Sha256, value: ValueRef<'_>) {
    let mut add = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match value {
        ValueRef::Null => add(0, &[]),
        ValueRef::Integer(number) => add(1, &number.to_le_bytes()),
        ValueRef::Real(number) => add(2, &number.to_bits().to_le_bytes()),
        ValueRef::Text(bytes) => add(3, bytes),
        ValueRef::Blob(bytes) => add(4, bytes),
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}
