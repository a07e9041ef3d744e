//! The comparison after the freeze: what was copied out of a root while visitors could still write must still be so.

use super::Files;
use super::change::{Spot, Step};
use super::copy::Copied;
use super::dir::{Dir, kind};
use super::make::{Note, key};
use super::path::RelPath;
use super::read::content_digest;
use super::refused;
use super::walk::{Found, walk};
use crate::effect::{CallError, Change, Fault};
use rustix::fs::FileType;

/// What a copy was made of.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Source {
    /// Where it was.
    pub(super) spot: Spot,
    /// What was there.
    pub(super) entries: Vec<Copied>,
}

/// Compares all copies of a run.
pub(super) fn all(files: &Files, done: &[Change]) -> Result<(), Fault> {
    for change in done.iter().filter(|change| change.verb == "copy-tree") {
        let Step::Make(made) = Step::of(change)? else { continue };
        let Some(staging) = files.recorded_root(&made.spot.root)?.staging_if_made()? else { continue };
        let note: Option<Note<Option<Source>>> =
            staging.note(&key(made.seq)).map_err(|error| Fault::io(&change.object, &error))?;
        let Some(source) = note.and_then(|note| note.copied) else { continue };
        compare(files, &source)?;
    }
    Ok(())
}

fn compare(files: &Files, source: &Source) -> Result<(), Fault> {
    let object = format!("{}:{}", source.spot.root, source.spot.path);
    let now = match look(files, source, &object) {
        Ok(now) => now,
        Err(CallError::Fault(fault)) => return Err(fault),
        // What cannot be read the same way any more has changed.
        Err(CallError::Answer(failure)) => return Err(changed(&object, &failure.message)),
    };
    for (before, after) in source.entries.iter().zip(&now) {
        if before != after {
            let path = (&before.path).min(&after.path);
            return Err(changed(&object, path));
        }
    }
    match source.entries.get(now.len()).or_else(|| now.get(source.entries.len())) {
        Some(entry) => Err(changed(&object, &entry.path)),
        None => Ok(()),
    }
}

fn changed(object: &str, path: &str) -> Fault {
    let text = format!("{object} was copied before the freeze and has changed since: {path:?}");
    Fault::new("changed-before-freeze", text)
        .hint("somebody wrote there between the copy and the freeze; undo and apply again")
}

fn look(files: &Files, source: &Source, object: &str) -> Result<Vec<Copied>, CallError> {
    let root = files.recorded_root(&source.spot.root)?;
    let path = RelPath::parse(&source.spot.path)?;
    let mut now = Vec::new();
    let Some((parent, name)) = path.split() else {
        note_directory(files, &root.dir, object, &mut now)?;
        return Ok(now);
    };
    let parent = root.dir.sub(parent).map_err(|error| refused(object, &error))?;
    let Some(stat) = parent.look(name).map_err(|error| refused(object, &error))? else {
        return Err(CallError::answer("not-found", format!("{object} is gone")));
    };
    if kind(&stat) == FileType::Directory {
        let directory = parent.sub(name).map_err(|error| refused(object, &error))?;
        note_directory(files, &directory, object, &mut now)?;
        return Ok(now);
    }
    let content = content_digest(files, &Found { parent: &parent, name, path: b"", stat: &stat }, object)?;
    now.push(Copied::of(b"", &stat, content));
    Ok(now)
}

fn note_directory(files: &Files, directory: &Dir, object: &str, now: &mut Vec<Copied>) -> Result<(), CallError> {
    walk(files, directory, object, &mut |found| {
        now.push(Copied::of(found.path, found.stat, content_digest(files, found, object)?));
        Ok(())
    })
}
