//! A data file on its way into a table: as a stream for `LOAD DATA LOCAL INFILE`, or statement by statement.
//!
//! The server never names a file: the connection has one stream of ours, for one statement, and refuses any other request.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fields::{Fields, Strange};
use super::file::{Decoder, FileEntry, damaged, open_decoder};
use super::text::{COMMIT, Field, Form, HEAD, insert, trailer};
use crate::capability::database::mysql::catalog::quoted;
use crate::effect::Fault;
use crate::meter::Meter;

/// What is decompressed at once.
const PIECE: usize = 128 << 10;

/// The rows of a data file as `LOAD DATA` reads them.
pub(super) struct Rows {
    path: PathBuf,
    decoder: Decoder<File>,
    fields: Fields,
    /// Rows that there should be.
    expected: u64,
    piece: Vec<u8>,
    stop: Arc<AtomicBool>,
    meter: Meter,
}

impl Rows {
    /// Of a file in a directory, for a table with these fields.
    pub(super) fn open(
        directory: &Path,
        file: &FileEntry,
        table: &str,
        fields: &[Field],
        stop: &Arc<AtomicBool>,
        meter: &Meter,
    ) -> Result<Self, Fault> {
        Ok(Self {
            path: directory.join(&file.name),
            decoder: open_decoder(directory, &file.name)?,
            fields: Fields::new(table, fields),
            expected: file.rows,
            piece: vec![0; PIECE],
            stop: Arc::clone(stop),
            meter: meter.clone(),
        })
    }

    /// What comes next; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let strange =
            |path: &Path, strange: Strange| damaged(path, format!("behind row {} it is strange", strange.rows));
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let before = self.fields.rows();
            let read = self.decoder.read(&mut self.piece).map_err(|error| damaged(&self.path, error))?;
            if read == 0 {
                self.fields.finish(self.expected).map_err(|error| strange(&self.path, error))?;
                return Ok(None);
            }
            let mut out = Vec::with_capacity(read);
            self.fields.feed(&self.piece[..read], &mut out).map_err(|error| strange(&self.path, error))?;
            self.meter.add(self.fields.rows() - before);
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
    }
}

/// The statement that a [`Rows`] answers.
pub(super) fn load_data(table: &str, fields: &[Field]) -> String {
    let mut targets = Vec::new();
    let mut converted = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if field.form == Form::Json {
            targets.push(format!("@liftlock{index}"));
            converted.push(format!("{} = CONVERT(@liftlock{index} USING utf8mb4)", field.name));
        } else {
            targets.push(field.name.clone());
        }
    }
    let set = if converted.is_empty() { String::new() } else { format!(" SET {}", converted.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'liftlock' INTO TABLE {} CHARACTER SET binary FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' \
        LINES TERMINATED BY '\\n' ({}){set}",
        quoted(table),
        targets.join(",")
    )
}

/// The statements of a data file, for servers that take no stream.
pub(super) struct Statements {
    path: PathBuf,
    reader: BufReader<Decoder<File>>,
    insert: String,
    rows: u64,
    expected: u64,
}

impl Statements {
    /// Of a file in a directory, for a table with these fields.
    pub(super) fn open(directory: &Path, file: &FileEntry, table: &str, fields: &[Field]) -> Result<Self, Fault> {
        let reader = BufReader::with_capacity(PIECE, open_decoder(directory, &file.name)?);
        let path = directory.join(&file.name);
        let mut statements = Self { path, reader, insert: insert(table, fields), rows: 0, expected: file.rows };
        statements.expect(HEAD)?;
        Ok(statements)
    }

    /// The next statement and how many rows it has; none at the end. A row is a line: its line breaks are escaped.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<u8>, u64)>, Fault> {
        let failed = |error| damaged(&self.path, error);
        if self.reader.fill_buf().map_err(failed)?.first() != Some(&b'I') {
            self.expect(&[COMMIT, &trailer(self.expected)].concat())?;
            let whole = self.rows == self.expected && self.reader.fill_buf().is_ok_and(<[u8]>::is_empty);
            return if whole { Ok(None) } else { Err(damaged(&self.path, "it has not the rows that it should have")) };
        }
        self.expect(&self.insert.clone())?;
        let mut statement = self.insert.clone().into_bytes();
        let mut rows = 0;
        while !(rows > 0 && statement.ends_with(b");\n")) {
            let read = self.reader.read_until(b'\n', &mut statement).map_err(|error| damaged(&self.path, error))?;
            if read == 0 || statement[statement.len() - read] != b'(' {
                return Err(damaged(&self.path, format!("behind row {} it is strange", self.rows + rows)));
            }
            rows += 1;
        }
        self.rows += rows;
        Ok(Some((statement, rows)))
    }

    fn expect(&mut self, words: &str) -> Result<(), Fault> {
        let mut found = vec![0; words.len()];
        let read = self.reader.read_exact(&mut found);
        if read.is_err() || found != words.as_bytes() {
            return Err(damaged(&self.path, format!("behind row {} it is strange", self.rows)));
        }
        Ok(())
    }
}

/// The operator's wish to stop.
pub(super) fn interrupted() -> Fault {
    Fault::new("interrupted", "stopped in the middle of a load")
}
