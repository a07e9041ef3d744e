//! What people did to the application's own files after `restore-user-data` had compared them, and before the freeze.
//!
//! It could only copy what it saw. So all of it is compared again under freeze: the old version, which is in the tree now, with
//! what is live.
//!
//! | the old version's file | what becomes of it |
//! | --- | --- |
//! | is the same as the live one | nothing: it was copied, or is the same in both versions |
//! | is what it was when `restore-user-data` decided for the new version's | nothing: that was decided |
//! | is anything else | somebody has changed it since: it takes the live one's place |
//! | is not live at all | somebody has added it since: it is moved over |

use std::collections::BTreeMap;

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::{Directory, join};
use liftlock_sdk::look::{Found, Look};

use crate::late::Move;

/// A directory of which files can be compared.
pub(crate) trait Compare: Look {
    /// Of a file: its size and its sha256. None of anything else, as a link.
    fn content(&self, path: &str) -> Result<Option<(u64, String)>, Failure>;
}

impl Compare for Directory {
    fn content(&self, path: &str) -> Result<Option<(u64, String)>, Failure> {
        match self.stat(path)?.filter(|entry| entry.kind == "file") {
            Some(entry) => Ok(Some((entry.size, self.digest(path)?))),
            None => Ok(None),
        }
    }
}

/// What was decided for the new version's file: the old one's sha256 by its path, from lines of path, a tab, sha256.
pub(crate) fn decided(list: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once('\t').map(|(path, digest)| (path.to_owned(), digest.to_owned()));
    list.lines().filter_map(pair).collect()
}

/// The moves for these files, and directories with all below them.
pub(crate) fn since(
    paths: &[String],
    decided: &BTreeMap<String, String>,
    tree: &impl Compare,
    root: &impl Compare,
) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    let mut open: Vec<String> = paths.iter().rev().cloned().collect();
    while let Some(path) = open.pop() {
        let over = match (tree.find(&path)?, root.find(&path)?) {
            (Found::Directory, Found::Directory) => {
                open.extend(tree.names(&path)?.iter().rev().map(|name| join(&path, name)));
                continue;
            }
            (Found::Directory | Found::Other, Found::Nothing) => false,
            (Found::Other, Found::Other) => {
                let (old, live) = (tree.content(&path)?, root.content(&path)?);
                let was_decided = old.as_ref().is_some_and(|(_, digest)| decided.get(&path) == Some(digest));
                if old == live || was_decided {
                    continue;
                }
                true
            }
            // Of another kind in the new version, or nothing: only a file can take a file's place.
            _ => continue,
        };
        moves.push(Move { from: path.clone(), to: path, over });
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    /// Paths, and what is in the files. No word: a link.
    struct Files(Listing, BTreeMap<&'static str, &'static str>);

    fn files(paths: &[(&'static str, &'static str)]) -> Files {
        let names: Vec<&str> = paths.iter().map(|(path, _)| *path).collect();
        Files(Listing::new(&names), paths.iter().copied().collect())
    }

    impl Look for Files {
        fn find(&self, path: &str) -> Result<Found, Failure> {
            self.0.find(path)
        }

        fn names(&self, path: &str) -> Result<Vec<String>, Failure> {
            self.0.names(path)
        }
    }

    impl Compare for Files {
        fn content(&self, path: &str) -> Result<Option<(u64, String)>, Failure> {
            let word = self.1.get(path).filter(|word| !word.is_empty());
            Ok(word.map(|word| (word.len() as u64, (*word).to_owned())))
        }
    }

    fn since_in(
        old: &[(&'static str, &'static str)],
        live: &[(&'static str, &'static str)],
        list: &str,
    ) -> Vec<(String, bool)> {
        const DIRECTORIES: [(&str, &str); 2] = [("themes/", ""), ("themes/blank/", "")];
        let with = |paths: &[(&'static str, &'static str)]| files(&[&DIRECTORIES, paths].concat());
        let moves = since(&["themes".to_owned()], &decided(list), &with(old), &with(live)).unwrap();
        assert!(moves.iter().all(|one| one.from == one.to));
        moves.into_iter().map(|one| (one.to, one.over)).collect()
    }

    #[test]
    fn a_file_that_was_decided_for_and_written_since_takes_its_place_again() {
        let (old, live) = ([("themes/blank/a", "edited")], [("themes/blank/a", "new")]);
        assert_eq!(since_in(&old, &live, "themes/blank/a\told"), [("themes/blank/a".to_owned(), true)]);
        assert_eq!(since_in(&old, &live, ""), [("themes/blank/a".to_owned(), true)], "it was the same in both");
        let link = [("themes/blank/a", "")];
        assert_eq!(since_in(&link, &live, "themes/blank/a\told"), [("themes/blank/a".to_owned(), true)]);
    }

    #[test]
    fn a_decision_stands_where_nobody_wrote() {
        let (old, live) = ([("themes/blank/a", "old")], [("themes/blank/a", "new")]);
        assert_eq!(since_in(&old, &live, "themes/blank/a\told"), []);
        assert_eq!(since_in(&live, &live, ""), []);
        let link = [("themes/blank/a", "")];
        assert_eq!(since_in(&link, &link, ""), [], "a link that was copied");
    }

    #[test]
    fn what_was_added_since_is_moved_over_however_deep() {
        let old = [("themes/blank/html/", ""), ("themes/blank/html/b", "x"), ("themes/blank/c", "y")];
        assert_eq!(
            since_in(&old, &[("themes/blank/html/", "")], ""),
            [("themes/blank/c".to_owned(), false), ("themes/blank/html/b".to_owned(), false)]
        );
        assert_eq!(
            since_in(&old, &[], ""),
            [("themes/blank/c".to_owned(), false), ("themes/blank/html".to_owned(), false)]
        );
    }

    #[test]
    fn what_is_of_another_kind_stays_with_the_old_version() {
        let (old, live) = ([("themes/blank/a", "x")], [("themes/blank/a/", "")]);
        assert_eq!(since_in(&old, &live, ""), []);
        assert_eq!(since_in(&live, &old, ""), []);
    }
}
