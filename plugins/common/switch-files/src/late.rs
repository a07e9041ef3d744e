//! What is moved over after the exchange, still under freeze: what users made after the list of what is carried was drawn
//! up, and what the new version has in directories that were carried whole.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::join;
use liftlock_sdk::look::{Found, Look};

/// A move from the tree into the root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What lies in these directories of the old version, which is in the tree now, and not in the live ones: whatever the new
/// version lacks has been carried, so this came later.
pub(crate) fn latecomers(directories: &[String], tree: &impl Look, root: &impl Look) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    for directory in directories {
        if (tree.find(directory)?, root.find(directory)?) != (Found::Directory, Found::Directory) {
            continue;
        }
        for name in tree.names(directory)? {
            let path = join(directory, &name);
            if root.find(&path)? == Found::Nothing {
                moves.push(Move { from: path.clone(), to: path });
            }
        }
    }
    Ok(moves)
}

/// What the new version has below `aside` and the live installation has not at the same place. Where both have something
/// the users' own stays.
pub(crate) fn fillings(aside: &str, tree: &impl Look, root: &impl Look) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    let mut open = vec![String::new()];
    while let Some(directory) = open.pop() {
        let here = if directory.is_empty() { aside.to_owned() } else { join(aside, &directory) };
        if tree.find(&here)? != Found::Directory {
            continue;
        }
        for name in tree.names(&here)? {
            let (from, to) = (join(&here, &name), join(&directory, &name));
            match root.find(&to)? {
                Found::Nothing => moves.push(Move { from, to }),
                Found::Directory => open.push(to),
                Found::Other => {}
            }
        }
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    fn moves(moves: &[Move]) -> Vec<(&str, &str)> {
        moves.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect()
    }

    #[test]
    fn a_file_of_the_users_is_never_replaced_by_one_of_the_new_version() {
        let tree = Listing::new(&[".new/", ".new/media/", ".new/media/logo.png", ".new/media/a"]);
        let root = Listing::new(&["media/", "media/logo.png", "media/a/"]);
        assert_eq!(fillings(".new", &tree, &root), Ok(Vec::new()));
        let link = Listing::new(&["media"]);
        assert_eq!(fillings(".new", &tree, &link), Ok(Vec::new()), "nothing is put behind a link");
    }

    #[test]
    fn what_only_the_new_version_has_is_added_whole() {
        let tree = Listing::new(&[
            ".new/",
            ".new/media/",
            ".new/media/images/",
            ".new/media/images/flags/",
            ".new/media/images/flags/at.png",
            ".new/media/images/old.png",
        ]);
        let root = Listing::new(&["media/", "media/images/", "media/images/old.png", "media/images/mine.png"]);
        let found = fillings(".new", &tree, &root).unwrap();
        assert_eq!(moves(&found), [(".new/media/images/flags", "media/images/flags")]);
        assert_eq!(fillings(".gone", &tree, &root), Ok(Vec::new()));
    }

    #[test]
    fn what_came_after_the_list_is_moved_over_and_nothing_else() {
        let old = Listing::new(&["themes/", "themes/blank/", "themes/late/", "themes/late/a", "app/", "app/old.php"]);
        let live = Listing::new(&["themes/", "themes/blank/", "themes/mine/", "app/"]);
        let found = latecomers(&["themes".to_owned(), "plugins".to_owned()], &old, &live).unwrap();
        assert_eq!(moves(&found), [("themes/late", "themes/late")]);
    }
}
