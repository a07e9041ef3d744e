//! Looking, and the answers that a guest gets.

use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, OFlags, Stat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dir::{Dir, kind, modified, size};
use super::path::{escape, is_reserved};
use super::walk::{Found, walk};
use super::{Files, refused};
use crate::effect::{CallError, Extra, Fault};

/// The most bytes of one `read`, `write` or `append`.
pub(super) const MAX_CHUNK: u64 = 8 << 20;
/// The most entries of one `list`.
pub(super) const MAX_LIST: u32 = 10_000;

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name for `list`, the path for `stat`.
    pub name: String,
    /// "file", "directory", "symlink" or "other".
    pub kind: String,
    /// Bytes; 0 for anything but a file.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970; 0 for anything before.
    pub modified: u64,
    /// "writable" = "false" where the host may not write to it. For later versions.
    pub extra: Extra,
}

/// What a bulk verb did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bulk {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// For later versions.
    pub extra: Extra,
}

/// The tree that `extract` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// Its id.
    pub tree: String,
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// For later versions.
    pub extra: Extra,
}

impl Bulk {
    /// Counts one more entry.
    pub(super) fn count(&mut self, stat: &Stat) {
        self.entries += 1;
        if kind(stat) == FileType::RegularFile {
            self.bytes += size(stat);
        }
    }
}

/// The name of a kind in the contract.
pub(super) fn kind_name(stat: &Stat) -> &'static str {
    match kind(stat) {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        _ => "other",
    }
}

/// A look at an entry. `may_write` is asked of what is no link.
pub(super) fn entry(name: String, stat: &Stat, may_write: impl FnOnce() -> bool) -> Entry {
    let locked = kind(stat) != FileType::Symlink && !may_write();
    let bytes = if kind(stat) == FileType::RegularFile { size(stat) } else { 0 };
    Entry {
        name,
        kind: kind_name(stat).to_owned(),
        size: bytes,
        mode: stat.st_mode & 0o777,
        modified: u64::try_from(modified(stat).sec).unwrap_or(0),
        extra: if locked { vec![("writable".to_owned(), "false".to_owned())] } else { Vec::new() },
    }
}

/// A page of a directory. Holds `limit` names at most, however many there are.
pub(super) fn page(directory: &Dir, after: Option<&[u8]>, limit: usize) -> io::Result<Vec<Entry>> {
    let mut first = BinaryHeap::new();
    directory.each_name(|name| {
        let wanted = !is_reserved(name) && after.is_none_or(|after| name > after);
        if wanted && (first.len() < limit || first.peek().is_some_and(|last: &Vec<u8>| name < last.as_slice())) {
            if first.len() == limit {
                first.pop();
            }
            first.push(name.to_vec());
        }
    })?;
    let mut entries = Vec::with_capacity(first.len());
    for name in first.into_sorted_vec() {
        if let Some(stat) = directory.look(&name)? {
            entries.push(entry(escape(&name), &stat, || directory.may_write(&name)));
        }
    }
    Ok(entries)
}

/// Opens a regular file for reading; nothing else, and nothing that blocks.
pub(super) fn open_file(parent: &Dir, name: &[u8], object: &str) -> Result<File, CallError> {
    let not_a_file = || CallError::answer("not-a-file", format!("{object} is not a regular file"));
    // Looked at first: opening a device can have effects of its own.
    match parent.look(name).map_err(|error| refused(object, &error))? {
        Some(stat) if matches!(kind(&stat), FileType::RegularFile | FileType::Symlink) => {}
        Some(_) => return Err(not_a_file()),
        None => return Err(CallError::answer("not-found", format!("{object} is not there"))),
    }
    let file = parent.open_entry(name, OFlags::RDONLY).map_err(|error| refused(object, &error))?;
    let stat = rustix::fs::fstat(&file).map_err(|errno| Fault::io(object, &errno.into()))?;
    if kind(&stat) == FileType::RegularFile { Ok(file.into()) } else { Err(not_a_file()) }
}

/// Bytes from a place in a file, fewer at its end.
pub(super) fn bytes_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(offset).min(length);
    let mut bytes = vec![0; usize::try_from(left).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The sha256 of the rest of an open file; `each` sees the bytes.
pub(super) fn digest(
    files: &Files,
    file: &mut File,
    object: &str,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<[u8; 32], CallError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        files.keep_going()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(length) => {
                hasher.update(&buffer[..length]);
                each(&buffer[..length]).map_err(|error| Fault::io(object, &error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::io(object, &error).into()),
        }
    }
}

/// One digest over a directory: of each entry the kind, mode, path and content, with lengths, so that no two directories
/// have the same description.
pub(super) fn digest_tree(files: &Files, top: &Dir, object: &str) -> Result<Bulk, CallError> {
    let mut bulk = Bulk::default();
    let mut hasher = Sha256::new();
    walk(files, top, object, &mut |found| {
        bulk.count(found.stat);
        let content = content_digest(files, found, object)?;
        let head = format!("{} {:o} {} ", kind_name(found.stat), found.stat.st_mode & 0o777, found.path.len());
        hasher.update(head.as_bytes());
        hasher.update(found.path);
        hasher.update(content);
        Ok(())
    })?;
    bulk.extra.push(("sha256".to_owned(), data_encoding::HEXLOWER.encode(&hasher.finalize())));
    Ok(bulk)
}

/// The sha256 of a file's bytes or a link's target; zeros for what has no content.
pub(super) fn content_digest(files: &Files, found: &Found<'_>, top: &str) -> Result<[u8; 32], CallError> {
    let object = found.object(top);
    match kind(found.stat) {
        FileType::RegularFile => {
            let mut file = open_file(found.parent, found.name, &object)?;
            digest(files, &mut file, &object, |_| Ok(()))
        }
        FileType::Symlink => {
            let target = found.parent.read_link(found.name).map_err(|error| refused(&object, &error))?;
            Ok(Sha256::digest(target).into())
        }
        _ => Ok([0; 32]),
    }
}
