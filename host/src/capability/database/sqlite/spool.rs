//! The rest of a cursor on disk, so that its read can end before something else happens to the database.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::capability::database::{Cell, Page, PageBuilder, Value};
use crate::effect::{CallError, Fault};
use crate::io::{fault, make_private_dir};

/// A spool that is being written.
pub(super) struct SpoolWriter {
    file: BufWriter<File>,
    /// Bytes so far.
    bytes: u64,
    most: u64,
}

impl SpoolWriter {
    /// A spool for at most `most` bytes. Its file has no name: it is gone with us, however we end.
    pub(super) fn new(directory: &Path, name: &str, most: u64) -> Result<Self, Fault> {
        let io = |error: std::io::Error| Fault::io(format_args!("spool {}", directory.display()), &error);
        fault::point("sqlite.spool").map_err(io)?;
        make_private_dir(directory).map_err(io)?;
        let path = directory.join(format!("{name}-{}.spool", std::process::id()));
        let _ = fs::remove_file(&path);
        let file = File::options().create_new(true).read(true).write(true).mode(0o600).open(&path).map_err(io)?;
        fs::remove_file(&path).map_err(io)?;
        Ok(Self { file: BufWriter::new(file), bytes: 0, most })
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

    /// The spool, ready to be read. `end` is how the rows ended, if not well.
    pub(super) fn finish(self, columns: usize, end: Option<CallError>) -> Result<Spool, Fault> {
        let io = |error: std::io::Error| Fault::io("spool", &error);
        let bytes = self.bytes;
        let mut file = self.file.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Spool { file: BufReader::new(file), left: bytes, bytes, columns, end })
    }
}

/// Rows on disk.
pub(super) struct Spool {
    file: BufReader<File>,
    left: u64,
    bytes: u64,
    columns: usize,
    end: Option<CallError>,
}

impl Spool {
    /// What it takes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// As `Cursor::next`.
    pub(super) fn next(&mut self, max: u32) -> Result<Page, CallError> {
        let mut page = PageBuilder::new(self.columns, max);
        while !page.is_full() {
            match self.row() {
                Ok(Some(row)) => page.push(row.iter().map(Cell::from)),
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
            return self.end.clone().map_or(Ok(None), Err);
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
