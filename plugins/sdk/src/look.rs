//! What a plan wants to know of a directory. A stage that plans over [`Look`] is tested without a host: see [`Listing`].

use std::collections::BTreeSet;

use crate::failure::Failure;
use crate::files::Directory;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// A file, a link or something else.
    Other,
}

/// A directory that can be looked at.
pub trait Look {
    /// What is at the path; a link is not followed.
    ///
    /// # Errors
    /// What the host says.
    fn find(&self, path: &str) -> Result<Found, Failure>;

    /// The names in a directory, in the order of their bytes.
    ///
    /// # Errors
    /// If it is no directory.
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

/// A directory that is only a list of paths, for tests. Those with a slash at the end are directories.
#[derive(Debug, Clone, Default)]
pub struct Listing(BTreeSet<String>);

impl Listing {
    /// A directory with these paths in it.
    pub fn new(paths: &[&str]) -> Self {
        Self(paths.iter().map(|path| (*path).to_owned()).collect())
    }
}

impl Look for Listing {
    fn find(&self, path: &str) -> Result<Found, Failure> {
        Ok(match () {
            () if path.is_empty() || self.0.contains(&format!("{path}/")) => Found::Directory,
            () if self.0.contains(path) => Found::Other,
            () => Found::Nothing,
        })
    }

    fn names(&self, path: &str) -> Result<Vec<String>, Failure> {
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let names = self.0.iter().filter_map(|entry| entry.strip_prefix(&below)).map(|name| name.trim_end_matches('/'));
        Ok(names.filter(|name| !name.is_empty() && !name.contains('/')).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_knows_only_what_it_lists() {
        let listing = Listing::new(&["a/", "a/b", "a/c/", "a/c/d", "e"]);
        assert_eq!(listing.find("x"), Ok(Found::Nothing));
        assert_eq!(listing.find("a/b"), Ok(Found::Other));
        assert_eq!((listing.find("a"), listing.find("")), (Ok(Found::Directory), Ok(Found::Directory)));
        assert_eq!(listing.names("a"), Ok(vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(listing.names(""), Ok(vec!["a".to_owned(), "e".to_owned()]));
    }
}
