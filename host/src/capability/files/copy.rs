//! Copying a file or a whole directory: bytes, mode, owner, attributes and modification times.

use std::io::{self, Write};

use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::attributes::{Owner, copy_xattrs, set_mode};
use super::dir::{Dir, Stamp, inode, kind, modified, set_modified, size, sync};
use super::path::{escape, is_reserved, join};
use super::read::{Bulk, digest, kind_name, open_file};
use super::walk::{MAX_DEPTH, below};
use super::{Files, refused};
use crate::effect::{CallError, Fault};

/// Below this number of entries each file is synced by itself: the whole file system may be busy with a database.
const FEW: u64 = 32;

/// What was copied, as it was then: for the comparison after the freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    /// The path below what was copied, as a guest spells it; empty for that itself.
    pub(super) path: String,
    /// The kind in the contract.
    pub(super) kind: String,
    /// Permission bits.
    pub(super) mode: u32,
    /// Bytes of a file.
    pub(super) size: u64,
    /// Its modification time, of a file.
    pub(super) modified: Option<Stamp>,
    /// Its inode, of a file.
    pub(super) ino: u64,
    /// The sha256 of its content.
    pub(super) sha256: String,
}

impl Copied {
    /// What is compared: for a directory only that it is there, for its time changes with each of its names.
    pub(super) fn of(path: &[u8], stat: &Stat, content: [u8; 32]) -> Self {
        let is_file = kind(stat) == FileType::RegularFile;
        Self {
            path: escape(path),
            kind: kind_name(stat).to_owned(),
            mode: stat.st_mode & 0o777,
            size: if is_file { size(stat) } else { 0 },
            modified: is_file.then(|| modified(stat)),
            ino: inode(stat).ino,
            sha256: data_encoding::HEXLOWER.encode(&content),
        }
    }
}

/// A copy under way.
pub(super) struct Copy<'a> {
    files: &'a Files,
    object: &'a str,
    /// What has been copied so far.
    pub(super) bulk: Bulk,
    /// The same by name, if it will be compared.
    pub(super) copied: Option<Vec<Copied>>,
}

impl<'a> Copy<'a> {
    /// Begins one. `noted`: what is copied will be compared later.
    pub(super) fn new(files: &'a Files, object: &'a str, noted: bool) -> Self {
        Self { files, object, bulk: Bulk::default(), copied: noted.then(Vec::new) }
    }

    /// Fills an empty directory with all that is in another.
    pub(super) fn fill(&mut self, from: &Dir, to: &Dir, path: &[u8], depth: usize) -> Result<(), CallError> {
        if depth > MAX_DEPTH {
            let text = format!("{} has more than {MAX_DEPTH} levels of directories", self.object);
            return Err(CallError::answer("too-deep", text));
        }
        for name in from.names().map_err(|error| self.refused(path, &error))? {
            if !is_reserved(&name) {
                self.entry(from, &name, to, &join(path, &name), depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, from: &Dir, name: &[u8], to: &Dir, path: &[u8], depth: usize) -> Result<(), CallError> {
        self.files.keep_going()?;
        let Some(stat) = from.look(name).map_err(|error| self.refused(path, &error))? else { return Ok(()) };
        match kind(&stat) {
            FileType::RegularFile => {
                let new = to.create(name, 0o600).map_err(|error| self.fault(path, &error))?;
                self.file(from, name, new, path)
            }
            FileType::Directory => {
                self.note(path, &stat, [0; 32]);
                let inner = from.sub(name).map_err(|error| self.refused(path, &error))?;
                let make = || {
                    to.make_dir(name, 0o700)?;
                    to.sub(name)
                };
                let new = make().map_err(|error| self.fault(path, &error))?;
                self.fill(&inner, &new, path, depth + 1)?;
                dress(&inner, &new, &stat).map_err(|error| self.fault(path, &error))
            }
            FileType::Symlink => self.link(from, name, to, path, &stat),
            _ => {
                let text = format!("{} is neither file, directory nor link", below(self.object, path));
                Err(CallError::answer("not-a-file", text))
            }
        }
    }

    /// Copies the bytes of one file into a new one.
    pub(super) fn file(&mut self, from: &Dir, name: &[u8], new: std::fs::File, path: &[u8]) -> Result<(), CallError> {
        let object = below(self.object, path);
        let mut old = open_file(from, name, &object)?;
        let stat = rustix::fs::fstat(&old).map_err(|errno| Fault::io(&object, &errno.into()))?;
        let mut new = new;
        let content = if self.copied.is_some() {
            digest(self.files, &mut old, &object, |bytes| new.write_all(bytes))?
        } else {
            io::copy(&mut old, &mut new).map_err(|error| Fault::io(&object, &error))?;
            [0; 32]
        };
        self.note(path, &stat, content);
        dress(&old, &new, &stat).map_err(|error| Fault::io(&object, &error).into())
    }

    fn link(&mut self, from: &Dir, name: &[u8], to: &Dir, path: &[u8], stat: &Stat) -> Result<(), CallError> {
        use sha2::{Digest, Sha256};
        let target = from.read_link(name).map_err(|error| self.refused(path, &error))?;
        to.symlink(name, &target).map_err(|error| self.fault(path, &error))?;
        self.note(path, stat, Sha256::digest(&target).into());
        Ok(())
    }

    fn note(&mut self, path: &[u8], stat: &Stat, content: [u8; 32]) {
        self.bulk.count(stat);
        if let Some(copied) = &mut self.copied {
            copied.push(Copied::of(path, stat, content));
        }
    }

    fn refused(&self, path: &[u8], error: &io::Error) -> CallError {
        refused(&below(self.object, path), error)
    }

    fn fault(&self, path: &[u8], error: &io::Error) -> CallError {
        Fault::io(below(self.object, path), error).into()
    }
}

/// Gives a copy the owner, mode, attributes and time of the original.
pub(super) fn dress(old: impl std::os::fd::AsFd, new: impl std::os::fd::AsFd, stat: &Stat) -> io::Result<()> {
    match Owner::of(stat).give(&new) {
        // As `cp -a`: who is not root keeps his copies.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => {}
        other => other?,
    }
    set_mode(&new, stat.st_mode)?;
    copy_xattrs(&old, &new)?;
    set_modified(&new, modified(stat))
}

/// Makes a new tree durable, in the way that fits its size.
pub(super) fn sync_tree(files: &Files, top: &Dir, entries: u64, object: &str) -> Result<(), CallError> {
    if entries > FEW {
        return top.sync_all().map_err(|error| Fault::io(object, &error).into());
    }
    super::walk::walk(files, top, object, &mut |found| {
        if !matches!(kind(found.stat), FileType::RegularFile | FileType::Directory) {
            return Ok(());
        }
        let open = found.parent.open_entry(found.name, OFlags::RDONLY);
        open.and_then(sync).map_err(|error| Fault::io(found.object(object), &error).into())
    })?;
    top.sync().map_err(|error| Fault::io(object, &error).into())
}
