//! What is moved where.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::join;
use liftlock_sdk::look::{Found, Look};

/// Where the script puts Mautic 2.
pub(crate) const BACKUP: &str = "mautic-2-backup-files";
/// Where it unpacks Mautic 3.
pub(crate) const TEMPORARY: &str = "mautic-3-temp-files";

/// What Mautic 3 has at the top and Mautic 2 has not.
const NEW: [&str; 1] = ["var"];

/// Where people, the script and Mautic itself put things into Mautic 3: there, and where Mautic 2 has it. The innermost ones last,
/// as a directory that is moved whole has nothing left in it.
const SHARED: [(&str, &str); 11] = [
    ("plugins", "plugins"),
    ("themes", "themes"),
    ("translations", "translations"),
    ("media", "media"),
    ("media/css", "media/css"),
    ("media/dashboards", "media/dashboards"),
    ("media/files", "media/files"),
    ("media/images", "media/images"),
    ("media/js", "media/js"),
    ("var/spool", "app/spool"),
    ("var/spool/default", "app/spool/default"),
];

/// From one path of the root to another, where nothing is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Move {
    fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into() }
    }
}

/// Mautic 2 back from the backup; what has its names now goes to where the script had it from. What the script had not moved yet is
/// in its place.
pub(crate) fn back(root: &impl Look) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    let saved = root.names(BACKUP)?;
    for name in NEW.iter().map(|name| (*name).to_owned()).filter(|name| !saved.contains(name)) {
        if root.find(&name)? != Found::Nothing {
            moves.push(aside(root, &name)?);
        }
    }
    for name in saved {
        if root.find(&name)? != Found::Nothing {
            moves.push(aside(root, &name)?);
        }
        moves.push(Move::new(join(BACKUP, &name), name));
    }
    Ok(moves)
}

fn aside(root: &impl Look, name: &str) -> Result<Move, Failure> {
    let to = join(TEMPORARY, name);
    if root.find(&to)? != Found::Nothing {
        let message =
            format!("{name} is in the root, in {BACKUP} and in {TEMPORARY}: which one is whose cannot be told");
        return Err(Failure::new("name-twice", message));
    }
    Ok(Move::new(name, to))
}

/// What is among the script's files of Mautic 3 and Mautic 2 does not have: made since, or moved there by the script. Things of
/// Mautic 3 itself come along; the package has them too, so that they are taken for what they are.
pub(crate) fn since(root: &impl Look) -> Result<Vec<Move>, Failure> {
    let mut moves: Vec<Move> = Vec::new();
    for (new, old) in SHARED {
        let from = join(TEMPORARY, new);
        if (root.find(&from)?, root.find(old)?) != (Found::Directory, Found::Directory) {
            continue;
        }
        for name in root.names(&from)? {
            let to = join(old, &name);
            if root.find(&to)? == Found::Nothing {
                moves.push(Move::new(join(&from, &name), to));
            }
        }
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    fn texts(moves: &[Move]) -> Vec<String> {
        moves.iter().map(|Move { from, to }| format!("{from} > {to}")).collect()
    }

    #[test]
    fn what_is_in_three_places_is_refused() {
        let root = Listing::new(&[
            "app/",
            "mautic-2-backup-files/",
            "mautic-2-backup-files/app/",
            "mautic-3-temp-files/",
            "mautic-3-temp-files/app/",
        ]);
        assert_eq!(back(&root).unwrap_err().code, "name-twice");
    }

    #[test]
    fn what_was_not_moved_yet_stays_and_the_rest_comes_back() {
        let root = Listing::new(&[
            "app/",
            "shop/",
            "var/",
            "mautic-2-backup-files/",
            "mautic-2-backup-files/app/",
            "mautic-2-backup-files/index.php",
        ]);
        assert_eq!(
            texts(&back(&root).unwrap()),
            [
                "var > mautic-3-temp-files/var",
                "app > mautic-3-temp-files/app",
                "mautic-2-backup-files/app > app",
                "mautic-2-backup-files/index.php > index.php",
            ]
        );
    }

    #[test]
    fn what_people_have_made_since_is_kept_and_what_both_have_is_mautic_2s() {
        let root = Listing::new(&[
            "media/",
            "media/files/",
            "media/files/old.pdf",
            "app/spool/default/",
            "mautic-3-temp-files/media/",
            "mautic-3-temp-files/media/files/",
            "mautic-3-temp-files/media/files/old.pdf",
            "mautic-3-temp-files/media/files/new.pdf",
            "mautic-3-temp-files/var/spool/default/",
            "mautic-3-temp-files/var/spool/default/1.message",
        ]);
        assert_eq!(
            texts(&since(&root).unwrap()),
            [
                "mautic-3-temp-files/media/files/new.pdf > media/files/new.pdf",
                "mautic-3-temp-files/var/spool/default/1.message > app/spool/default/1.message",
            ]
        );
    }
}
