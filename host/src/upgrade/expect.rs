//! Post-conditions that the pipeline declares and the host checks itself: a stage that lies is found out here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bundle::Expect;
use crate::capability::database::{ColumnData, Databases, Page, Value};
use crate::capability::files::{Files, FilesGrant, StageFiles};
use crate::effect::{Access, CallError, Fault, Finding};

/// How much of a file is read at once, and at most.
const CHUNK: u64 = 1 << 20;
const MOST: u64 = 64 << 20;

/// Looks whether all of them hold.
///
/// # Errors
/// Where the world cannot be looked at.
pub(super) fn check(expects: &[Expect], files: &Arc<Files>, databases: &Databases) -> Result<Vec<Finding>, Fault> {
    let mut found = Vec::new();
    for expect in expects {
        let held = match expect {
            Expect::Query { database, query, equals } => query_equals(databases, database, query, equals),
            Expect::File { root, file, contains } => file_contains(files, root, file, contains),
        };
        match held {
            Ok(None) => {}
            Ok(Some(message)) => found.push(Finding::blocking("postcondition-failed", message)),
            Err(CallError::Answer(failure)) => {
                let text = format!("a post-condition cannot be looked at: {}", failure.message);
                found.push(Finding::blocking("postcondition-failed", text));
            }
            Err(CallError::Fault(fault)) => return Err(fault),
        }
    }
    Ok(found)
}

fn query_equals(databases: &Databases, database: &str, query: &str, equals: &str) -> Result<Option<String>, CallError> {
    let driver = databases
        .driver(database)
        .ok_or_else(|| CallError::answer("no-such-database", format!("the installation has no database {database}")))?;
    let page = driver.query(query, &[], None)?.next(1)?;
    let found = first(&page).unwrap_or_else(|| "nothing".to_owned());
    let text = || format!("database {database}: `{query}` gives {found}, expected {equals}");
    Ok((found != equals).then(text))
}

/// The first value of a page, as text.
fn first(page: &Page) -> Option<String> {
    if page.rows == 0 {
        return None;
    }
    let column = page.columns.first()?;
    if column.nulls.first() == Some(&1) {
        return Some("NULL".to_owned());
    }
    match &column.data {
        ColumnData::Ints(ints) => ints.first().map(ToString::to_string),
        ColumnData::Uints(uints) => uints.first().map(ToString::to_string),
        ColumnData::Floats(floats) => floats.first().map(ToString::to_string),
        ColumnData::Texts(packed) | ColumnData::Blobs(packed) => {
            packed.get(0).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }
        ColumnData::Mixed(values) => values.first().map(|value| match value {
            Value::Text(text) => text.clone(),
            other => format!("{other:?}"),
        }),
    }
}

fn file_contains(files: &Arc<Files>, root: &str, file: &str, contains: &str) -> Result<Option<String>, CallError> {
    let roots = BTreeMap::from([(root.to_owned(), Access::Read)]);
    let grant = FilesGrant { slot: "expect".into(), roots, read_only: true, ..FilesGrant::default() };
    let view = StageFiles::new(files.clone(), grant);
    let place = view.open_root(root)?;
    let wanted = contains.as_bytes();
    // The end of each chunk is kept, for the text may lie across two.
    let mut window: Vec<u8> = Vec::new();
    let mut offset = 0;
    while offset < MOST {
        let chunk = view.read(&place, file, offset, CHUNK)?;
        if chunk.is_empty() {
            break;
        }
        offset += chunk.len() as u64;
        window.extend_from_slice(&chunk);
        if window.windows(wanted.len().max(1)).any(|w| w == wanted) {
            return Ok(None);
        }
        let keep = window.len().saturating_sub(wanted.len());
        window.drain(..keep);
    }
    Ok(Some(format!("{root}:{file} does not contain {contains}")))
}
