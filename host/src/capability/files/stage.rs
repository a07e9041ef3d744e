//! The files capability as a stage has it: every call is checked against the grant, and looks are answered here.
//!
//! Changes are prepared in `prepare.rs`.

use std::sync::Arc;

use rustix::fs::{FileType, Stat};

use super::change::{At, Spot};
use super::dir::{Dir, kind};
use super::path::RelPath;
use super::read::{self, Bulk, Entry};
use super::root::Root;
use super::{Files, FilesGrant, Place, refused};
use crate::effect::{Access, CallError, Fault};

/// The files that one stage may reach. It cannot be built without its grant.
pub struct StageFiles {
    pub(super) files: Arc<Files>,
    pub(super) grant: FilesGrant,
}

/// A place and path that have passed the grant.
pub(super) struct Target<'a> {
    pub(super) root: &'a Root,
    tree: Option<String>,
    base: Dir,
    pub(super) path: RelPath,
    /// For people: "app:config/config.inc.php".
    pub(super) object: String,
}

impl StageFiles {
    /// The files of a run as this grant lets them be seen.
    #[must_use]
    pub fn new(files: Arc<Files>, grant: FilesGrant) -> Self {
        Self { files, grant }
    }

    /// Opens a root by its name.
    ///
    /// # Errors
    /// "not-granted", "unknown-root".
    pub fn open_root(&self, name: &str) -> Result<Place, CallError> {
        let place = Place::Root(name.to_owned());
        self.target(&place, "", Access::Read, false)?;
        Ok(place)
    }

    /// Opens a tree by its id.
    ///
    /// # Errors
    /// "not-granted", "unknown-tree".
    pub fn open_tree(&self, id: &str) -> Result<Place, CallError> {
        let place = Place::Tree(id.to_owned());
        self.target(&place, "", Access::Read, false)?;
        Ok(place)
    }

    /// The stage has made this tree (now, or in what is replayed).
    pub fn admit_tree(&mut self, id: &str) {
        self.grant.trees.insert(id.to_owned());
    }

    /// The stage has made this artifact (now, or in what is replayed).
    pub fn admit_artifact(&mut self, id: &str) {
        self.grant.artifacts.insert(id.to_owned());
    }

    /// Whether a change there is seen by the live installation.
    #[must_use]
    pub fn touches(&self, place: &Place) -> bool {
        matches!(place, Place::Root(_))
    }

    /// What is at a path, or none.
    ///
    /// # Errors
    /// Refused places and paths; a path that leads through something that is no directory is none, not an error.
    pub fn stat(&self, place: &Place, path: &str) -> Result<Option<Entry>, CallError> {
        let target = self.target(place, path, Access::Read, false)?;
        match target.look() {
            Ok(stat) => Ok(Some(read::entry(target.path.text(), &stat, || target.may_write()))),
            Err(CallError::Answer(failure)) if matches!(failure.code.as_str(), "not-found" | "not-a-directory") => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The entries of a directory in the order of their bytes, those behind `after`, at most `limit` (1 to 10,000).
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "not-a-directory", "invalid-limit".
    pub fn list(&self, place: &Place, path: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, CallError> {
        if limit == 0 || limit > read::MAX_LIST {
            return Err(CallError::answer("invalid-limit", format!("{limit} is not between 1 and {}", read::MAX_LIST)));
        }
        let after = after.map(RelPath::parse).transpose()?;
        let target = self.target(place, path, Access::Read, false)?;
        let directory = target.directory()?;
        read::page(&directory, after.as_ref().map(RelPath::bytes), limit as usize)
            .map_err(|error| refused(&target.object, &error))
    }

    /// At most `length` bytes (up to 8 MiB) from `offset`.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "not-a-file", "too-large".
    pub fn read(&self, place: &Place, path: &str, offset: u64, length: u64) -> Result<Vec<u8>, CallError> {
        if length > read::MAX_CHUNK {
            return Err(too_large(length));
        }
        let target = self.target(place, path, Access::Read, false)?;
        let file = target.file()?;
        read::bytes_at(&file, offset, length).map_err(|error| Fault::io(&target.object, &error).into())
    }

    /// The sha256 of a file, in lower-case hex.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "not-a-file".
    pub fn digest(&self, place: &Place, path: &str) -> Result<String, CallError> {
        let target = self.target(place, path, Access::Read, false)?;
        let digest = read::digest(&self.files, &mut target.file()?, &target.object, |_| Ok(()))?;
        Ok(data_encoding::HEXLOWER.encode(&digest))
    }

    /// One sha256 over a whole directory, in `extra`.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "not-a-directory", "too-deep".
    pub fn digest_tree(&self, place: &Place, path: &str) -> Result<Bulk, CallError> {
        let target = self.target(place, path, Access::Read, true)?;
        read::digest_tree(&self.files, &target.directory()?, &target.object)
    }

    /// Bytes that are free where a place is. The second argument is the directory asked about; the contract has only the place.
    ///
    /// # Errors
    /// Refused places and paths.
    pub fn free_space(&self, place: &Place, path: &str) -> Result<u64, CallError> {
        let target = self.target(place, path, Access::Read, false)?;
        let directory = target.directory()?;
        let room = rustix::fs::fstatvfs(&directory).map_err(|errno| Fault::io(&target.object, &errno.into()))?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    /// Checks a place and a path against the grant and opens the place. `whole`: the verb takes all that is below with it.
    pub(super) fn target(
        &self,
        place: &Place,
        path: &str,
        access: Access,
        whole: bool,
    ) -> Result<Target<'_>, CallError> {
        match place {
            Place::Root(name) => self.check_root(name, access)?,
            Place::Tree(id) => self.check_tree(id, access)?,
        }
        let path = RelPath::parse(path)?;
        match place {
            Place::Root(name) => {
                let root = self.root(name)?;
                let object = format!("{name}:{}", path.text());
                self.files.shield(root, &path, whole)?;
                let base = root.dir.sub(b"").map_err(|error| refused(&object, &error))?;
                Ok(Target { root, tree: None, base, path, object })
            }
            Place::Tree(id) => {
                let object = format!("{id}:{}", path.text());
                let unknown = || CallError::answer("unknown-tree", format!("there is no tree {id}"));
                let root = self.files.root_of_tree(id)?.ok_or_else(unknown)?;
                let staging = root.staging()?;
                let base = staging.trees.sub(id.as_bytes()).map_err(|error| refused(&object, &error))?;
                Ok(Target { root, tree: Some(id.clone()), base, path, object })
            }
        }
    }

    /// Whether a change there may be asked for at all: looked at before the installation is frozen for it. Depends on grant and
    /// path only, not on what is there.
    ///
    /// # Errors
    /// Refused places and paths.
    pub fn admit_change(&self, place: &Place, path: &str) -> Result<(), CallError> {
        self.target(place, path, Access::Write, true).map(drop)
    }

    pub(super) fn root(&self, name: &str) -> Result<&Root, CallError> {
        let unknown = || CallError::answer("unknown-root", format!("the installation has no root {name}"));
        self.files.root(name).ok_or_else(unknown)
    }

    /// Refuses a change where nothing may be changed.
    pub(super) fn check_writable(&self) -> Result<(), CallError> {
        if self.grant.read_only {
            return Err(CallError::answer("read-only", "check and verify change nothing"));
        }
        Ok(())
    }

    /// Refuses a root that is not granted for this.
    pub(super) fn check_root(&self, name: &str, access: Access) -> Result<(), CallError> {
        if access == Access::Write {
            self.check_writable()?;
        }
        let granted = self.grant.roots.get(name);
        if granted.is_some_and(|granted| *granted >= access) {
            return Ok(());
        }
        let (verb, word) = match access {
            Access::Read => ("see", "read"),
            Access::Write | Access::Define | Access::Run => ("change", "write"),
        };
        let shown: String = name.chars().take(100).filter(|c| !c.is_control()).collect();
        let text = format!(
            "this stage may not {verb} the root {shown}; to allow it: [grants.{}] files.{shown} = \"{word}\"",
            self.grant.slot
        );
        Err(CallError::answer("not-granted", text))
    }

    /// Refuses a tree that is not the stage's. The id is checked for its form too: it becomes a name in the staging.
    pub(super) fn check_tree(&self, id: &str, access: Access) -> Result<(), CallError> {
        if access == Access::Write {
            self.check_writable()?;
        }
        if is_tree(id) && self.grant.trees.contains(id) {
            return Ok(());
        }
        Err(not_minted("tree", id, &self.grant.slot))
    }

    /// Refuses an artifact that is not the stage's. The id becomes a file name.
    pub(super) fn check_artifact(&self, id: &str) -> Result<(), CallError> {
        if is_artifact(id) && self.grant.artifacts.contains(id) {
            return Ok(());
        }
        Err(not_minted("artifact", id, &self.grant.slot))
    }
}

/// `tree-` and a number.
pub(super) fn is_tree(id: &str) -> bool {
    id.strip_prefix("tree-")
        .is_some_and(|number| (1..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()))
}

/// `artifact-` and lower-case letters, digits, `-`.
pub(super) fn is_artifact(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    id.strip_prefix("artifact-").is_some_and(|rest| (1..=200).contains(&rest.len()) && rest.bytes().all(allowed))
}

fn not_minted(what: &str, id: &str, slot: &str) -> CallError {
    let shown: String = id.chars().take(100).filter(|c| !c.is_control()).collect();
    let text = format!(
        "the {what} {shown} is neither this stage's own nor one of its inputs; to allow it, the slot {slot} of the \
         pipeline must consume an output of kind \"{what}\""
    );
    CallError::answer("not-granted", text)
}

/// Too many bytes for one call.
pub(super) fn too_large(length: u64) -> CallError {
    CallError::answer("too-large", format!("{length} bytes are more than the {} of one call", read::MAX_CHUNK))
}

impl Target<'_> {
    /// What is there.
    pub(super) fn look(&self) -> Result<Stat, CallError> {
        let stat = match self.path.split() {
            None => self.base.stat().map(Some),
            Some((parent, name)) => self.base.sub(parent).and_then(|parent| parent.look(name)),
        };
        match stat.map_err(|error| refused(&self.object, &error))? {
            Some(stat) => Ok(stat),
            None => Err(CallError::answer("not-found", format!("{} is not there", self.object))),
        }
    }

    /// Whether the host may write to it.
    fn may_write(&self) -> bool {
        match self.path.split() {
            None => self.base.may_write(b"."),
            Some((parent, name)) => self.base.sub(parent).is_ok_and(|parent| parent.may_write(name)),
        }
    }

    /// The directory that is there.
    pub(super) fn directory(&self) -> Result<Dir, CallError> {
        self.base.sub(self.path.bytes()).map_err(|error| refused(&self.object, &error))
    }

    /// The file that is there, open for reading.
    fn file(&self) -> Result<std::fs::File, CallError> {
        let Some((parent, name)) = self.path.split() else {
            return Err(CallError::answer("not-a-file", format!("{} is a directory", self.object)));
        };
        let parent = self.base.sub(parent).map_err(|error| refused(&self.object, &error))?;
        read::open_file(&parent, name, &self.object)
    }

    /// The directory and the last name, for a change. The place itself is never changed.
    pub(super) fn at(&self) -> Result<At, CallError> {
        let Some((parent, name)) = self.path.split() else {
            let text = format!("{} is the directory itself, which is never changed", self.object);
            return Err(CallError::answer("invalid-path", text));
        };
        let parent = self.base.sub(parent).map_err(|error| refused(&self.object, &error))?;
        Ok(At { parent, name: name.to_vec() })
    }

    /// The same, where nothing may be.
    pub(super) fn vacant(&self) -> Result<At, CallError> {
        let at = self.at()?;
        if at.is_there().map_err(|error| refused(&self.object, &error))? {
            return Err(CallError::answer("already-exists", format!("{} is there already", self.object)));
        }
        Ok(at)
    }

    /// For the record.
    pub(super) fn spot(&self) -> Spot {
        Spot { root: self.root.name.clone(), tree: self.tree.clone(), path: self.path.text() }
    }

    /// The tree that it is in.
    pub(super) fn tree(&self) -> Option<&str> {
        self.tree.as_deref()
    }

    /// Whether the live installation sees it.
    pub(super) fn is_live(&self) -> bool {
        self.tree.is_none()
    }

    /// The path a root has to be protected by: none for a tree, in which nothing is protected.
    pub(super) fn check_movable(&self, files: &Files) -> Result<(), CallError> {
        if self.is_live() { files.movable(self.root, &self.path) } else { Ok(()) }
    }
}

/// Refuses what has no bytes or mode of its own to change.
pub(super) fn check_plain(stat: &Stat, object: &str, directories: bool) -> Result<(), CallError> {
    match kind(stat) {
        FileType::RegularFile => Ok(()),
        FileType::Directory if directories => Ok(()),
        FileType::Symlink => {
            Err(CallError::answer("symlink", format!("{object} is a symbolic link, which is never followed")))
        }
        _ => Err(CallError::answer("not-a-file", format!("{object} is not a regular file"))),
    }
}
