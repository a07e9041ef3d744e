//! Puts things into the new tree, and makes the room for what comes later.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::Directory;
use liftlock_sdk::look::{Found, Look};

use crate::plan::{self, Pair};

/// Both sides, and where the new version's own goes where the users' own wins.
pub(crate) struct Sides {
    pub(crate) root: Directory,
    pub(crate) tree: Directory,
    /// What is added to the name of a file of the new version that is kept beside the users' own.
    pub(crate) beside: Option<String>,
    /// The directory of the tree for what must give way to a carried directory.
    pub(crate) aside: Option<String>,
}

impl Sides {
    /// Copies the users' own to the same path of the tree. Answers what the new version's file there is called now, if it
    /// had one that differs and is kept.
    pub(crate) fn copy_beside(&self, path: &str) -> Result<Option<String>, Failure> {
        let kept = match &self.beside {
            Some(suffix) if self.differs(path)? => Some(format!("{path}{suffix}")),
            _ => None,
        };
        if let Some(beside) = &kept {
            self.tree.rename(path, beside)?;
        }
        self.copy(path)?;
        Ok(kept)
    }

    /// Copies the users' own to the same path of the tree, in the place of whatever file is there.
    pub(crate) fn copy(&self, path: &str) -> Result<(), Failure> {
        plan::must_not_hide(&self.tree, path)?;
        self.make_room(path)?;
        self.root.copy_tree(path, &self.tree, path).map_err(|failure| failure.at(path))?;
        Ok(())
    }

    /// Makes the tree ready for what the switch carries. A directory of the new version that gives way to one of the users
    /// has files of its own in it: they go aside, and come back where the users have none of that name.
    pub(crate) fn make_room_for(&self, pair: &Pair) -> Result<(), Failure> {
        let directories =
            (self.root.find(&pair.from)?, self.tree.find(&pair.to)?) == (Found::Directory, Found::Directory);
        match &self.aside {
            Some(aside) if directories => {
                let away = format!("{aside}/{}", pair.to);
                self.tree.make_parents(&away)?;
                self.tree.rename(&pair.to, &away)
            }
            _ => self.make_room(&pair.to),
        }
    }

    /// The parents are there, and nothing of the new version is in the way.
    fn make_room(&self, path: &str) -> Result<(), Failure> {
        if self.tree.exists(path)? {
            return self.tree.remove(path);
        }
        self.tree.make_parents(path)
    }

    /// Whether both sides have a file at the path, and not the same.
    fn differs(&self, path: &str) -> Result<bool, Failure> {
        let is_file = |directory: &Directory| -> Result<bool, Failure> {
            Ok(directory.stat(path)?.is_some_and(|entry| entry.kind == "file"))
        };
        Ok(is_file(&self.root)? && is_file(&self.tree)? && self.root.digest(path)? != self.tree.digest(path)?)
    }
}
