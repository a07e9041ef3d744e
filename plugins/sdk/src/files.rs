//! Files and directories of the installation, by the name of a root and a path relative to it.
//!
//! A path is separated by `/`, has no `.` or `..` and no leading or trailing slash; the empty path is the directory itself.
//! Symbolic links are never followed. Every change is undone by the host.

use crate::bindings::liftlock::files::files::{self as host};
pub use crate::bindings::liftlock::files::files::{Bulk, Entry, Extracted};
use crate::failure::Failure;

/// Bytes that one call reads or writes at most.
const CHUNK: usize = 8 << 20;

/// Entries that one call lists.
const PAGE: u32 = 1_000;

/// A root of the installation, or a tree that the run made beside one.
#[derive(Debug)]
pub struct Directory(host::Directory);

impl Directory {
    /// Opens a root by its name in the installation.
    ///
    /// # Errors
    /// If it is not granted or there is none of that name.
    pub fn root(name: &str) -> Result<Self, Failure> {
        host::open_root(name).map(Self)
    }

    /// Opens a tree by its id: this stage's own, or an input of kind tree.
    ///
    /// # Errors
    /// If the id is not one that this stage was given.
    pub fn tree(id: &str) -> Result<Self, Failure> {
        host::open_tree(id).map(Self)
    }

    /// What is at the path, or none.
    ///
    /// # Errors
    /// If the path is wrong.
    pub fn stat(&self, path: &str) -> Result<Option<Entry>, Failure> {
        self.0.stat(path)
    }

    /// Whether something is at the path.
    ///
    /// # Errors
    /// If the path is wrong.
    pub fn exists(&self, path: &str) -> Result<bool, Failure> {
        Ok(self.stat(path)?.is_some())
    }

    /// The entries of a directory in the order of their bytes, by their names.
    ///
    /// # Errors
    /// If it is no directory.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        pages(|after| self.0.list(path, after, PAGE)).collect()
    }

    /// Everything below a directory, by its path, each directory before what is in it.
    pub fn walk(&self, path: &str) -> impl Iterator<Item = Result<Entry, Failure>> + use<'_> {
        walk(path.to_owned(), |directory| self.list(directory))
    }

    /// What is in these directories and the host cannot write to, with the directories themselves. To move a directory away and
    /// to delete it later one must be able to write to it and all below it; the files' own permissions count only where files are
    /// replaced one by one (`files_too`). Names that are not there are left out.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn locked(&self, names: &[impl AsRef<str>], files_too: bool) -> Result<Vec<String>, Failure> {
        let counts = |entry: &Entry| entry.kind == "directory" || (files_too && entry.kind == "file");
        let mut locked = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            let Some(entry) = self.stat(name)? else { continue };
            if counts(&entry) && !may_write(&entry) {
                locked.push(name.to_owned());
            }
            if entry.kind != "directory" {
                continue;
            }
            for entry in self.walk(name) {
                let entry = entry?;
                if counts(&entry) && !may_write(&entry) {
                    locked.push(entry.name);
                }
            }
        }
        Ok(locked)
    }

    /// A whole file. For big ones see [`read_part`](Self::read_part).
    ///
    /// # Errors
    /// If it is no file.
    pub fn read_all(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut data = self.read_part(path, 0, CHUNK)?;
        let mut last = data.len();
        while last == CHUNK {
            let part = self.read_part(path, data.len() as u64, CHUNK)?;
            last = part.len();
            data.extend(part);
        }
        Ok(data)
    }

    /// A whole file that is text.
    ///
    /// # Errors
    /// If it is no file, or `not-utf8`.
    pub fn read_text(&self, path: &str) -> Result<String, Failure> {
        String::from_utf8(self.read_all(path)?)
            .map_err(|_| Failure::new("not-utf8", format!("{path} is not UTF-8 text")))
    }

    /// At most `length` bytes (up to 8 MiB) from `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// If it is no file.
    pub fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
        self.0.read(path, offset, length as u64)
    }

    /// Replaces or makes a file. Up to 8 MiB it is there whole or not at all; the rest of a bigger one is appended.
    ///
    /// # Errors
    /// If the directory is not there or not granted for writing.
    pub fn write_all(&self, path: &str, data: &[u8]) -> Result<(), Failure> {
        let (first, rest) = data.split_at(data.len().min(CHUNK));
        self.0.write(path, first)?;
        rest.chunks(CHUNK).try_for_each(|chunk| self.0.append(path, chunk))
    }

    /// Adds to the end of a file that is there.
    ///
    /// # Errors
    /// If it is not there.
    pub fn append(&self, path: &str, data: &[u8]) -> Result<(), Failure> {
        data.chunks(CHUNK).try_for_each(|chunk| self.0.append(path, chunk))
    }

    /// Makes a directory in one that is there.
    ///
    /// # Errors
    /// If something is there already.
    pub fn make_dir(&self, path: &str) -> Result<(), Failure> {
        self.0.make_dir(path)
    }

    /// Makes the directories on the way to a path that are not there.
    ///
    /// # Errors
    /// If something that is no directory is in the way.
    pub fn make_parents(&self, path: &str) -> Result<(), Failure> {
        for parent in parents(path) {
            if !self.exists(parent)? {
                self.make_dir(parent)?;
            }
        }
        Ok(())
    }

    /// Removes a file, a link or a whole directory.
    ///
    /// # Errors
    /// If nothing is there.
    pub fn remove(&self, path: &str) -> Result<(), Failure> {
        self.0.remove(path)
    }

    /// Gives an entry another path, where nothing is.
    ///
    /// # Errors
    /// If something is there.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.0.rename(from, to)
    }

    /// Sets permission bits (0o000 to 0o777).
    ///
    /// # Errors
    /// If nothing is there.
    pub fn set_mode(&self, path: &str, mode: u32) -> Result<(), Failure> {
        self.0.set_mode(path, mode)
    }

    /// The sha256 of a file, in lower-case hex.
    ///
    /// # Errors
    /// If it is no file.
    pub fn digest(&self, path: &str) -> Result<String, Failure> {
        self.0.digest(path)
    }

    /// One sha256 over a whole directory (in `extra`).
    ///
    /// # Errors
    /// If it is no directory.
    pub fn digest_tree(&self, path: &str) -> Result<Bulk, Failure> {
        self.0.digest_tree(path)
    }

    /// Copies a file or directory into another directory, where nothing is.
    ///
    /// # Errors
    /// If something is there.
    pub fn copy_tree(&self, from: &str, target: &Self, to: &str) -> Result<Bulk, Failure> {
        self.0.copy_tree(from, &target.0, to)
    }

    /// Moves a file or directory into another directory on the same file system, where nothing is.
    ///
    /// # Errors
    /// If something is there.
    pub fn move_tree(&self, from: &str, target: &Self, to: &str) -> Result<Bulk, Failure> {
        self.0.move_tree(from, &target.0, to)
    }

    /// Bytes that are free where this directory is.
    ///
    /// # Errors
    /// What the host says.
    pub fn free_space(&self) -> Result<u64, Failure> {
        self.0.free_space()
    }
}

/// Whether the host may write to what was looked at: to move or delete a directory, it and all below it must be so. A stage does
/// not see owners.
pub fn may_write(entry: &Entry) -> bool {
    !entry.extra.iter().any(|(fact, value)| fact == "writable" && value == "false")
}

/// Unpacks an artifact into a new tree beside a root. `strip` leading directories of each name are left out.
///
/// # Errors
/// If the archive is not what it should be.
pub fn extract(artifact: &str, root: &str, strip: u32) -> Result<Extracted, Failure> {
    host::extract(artifact, root, strip)
}

/// Exchanges top-level entries between a tree and its root, after the pairs of `carry` (from, to) were renamed from the root
/// into the tree.
///
/// # Errors
/// If the host refuses; then nothing was exchanged.
pub fn switch_entries(tree: &str, entries: &[String], carry: &[(String, String)]) -> Result<Bulk, Failure> {
    host::switch_entries(tree, entries, carry)
}

/// Deletes an artifact or a tree that this run made and nobody needs any more.
///
/// # Errors
/// `undo-data` if undo may need it.
pub fn discard(id: &str) -> Result<Bulk, Failure> {
    host::discard(id)
}

/// A path below a directory, or the name alone for the empty path.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The directories on the way to a path, from the top: `a`, `a/b` for `a/b/c`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// All entries of a directory that is listed page by page.
fn pages(
    mut list: impl FnMut(Option<&str>) -> Result<Vec<Entry>, Failure>,
) -> impl Iterator<Item = Result<Entry, Failure>> {
    let mut page = Vec::new().into_iter();
    let mut after: Option<String> = None;
    let mut ended = false;
    std::iter::from_fn(move || {
        if page.as_slice().is_empty() && !ended {
            match list(after.as_deref()) {
                Ok(entries) => {
                    ended = entries.is_empty();
                    after = entries.last().map(|entry| entry.name.clone());
                    page = entries.into_iter();
                }
                Err(failure) => {
                    ended = true;
                    return Some(Err(failure));
                }
            }
        }
        page.next().map(Ok)
    })
}

/// Everything below `top`, depth first, with a stack of our own: a deep tree must not end the guest's.
fn walk(
    top: String,
    mut list: impl FnMut(&str) -> Result<Vec<Entry>, Failure>,
) -> impl Iterator<Item = Result<Entry, Failure>> {
    let mut open = vec![(top, None::<std::vec::IntoIter<Entry>>)];
    std::iter::from_fn(move || {
        loop {
            let (directory, entries) = open.last_mut()?;
            let entries = match entries {
                Some(entries) => entries,
                None => match list(directory) {
                    Ok(found) => entries.insert(found.into_iter()),
                    Err(failure) => {
                        open.clear();
                        return Some(Err(failure));
                    }
                },
            };
            let Some(mut entry) = entries.next() else {
                open.pop();
                continue;
            };
            entry.name = join(directory, &entry.name);
            if entry.kind == "directory" {
                open.push((entry.name.clone(), None));
            }
            return Some(Ok(entry));
        }
    })
}

#[cfg(test)]
mod tests;
