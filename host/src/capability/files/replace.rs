//! New bytes over a file. The old file keeps its inode: a second link to it lies in the staging before the change is
//! announced, and undo renames that link back, so that owner, mode, times, attributes and other links are what they were.

use std::io;

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{At, Reversible, Spot, nothing};
use super::dir::{Inode, Stamp, inode};
use super::make::key;
use super::root::Staging;
use super::{Files, refused};
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault;

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Replace {
    /// The change's number: its name in the staging.
    pub(super) seq: u64,
    /// The file's name.
    pub(super) spot: Spot,
    /// The file that was there.
    pub(super) old: Inode,
    /// The file that takes its place.
    pub(super) new: Inode,
    /// When the directory was last changed before.
    pub(super) parent_modified: Stamp,
}

/// Gives the old file its second name, durable.
pub(super) fn save(at: &At, old: &Stat, staging: &Staging, seq: u64) -> io::Result<()> {
    if fault::mutant("old-bytes-not-saved") {
        return Ok(());
    }
    fault::point("files.save")?;
    at.parent.link(&at.name, &staging.undo, key(seq).as_bytes())?;
    if staging.undo.inode(key(seq).as_bytes())? != Some(inode(old)) {
        return Err(io::Error::other("it was exchanged while it was being saved: somebody else writes here"));
    }
    staging.undo.sync()
}

impl Replace {
    /// Puts the new file in the old one's place.
    pub(super) fn act(&self, files: &Files, object: &str) -> Result<Value, CallError> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let staging = root.staging()?;
        let Some(at) = at else {
            self.clear(&staging).map_err(io)?;
            return Err(CallError::answer("not-found", format!("the directory of {object} is gone")));
        };
        if at.inode().map_err(io)? != Some(self.old) {
            return Err(Fault::new("changed-meanwhile", format!("somebody else has exchanged {object}")).into());
        }
        fault::point("files.replace").map_err(io)?;
        staging.tmp.replace(key(self.seq).as_bytes(), &at.parent, &at.name).map_err(|error| refused(object, &error))?;
        fault::point("files.replaced").map_err(io)?;
        at.parent.sync().and_then(|()| staging.tmp.sync()).map_err(io)?;
        Ok(nothing())
    }

    fn clear(&self, staging: &Staging) -> io::Result<()> {
        staging.tmp.unlink(key(self.seq).as_bytes())?;
        staging.undo.unlink(key(self.seq).as_bytes())
    }

    fn put_back(&self, at: &At, staging: &Staging) -> io::Result<bool> {
        let name = key(self.seq);
        fault::point("files.replace.undo")?;
        let saved = staging.undo.inode(name.as_bytes())?;
        let there = at.inode()?;
        match saved {
            // Of two links to one file a rename does nothing at all; the spare one has to go by itself.
            Some(_) if saved == there => staging.undo.unlink(name.as_bytes())?,
            Some(_) => staging.undo.replace(name.as_bytes(), &at.parent, &at.name)?,
            None if there == Some(self.new) => return Ok(false),
            None => {}
        }
        staging.tmp.unlink(name.as_bytes())?;
        at.restore_modified(self.parent_modified)?;
        fault::point("files.replace.undone")?;
        at.parent.sync()?;
        staging.undo.sync()?;
        Ok(true)
    }
}

impl Reversible for Replace {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let Some(staging) = root.staging_if_made()? else { return Ok(Verdict::NotDone) };
        if let Some(at) = at
            && at.inode().map_err(io)? == Some(self.new)
        {
            at.parent.sync().map_err(io)?;
            return Ok(Verdict::Done(nothing()));
        }
        self.clear(&staging).map_err(io)?;
        Ok(Verdict::NotDone)
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let (root, at) = files.find(&self.spot, object)?;
        let (Some(at), Some(staging)) = (at, root.staging_if_made()?) else { return Ok(()) };
        match self.put_back(&at, &staging).map_err(|error| Fault::io(object, &error))? {
            true => Ok(()),
            false => {
                Err(Fault::new("undo-data-missing", format!("the saved file for {object} is gone from the staging")))
            }
        }
    }
}
