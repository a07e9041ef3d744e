//! The journal: append-only JSON lines, each with its number and the checksum of the line before.
//!
//! A line is durable before its event counts. A torn tail (the last line, cut short by a crash) is dropped, for what it
//! announced had not begun; a broken line before it means a damaged disk or a changed file, and is refused. The checksum
//! guards against damage, not against somebody who can write the file.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::event::{Event, FORMAT};
use crate::effect::Fault;
use crate::escape;
use crate::io::AppendFile;

/// Its file in the directory of a run.
pub const JOURNAL: &str = "journal.jsonl";

#[derive(Serialize, Deserialize)]
struct Line {
    /// From 1.
    seq: u64,
    /// Milliseconds since 1970, for people.
    at: u64,
    /// xxh3-64 of the line before, without its line feed; 0 for the first.
    after: String,
    /// The first line of a process that found the journal there.
    #[serde(default, skip_serializing_if = "is_false")]
    reopened: bool,
    event: Event,
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Milliseconds since 1970.
    pub at: u64,
    /// Whether it is the first of a process that found the journal there: nobody was at work just before.
    pub reopened: bool,
    /// What happened.
    pub event: Event,
}

/// The journal of one run, open for writing.
pub struct Journal {
    file: AppendFile,
    seq: u64,
    last: u64,
    reopened: bool,
}

impl Journal {
    /// Makes a new, empty journal.
    ///
    /// # Errors
    /// If one is there already, or the file system says no.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let fault = |e: io::Error| Fault::io(format_args!("making the journal {}", path.display()), &e);
        if path.exists() {
            return Err(fault(io::Error::from(io::ErrorKind::AlreadyExists)));
        }
        let file = AppendFile::open(path, None).map_err(fault)?;
        crate::io::sync_dir(path.parent().unwrap_or(Path::new("."))).map_err(fault)?;
        Ok(Self { file, seq: 0, last: 0, reopened: false })
    }

    /// Opens a journal to go on with it. Cuts a torn tail.
    ///
    /// # Errors
    /// "journal-damaged" for a broken line, "journal-of-another-version"; what the file system says.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>), Fault> {
        let scan = scan(path)?;
        let file = AppendFile::open(path, Some(scan.length))
            .map_err(|e| Fault::io(format_args!("opening the journal {}", path.display()), &e))?;
        Ok((Self { file, seq: scan.entries.len() as u64, last: scan.last, reopened: true }, scan.entries))
    }

    /// Reads a journal without opening it for writing: for `status` and `log`, also while a run is going on.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    pub fn read(path: &Path) -> Result<Vec<Entry>, Fault> {
        Ok(scan(path)?.entries)
    }

    /// Writes an event. When this returns, it is durable.
    ///
    /// # Errors
    /// What the file system says; the event then does not count, and the journal must not be written to any more.
    pub fn append(&mut self, at: u64, event: &Event) -> Result<(), Fault> {
        let (after, reopened) = (format!("{:016x}", self.last), self.reopened);
        let line = Line { seq: self.seq + 1, at, after, reopened, event: event.clone() };
        let mut text = serde_json::to_vec(&line)
            .map_err(|e| Fault::new("journal-damaged", format!("an event cannot be written as JSON: {e}")))?;
        let checksum = xxh3_64(&text);
        text.push(b'\n');
        let fault = |e: io::Error| Fault::io("writing the journal", &e);
        self.file.append(&text).map_err(fault)?;
        self.file.sync().map_err(fault)?;
        self.seq += 1;
        self.last = checksum;
        self.reopened = false;
        Ok(())
    }
}

struct Scan {
    entries: Vec<Entry>,
    length: u64,
    last: u64,
}

fn scan(path: &Path) -> Result<Scan, Fault> {
    let bytes = fs::read(path).map_err(|e| Fault::io(format_args!("reading the journal {}", path.display()), &e))?;
    of_this_format(path, &bytes)?;
    let mut scan = Scan { entries: Vec::new(), length: 0, last: 0 };
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let (line, more) = (&rest[..end], &rest[end + 1..]);
        match parse(line, &scan) {
            Ok(entry) => scan.entries.push(entry),
            // A power cut may leave a last line of the right length whose bytes never arrived.
            Err(_) if more.is_empty() => break,
            Err(why) => return Err(damaged(path, scan.entries.len() + 1, &why)),
        }
        scan.last = xxh3_64(line);
        scan.length += end as u64 + 1;
        rest = more;
    }
    Ok(scan)
}

/// A journal of another format would be misread: its first event says which it is, in every format.
fn of_this_format(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct First {
        event: Begun,
    }
    #[derive(Deserialize)]
    struct Begun {
        plan: Written,
    }
    #[derive(Deserialize)]
    struct Written {
        format: u32,
        host: String,
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<First>(line) {
        Ok(First { event: Begun { plan: Written { format, host } } }) if format != FORMAT => {
            let host = escape::line(&host, 40);
            let text = format!("{} has format {format}, and this Liftlock reads format {FORMAT}", path.display());
            Err(Fault::new("journal-of-another-version", text)
                .hint(format!("end this run with the Liftlock that began it: {host}")))
        }
        // What is no first event is told with its line.
        _ => Ok(()),
    }
}

fn parse(line: &[u8], so_far: &Scan) -> Result<Entry, String> {
    let line: Line = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    if line.seq != so_far.entries.len() as u64 + 1 {
        return Err(format!("it says that it is line {}", line.seq));
    }
    if line.after != format!("{:016x}", so_far.last) {
        return Err("the line before it is not the one it was written after".to_owned());
    }
    Ok(Entry { at: line.at, reopened: line.reopened, event: line.event })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(value: &bool) -> bool {
    !value
}

fn damaged(path: &Path, line: usize, why: &str) -> Fault {
    Fault::new("journal-damaged", format!("{}:{line}: {why}", path.display()))
        .hint("the file was changed or the disk is damaged; restore it from a copy, or put the installation back from the backup")
}
