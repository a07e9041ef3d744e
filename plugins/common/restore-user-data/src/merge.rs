//! Directories in which both have files: the application its own, and the users those that they have changed or added.
//!
//! Nobody has the files of the old version as they were delivered, so that a live file differs from the new version's is no
//! proof that somebody changed it: the vendor may have. What speaks for a change is its time. An update writes all its files
//! at once, and one that was written later was written by somebody else. So:
//!
//! | the live file | what goes live |
//! | --- | --- |
//! | is the same in the new version | that |
//! | is not in the new version | the users' own: nothing of the new version refers to it |
//! | differs, and was written an hour or more after the mark | the users' own: losing a change is worse than an old file |
//! | differs, and was not | the new version's; the old one is kept with the old version until `commit` |
//!
//! Times say nothing where somebody has copied the whole installation without them. A witness tells: a file that the update
//! did not write. If it is of the same hour as the mark, all that differs is taken for the users' own.
//!
//! A link, or a directory in the place of a file, is the users' own hand too, but only a file or link can take a file's place.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::{Directory, join};
use liftlock_sdk::look::{Found, Look};

use crate::plan::{Pair, is_carried};

/// An update takes a while: files written within an hour of the mark belong to it. Seconds.
const SLACK: u64 = 3_600;

/// What can be told of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) modified: u64,
}

/// A directory of which files can be compared.
pub(crate) trait Compare: Look {
    /// Of a file; none of anything else.
    fn facts(&self, path: &str) -> Result<Option<Facts>, Failure>;

    /// Its sha256.
    fn digest(&self, path: &str) -> Result<String, Failure>;
}

impl Compare for Directory {
    fn facts(&self, path: &str) -> Result<Option<Facts>, Failure> {
        let file = self.stat(path)?.filter(|entry| entry.kind == "file");
        Ok(file.map(|entry| Facts { size: entry.size, modified: entry.modified }))
    }

    fn digest(&self, path: &str) -> Result<String, Failure> {
        Directory::digest(self, path)
    }
}

/// The parameters of the slot.
pub(crate) struct Merge {
    /// Files and directories.
    pub(crate) paths: Vec<String>,
    /// A file of the installation that its last update wrote.
    pub(crate) mark: Option<String>,
    /// One that it did not write.
    pub(crate) witness: Option<String>,
}

/// What is to be done. Paths, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The users' own take the place of the new version's.
    pub(crate) kept: Vec<String>,
    /// Only the live installation has them.
    pub(crate) carries: Vec<Pair>,
    /// The new version's take the place of live ones that differ. With the live one's sha256, if it is a file.
    pub(crate) replaced: Vec<(String, Option<String>)>,
}

impl Merge {
    /// Compares, and decides. What is among `carries` already is left out.
    pub(crate) fn resolve(
        &self,
        root: &impl Compare,
        tree: &impl Compare,
        carries: &[Pair],
    ) -> Result<Merged, Failure> {
        let since = self.since(root)?;
        let mut work = Work { root, tree, carries, since, merged: Merged::default() };
        self.paths.iter().try_for_each(|path| work.visit(path))?;
        Ok(work.merged)
    }

    /// From when on a file was written by somebody else than the update. None if times do not tell.
    fn since(&self, root: &impl Compare) -> Result<Option<u64>, Failure> {
        let time = |path: &Option<String>| -> Result<Option<u64>, Failure> {
            match path {
                Some(path) => Ok(root.facts(path)?.map(|facts| facts.modified)),
                None => Ok(None),
            }
        };
        let (mark, witness) = (time(&self.mark)?, time(&self.witness)?);
        let tells = |mark: &u64| witness.is_none_or(|witness| witness.abs_diff(*mark) > SLACK);
        Ok(mark.filter(tells).map(|mark| mark.saturating_add(SLACK)))
    }
}

struct Work<'a, R, T> {
    root: &'a R,
    tree: &'a T,
    carries: &'a [Pair],
    since: Option<u64>,
    merged: Merged,
}

impl<R: Compare, T: Compare> Work<'_, R, T> {
    fn visit(&mut self, path: &str) -> Result<(), Failure> {
        if is_carried(self.carries, path) {
            return Ok(());
        }
        match (self.root.find(path)?, self.tree.find(path)?) {
            (Found::Nothing, _) => {}
            (_, Found::Nothing) => self.merged.carries.push(Pair { from: path.to_owned(), to: path.to_owned() }),
            (Found::Directory, Found::Directory) => {
                for name in self.root.names(path)? {
                    self.visit(&join(path, &name))?;
                }
            }
            (Found::Other, Found::Other) => self.compare(path)?,
            (Found::Directory, Found::Other) | (Found::Other, Found::Directory) => {
                self.merged.replaced.push((path.to_owned(), None));
            }
        }
        Ok(())
    }

    fn compare(&mut self, path: &str) -> Result<(), Failure> {
        match (self.root.facts(path)?, self.tree.facts(path)?) {
            (Some(live), Some(new)) => {
                let digest = self.root.digest(path)?;
                if live.size == new.size && digest == self.tree.digest(path)? {
                    return Ok(());
                }
                match self.since {
                    Some(since) if live.modified < since => {
                        self.merged.replaced.push((path.to_owned(), Some(digest)));
                    }
                    _ => self.merged.kept.push(path.to_owned()),
                }
            }
            _ => self.merged.kept.push(path.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
