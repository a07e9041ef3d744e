//! The rest of a cursor on disk, so that its read can end before something else happens to the database.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Cell, Page, PageBuilder, Value};
use crate::effect::{CallError, Failure, Fault};
use crate::io::{fault, make_private_dir, sync_dir};

/// Where the cursors of one database put their rows, and how many bytes they may take together.
#[derive(Clone)]
pub(super) struct SpoolRoom {
    pub(super) directory: PathBuf,
    /// The database's name: part of the names of files.
    pub(super) name: String,
    pub(super) most: u64,
}

impl SpoolRoom {
    /// Where the rest of a cursor's rows is kept.
    pub(super) fn kept(&self, cursor: &str) -> PathBuf {
        self.directory.join(format!("{}-{cursor}.rows", self.name))
    }

    /// A spool for a cursor, where others have taken `used` bytes already.
    pub(super) fn writer(&self, cursor: u64, keep: Option<Keep>, used: u64) -> Result<SpoolWriter, Fault> {
        let name = format!("{}-{cursor}", self.name);
        SpoolWriter::new(&self.directory, &name, keep, self.most.saturating_sub(used))
    }
}

/// Where a spool is kept under a name: a stage that is killed while its cursor is open reads on there when it is replayed,
/// for by then the database may have changed under the cursor.
#[derive(Clone)]
pub(super) struct Keep {
    pub(super) path: PathBuf,
    /// Rows that the cursor had given out before.
    pub(super) start: u64,
}

/// Start, bytes of rows, bytes of the ending: 8 bytes each.
const HEAD: u64 = 24;

/// A spool that is being written.
pub(super) struct SpoolWriter {
    file: BufWriter<File>,
    keep: Option<Keep>,
    /// Bytes of rows so far.
    bytes: u64,
    most: u64,
}

impl SpoolWriter {
    /// A spool for at most `most` bytes. Without `keep` its file has no name: it is gone with us, however we end.
    fn new(directory: &Path, name: &str, keep: Option<Keep>, most: u64) -> Result<Self, Fault> {
        let io = |error: std::io::Error| Fault::io(format_args!("spool {}", directory.display()), &error);
        fault::point("spool.begin").map_err(io)?;
        make_private_dir(directory).map_err(io)?;
        let path = match &keep {
            Some(keep) => unfinished(&keep.path),
            None => directory.join(format!("{name}-{}.spool", std::process::id())),
        };
        let _ = fs::remove_file(&path);
        let file = File::options().create_new(true).read(true).write(true).mode(0o600).open(&path).map_err(io)?;
        if keep.is_none() {
            fs::remove_file(&path).map_err(io)?;
        }
        let mut file = BufWriter::new(file);
        file.write_all(&[0; HEAD as usize]).map_err(io)?;
        Ok(Self { file, keep, bytes: 0, most })
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &[Value]) -> Result<(), Fault> {
        let bytes = postcard::to_stdvec(row).map_err(|error| Fault::new("internal", format!("spool: {error}")))?;
        let length = bytes.len() as u64;
        self.bytes += length + 8;
        if self.bytes > self.most {
            let text = format!("the rest of an open cursor is bigger than the spool ({} bytes)", self.most);
            return Err(Fault::new("spool-full", text).hint("walk through big tables by key, or raise `spool`"));
        }
        let written = self.file.write_all(&length.to_le_bytes()).and_then(|()| self.file.write_all(&bytes));
        written.map_err(|error| Fault::io("spool", &error))
    }

    /// The spool, ready to be read, and durable if it is kept. `end` is how the rows ended, if not well.
    pub(super) fn finish(mut self, columns: usize, end: Option<Failure>) -> Result<Spool, Fault> {
        let io = |error: std::io::Error| Fault::io("spool", &error);
        let ending = postcard::to_stdvec(&end).map_err(|error| Fault::new("internal", format!("spool: {error}")))?;
        self.file.write_all(&ending).map_err(io)?;
        let mut file = self.file.into_inner().map_err(|error| io(error.into_error()))?;
        let start = self.keep.as_ref().map_or(0, |keep| keep.start);
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        for number in [start, self.bytes, ending.len() as u64] {
            file.write_all(&number.to_le_bytes()).map_err(io)?;
        }
        if let Some(keep) = &self.keep {
            file.sync_data().map_err(io)?;
            fault::point("spool.written").map_err(io)?;
            fs::rename(unfinished(&keep.path), &keep.path).map_err(io)?;
            sync_dir(keep.path.parent().unwrap_or(Path::new("."))).map_err(io)?;
        }
        Ok(Spool { file: BufReader::new(file), left: self.bytes, bytes: self.bytes, columns, end })
    }
}

/// Removes a spool that was kept, if there is one.
pub(super) fn forget(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::io(format_args!("spool {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Rows on disk.
pub(super) struct Spool {
    file: BufReader<File>,
    left: u64,
    bytes: u64,
    columns: usize,
    end: Option<Failure>,
}

impl Spool {
    /// A spool that was kept, at the row that a cursor of `position` rows goes on with. None if there is none, or if it begins
    /// only behind that row: then nothing has happened to the database since the cursor was opened.
    pub(super) fn reopen(path: &Path, columns: usize, position: u64) -> Result<Option<Self>, CallError> {
        let io = |error: std::io::Error| Fault::io(format_args!("spool {}", path.display()), &error);
        let mut file = match File::open(path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error).into()),
        };
        let mut numbers = [0_u64; 3];
        for number in &mut numbers {
            let mut bytes = [0; 8];
            file.read_exact(&mut bytes).map_err(io)?;
            *number = u64::from_le_bytes(bytes);
        }
        let [start, bytes, ending] = numbers;
        let Some(skip) = position.checked_sub(start) else { return Ok(None) };
        file.seek(SeekFrom::Start(HEAD + bytes)).map_err(io)?;
        let mut end = Vec::new();
        file.by_ref().take(ending).read_to_end(&mut end).map_err(io)?;
        let end = postcard::from_bytes(&end).map_err(|_| Fault::new("io-error", "a spool cannot be read back"))?;
        file.seek(SeekFrom::Start(HEAD)).map_err(io)?;
        let mut spool = Self { file, left: bytes, bytes, columns, end };
        spool.skip(skip)?;
        Ok(Some(spool))
    }

    /// What it takes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// As `Cursor::next`.
    pub(super) fn next(&mut self, max: u32) -> Result<Page, CallError> {
        let mut page = PageBuilder::new(self.columns, max);
        while !page.is_full() {
            match self.row() {
                Ok(Some(row)) => _ = page.push(row.iter().map(Cell::from)),
                Ok(None) => break,
                // As from the database itself: the page in which the error falls is not given.
                Err(error) => return Err(error),
            }
        }
        Ok(page.finish())
    }

    /// As `Cursor::skip`.
    pub(super) fn skip(&mut self, rows: u64) -> Result<(), CallError> {
        for _ in 0..rows {
            if self.row()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn row(&mut self) -> Result<Option<Vec<Value>>, CallError> {
        if self.left == 0 {
            return self.end.clone().map_or(Ok(None), |end| Err(end.into()));
        }
        let io = |error: std::io::Error| Fault::io("spool", &error);
        let mut length = [0; 8];
        self.file.read_exact(&mut length).map_err(io)?;
        let length = u64::from_le_bytes(length);
        let damaged = || Fault::new("io-error", "the spool of a cursor cannot be read back");
        self.left = self.left.checked_sub(length.saturating_add(8)).ok_or_else(damaged)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        self.file.read_exact(&mut bytes).map_err(io)?;
        postcard::from_bytes(&bytes).map(Some).map_err(|_| damaged().into())
    }
}
