//! What the journal has of a change, and how the families of changes look to the engine.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dir::{Dir, Inode, Stamp, set_modified};
use super::path::RelPath;
use super::root::Root;
use super::{Files, in_place, make, relocate, remove, replace, switch};
use crate::effect::{Change, Fault, Verdict};

/// A change that can be settled and undone by its record.
pub(super) trait Reversible {
    /// See [`crate::effect::Capability::settle`].
    fn settle(&self, files: &Files, object: &str) -> Result<Verdict, Fault>;
    /// See [`crate::effect::Capability::undo`].
    fn undo(&self, files: &Files, object: &str) -> Result<(), Fault>;
}

/// The record of a change: [`Change::undo`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case")]
pub(super) enum Step {
    /// Something new at a name where nothing was.
    Make(make::Make),
    /// New bytes over a file.
    Replace(replace::Replace),
    /// Another name.
    Relocate(relocate::Relocate),
    /// Gone, into the trash.
    Remove(remove::Remove),
    /// Gone for good.
    Discard(remove::Discard),
    /// More bytes at the end.
    Append(in_place::Append),
    /// Other permission bits.
    SetMode(in_place::SetMode),
    /// Many entries exchanged.
    Switch(switch::Switch),
}

impl Step {
    /// Reads the record of a change.
    pub(super) fn of(change: &Change) -> Result<Self, Fault> {
        serde_json::from_value(change.undo.clone())
            .map_err(|error| Fault::new("record-damaged", format!("the record of {}: {error}", change.object)))
    }

    /// For the journal.
    pub(super) fn record(&self, verb: &str, object: &str, touches: bool) -> Result<Change, Fault> {
        let undo = serde_json::to_value(self)
            .map_err(|error| Fault::new("record-damaged", format!("the record of {object}: {error}")))?;
        Ok(Change { capability: "files".to_owned(), verb: verb.to_owned(), object: object.to_owned(), touches, undo })
    }

    pub(super) fn reversible(&self) -> &dyn Reversible {
        match self {
            Self::Make(step) => step,
            Self::Replace(step) => step,
            Self::Relocate(step) => step,
            Self::Remove(step) => step,
            Self::Discard(step) => step,
            Self::Append(step) => step,
            Self::SetMode(step) => step,
            Self::Switch(step) => step,
        }
    }
}

/// Where something is, as a record names it: enough to find it again in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spot {
    /// The root that it is in, or beside.
    pub(super) root: String,
    /// The tree that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tree: Option<String>,
    /// The path in root or tree, as a guest spells it. Empty: the tree itself.
    pub(super) path: String,
}

/// A spot that has been found: an open directory and a name in it.
pub(super) struct At {
    /// The directory that has the name.
    pub(super) parent: Dir,
    /// The last name.
    pub(super) name: Vec<u8>,
}

impl At {
    /// Which file is there.
    pub(super) fn inode(&self) -> io::Result<Option<Inode>> {
        self.parent.inode(&self.name)
    }

    /// Puts back when its directory was last changed.
    pub(super) fn restore_modified(&self, stamp: Stamp) -> io::Result<()> {
        set_modified(&self.parent, stamp)
    }

    /// Whether anything is there.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        self.parent.has(&self.name)
    }
}

impl Files {
    /// The root and spot of a record, opened. No spot: the directory that had it is gone (a tree that was discarded).
    pub(super) fn find(&self, spot: &Spot, object: &str) -> Result<(&Root, Option<At>), Fault> {
        let root = self.recorded_root(&spot.root)?;
        Ok((root, open_spot(root, spot, object)?))
    }
}

fn open_spot(root: &Root, spot: &Spot, object: &str) -> Result<Option<At>, Fault> {
    let damaged = |why: String| Fault::new("record-damaged", format!("the record of {object}: {why}"));
    let path = RelPath::parse(&spot.path).map_err(|failure| damaged(failure.message))?;
    let opened = match (&spot.tree, path.split()) {
        (None, None) => return Err(damaged("a root itself is never changed".to_owned())),
        (None, Some((parent, name))) => root.dir.sub(parent).map(|parent| (parent, name)),
        (Some(id), inside) => {
            let Some(staging) = root.staging_if_made()? else { return Ok(None) };
            match inside {
                None => staging.trees.sub(b"").map(|trees| (trees, id.as_bytes())),
                Some((parent, name)) => {
                    staging.trees.sub(id.as_bytes()).and_then(|tree| tree.sub(parent)).map(|parent| (parent, name))
                }
            }
        }
    };
    match opened {
        Ok((parent, name)) => Ok(Some(At { parent, name: name.to_vec() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::io(object, &error)),
    }
}

/// A guest's answer for a change that has none.
pub(super) fn nothing() -> Value {
    Value::Null
}

/// An answer as it is recorded.
pub(super) fn answer<T: Serialize>(value: &T) -> Result<Value, Fault> {
    serde_json::to_value(value).map_err(|error| Fault::new("record-damaged", error.to_string()))
}
