//! The thread that owns the connection. Everybody else sends it commands.
//!
//! An open cursor borrows its statement from the connection, so it is a loop inside the worker ([`stay`]): the next
//! page comes straight from the statement. Any other command for the connection first moves the rest of the rows to a
//! spool, which ends the read, and is then served.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::Statement;

use super::SqliteConfig;
use super::session::Session;
use super::spool::Spool;
use super::stream::{Reading, Stream, describe};
use crate::capability::database::{ColumnInfo, Cursor, MOST_ROWS, Page, Value};
use crate::effect::{CallError, Fault};

type Reply<T> = Sender<Result<T, CallError>>;

/// Something to do with the connection.
type Job = Box<dyn FnOnce(Result<&Session, Fault>) + Send>;

/// A query and its answer: the columns.
struct Query {
    cursor: u64,
    sql: String,
    params: Vec<Value>,
    keep: Option<PathBuf>,
    reply: Reply<Vec<ColumnInfo>>,
}

enum Command {
    Job(Job),
    Query(Query),
    Next { cursor: u64, max: u32, reply: Reply<Page> },
    Skip { cursor: u64, rows: u64, reply: Reply<()> },
    Drop { cursor: u64 },
    Close,
}

/// The way to a worker. Dropped: the session is closed and the thread has ended.
pub(super) struct Handle {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
    next_cursor: u64,
}

impl Handle {
    /// Starts a worker. It opens the database with its first command.
    pub(super) fn start(config: Arc<SqliteConfig>) -> Result<Self, Fault> {
        let (commands, received) = mpsc::channel();
        let worker = Worker { config, session: None, spools: HashMap::new() };
        let thread = thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || worker.run(&received))
            .map_err(|error| Fault::io("thread", &error))?;
        Ok(Self { commands, thread: Some(thread), next_cursor: 0 })
    }

    /// Has something done; the receiver gets the result.
    pub(super) fn job<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Session) -> Result<T, CallError> + Send + 'static,
    ) -> Receiver<Result<T, CallError>> {
        let (reply, answer) = mpsc::channel();
        let job = move |session: Result<&Session, Fault>| {
            let _ = reply.send(session.map_err(CallError::from).and_then(act));
        };
        let _ = self.commands.send(Command::Job(Box::new(job)));
        answer
    }

    /// Opens a cursor; the receiver gets its columns.
    pub(super) fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        keep: Option<PathBuf>,
    ) -> (PendingCursor, Receiver<Result<Vec<ColumnInfo>, CallError>>) {
        let (reply, answer) = mpsc::channel();
        self.next_cursor += 1;
        let cursor = self.next_cursor;
        let query = Query { cursor, sql: sql.to_owned(), params: params.to_owned(), keep, reply };
        let _ = self.commands.send(Command::Query(query));
        (PendingCursor { commands: self.commands.clone(), cursor }, answer)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for the worker's answer.
pub(super) fn wait<T>(answer: &Receiver<Result<T, CallError>>) -> Result<T, CallError> {
    answer
        .recv()
        .unwrap_or_else(|_| Err(Fault::new("session-closed", "the session of this cursor or call is closed").into()))
}

/// A cursor whose columns are not known yet.
pub(super) struct PendingCursor {
    commands: Sender<Command>,
    cursor: u64,
}

impl PendingCursor {
    /// The cursor.
    pub(super) fn open(self, columns: Vec<ColumnInfo>) -> Box<dyn Cursor> {
        Box::new(SqliteCursor { commands: self.commands, cursor: self.cursor, columns })
    }
}

struct SqliteCursor {
    commands: Sender<Command>,
    cursor: u64,
    columns: Vec<ColumnInfo>,
}

impl Cursor for SqliteCursor {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn next(&mut self, max: u32) -> Result<Page, CallError> {
        if !(1..=MOST_ROWS).contains(&max) {
            return Err(CallError::answer("bad-argument", format!("a page has 1 to {MOST_ROWS} rows, not {max}")));
        }
        let (reply, answer) = mpsc::channel();
        let _ = self.commands.send(Command::Next { cursor: self.cursor, max, reply });
        wait(&answer)
    }

    fn skip(&mut self, rows: u64) -> Result<(), CallError> {
        let (reply, answer) = mpsc::channel();
        let _ = self.commands.send(Command::Skip { cursor: self.cursor, rows, reply });
        wait(&answer)
    }
}

impl Drop for SqliteCursor {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Drop { cursor: self.cursor });
    }
}

/// A cursor that goes on in a spool of before: it needs no connection.
pub(super) struct KeptCursor {
    pub(super) spool: Spool,
    pub(super) columns: Vec<ColumnInfo>,
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

struct Worker {
    config: Arc<SqliteConfig>,
    session: Option<Session>,
    spools: HashMap<u64, Spool>,
}

impl Worker {
    fn run(mut self, commands: &Receiver<Command>) {
        let mut pending = None;
        while let Some(command) = pending.take().or_else(|| commands.recv().ok()) {
            match command {
                Command::Close => return,
                Command::Job(job) => {
                    job(open(&mut self.session, &self.config));
                }
                Command::Query(query) => pending = self.query(query, commands),
                other => serve_spooled(&mut self.spools, other),
            }
        }
    }

    /// Answers a query and stays with it. Returns the command that ended its stay.
    fn query(&mut self, query: Query, commands: &Receiver<Command>) -> Option<Command> {
        let session = match open(&mut self.session, &self.config) {
            Ok(session) => session,
            Err(fault) => {
                let _ = query.reply.send(Err(fault.into()));
                return None;
            }
        };
        let prepared = session.prepare_query(&query.sql, &query.params);
        let described = prepared.and_then(|statement| Ok((describe(&statement, &query.sql)?, statement)));
        match described {
            Err(error) => {
                let _ = query.reply.send(Err(error));
                None
            }
            Ok((columns, statement)) => {
                let width = columns.len();
                let _ = query.reply.send(Ok(columns));
                let keep = query.keep.as_deref();
                let stream = Stream { session, sql: &query.sql, cursor: query.cursor, width, keep };
                stay(&stream, statement, &mut self.spools, commands)
            }
        }
    }
}

fn open<'a>(session: &'a mut Option<Session>, config: &Arc<SqliteConfig>) -> Result<&'a Session, Fault> {
    match session {
        Some(session) => Ok(session),
        None => Ok(session.insert(Session::open(Arc::clone(config))?)),
    }
}

/// Serves an open cursor until it is dropped or another command wants the connection.
fn stay(
    this: &Stream<'_>,
    mut statement: Statement<'_>,
    spools: &mut HashMap<u64, Spool>,
    commands: &Receiver<Command>,
) -> Option<Command> {
    let mut rows = Reading::new(&mut statement);
    let mut given = 0;
    loop {
        match commands.recv().ok()? {
            Command::Next { cursor, max, reply } if cursor == this.cursor => {
                let page = this.page(&mut rows, max);
                given += page.as_ref().map_or(0, |page| u64::from(page.rows));
                let _ = reply.send(page);
            }
            Command::Skip { cursor, rows: count, reply } if cursor == this.cursor => {
                given = u64::saturating_add(given, count);
                let _ = reply.send(this.skip(&mut rows, count));
            }
            Command::Drop { cursor } if cursor == this.cursor => return None,
            Command::Close => return Some(Command::Close),
            wants @ (Command::Job(_) | Command::Query(_)) => {
                let used = spools.values().map(Spool::bytes).sum();
                let spooled = this.drain(&mut rows, used, given);
                drop(rows);
                drop(statement);
                return match spooled {
                    Ok(spool) => {
                        spools.insert(this.cursor, spool);
                        Some(wants)
                    }
                    Err(fault) => {
                        refuse(wants, fault);
                        None
                    }
                };
            }
            other => serve_spooled(spools, other),
        }
    }
}

fn refuse(command: Command, fault: Fault) {
    match command {
        Command::Job(job) => job(Err(fault)),
        Command::Query(query) => {
            let _ = query.reply.send(Err(fault.into()));
        }
        _ => {}
    }
}

/// Cursors whose rows are on disk need no connection.
fn serve_spooled(spools: &mut HashMap<u64, Spool>, command: Command) {
    let gone = || CallError::from(Fault::new("session-closed", "the rows of this cursor are gone"));
    match command {
        Command::Next { cursor, max, reply } => {
            let _ = reply.send(spools.get_mut(&cursor).map_or_else(|| Err(gone()), |spool| spool.next(max)));
        }
        Command::Skip { cursor, rows, reply } => {
            let _ = reply.send(spools.get_mut(&cursor).map_or_else(|| Err(gone()), |spool| spool.skip(rows)));
        }
        Command::Drop { cursor } => {
            spools.remove(&cursor);
        }
        Command::Job(_) | Command::Query(_) | Command::Close => {}
    }
}
