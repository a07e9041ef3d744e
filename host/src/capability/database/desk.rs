//! What a driver holds of its worker: started with the first call, ended by [`Desk::close`].

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::spool::{self, Spool, SpoolRoom};
use super::worker::{Backend, CursorLine, Handle, Wish, wait};
use super::{ColumnInfo, Cursor, MOST_ROWS, Page, Value};
use crate::effect::{CallError, Fault};

/// The worker of one database, and the cursors on it.
pub(super) struct Desk<B: Backend> {
    config: Arc<B::Config>,
    room: SpoolRoom,
    worker: Mutex<Option<Handle<B>>>,
}

impl<B: Backend> Desk<B> {
    /// A database that is opened with the first call.
    pub(super) fn new(config: Arc<B::Config>, room: SpoolRoom) -> Self {
        Self { config, room, worker: Mutex::new(None) }
    }

    /// What the database is opened with.
    pub(super) fn config(&self) -> &B::Config {
        &self.config
    }

    /// Has something done with the connection.
    pub(super) fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut B) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let answer = self.worker(|handle| handle.job(act))?;
        wait(&answer)
    }

    /// The same for what only the host asks: there are no answers, only faults.
    pub(super) fn own<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut B) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.with(|session| act(session).map_err(CallError::from)).map_err(only_fault)
    }

    /// As `Driver::query`.
    pub(super) fn query(&self, sql: &str, params: &[Value], keep: Option<&str>) -> Result<Box<dyn Cursor>, CallError> {
        let keep = keep.map(|name| self.room.kept(name));
        if let Some(stale) = &keep {
            // Of a life before this one, in which the query came at another time.
            spool::forget(stale)?;
        }
        let (line, answer) = self.worker(|handle| handle.query(sql, params, keep))?;
        wait(&answer).map(|columns| Box::new(LiveCursor { line, columns }) as Box<dyn Cursor>)
    }

    /// As `Driver::reopen`.
    pub(super) fn reopen(
        &self,
        sql: &str,
        params: &[Value],
        columns: &[ColumnInfo],
        keep: &str,
        position: u64,
    ) -> Result<Box<dyn Cursor>, CallError> {
        let path: PathBuf = self.room.kept(keep);
        if let Some(spool) = Spool::reopen(&path, columns.len(), position)? {
            return Ok(Box::new(KeptCursor { spool, columns: columns.to_owned() }));
        }
        let mut cursor = self.query(sql, params, Some(keep))?;
        cursor.skip(position)?;
        Ok(cursor)
    }

    /// Closes the session and ends the thread. The next call opens it anew.
    pub(super) fn close(&self) {
        let handle = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(handle);
    }

    fn worker<T>(&self, ask: impl FnOnce(&mut Handle<B>) -> T) -> Result<T, Fault> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = match &mut *worker {
            Some(handle) => handle,
            None => worker.insert(Handle::start(Arc::clone(&self.config), self.room.clone())?),
        };
        Ok(ask(handle))
    }
}

/// A call that answers no guest cannot fail by an answer; should it, the words are not lost.
fn only_fault(error: CallError) -> Fault {
    match error {
        CallError::Fault(fault) => fault,
        CallError::Answer(failure) => Fault::new("sql-error", failure.message),
    }
}

/// Names of databases become part of file names.
pub(super) fn refuse_bad_name(name: &str) -> Result<(), Fault> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        let text = format!("{name:?} is no name for a database: letters, digits, _ and - only");
        return Err(Fault::new("bad-configuration", text));
    }
    Ok(())
}

/// A cursor that the worker serves, from the connection or from a spool.
struct LiveCursor {
    line: CursorLine,
    columns: Vec<ColumnInfo>,
}

impl Cursor for LiveCursor {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn next(&mut self, max: u32) -> Result<Page, CallError> {
        if !(1..=MOST_ROWS).contains(&max) {
            return Err(CallError::answer("bad-argument", format!("a page has 1 to {MOST_ROWS} rows, not {max}")));
        }
        self.line.ask(|reply| Wish::Next { max, reply })
    }

    fn skip(&mut self, rows: u64) -> Result<(), CallError> {
        self.line.ask(|reply| Wish::Skip { rows, reply })
    }
}

/// A cursor that goes on in a spool of before: it needs no connection.
struct KeptCursor {
    spool: Spool,
    columns: Vec<ColumnInfo>,
}

impl Cursor for KeptCursor {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn next(&mut self, max: u32) -> Result<Page, CallError> {
        self.spool.next(max.clamp(1, MOST_ROWS))
    }

    fn skip(&mut self, rows: u64) -> Result<(), CallError> {
        self.spool.skip(rows)
    }
}
