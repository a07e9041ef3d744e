//! The rows of an open cursor, straight from its statement.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Rows, Statement};

use super::error;
use super::guard::Mode;
use super::session::Session;
use super::spool::{Keep, Spool, SpoolWriter};
use crate::capability::database::{Cell, ColumnInfo, Page, PageBuilder, Value};
use crate::effect::{CallError, Fault};

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

/// An open cursor.
pub(super) struct Stream<'a> {
    pub(super) session: &'a Session,
    pub(super) sql: &'a str,
    pub(super) cursor: u64,
    /// Columns.
    pub(super) width: usize,
    /// Where the rest of the rows is kept if it must be spooled.
    pub(super) keep: Option<&'a Path>,
}

/// The rows of a statement, and how they ended: an error stays the answer however often one asks.
pub(super) struct Reading<'a> {
    rows: Rows<'a>,
    end: Option<Result<(), CallError>>,
}

impl<'a> Reading<'a> {
    /// All rows of a statement.
    pub(super) fn new(statement: &'a mut Statement<'_>) -> Self {
        Self { rows: statement.raw_query(), end: None }
    }
}

/// Why no further row was read.
#[derive(Clone, Copy)]
enum Pause {
    Enough,
    NoMore,
}

impl Stream<'_> {
    /// As `Cursor::next`.
    pub(super) fn page(&self, rows: &mut Reading<'_>, max: u32) -> Result<Page, CallError> {
        let mut page = PageBuilder::new(self.width, max);
        self.each_row(rows, |cells| {
            page.push(cells.iter().copied());
            Ok(!page.is_full())
        })?;
        Ok(page.finish())
    }

    /// As `Cursor::skip`.
    pub(super) fn skip(&self, rows: &mut Reading<'_>, count: u64) -> Result<(), CallError> {
        let mut left = count;
        if left == 0 {
            return Ok(());
        }
        self.each_row(rows, |_| {
            left -= 1;
            Ok(left > 0)
        })
    }

    /// Moves all that is left to a spool, in which `used` bytes are taken; `given` rows went out before. What the guest's own SQL does wrong on the way is
    /// the cursor's answer, later; a fault stops everything now.
    pub(super) fn drain(&self, rows: &mut Reading<'_>, used: u64, given: u64) -> Result<Spool, Fault> {
        let config = &self.session.config;
        let most = config.spool_bytes.saturating_sub(used);
        let keep = self.keep.map(|path| Keep { path: path.to_owned(), start: given });
        let mut spool = SpoolWriter::new(&config.spool, &format!("{}-{}", config.name, self.cursor), keep, most)?;
        let ended = self.each_row(rows, |cells| {
            let row: Vec<Value> = cells.iter().map(|cell| cell.to_value()).collect();
            spool.push(&row)?;
            Ok(true)
        });
        match ended {
            Err(CallError::Fault(fault)) => Err(fault),
            Err(CallError::Answer(failure)) => spool.finish(self.width, Some(failure)),
            Ok(()) => spool.finish(self.width, None),
        }
    }

    /// Gives rows to `take` until it has enough.
    fn each_row(
        &self,
        reading: &mut Reading<'_>,
        mut take: impl FnMut(&[Cell<'_>]) -> Result<bool, CallError>,
    ) -> Result<(), CallError> {
        if let Some(end) = &reading.end {
            return end.clone();
        }
        let rows = &mut reading.rows;
        let stepped = self.session.guest(Mode::Read, self.sql, || {
            loop {
                let Some(row) = rows.next()? else { return Ok(Ok(Pause::NoMore)) };
                let mut cells = Vec::with_capacity(self.width);
                let mut size = 0;
                for index in 0..self.width {
                    let cell = to_cell(row.get_ref(index)?);
                    size += cell.size() as u64;
                    if size > self.session.config.result_bytes {
                        return Ok(Err(error::refused("too-big", "a row is bigger than the limit", self.sql)));
                    }
                    cells.push(cell);
                }
                match take(&cells) {
                    Ok(true) => {}
                    Ok(false) => return Ok(Ok(Pause::Enough)),
                    Err(error) => return Ok(Err(error)),
                }
            }
        });
        reading.end = match stepped.and_then(|pause| pause) {
            Ok(Pause::Enough) => None,
            Ok(Pause::NoMore) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        };
        reading.end.clone().unwrap_or(Ok(()))
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
