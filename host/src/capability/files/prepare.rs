//! Preparing changes: the checks, the saving of what a change would destroy, and the record.
//!
//! Everything here happens before the change is announced. What it leaves behind, if the host dies now, lies in the staging under
//! the change's number and is cleared when that number is used again, or with the staging.

use std::sync::Arc;

use serde_json::Value;

use super::attributes::{set_mode, take_over};
use super::change::{At, Step, answer, nothing};
use super::copy::{Copy, dress, sync_tree};
use super::dir::{Dir, inode, kind, modified, size};
use super::in_place::{Append, SetMode, hex};
use super::make::{Make, Note, fresh, key, new_directory, new_file};
use super::read::{Bulk, MAX_CHUNK};
use super::recheck::Source;
use super::relocate::Relocate;
use super::remove::{Discard, Remove};
use super::replace::{self, Replace};
use super::root::Staging;
use super::stage::{StageFiles, Target, check_plain, is_tree, too_large};
use super::walk::walk;
use super::{Files, Place, refused};
use crate::effect::{Access, CallError, Fault, Prepared};
use rustix::fs::{FileType, OFlags, Stat};

/// The mode of a new file.
const FILE_MODE: u32 = 0o644;

impl StageFiles {
    /// Replaces or makes a file, whole or not at all.
    ///
    /// # Errors
    /// Refused places and paths, "too-large", "not-a-file", "symlink", "other-file-system".
    pub fn prepare_write(&self, seq: u64, place: &Place, path: &str, data: &[u8]) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        check_size(data)?;
        let target = self.target(place, path, Access::Write, true)?;
        let at = target.at()?;
        let old = at.parent.look(&at.name).map_err(|error| refused(&target.object, &error))?;
        if let Some(old) = &old {
            check_plain(old, &target.object, false)?;
        }
        let staging = fresh(target.root, seq)?;
        check_same_file_system(&at, &staging, &target.object)?;
        match old {
            Some(old) => self.prepare_replace(seq, &target, &at, &old, data),
            None => self.prepare_new_file(seq, &target, &at, data),
        }
    }

    fn prepare_replace(
        &self,
        seq: u64,
        target: &Target<'_>,
        at: &At,
        old: &Stat,
        data: &[u8],
    ) -> Result<Prepared, CallError> {
        let io = |error| Fault::io(&target.object, &error);
        let staging = target.root.staging()?;
        let parent_modified = modified(&at.parent.stat().map_err(io)?);
        replace::save(at, old, &staging, seq).map_err(io)?;
        let new = new_file(&staging.tmp, seq, data, |file| take_over(&at.parent, &at.name, old, file)).map_err(io)?;
        let step = Replace { seq, spot: target.spot(), old: inode(old), new, parent_modified };
        let record = Step::Replace(step.clone());
        self.prepared("write", target, &record, move |files, object| step.act(files, object))
    }

    fn prepare_new_file(&self, seq: u64, target: &Target<'_>, at: &At, data: &[u8]) -> Result<Prepared, CallError> {
        let io = |error| Fault::io(&target.object, &error);
        let staging = target.root.staging()?;
        let owner = target.root.owner;
        let made = new_file(&staging.tmp, seq, data, |file| {
            owner.give(file)?;
            set_mode(file, FILE_MODE)
        });
        let step = make_step(seq, target, at, made.map_err(io)?, false)?;
        let record = Step::Make(step.clone());
        self.prepared("write", target, &record, move |files, object| step.publish(files, object, nothing()))
    }

    /// Adds to the end of a file that is there.
    ///
    /// # Errors
    /// Refused places and paths, "too-large", "not-found", "not-a-file", "symlink", "hard-link".
    pub fn prepare_append(&self, seq: u64, place: &Place, path: &str, data: &[u8]) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        check_size(data)?;
        let target = self.target(place, path, Access::Write, true)?;
        target.at()?;
        let stat = target.look()?;
        check_plain(&stat, &target.object, false)?;
        check_one_name(&stat, &target.object)?;
        let step = Append {
            spot: target.spot(),
            file: inode(&stat),
            length: size(&stat),
            modified: modified(&stat),
            added: data.len() as u64,
            sha256: hex(data),
        };
        let record = Step::Append(step.clone());
        let data = data.to_vec();
        self.prepared("append", &target, &record, move |files, object| step.act(files, object, &data))
    }

    /// Makes a directory, mode 0755.
    ///
    /// # Errors
    /// Refused places and paths, "already-exists", "not-found" for its parent.
    pub fn prepare_make_dir(&self, seq: u64, place: &Place, path: &str) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        let target = self.target(place, path, Access::Write, true)?;
        let at = target.vacant()?;
        let staging = fresh(target.root, seq)?;
        check_same_file_system(&at, &staging, &target.object)?;
        let made =
            new_directory(&staging, seq, target.root.owner).map_err(|error| Fault::io(&target.object, &error))?;
        let step = make_step(seq, &target, &at, made, false)?;
        let record = Step::Make(step.clone());
        self.prepared("make-dir", &target, &record, move |files, object| step.publish(files, object, nothing()))
    }

    /// Removes a file, a link or a whole directory.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "mount-point".
    pub fn prepare_remove(&self, seq: u64, place: &Place, path: &str) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        let target = self.target(place, path, Access::Write, true)?;
        let at = target.at()?;
        let old = target.look()?;
        target.check_movable(&self.files)?;
        let staging = fresh(target.root, seq)?;
        check_same_file_system(&at, &staging, &target.object)?;
        let parent_modified = parent_modified(&at, &target.object)?;
        let step = Remove { seq, spot: target.spot(), old: inode(&old), parent_modified };
        let record = Step::Remove(step.clone());
        self.prepared("remove", &target, &record, move |files, object| step.act(files, object))
    }

    /// Gives an entry another path in the same place.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "already-exists", "other-file-system", "mount-point".
    pub fn prepare_rename(&self, seq: u64, place: &Place, from: &str, to: &str) -> Result<Prepared, CallError> {
        self.prepare_relocate("rename", seq, (place, from), (place, to))
    }

    /// Moves an entry into another place on the same file system.
    ///
    /// # Errors
    /// As for `prepare_rename`.
    pub fn prepare_move_tree(
        &self,
        seq: u64,
        place: &Place,
        from: &str,
        target: &Place,
        to: &str,
    ) -> Result<Prepared, CallError> {
        self.prepare_relocate("move-tree", seq, (place, from), (target, to))
    }

    fn prepare_relocate(
        &self,
        verb: &str,
        seq: u64,
        from: (&Place, &str),
        to: (&Place, &str),
    ) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        let source = self.target(from.0, from.1, Access::Write, true)?;
        let target = self.target(to.0, to.1, Access::Write, true)?;
        if from.0 == to.0 && target.path.is_within(&source.path) {
            return Err(CallError::answer("invalid-path", format!("{} lies in {}", target.object, source.object)));
        }
        let (here, there) = (source.at()?, target.vacant()?);
        let stat = source.look()?;
        source.check_movable(&self.files)?;
        let io = |error| Fault::io(&source.object, &error);
        let (old_parent, new_parent) = (here.parent.stat().map_err(io)?, there.parent.stat().map_err(io)?);
        if old_parent.st_dev != new_parent.st_dev {
            let text = format!("{} and {} lie on different file systems", source.object, target.object);
            return Err(CallError::answer("other-file-system", text));
        }
        let counted = if verb == "rename" { nothing() } else { answer(&self.count(&source, &stat)?)? };
        self.hold(&source, &target)?;
        let step = Relocate {
            seq,
            from: source.spot(),
            to: target.spot(),
            moved: inode(&stat),
            from_modified: modified(&old_parent),
            to_modified: modified(&new_parent),
            answer: counted,
        };
        let record = Step::Relocate(step.clone());
        let object = format!("{} → {}", source.object, target.object);
        let change = record.record(verb, &object, source.is_live() || target.is_live())?;
        let files = Arc::clone(&self.files);
        Ok(Prepared { change, act: Box::new(move || step.act(&files, &object)) })
    }

    /// A tree that live data moves into is undo data from now on.
    fn hold(&self, source: &Target<'_>, target: &Target<'_>) -> Result<(), CallError> {
        let Some(tree) = target.tree() else { return Ok(()) };
        let from_held = match source.tree() {
            None => true,
            Some(id) => is_held(&*source.root.staging()?, id)?,
        };
        if from_held && source.tree() != target.tree() {
            hold(&*target.root.staging()?, tree)?;
        }
        Ok(())
    }

    /// Sets permission bits.
    ///
    /// # Errors
    /// Refused places and paths, "invalid-mode", "not-found", "not-a-file", "symlink", "hard-link".
    pub fn prepare_set_mode(&self, seq: u64, place: &Place, path: &str, mode: u32) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        if mode > 0o777 {
            return Err(CallError::answer("invalid-mode", format!("{mode:#o} is not between 0o000 and 0o777")));
        }
        let target = self.target(place, path, Access::Write, true)?;
        target.at()?;
        let stat = target.look()?;
        check_plain(&stat, &target.object, true)?;
        check_one_name(&stat, &target.object)?;
        // A directory's own higher bits (setgid: the group of new files; sticky) are the operator's, and stay.
        let kept = if kind(&stat) == FileType::Directory { stat.st_mode & 0o7000 } else { 0 };
        let step = SetMode { spot: target.spot(), old: stat.st_mode & 0o7777, new: mode | kept };
        let record = Step::SetMode(step.clone());
        self.prepared("set-mode", &target, &record, move |files, object| step.act(files, object))
    }

    /// Copies a file or directory into another place, under a path where nothing is.
    ///
    /// # Errors
    /// Refused places and paths, "not-found", "already-exists", "not-a-file", "other-file-system".
    pub fn prepare_copy_tree(
        &self,
        seq: u64,
        place: &Place,
        from: &str,
        target: &Place,
        to: &str,
    ) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        let source = self.target(place, from, Access::Read, true)?;
        let target = self.target(target, to, Access::Write, true)?;
        let at = target.vacant()?;
        let stat = source.look()?;
        check_plain(&stat, &source.object, true)?;
        let staging = fresh(target.root, seq)?;
        check_same_file_system(&at, &staging, &target.object)?;
        let io = |error| Fault::io(&target.object, &error);
        let original = if kind(&stat) == FileType::Directory {
            Original::Directory(source.directory()?)
        } else {
            Original::File(source.at()?)
        };
        let made = match &original {
            Original::Directory(_) => new_directory(&staging, seq, target.root.owner).map_err(io)?,
            Original::File(_) => new_file(&staging.tmp, seq, b"", |_| Ok(())).map_err(io)?,
        };
        let step = make_step(seq, &target, &at, made, true)?;
        let record = Step::Make(step.clone());
        // Under the freeze nothing can change any more, and a change of a root happens only under the freeze.
        let noted = (source.is_live() && !target.is_live()).then(|| source.spot());
        self.prepared("copy-tree", &target, &record, move |files, object| {
            let staging = files.recorded_root(&step.spot.root)?.staging()?;
            match copy(files, object, &staging, seq, &original, noted) {
                Ok(answer) => step.publish(files, object, answer),
                Err(CallError::Answer(failure)) => {
                    step.clear(&staging, object)?;
                    Err(failure.into())
                }
                Err(fault) => Err(fault),
            }
        })
    }

    /// Deletes an artifact or a tree that this run made.
    ///
    /// # Errors
    /// "not-granted", "not-found", "unknown-tree", "undo-data", "read-only".
    pub fn prepare_discard(&self, seq: u64, id: &str) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        let (root, bulk) = if is_tree(id) {
            let target = self.target(&Place::Tree(id.to_owned()), "", Access::Write, false)?;
            if is_held(&*target.root.staging()?, id)? {
                return Err(CallError::answer("undo-data", format!("{id} holds what undo needs")));
            }
            let mut bulk = Bulk::default();
            walk(&self.files, &target.directory()?, id, &mut |found| {
                bulk.count(found.stat);
                Ok(())
            })?;
            fresh(target.root, seq)?;
            (Some(target.root.name.clone()), bulk)
        } else {
            self.check_artifact(id)?;
            let artifacts = Dir::open(&self.files.artifacts).map_err(|error| Fault::io("the artifacts", &error))?;
            let stat = artifacts.look(id.as_bytes()).map_err(|error| Fault::io(id, &error))?;
            let stat = stat.ok_or_else(|| CallError::answer("not-found", format!("{id} is not there")))?;
            (None, Bulk { entries: 1, bytes: size(&stat), extra: Vec::new() })
        };
        let step = Discard { seq, root, id: id.to_owned(), answer: answer(&bulk)? };
        let change = Step::Discard(step.clone()).record("discard", id, false)?;
        let (files, object) = (Arc::clone(&self.files), id.to_owned());
        Ok(Prepared { change, act: Box::new(move || Ok(step.act(&files, &object)?)) })
    }

    /// What every change begins with. The number must be new: what lies in the staging under it is cleared.
    pub(super) fn begin(&self, seq: u64) -> Result<(), CallError> {
        self.check_writable()?;
        Ok(self.files.clear_leftovers(seq)?)
    }

    pub(super) fn prepared(
        &self,
        verb: &str,
        target: &Target<'_>,
        record: &Step,
        act: impl FnOnce(&Files, &str) -> Result<Value, CallError> + Send + 'static,
    ) -> Result<Prepared, CallError> {
        let change = record.record(verb, &target.object, target.is_live())?;
        let (files, object) = (Arc::clone(&self.files), target.object.clone());
        Ok(Prepared { change, act: Box::new(move || act(&files, &object)) })
    }

    fn count(&self, source: &Target<'_>, stat: &Stat) -> Result<Bulk, CallError> {
        let mut bulk = Bulk::default();
        bulk.count(stat);
        if kind(stat) == FileType::Directory {
            walk(&self.files, &source.directory()?, &source.object, &mut |found| {
                bulk.count(found.stat);
                Ok(())
            })?;
        }
        Ok(bulk)
    }
}

enum Original {
    File(At),
    Directory(Dir),
}

/// Copies into what was made in the staging, makes it durable and notes what it was made of.
fn copy(
    files: &Files,
    object: &str,
    staging: &Staging,
    seq: u64,
    original: &Original,
    noted: Option<super::change::Spot>,
) -> Result<Value, CallError> {
    let io = |error| CallError::from(Fault::io(object, &error));
    let name = key(seq);
    let mut copy = Copy::new(files, object, noted.is_some());
    match original {
        Original::Directory(from) => {
            let new = staging.tmp.sub(name.as_bytes()).map_err(io)?;
            copy.fill(from, &new, b"", 0)?;
            copy.bulk.entries += 1;
            dress(from, &new, &from.stat().map_err(io)?).map_err(io)?;
            sync_tree(files, &new, copy.bulk.entries, object)?;
        }
        Original::File(at) => {
            let new = std::fs::File::from(staging.tmp.open_entry(name.as_bytes(), OFlags::WRONLY).map_err(io)?);
            let durable = new.try_clone().map_err(io)?;
            copy.file(&at.parent, &at.name, new, b"")?;
            super::dir::sync(&durable).map_err(io)?;
        }
    }
    let answer = answer(&copy.bulk)?;
    let copied = noted.map(|spot| Source { spot, entries: copy.copied.take().unwrap_or_default() });
    staging.put_note(&name, &Note { answer: answer.clone(), copied }).map_err(io)?;
    Ok(answer)
}

fn make_step(seq: u64, target: &Target<'_>, at: &At, made: super::dir::Inode, noted: bool) -> Result<Make, CallError> {
    let parent_modified = parent_modified(at, &target.object)?;
    Ok(Make { seq, spot: target.spot(), made, parent_modified, noted })
}

fn parent_modified(at: &At, object: &str) -> Result<super::dir::Stamp, Fault> {
    at.parent.stat().map(|stat| modified(&stat)).map_err(|error| Fault::io(object, &error))
}

fn check_size(data: &[u8]) -> Result<(), CallError> {
    let length = data.len() as u64;
    if length > MAX_CHUNK { Err(too_large(length)) } else { Ok(()) }
}

/// A second name of a file may lie outside of every root.
fn check_one_name(stat: &Stat, object: &str) -> Result<(), CallError> {
    if kind(stat) == FileType::RegularFile && stat.st_nlink > 1 {
        let text = format!("{object} has other names (hard links), which would change with it");
        return Err(CallError::answer("hard-link", text));
    }
    Ok(())
}

/// What is built in the staging is renamed to its place, and what was there is linked or renamed into the staging.
fn check_same_file_system(at: &At, staging: &Staging, object: &str) -> Result<(), CallError> {
    let io = |error| Fault::io(object, &error);
    if at.parent.stat().map_err(io)?.st_dev != staging.tmp.stat().map_err(io)?.st_dev {
        let text = format!("{object} lies on another file system than its root");
        return Err(CallError::answer("other-file-system", text));
    }
    Ok(())
}

/// Marks a tree as undo data, durable.
pub(super) fn hold(staging: &Staging, tree: &str) -> Result<(), Fault> {
    staging.put_note(&format!("held-{tree}"), &()).map_err(|error| Fault::io(tree, &error))
}

fn is_held(staging: &Staging, tree: &str) -> Result<bool, Fault> {
    staging.has_note(&format!("held-{tree}")).map_err(|error| Fault::io(tree, &error))
}
