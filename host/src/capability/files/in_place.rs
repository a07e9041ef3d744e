//! Changes to a file that keep the file: `append` and `set-mode`.
//!
//! They are refused for a file with other names (hard links), which could lie outside of every root.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Files;
use super::change::{At, Reversible, Spot, nothing};
use super::dir::{Inode, Stamp, inode, set_modified, size, sync};
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault;

/// The record of `append`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Append {
    /// The file's name.
    pub(super) spot: Spot,
    /// The file.
    pub(super) file: Inode,
    /// Bytes before.
    pub(super) length: u64,
    /// When it was last changed before.
    pub(super) modified: Stamp,
    /// Bytes added.
    pub(super) added: u64,
    /// Their sha256.
    pub(super) sha256: String,
}

impl Append {
    /// Adds the bytes.
    pub(super) fn act(&self, files: &Files, object: &str, data: &[u8]) -> Result<Value, CallError> {
        let (_, at) = files.find(&self.spot, object)?;
        let gone = || CallError::answer("not-found", format!("{object} is gone"));
        let mut file =
            at.and_then(|at| self.open(&at).transpose()).ok_or_else(gone)?.map_err(|e| Fault::io(object, &e))?;
        let mut add = || {
            fault::point("files.append")?;
            file.write_all(data)?;
            fault::point("files.appended")?;
            sync(&file)
        };
        add().map_err(|error| Fault::io(object, &error))?;
        Ok(nothing())
    }

    /// Opens the file, if the name still has it.
    fn open(&self, at: &At) -> io::Result<Option<File>> {
        match at.inode()? {
            Some(there) if there == self.file => {
                let file = File::from(at.parent.open_entry(&at.name, OFlags::RDWR | OFlags::APPEND)?);
                Ok((inode(&rustix::fs::fstat(&file)?) == self.file).then_some(file))
            }
            _ => Ok(None),
        }
    }

    fn is_whole(&self, file: &File) -> io::Result<bool> {
        if size(&rustix::fs::fstat(file)?) != self.length + self.added {
            return Ok(false);
        }
        let mut tail = vec![0; usize::try_from(self.added).map_err(io::Error::other)?];
        file.read_exact_at(&mut tail, self.length)?;
        Ok(hex(&tail) == self.sha256)
    }

    fn cut(&self, file: &File) -> io::Result<()> {
        fault::point("files.append.undo")?;
        if size(&rustix::fs::fstat(file)?) > self.length {
            rustix::fs::ftruncate(file, self.length)?;
        }
        set_modified(file, self.modified)?;
        sync(file)
    }
}

impl Reversible for Append {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (_, at) = files.find(&self.spot, object)?;
        let Some(file) = at.map_or(Ok(None), |at| self.open(&at)).map_err(io)? else {
            return Ok(Verdict::Undetermined(format!("{object} is no longer the file that was to be added to")));
        };
        if self.is_whole(&file).map_err(io)? {
            sync(&file).map_err(io)?;
            return Ok(Verdict::Done(nothing()));
        }
        self.cut(&file).map_err(io)?;
        Ok(Verdict::NotDone)
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let (_, at) = files.find(&self.spot, object)?;
        let io = |error| Fault::io(object, &error);
        match at.map_or(Ok(None), |at| self.open(&at)).map_err(io)? {
            Some(file) => self.cut(&file).map_err(io),
            None => self.cut_other(files, object),
        }
    }
}

impl Append {
    /// Another file has the name: as a command of the operator's may write one, and its undo another. If it ends with what was
    /// added, that is ours.
    fn cut_other(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let (_, at) = files.find(&self.spot, object)?;
        let Some(At { parent, name }) = at else { return Ok(()) };
        let cut = || match parent.open_entry(&name, OFlags::RDWR) {
            Ok(file) => {
                let file = File::from(file);
                if self.is_whole(&file)? { self.cut(&file) } else { Ok(()) }
            }
            Err(_) => Ok(()),
        };
        cut().map_err(|error| Fault::io(object, &error))
    }
}

/// The sha256 in lower-case hex.
pub(super) fn hex(data: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(data))
}

/// The record of `set-mode`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SetMode {
    /// The entry's name.
    pub(super) spot: Spot,
    /// All mode bits before.
    pub(super) old: u32,
    /// All mode bits after.
    pub(super) new: u32,
}

impl SetMode {
    /// Sets them.
    pub(super) fn act(&self, files: &Files, object: &str) -> Result<Value, CallError> {
        let (_, at) = files.find(&self.spot, object)?;
        let at = at.ok_or_else(|| CallError::answer("not-found", format!("{object} is gone")))?;
        set(&at, self.new, ["files.set-mode", "files.mode-set"]).map_err(|error| Fault::io(object, &error))?;
        Ok(nothing())
    }
}

impl Reversible for SetMode {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (_, at) = files.find(&self.spot, object)?;
        let Some(at) = at else { return Ok(Verdict::Undetermined(format!("{object} is gone"))) };
        match at.parent.look(&at.name).map_err(io)? {
            Some(stat) if stat.st_mode & 0o7777 == self.new => {
                sync_mode(&at).map_err(io)?;
                Ok(Verdict::Done(nothing()))
            }
            Some(stat) if stat.st_mode & 0o7777 == self.old => Ok(Verdict::NotDone),
            _ => Ok(Verdict::Undetermined(format!("{object} has neither its old nor its new mode"))),
        }
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let (_, at) = files.find(&self.spot, object)?;
        let Some(at) = at else { return Ok(()) };
        let back = || match at.parent.look(&at.name)? {
            Some(stat) if stat.st_mode & 0o7777 == self.new => {
                set(&at, self.old, ["files.set-mode.undo", "files.set-mode.undone"])
            }
            _ => Ok(()),
        };
        back().map_err(|error| Fault::io(object, &error))
    }
}

fn set(at: &At, mode: u32, points: [&'static str; 2]) -> io::Result<()> {
    fault::point(points[0])?;
    at.parent.set_mode(&at.name, mode)?;
    fault::point(points[1])?;
    sync_mode(at)
}

/// A mode is in the inode, so the file itself is synced; where we may not open it, its whole file system.
fn sync_mode(at: &At) -> io::Result<()> {
    match at.parent.open_entry(&at.name, OFlags::RDONLY) {
        Ok(file) => sync(file),
        Err(_) => at.parent.sync_all(),
    }
}
