//! Another name for an entry: `rename` in one directory, `move-tree` from one to another.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{At, Reversible, Spot};
use super::dir::{Inode, Stamp};
use super::make::key;
use super::{Files, refused};
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault;

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Relocate {
    /// The change's number.
    pub(super) seq: u64,
    /// The name before.
    pub(super) from: Spot,
    /// The name after.
    pub(super) to: Spot,
    /// What is moved.
    pub(super) moved: Inode,
    /// When the directory before was last changed before.
    pub(super) from_modified: Stamp,
    /// When the directory after was last changed before.
    pub(super) to_modified: Stamp,
    /// The guest's answer.
    pub(super) answer: Value,
}

impl Relocate {
    /// Moves it.
    pub(super) fn act(&self, files: &Files, object: &str) -> Result<Value, CallError> {
        let io = |error| Fault::io(object, &error);
        let (_, from) = files.find(&self.from, object)?;
        let (_, to) = files.find(&self.to, object)?;
        let (Some(from), Some(to)) = (from, to) else {
            return Err(CallError::answer("not-found", format!("a directory of {object} is gone")));
        };
        fault::point("files.relocate").map_err(io)?;
        from.parent.rename(&from.name, &to.parent, &to.name).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::INVAL) => {
                CallError::answer("invalid-path", format!("{object}: a directory cannot move into itself"))
            }
            _ => refused(object, &error),
        })?;
        fault::point("files.relocated").map_err(io)?;
        durable(&from, &to).map_err(io)?;
        Ok(self.answer.clone())
    }

    fn put_back(&self, from: &At, to: &At) -> io::Result<()> {
        fault::point("files.relocate.undo")?;
        // Goes by name, not by inode: what was written to it since, even as a new file, comes back with it.
        if !from.is_there()? && to.is_there()? {
            to.parent.rename(&to.name, &from.parent, &from.name)?;
        }
        to.restore_modified(self.to_modified)?;
        from.restore_modified(self.from_modified)?;
        fault::point("files.relocate.undone")?;
        durable(from, to)
    }
}

impl Reversible for Relocate {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (_, from) = files.find(&self.from, object)?;
        let (_, to) = files.find(&self.to, object)?;
        let inode_of = |at: &Option<At>| at.as_ref().map_or(Ok(None), At::inode).map_err(io);
        if inode_of(&to)? == Some(self.moved) {
            if let (Some(from), Some(to)) = (&from, &to) {
                durable(from, to).map_err(io)?;
            }
            return Ok(Verdict::Done(self.answer.clone()));
        }
        if inode_of(&from)? == Some(self.moved) {
            return Ok(Verdict::NotDone);
        }
        Ok(Verdict::Undetermined(format!("{object}: it is neither where it was nor where it was to go")))
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let io = |error| Fault::io(object, &error);
        let (_, from) = files.find(&self.from, object)?;
        let (root, to) = files.find(&self.to, object)?;
        match (from, to) {
            (Some(from), Some(to)) => self.put_back(&from, &to).map_err(io),
            // The tree that it came from has been discarded: it goes where all goes that the run made.
            (None, Some(to)) => {
                let Some(staging) = root.staging_if_made()? else { return Ok(()) };
                if to.inode().map_err(io)? == Some(self.moved) {
                    to.parent.rename(&to.name, &staging.trash, key(self.seq).as_bytes()).map_err(io)?;
                    to.restore_modified(self.to_modified).and_then(|()| to.parent.sync()).map_err(io)?;
                }
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }
}

fn durable(from: &At, to: &At) -> io::Result<()> {
    to.parent.sync()?;
    from.parent.sync()
}
