//! One compressed file: written with its trailer, synced, read back; and read again later.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;
use zstd::stream::read;
use zstd::zstd_safe::{CParameter, compress_bound};

use super::text::trailer;
use crate::effect::Fault;
use crate::io::fault;

/// How hard zstd tries. On rows, level 3 takes twice as long as 1, for files that are not smaller.
const LEVEL: i32 = 1;

/// What is read at once.
const PIECE: usize = 128 << 10;

/// The largest window that is decompressed, as a power of two: what our levels use, with room. A file that wants more memory is
/// not ours.
const WINDOW: u32 = 23;

/// A file, as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct FileEntry {
    /// Its name in the directory.
    pub(in super::super) name: String,
    /// Rows in it.
    pub(in super::super) rows: u64,
    /// Its size on disk.
    pub(in super::super) bytes: u64,
    /// Of these bytes.
    pub(in super::super) sha256: String,
}

/// A file that is being written. Each piece becomes a frame of its own, compressed where it lies: a stream would copy it first.
/// `zstd -dc` reads the frames as one.
pub(super) struct SqlFile {
    path: PathBuf,
    name: String,
    file: File,
    hash: Sha256,
    compressor: Compressor<'static>,
    /// A frame, before it is written.
    frame: Vec<u8>,
    rows: u64,
    /// Bytes before compression, and behind it.
    length: u64,
    bytes: u64,
}

impl SqlFile {
    /// Makes it, for this user only. There is none with this name yet.
    pub(super) fn create(directory: &Path, name: String) -> Result<Self, Fault> {
        let path = directory.join(&name);
        let create = || {
            fault::point("mysql.dump.create")?;
            let file = File::options().create_new(true).write(true).mode(0o600).open(&path)?;
            let mut compressor = Compressor::new(LEVEL)?;
            compressor.set_parameter(CParameter::ChecksumFlag(true))?;
            Ok((file, compressor))
        };
        let (file, compressor) = create().map_err(|error| Fault::io(path.display(), &error))?;
        let (hash, frame) = (Sha256::new(), Vec::new());
        Ok(Self { path, name, file, hash, compressor, frame, rows: 0, length: 0, bytes: 0 })
    }

    /// Bytes so far, before compression.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds text with so many rows.
    pub(super) fn write(&mut self, text: &[u8], rows: u64) -> Result<(), Fault> {
        let mut compress = || {
            self.frame.clear();
            self.frame.reserve(compress_bound(text.len()));
            self.compressor.compress_to_buffer(text, &mut self.frame)?;
            self.file.write_all(&self.frame)
        };
        compress().map_err(|error| Fault::io(self.path.display(), &error))?;
        self.hash.update(&self.frame);
        self.bytes += self.frame.len() as u64;
        self.rows += rows;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Adds the trailer, makes it durable and reads it back.
    pub(super) fn finish(mut self) -> Result<FileEntry, Fault> {
        self.write(trailer(self.rows).as_bytes(), 0)?;
        let sync = || {
            fault::point("mysql.dump.sync")?;
            self.file.sync_all()?;
            fault::point("mysql.dump.synced")
        };
        sync().map_err(|error| Fault::io(self.path.display(), &error))?;
        let entry = FileEntry { name: self.name, rows: self.rows, bytes: self.bytes, sha256: hex(self.hash) };
        entry.read_back(&self.path)?;
        Ok(entry)
    }
}

impl FileEntry {
    /// Reads the file to its trailer: what cannot be read now is no backup.
    fn read_back(&self, path: &Path) -> Result<(), Fault> {
        let mut tail = Vec::new();
        let mut piece = vec![0; PIECE];
        let file = HashingReader { file: open(path)?, hash: Sha256::new(), bytes: 0 };
        let mut decoder = decoder(path, file)?;
        loop {
            let read = decoder.read(&mut piece).map_err(|error| damaged(path, error))?;
            if read == 0 {
                break;
            }
            tail.extend_from_slice(&piece[..read]);
            tail.drain(..tail.len().saturating_sub(64));
        }
        let HashingReader { hash, bytes, .. } = decoder.finish().into_inner();
        if bytes != self.bytes || hex(hash) != self.sha256 {
            return Err(damaged(path, "it is not what was written"));
        }
        if !tail.ends_with(trailer(self.rows).as_bytes()) {
            return Err(damaged(path, "its end is missing"));
        }
        Ok(())
    }

    /// Compares the file with its hash, without decompressing it.
    pub(super) fn verify(&self, directory: &Path) -> Result<(), Fault> {
        let path = directory.join(&self.name);
        let mut reader = HashingReader { file: open(&path)?, hash: Sha256::new(), bytes: 0 };
        io::copy(&mut reader, &mut io::sink()).map_err(|error| Fault::io(path.display(), &error))?;
        match (reader.bytes, hex(reader.hash)) {
            (bytes, _) if bytes < self.bytes => Err(damaged(&path, "it was cut")),
            (_, hash) if hash != self.sha256 => Err(damaged(&path, "it was altered")),
            _ => Ok(()),
        }
    }
}

struct HashingReader {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// What a file holds, decompressed.
pub(super) type Decoder<R> = read::Decoder<'static, io::BufReader<R>>;

/// Opens a file for reading.
pub(super) fn open_decoder(directory: &Path, name: &str) -> Result<Decoder<File>, Fault> {
    let path = directory.join(name);
    decoder(&path, open(&path)?)
}

fn decoder<R: Read>(path: &Path, reader: R) -> Result<Decoder<R>, Fault> {
    let mut decoder = read::Decoder::new(reader).map_err(|error| damaged(path, error))?;
    decoder.window_log_max(WINDOW).map_err(|error| damaged(path, error))?;
    Ok(decoder)
}

fn open(path: &Path) -> Result<File, Fault> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => damaged(path, "it is missing"),
        _ => Fault::io(path.display(), &error),
    })
}

/// The fault of a file that is not as it was written.
pub(super) fn damaged(path: &Path, why: impl std::fmt::Display) -> Fault {
    Fault::new("snapshot-damaged", format!("{}: {why}", path.display()))
}

/// A hash as it is shown.
pub(super) fn hex(hash: Sha256) -> String {
    data_encoding::HEXLOWER.encode(&hash.finalize())
}
