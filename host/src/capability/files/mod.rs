//! The files capability: directories of the installation, by root name and relative path.
//!
//! Two faces. [`StageFiles`] is what a stage gets: it cannot be built without its grant, checks it at every call, and answers
//! with [`Failure`]s. [`Files`] is what the engine gets: it settles and undoes the changes that a stage has made, by their
//! records alone. How a change is done, settled and undone stands in one file for each family of changes:
//!
//! | file | changes | settled by |
//! | --- | --- | --- |
//! | `make.rs` | write of a new file, make-dir, copy-tree, extract | whether the final name has the inode that was made |
//! | `replace.rs` | write over a file | the same |
//! | `relocate.rs` | rename, move-tree | which of the two names is there |
//! | `remove.rs` | remove, discard | whether the trash has it |
//! | `in_place.rs` | append, set-mode | length and digest; mode |
//! | `switch.rs` | switch-entries | inodes on both sides, step by step; rolls forward |
//!
//! `keep.rs` saves and puts back what a command of the operator's may change, for `capability/command`.
//!
//! Old bytes are always saved, durable, before the change is announced, and a change is a rename of something complete.

mod archive;
mod attributes;
mod change;
mod copy;
mod dir;
mod extract;
mod in_place;
mod keep;
mod make;
mod mounts;
mod path;
mod prepare;
mod read;
mod recheck;
mod relocate;
mod remove;
mod replace;
mod root;
mod since;
mod stage;
mod switch;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

pub use archive::ArchiveLimits;
pub use read::{Bulk, Entry, Extracted};
pub use stage::StageFiles;

use crate::effect::{Access, CallError, Capability, Change, Failure, Fault, Verdict, Written};
use crate::meter::Meter;
use change::Step;
use path::RelPath;
use root::Root;

/// What the files capability of a run is made of.
pub struct FilesConfig {
    /// The run's id: letters, digits and `-`. The staging directories are named after it.
    pub run: String,
    /// The roots of the installation.
    pub roots: Vec<RootConfig>,
    /// What no stage may reach through a root: files of databases, the state directory, backups.
    pub protected: Vec<PathBuf>,
    /// The directory that downloads are in, by artifact id.
    pub artifacts: PathBuf,
    /// How much an archive may hold.
    pub limits: ArchiveLimits,
    /// Set when the run shall stop: long loops look at it.
    pub stop: Arc<AtomicBool>,
    /// Where long work is counted.
    pub meter: Meter,
}

/// A root as the operator describes it.
pub struct RootConfig {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// User and group of new entries; none: those of the root directory.
    pub owner: Option<(u32, u32)>,
}

/// A directory that a stage has opened. It carries no right: every call checks the grant anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A root of the installation, by its name.
    Root(String),
    /// A tree that this run made, by its id.
    Tree(String),
}

/// What one stage may reach.
#[derive(Clone, Debug, Default)]
pub struct FilesGrant {
    /// The stage's slot, for the line that would allow what is refused.
    pub slot: String,
    /// Roots by name.
    pub roots: BTreeMap<String, Access>,
    /// Trees by id: the stage's own and its inputs.
    pub trees: BTreeSet<String>,
    /// Artifacts by id: the stage's own and its inputs.
    pub artifacts: BTreeSet<String>,
    /// Nothing may be changed at all (`check`, `verify`).
    pub read_only: bool,
}

/// The files capability as the engine sees it: one for each run. It holds the open directories.
pub struct Files {
    roots: Vec<Root>,
    protected: Vec<PathBuf>,
    artifacts: PathBuf,
    limits: ArchiveLimits,
    stop: Arc<AtomicBool>,
    meter: Meter,
    own: Vec<PathBuf>,
}

impl Files {
    /// Opens the roots. Makes nothing.
    ///
    /// # Errors
    /// "invalid-run", "openat2-missing", or what the file system says about a root.
    pub fn open(config: FilesConfig) -> Result<Self, Fault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if config.run.is_empty() || config.run.len() > 64 || !config.run.bytes().all(allowed) {
            return Err(Fault::new("invalid-run", format!("{:?} is no name for a run", config.run)));
        }
        let roots = config.roots.iter().map(|root| Root::open(root, &config.run)).collect::<Result<Vec<_>, _>>()?;
        let protected = config.protected.iter().flat_map(|path| with_siblings(&canonical(path))).collect();
        Ok(Self {
            roots,
            protected,
            artifacts: config.artifacts,
            limits: config.limits,
            stop: config.stop,
            meter: config.meter,
            own: Vec::new(),
        })
    }

    /// The same, with files in roots that are the host's own: nobody's writing, and no part of what undo puts back.
    #[must_use]
    pub fn with_own(mut self, own: impl IntoIterator<Item = PathBuf>) -> Self {
        self.own.extend(own.into_iter().map(|path| canonical(&path)));
        self
    }

    fn root(&self, name: &str) -> Option<&Root> {
        self.roots.iter().find(|root| root.name == name)
    }

    /// A root that a record names. It was there when the record was made.
    fn recorded_root(&self, name: &str) -> Result<&Root, Fault> {
        self.root(name).ok_or_else(|| {
            Fault::new(
                "unknown-root",
                format!("the run changed the root {name}, which the installation no longer names"),
            )
        })
    }

    /// The root that a tree lies beside.
    fn root_of_tree(&self, id: &str) -> Result<Option<&Root>, Fault> {
        for root in &self.roots {
            if let Some(staging) = root.staging_if_made()?
                && staging.trees.has(id.as_bytes()).map_err(|error| Fault::io(id, &error))?
            {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// Stops a long loop when the run shall stop.
    fn keep_going(&self) -> Result<(), Fault> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::new("interrupted", "the run was told to stop"));
        }
        Ok(())
    }

    /// Refuses what is protected, lies below it, or (for `whole`) contains it.
    fn shield(&self, root: &Root, path: &RelPath, whole: bool) -> Result<(), Failure> {
        let full = full_path(root, path);
        let hit = |shield: &PathBuf| full.starts_with(shield) || (whole && shield.starts_with(&full));
        match self.protected.iter().find(|shield| hit(shield)) {
            Some(_) => Err(Failure::new(
                "protected-path",
                format!("{}:{} holds data that only the host may reach", root.name, path.text()),
            )),
            None => Ok(()),
        }
    }

    /// Refuses to move or remove an entry that is, or contains, another root or a mount point.
    fn movable(&self, root: &Root, path: &RelPath) -> Result<(), CallError> {
        let full = full_path(root, path);
        if let Some(inner) = self.roots.iter().find(|other| other.path.starts_with(&full)) {
            let text = format!("{}:{} contains the root {}", root.name, path.text(), inner.name);
            return Err(CallError::answer("protected-path", text));
        }
        if let Some(mount) = mounts::below(&full)? {
            let text = format!("{}:{} is or contains the mount point {}", root.name, path.text(), mount.display());
            return Err(CallError::answer("mount-point", text));
        }
        Ok(())
    }
}

impl Capability for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn settle(&self, change: &Change) -> Result<Verdict, Fault> {
        let step = Step::of(change)?;
        step.reversible().settle(self, &change.object)
    }

    fn undo(&self, change: &Change) -> Result<(), Fault> {
        let step = Step::of(change)?;
        step.reversible().undo(self, &change.object)
    }

    fn recheck(&self, done: &[Change]) -> Result<(), Fault> {
        recheck::all(self, done)
    }

    fn written_since(&self, millis: u64) -> Result<Written, Fault> {
        since::written(self, millis)
    }

    fn forget(&self) -> Result<(), Fault> {
        self.roots.iter().try_for_each(Root::forget)
    }
}

/// What the kernel says about a guest's path: an answer if it is about the path, else the run stops.
fn refused(object: &str, error: &std::io::Error) -> CallError {
    let (code, text) = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => ("not-found", "is not there"),
        Some(Errno::NOTDIR) => ("not-a-directory", "is not a directory, or leads through something that is none"),
        Some(Errno::LOOP) => ("symlink", "is a symbolic link or leads through one, which is never followed"),
        Some(Errno::EXIST) => ("already-exists", "is there already"),
        Some(Errno::XDEV) => ("other-file-system", "lies on another file system"),
        Some(Errno::BUSY) => ("mount-point", "is a mount point"),
        Some(Errno::NXIO) => ("not-a-file", "is not a regular file"),
        Some(Errno::NAMETOOLONG) => ("invalid-path", "has a name that is too long for the file system"),
        _ => return Fault::io(object, error).into(),
    };
    CallError::answer(code, format!("{object} {text}"))
}

fn full_path(root: &Root, path: &RelPath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    if path.is_empty() {
        return root.path.clone();
    }
    root.path.join(std::ffi::OsStr::from_bytes(path.bytes()))
}

/// The path without links, as far as it is there; the rest as it is written.
fn canonical(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in absolute.ancestors() {
        if let Ok(real) = above.canonicalize() {
            let rest = absolute.strip_prefix(above).unwrap_or(Path::new(""));
            return rest
                .components()
                .filter(|part| matches!(part, Component::Normal(_)))
                .fold(real, |all, part| all.join(part));
        }
    }
    absolute
}

/// A file of SQLite never comes alone.
fn with_siblings(path: &Path) -> Vec<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    if path.is_dir() {
        return vec![path.to_owned()];
    }
    ["", "-wal", "-shm", "-journal"].map(beside).to_vec()
}
