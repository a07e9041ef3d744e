//! The thread that owns the connection to a database. Everybody else sends it commands.
//!
//! An open cursor borrows the connection, so it is a loop inside the worker ([`stay`]): the next page comes straight from the
//! driver, and while the guest looks at it the one after that is read. Any other command for the connection first moves the
//! rest of the rows to a spool, which ends the read, and is then served.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};

use super::open::OpenCursor;
use super::spool::{Spool, SpoolRoom};
use super::{ColumnInfo, Page, PageBuilder, Value};
use crate::effect::{CallError, Fault};

/// A driver's connection, as it lives on the worker's thread.
pub(super) trait Backend: Sized + 'static {
    /// What it is opened with.
    type Config: Send + Sync + 'static;

    /// The name of the thread.
    const THREAD: &'static str;

    /// Opens it, with the worker's first command.
    fn open(config: &Arc<Self::Config>) -> Result<Self, Fault>;

    /// Runs a query of a guest and hands its columns and rows to `serve`. The read ends when that comes back. An error is the
    /// answer to the query: `serve` was not called then.
    fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        serve: impl FnOnce(Vec<ColumnInfo>, &mut dyn Rows),
    ) -> Result<(), CallError>;
}

/// The rows of a query, straight from the connection.
pub(super) trait Rows {
    /// Adds rows to a page until it is full, or there are no more. How the rows ended stays the answer, however often one asks:
    /// an error too. Those before it are in the page.
    fn fill(&mut self, page: &mut PageBuilder) -> Result<(), CallError>;
}

/// Where an answer goes.
pub(super) type Reply<T> = Sender<Result<T, CallError>>;

/// Something to do with the connection.
type Job<B> = Box<dyn FnOnce(Result<&mut B, Fault>) + Send>;

/// A query and its answer: the columns.
pub(super) struct Query {
    pub(super) cursor: u64,
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
    /// Where the rest of its rows is kept if it must be spooled.
    pub(super) keep: Option<PathBuf>,
    pub(super) reply: Reply<Vec<ColumnInfo>>,
}

/// What a cursor asks for.
pub(super) enum Wish {
    Next { max: u32, reply: Reply<Page> },
    Skip { rows: u64, reply: Reply<()> },
    Drop,
}

enum Command<B> {
    Job(Job<B>),
    Query(Query),
    Cursor(u64, Wish),
    Close,
}

/// The way to a worker. Dropped: the session is closed and the thread has ended.
pub(super) struct Handle<B: Backend> {
    commands: Sender<Command<B>>,
    thread: Option<JoinHandle<()>>,
    next_cursor: u64,
}

impl<B: Backend> Handle<B> {
    /// Starts a worker. It opens the database with its first command.
    pub(super) fn start(config: Arc<B::Config>, room: SpoolRoom) -> Result<Self, Fault> {
        let (commands, received) = mpsc::channel();
        let worker = move || Worker::<B> { config, session: None, room, spools: HashMap::new() }.run(&received);
        let thread = thread::Builder::new()
            .name(B::THREAD.to_owned())
            .spawn(worker)
            .map_err(|error| Fault::io("thread", &error))?;
        Ok(Self { commands, thread: Some(thread), next_cursor: 0 })
    }

    /// Has something done; the receiver gets the result.
    pub(super) fn job<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut B) -> Result<T, CallError> + Send + 'static,
    ) -> Receiver<Result<T, CallError>> {
        let (reply, answer) = mpsc::channel();
        let job = move |session: Result<&mut B, Fault>| {
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
    ) -> (CursorLine, Receiver<Result<Vec<ColumnInfo>, CallError>>) {
        let (reply, answer) = mpsc::channel();
        self.next_cursor += 1;
        let cursor = self.next_cursor;
        let query = Query { cursor, sql: sql.to_owned(), params: params.to_owned(), keep, reply };
        let _ = self.commands.send(Command::Query(query));
        let commands = self.commands.clone();
        let send = move |wish| drop(commands.send(Command::Cursor(cursor, wish)));
        (CursorLine(Box::new(send)), answer)
    }
}

impl<B: Backend> Drop for Handle<B> {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The way from a cursor to its worker. Dropped: the cursor is closed.
pub(super) struct CursorLine(Box<dyn Fn(Wish) + Send>);

impl CursorLine {
    /// Sends a wish and waits for its answer.
    pub(super) fn ask<T>(&self, wish: impl FnOnce(Reply<T>) -> Wish) -> Result<T, CallError> {
        let (reply, answer) = mpsc::channel();
        (self.0)(wish(reply));
        wait(&answer)
    }
}

impl Drop for CursorLine {
    fn drop(&mut self) {
        (self.0)(Wish::Drop);
    }
}

/// Waits for the worker's answer.
pub(super) fn wait<T>(answer: &Receiver<Result<T, CallError>>) -> Result<T, CallError> {
    answer
        .recv()
        .unwrap_or_else(|_| Err(Fault::new("session-closed", "the session of this cursor or call is closed").into()))
}

struct Worker<B: Backend> {
    config: Arc<B::Config>,
    session: Option<B>,
    room: SpoolRoom,
    spools: HashMap<u64, Spool>,
}

impl<B: Backend> Worker<B> {
    fn run(mut self, commands: &Receiver<Command<B>>) {
        let mut pending = None;
        while let Some(command) = pending.take().or_else(|| commands.recv().ok()) {
            match command {
                Command::Close => return,
                Command::Job(job) => job(open(&mut self.session, &self.config)),
                Command::Query(query) => pending = self.query(query, commands),
                Command::Cursor(cursor, wish) => serve_spooled(&mut self.spools, cursor, wish),
            }
        }
    }

    /// Answers a query and stays with it. Returns the command that ended its stay.
    fn query(&mut self, query: Query, commands: &Receiver<Command<B>>) -> Option<Command<B>> {
        let session = match open(&mut self.session, &self.config) {
            Ok(session) => session,
            Err(fault) => {
                let _ = query.reply.send(Err(fault.into()));
                return None;
            }
        };
        let mut pending = None;
        let served = session.query(&query.sql, &query.params, |columns, rows| {
            let width = columns.len();
            let _ = query.reply.send(Ok(columns));
            let cursor = OpenCursor::new(query.cursor, width, query.keep, rows);
            pending = stay(cursor, &self.room, &mut self.spools, commands);
        });
        if let Err(error) = served {
            let _ = query.reply.send(Err(error));
        }
        pending
    }
}

fn open<'a, B: Backend>(session: &'a mut Option<B>, config: &Arc<B::Config>) -> Result<&'a mut B, Fault> {
    match session {
        Some(session) => Ok(session),
        None => Ok(session.insert(B::open(config)?)),
    }
}

/// Serves an open cursor until it is dropped or another command wants the connection.
fn stay<B>(
    mut cursor: OpenCursor<'_>,
    room: &SpoolRoom,
    spools: &mut HashMap<u64, Spool>,
    commands: &Receiver<Command<B>>,
) -> Option<Command<B>> {
    loop {
        let command = match commands.try_recv() {
            Err(TryRecvError::Empty) => {
                cursor.read_ahead();
                commands.recv().ok()?
            }
            command => command.ok()?,
        };
        match command {
            Command::Cursor(number, wish) if number == cursor.number => match wish {
                Wish::Next { max, reply } => drop(reply.send(cursor.page(max))),
                Wish::Skip { rows, reply } => drop(reply.send(cursor.skip(rows))),
                Wish::Drop => return None,
            },
            Command::Cursor(other, wish) => serve_spooled(spools, other, wish),
            Command::Close => return Some(Command::Close),
            wants @ (Command::Job(_) | Command::Query(_)) => {
                let used = spools.values().map(Spool::bytes).sum();
                let number = cursor.number;
                return match cursor.drain(room, used) {
                    Ok(spool) => {
                        spools.insert(number, spool);
                        Some(wants)
                    }
                    Err(fault) => {
                        refuse(wants, fault);
                        None
                    }
                };
            }
        }
    }
}

fn refuse<B>(command: Command<B>, fault: Fault) {
    match command {
        Command::Job(job) => job(Err(fault)),
        Command::Query(query) => drop(query.reply.send(Err(fault.into()))),
        Command::Cursor(..) | Command::Close => {}
    }
}

/// Cursors whose rows are on disk need no connection.
fn serve_spooled(spools: &mut HashMap<u64, Spool>, cursor: u64, wish: Wish) {
    let gone = || CallError::from(Fault::new("session-closed", "the rows of this cursor are gone"));
    match (wish, spools.get_mut(&cursor)) {
        (Wish::Next { max, reply }, Some(spool)) => drop(reply.send(spool.next(max))),
        (Wish::Next { reply, .. }, None) => drop(reply.send(Err(gone()))),
        (Wish::Skip { rows, reply }, Some(spool)) => drop(reply.send(spool.skip(rows))),
        (Wish::Skip { reply, .. }, None) => drop(reply.send(Err(gone()))),
        (Wish::Drop, _) => drop(spools.remove(&cursor)),
    }
}
