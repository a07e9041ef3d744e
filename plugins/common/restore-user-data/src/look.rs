//! What the plan wants to know of a directory.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::Directory;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Directory,
    /// A file or a link.
    Other,
}

/// A directory that can be looked at.
pub(crate) trait Look {
    fn find(&self, path: &str) -> Result<Found, Failure>;

    /// The names in a directory, in the order of their bytes.
    fn names(&self, path: &str) -> Result<Vec<String>, Failure>;
}

impl Look for Directory {
    fn find(&self, path: &str) -> Result<Found, Failure> {
        Ok(match self.stat(path)? {
            None => Found::Nothing,
            Some(entry) if entry.kind == "directory" => Found::Directory,
            Some(_) => Found::Other,
        })
    }

    fn names(&self, path: &str) -> Result<Vec<String>, Failure> {
        Ok(self.list(path)?.into_iter().map(|entry| entry.name).collect())
    }
}
