//! A visitor who asks a thousand times a second which version of an application is there.
//!
//! It looks as the application's scripts do, in their order: for the maintenance page, and if that is not there for two files,
//! each opened by its path, and a row. Who has looked for the page before it was there has the drain's time to end; a look that
//! took longer (the machine was busy) is counted apart, for nobody has promised anything to it.

mod tally;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::mariadb::{Client, Schema};
use crate::visitors::{Manners, PAGE};

pub use tally::{Phase, Tally};

/// From one look to the next.
const PERIOD: Duration = Duration::from_millis(1);

/// What says which version an application is of: one file that goes live early, one that goes live late, and a row.
#[derive(Debug, Clone)]
pub struct Look {
    root: PathBuf,
    files: [PathBuf; 2],
    row: String,
    /// A query of what the application itself says: 0 means that it is open. Without it visitors look for the page.
    flag: Option<String>,
    manners: Manners,
}

/// What a look has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The maintenance page.
    Maintenance,
    /// Both files and the row.
    Versions([String; 3]),
}

/// Looks that have seen the same, one after the other.
#[derive(Debug, Clone)]
pub struct Span {
    /// What they have seen.
    pub view: View,
    /// How many they are.
    pub looks: usize,
    /// When the first one began.
    pub begun: Instant,
    /// When the last one ended.
    pub ended: Instant,
}

/// All that a prober has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// In its order.
    pub spans: Vec<Span>,
    /// Looks that took longer than the drain, and began without the page: they are in no span.
    pub overdue: usize,
}

/// A prober at work. Dropped: it stops.
pub struct Prober {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Look {
    /// At an application in this root: two of its files, and the query of a row.
    #[must_use]
    pub fn new(root: &Path, files: [&str; 2], row: &str) -> Self {
        let files = files.map(|file| root.join(file));
        Self { root: root.to_owned(), files, row: row.to_owned(), flag: None, manners: Manners::Honour }
    }

    /// The same without a look for the maintenance page: a control.
    #[must_use]
    pub fn ignoring(self) -> Self {
        Self { manners: Manners::Ignore, ..self }
    }

    /// The same where the application itself keeps visitors out, by a setting in its database: 0 lets them in.
    #[must_use]
    pub fn by_flag(self, query: &str) -> Self {
        Self { flag: Some(query.to_owned()), ..self }
    }

    /// Whether visitors are kept out.
    fn is_closed(&self, client: &mut Client) -> bool {
        match &self.flag {
            Some(query) => row(client, query) != "0",
            None => self.root.join(PAGE).exists(),
        }
    }

    /// Looks once.
    pub fn at(&self, client: &mut Client) -> View {
        if self.manners == Manners::Honour && self.is_closed(client) {
            return View::Maintenance;
        }
        let [early, late] = &self.files;
        View::Versions([read(early), read(late), row(client, &self.row)])
    }
}

/// A file that is not there is a version of its own.
fn read(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("{}: {error}", path.display()),
    }
}

fn row(client: &mut Client, sql: &str) -> String {
    client.cell(sql).unwrap_or_else(|error| format!("{error:#}"))
}

impl Prober {
    /// Begins to look. Where others are kept away, looks that began before have so much time to end.
    ///
    /// # Errors
    /// What the server says.
    pub fn start(look: Look, schema: &Schema, drain: Duration) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, mut client) = (stop.clone(), schema.client()?);
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            let mut next = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let view = look.at(&mut client);
                seen.note(view, begun, Instant::now(), drain);
                next = (next + PERIOD).max(begun);
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            seen
        });
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends after one more look. What was seen.
    ///
    /// # Errors
    /// If it has died.
    pub fn stop(mut self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(seen)) => Ok(seen),
            _ => bail!("the prober has died"),
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

impl Seen {
    fn note(&mut self, view: View, begun: Instant, ended: Instant, drain: Duration) {
        if view != View::Maintenance && ended - begun > drain {
            self.overdue += 1;
            return;
        }
        match self.spans.last_mut().filter(|span| span.view == view) {
            Some(span) => {
                span.looks += 1;
                span.ended = ended;
            }
            None => self.spans.push(Span { view, looks: 1, begun, ended }),
        }
    }
}
