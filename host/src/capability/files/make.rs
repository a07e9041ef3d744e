//! Something new at a name where nothing was: built in the staging, complete and durable, then renamed to its name.
//!
//! The entry in `tmp/` is made before the change is announced, so its inode is in the record: if the final name has that inode
//! the change has happened. Undone, it lies in the trash under the change's number.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attributes::{Owner, set_mode};
use super::change::{At, Reversible, Spot, nothing};
use super::dir::{Dir, Inode, Stamp, inode, sync};
use super::root::{Root, Staging};
use super::{Files, refused};
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault;

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Make {
    /// The change's number: its name in the staging.
    pub(super) seq: u64,
    /// Its final name.
    pub(super) spot: Spot,
    /// What was made.
    pub(super) made: Inode,
    /// When the final directory was last changed before.
    pub(super) parent_modified: Stamp,
    /// Whether the answer is in a note.
    pub(super) noted: bool,
}

/// What a note of a made tree begins with; `copy-tree` adds what it has read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note<L> {
    /// The answer.
    pub(super) answer: Value,
    /// What was copied, for the comparison after the freeze.
    pub(super) copied: L,
}

impl Make {
    /// Gives what is complete in the staging its final name.
    pub(super) fn publish(&self, files: &Files, object: &str, answer: Value) -> Result<Value, CallError> {
        let (root, at) = files.find(&self.spot, object)?;
        let staging = root.staging()?;
        let Some(at) = at else {
            self.clear(&staging, object)?;
            return Err(CallError::answer("not-found", format!("the directory of {object} is gone")));
        };
        let io = |error| Fault::io(object, &error);
        fault::point("files.make").map_err(io)?;
        if let Err(error) = staging.tmp.rename(key(self.seq).as_bytes(), &at.parent, &at.name) {
            let answer = refused(object, &error);
            if matches!(answer, CallError::Answer(_)) {
                self.clear(&staging, object)?;
            }
            return Err(answer);
        }
        fault::point("files.made").map_err(io)?;
        durable(&at, &staging).map_err(io)?;
        Ok(answer)
    }

    /// Removes what is in the staging and has not become the final thing. A mark stays: what somebody else puts at the final
    /// name is not ours to take away.
    pub(super) fn clear(&self, staging: &Staging, object: &str) -> Result<(), Fault> {
        let name = key(self.seq);
        let clear = || {
            staging.put_note(&never(self.seq), &())?;
            staging.tmp.remove_all(name.as_bytes())?;
            staging.drop_note(&name)
        };
        clear().map_err(|error| Fault::io(object, &error))
    }

    fn answer(&self, staging: &Staging) -> std::io::Result<Option<Value>> {
        if !self.noted {
            return Ok(Some(nothing()));
        }
        Ok(staging.note::<Note<serde::de::IgnoredAny>>(&key(self.seq))?.map(|note| note.answer))
    }
}

impl Reversible for Make {
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let Some(staging) = root.staging_if_made()? else { return Ok(Verdict::NotDone) };
        if let Some(at) = at
            && at.inode().map_err(io)? == Some(self.made)
        {
            durable(&at, &staging).map_err(io)?;
            return Ok(match self.answer(&staging).map_err(io)? {
                Some(answer) => Verdict::Done(answer),
                None => Verdict::Undetermined(format!("{object} is there, but what the host noted about it is gone")),
            });
        }
        self.clear(&staging, object)?;
        Ok(Verdict::NotDone)
    }

    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault> {
        let io = |error| Fault::io(object, &error);
        let (root, at) = files.find(&self.spot, object)?;
        let Some(staging) = root.staging_if_made()? else { return Ok(()) };
        let name = key(self.seq);
        if staging.tmp.has(name.as_bytes()).map_err(io)? {
            return self.clear(&staging, object);
        }
        if staging.has_note(&never(self.seq)).map_err(io)? {
            return Ok(());
        }
        let Some(at) = at else { return Ok(()) };
        fault::point("files.make.undo").map_err(io)?;
        let undone = staging.trash.has(name.as_bytes()).map_err(io)?;
        if !undone && at.is_there().map_err(io)? {
            at.parent.rename(&at.name, &staging.trash, name.as_bytes()).map_err(io)?;
        }
        at.restore_modified(self.parent_modified).map_err(io)?;
        at.parent.sync().and_then(|()| staging.trash.sync()).map_err(io)
    }
}

/// The name of a change's own things in the staging.
pub(super) fn key(seq: u64) -> String {
    seq.to_string()
}

/// The mark of a change that was announced and did not happen.
fn never(seq: u64) -> String {
    format!("{seq}-never")
}

impl Files {
    /// Clears what a preparation of this number left behind, if the host died before the change was announced. In every root:
    /// the number may go to another change now, and a second link to an old file must not outlive its reason.
    pub(super) fn clear_leftovers(&self, seq: u64) -> Result<(), Fault> {
        let name = key(seq);
        for root in &self.roots {
            let Some(staging) = root.staging_if_made()? else { continue };
            let clear = || {
                staging.tmp.remove_all(name.as_bytes())?;
                staging.undo.unlink(name.as_bytes())?;
                staging.drop_note(&name)?;
                staging.drop_note(&never(seq))
            };
            clear().map_err(|error| staging_fault(root, &error))?;
        }
        Ok(())
    }
}

/// The staging for a change that has not used its number yet.
pub(super) fn fresh(root: &Root, seq: u64) -> Result<std::sync::Arc<Staging>, Fault> {
    let staging = root.staging()?;
    match staging.trash.has(key(seq).as_bytes()) {
        Ok(false) => Ok(staging),
        Ok(true) => Err(Fault::new("staging-occupied", format!("the number {seq} has been used for another change"))),
        Err(error) => Err(staging_fault(root, &error)),
    }
}

fn staging_fault(root: &Root, error: &std::io::Error) -> Fault {
    Fault::io(format!("the staging directory of the root {}", root.name), error)
}

/// Makes an empty directory of the root's owner in the staging.
pub(super) fn new_directory(staging: &Staging, seq: u64, owner: Owner) -> std::io::Result<Inode> {
    let name = key(seq);
    fault::point("files.make.build")?;
    staging.tmp.make_dir(name.as_bytes(), 0o700)?;
    let directory = staging.tmp.sub(name.as_bytes())?;
    owner.give(&directory)?;
    set_mode(&directory, 0o755)?;
    directory.sync()?;
    staging.tmp.sync()?;
    Ok(inode(&directory.stat()?))
}

/// Makes a file with these bytes in the staging, durable. `dress` sets its owner, mode and attributes.
pub(super) fn new_file(
    tmp: &Dir,
    seq: u64,
    data: &[u8],
    dress: impl FnOnce(&std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<Inode> {
    fault::point("files.make.build")?;
    let mut file = tmp.create(key(seq).as_bytes(), 0o600)?;
    file.write_all(data)?;
    dress(&file)?;
    sync(&file)?;
    tmp.sync()?;
    Ok(inode(&rustix::fs::fstat(&file)?))
}

fn durable(at: &At, staging: &Staging) -> std::io::Result<()> {
    at.parent.sync()?;
    staging.tmp.sync()
}
