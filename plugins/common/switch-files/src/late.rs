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
    /// Something of the new version is at `to`, and goes.
    pub(crate) over: bool,
}

impl Move {
    fn new(from: String, to: String) -> Self {
        Self { from, to, over: false }
    }
}

/// A directory of the users, and where it is in the new version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Late {
    /// `path`, or `from -> to`.
    pub(crate) fn parse(text: &str) -> Self {
        let (from, to) = text.split_once(" -> ").unwrap_or((text, text));
        Self { from: from.trim().to_owned(), to: to.trim().to_owned() }
    }
}

/// What lies in these directories of the old version, which is in the tree now, and not in the live ones: whatever the new
/// version lacks has been carried, so this came later. A directory that has another name in the new version, and is not there,
/// came later as a whole.
pub(crate) fn latecomers(directories: &[Late], tree: &impl Look, root: &impl Look) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    for Late { from, to } in directories {
        match (tree.find(from)?, root.find(to)?) {
            (Found::Directory, Found::Directory) => {
                for name in tree.names(from)? {
                    let (from, to) = (join(from, &name), join(to, &name));
                    if root.find(&to)? == Found::Nothing {
                        moves.push(Move::new(from, to));
                    }
                }
            }
            (Found::Directory, Found::Nothing) if from != to => moves.push(Move::new(from.clone(), to.clone())),
            _ => {}
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
                Found::Nothing => moves.push(Move::new(from, to)),
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
        let found = latecomers(&[Late::parse("themes"), Late::parse("plugins")], &old, &live).unwrap();
        assert_eq!(moves(&found), [("themes/late", "themes/late")]);
    }

    #[test]
    fn a_directory_with_another_name_in_the_new_version_may_come_late_as_a_whole() {
        let late = [Late::parse("app/spool -> var/spool")];
        let old = Listing::new(&["app/", "app/spool/", "app/spool/mail"]);
        let whole = latecomers(&late, &old, &Listing::new(&["var/"])).unwrap();
        assert_eq!(moves(&whole), [("app/spool", "var/spool")]);
        let part = latecomers(&late, &old, &Listing::new(&["var/", "var/spool/"])).unwrap();
        assert_eq!(moves(&part), [("app/spool/mail", "var/spool/mail")]);
        let carried = Listing::new(&["app/"]);
        assert_eq!(latecomers(&late, &carried, &Listing::new(&["var/", "var/spool/"])), Ok(Vec::new()));
    }
}
