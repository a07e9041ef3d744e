//! Walking a whole directory in the order of its names, by descriptors only.

use rustix::fs::{FileType, Stat};

use super::Files;
use super::dir::{Dir, kind};
use super::path::{escape, is_reserved, join};
use super::refused;
use crate::effect::CallError;

/// How deep a directory may be for a bulk verb. Each level costs a descriptor.
pub(super) const MAX_DEPTH: usize = 256;

/// One entry that a walk has come to. A directory comes before what is in it.
pub(super) struct Found<'a> {
    /// The directory that has it.
    pub(super) parent: &'a Dir,
    /// Its last name.
    pub(super) name: &'a [u8],
    /// Its path from where the walk began.
    pub(super) path: &'a [u8],
    /// What it is.
    pub(super) stat: &'a Stat,
}

impl Found<'_> {
    /// For messages, below the object that is walked.
    pub(super) fn object(&self, top: &str) -> String {
        below(top, self.path)
    }
}

/// A path below an object, for messages.
pub(super) fn below(top: &str, path: &[u8]) -> String {
    if path.is_empty() {
        return top.to_owned();
    }
    let separator = if top.ends_with(':') { "" } else { "/" };
    format!("{top}{separator}{}", escape(path))
}

/// Visits everything in a directory, but for the host's own.
pub(super) fn walk(
    files: &Files,
    top: &Dir,
    object: &str,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<(), CallError>,
) -> Result<(), CallError> {
    level(files, top, b"", object, 0, visit)
}

fn level(
    files: &Files,
    directory: &Dir,
    path: &[u8],
    object: &str,
    depth: usize,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<(), CallError>,
) -> Result<(), CallError> {
    if depth > MAX_DEPTH {
        return Err(CallError::answer("too-deep", format!("{object} has more than {MAX_DEPTH} levels of directories")));
    }
    for name in directory.names().map_err(|error| refused(object, &error))? {
        if is_reserved(&name) {
            continue;
        }
        files.keep_going()?;
        let path = join(path, &name);
        let failed = |error| refused(&below(object, &path), &error);
        // Gone between the listing and the look: it was never part of a consistent picture.
        let Some(stat) = directory.look(&name).map_err(failed)? else { continue };
        visit(&Found { parent: directory, name: &name, path: &path, stat: &stat })?;
        if kind(&stat) == FileType::Directory {
            let inner = directory.sub(&name).map_err(failed)?;
            level(files, &inner, &path, object, depth + 1, visit)?;
        }
    }
    Ok(())
}
