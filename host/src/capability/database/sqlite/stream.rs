//! The rows of an open cursor, straight from its statement.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Statement;
use rusqlite::types::ValueRef;

use super::error;
use super::guard::Mode;
use super::session::Session;
use crate::capability::database::worker::Rows;
use crate::capability::database::{Cell, ColumnInfo, PageBuilder};
use crate::effect::CallError;

/// Names of columns come from the database and need not be text. rusqlite panics there (its documentation says so), and has
/// no other way to ask; the worker must survive it.
pub(super) fn describe(statement: &Statement<'_>, sql: &str) -> Result<Vec<ColumnInfo>, CallError> {
    let columns = || {
        let columns = statement.columns();
        columns.map(|column| ColumnInfo {
            name: column.name().to_owned(),
            declared: column.decl_type().unwrap_or_default().to_owned(),
            extra: Vec::new(),
        })
    };
    catch_unwind(AssertUnwindSafe(|| columns().collect()))
        .map_err(|_| error::refused("sql-error", "a column has a name that is not UTF-8: name it with AS", sql))
}

/// The rows of a statement, and how they ended.
pub(super) struct Stream<'a> {
    session: &'a Session,
    sql: &'a str,
    /// Columns.
    width: usize,
    rows: rusqlite::Rows<'a>,
    end: Option<Result<(), CallError>>,
}

/// Why no further row was read.
#[derive(Clone, Copy)]
enum Pause {
    Enough,
    NoMore,
}

impl<'a> Stream<'a> {
    /// All rows of a statement.
    pub(super) fn new(session: &'a Session, sql: &'a str, width: usize, statement: &'a mut Statement<'_>) -> Self {
        Self { session, sql, width, rows: statement.raw_query(), end: None }
    }
}

impl Rows for Stream<'_> {
    fn fill(&mut self, page: &mut PageBuilder) -> Result<(), CallError> {
        if let Some(end) = &self.end {
            return end.clone();
        }
        let Self { session, sql, width, rows, .. } = self;
        let stepped = session.guest(Mode::Read, sql, || {
            while !page.is_full() {
                let Some(row) = rows.next()? else { return Ok(Ok(Pause::NoMore)) };
                let cells = (0..*width).map(|index| row.get_ref(index).map_or(Cell::Null, to_cell));
                if page.push(cells) > session.config.result_bytes {
                    page.pop();
                    return Ok(Err(error::refused("too-big", "a row is bigger than the limit", sql)));
                }
            }
            Ok(Ok(Pause::Enough))
        });
        self.end = match stepped.and_then(|pause| pause) {
            Ok(Pause::Enough) => None,
            Ok(Pause::NoMore) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        };
        self.end.clone().unwrap_or(Ok(()))
    }
}

fn to_cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(int) => Cell::Int(int),
        ValueRef::Real(float) => Cell::Float(float),
        ValueRef::Text(text) => Cell::text(text),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes),
    }
}
