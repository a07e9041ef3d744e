//! Taking away: `remove` puts an entry into the trash of the run, `discard` deletes what the run itself made.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{At, Reversible, Spot, nothing};
use super::dir::{Dir, Inode, Stamp};
use super::make::key;
use super::root::Staging;
use super::{Files, refused};
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault;

/// The record of `remove`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Remove {
    /// The change's number: its name in the trash.
    pub(super) seq: u64,
    /// The name.
    pub(super) spot: Spot,
    /// What had it.
    pub(super) old: Inode,
    /// When the directory was last changed before.
    pub(super) parent_modified: Stamp,
}

impl Remove {
    /// Takes it away.
    pub(super) fn act(&self, files: &Files, object: &str) -> Result<Value, CallError> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let staging = root.staging()?;
        let Some(at) = at else {
            return Err(CallError::answer("not-found", format!("the directory of {object} is gone")));
        };
        fault::point("files.remove").map_err(io)?;
        let moved = at.parent.rename(&at.name, &staging.trash, key(self.seq).as_bytes());
        moved.map_err(|error| refused(object, &error))?;
        fault::point("files.removed").map_err(io)?;
        durable(&at, &staging).map_err(io)?;
        Ok(nothing())
    }

    fn put_back(&self, at: &At, staging: &Staging) -> io::Result<()> {
        let name = key(self.seq);
        fault::point("files.remove.undo")?;
        if staging.trash.has(name.as_bytes())? {
            if at.is_there()? {
                // Made by somebody since; nothing is thrown away before the run is forgotten.
                at.parent.rename(&at.name, &staging.trash, format!("{name}-later").as_bytes())?;
            }
            staging.trash.rename(name.as_bytes(), &at.parent, &at.name)?;
        }
        at.restore_modified(self.parent_modified)?;
        fault::point("files.remove.undone")?;
        durable(at, staging)
    }
}

impl Reversible for Remove {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let Some(staging) = root.staging_if_made()? else { return Ok(Verdict::NotDone) };
        if staging.trash.has(key(self.seq).as_bytes()).map_err(io)? {
            if let Some(at) = at {
                durable(&at, &staging).map_err(io)?;
            }
            return Ok(Verdict::Done(nothing()));
        }
        match at.map_or(Ok(None), |at| at.inode()).map_err(io)? {
            Some(there) if there == self.old => Ok(Verdict::NotDone),
            _ => Ok(Verdict::Undetermined(format!("{object} is neither in its place nor in the trash"))),
        }
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let (root, at) = files.find(&self.spot, object)?;
        let (Some(at), Some(staging)) = (at, root.staging_if_made()?) else { return Ok(()) };
        self.put_back(&at, &staging).map_err(|error| Fault::io(object, &error))
    }
}

fn durable(at: &At, staging: &Staging) -> io::Result<()> {
    at.parent.sync()?;
    staging.trash.sync()
}

/// The record of `discard`. Undo has nothing to do: the run made it, and it was not live.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Discard {
    /// The change's number: its name in the trash.
    pub(super) seq: u64,
    /// The root that a tree lies beside; none: an artifact.
    pub(super) root: Option<String>,
    /// The id.
    pub(super) id: String,
    /// The guest's answer.
    pub(super) answer: Value,
}

impl Discard {
    /// Deletes it, or what is left of it.
    pub(super) fn act(&self, files: &Files, object: &str) -> Result<Value, Fault> {
        let io = |error| Fault::io(object, &error);
        match &self.root {
            None => discard_artifact(files, &self.id).map_err(io)?,
            Some(root) => {
                let staging = files.recorded_root(root)?.staging()?;
                self.discard_tree(&staging).map_err(io)?;
            }
        }
        Ok(self.answer.clone())
    }

    fn discard_tree(&self, staging: &Staging) -> io::Result<()> {
        let name = key(self.seq);
        fault::point("files.discard")?;
        if staging.trees.has(self.id.as_bytes())? {
            staging.trees.rename(self.id.as_bytes(), &staging.trash, name.as_bytes())?;
            staging.trees.sync()?;
            staging.trash.sync()?;
        }
        fault::point("files.discarded")?;
        staging.trash.remove_all(name.as_bytes())
    }
}

fn discard_artifact(files: &Files, id: &str) -> io::Result<()> {
    fault::point("files.discard")?;
    let artifacts = Dir::open(&files.artifacts)?;
    artifacts.unlink(id.as_bytes())?;
    fault::point("files.discarded")?;
    artifacts.sync()
}

impl Reversible for Discard {
    /// Rolls forward: half a tree is of no use to anybody.
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        Ok(Verdict::Done(self.act(files, object)?))
    }

    fn undo(&self, _: &Files, _: &str) -> Result<(), Fault> {
        Ok(())
    }
}
