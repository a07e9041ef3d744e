//! Which file goes where.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::join;
use liftlock_sdk::look::{Found, Look};
use whmcs_installation::HEAD;
use whmcs_installation::patch_set::FILE;
use whmcs_installation::settings::ADMIN;

/// One file, from a path of the patch set to one of the installation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file is there, and gets other bytes; owner and mode stay.
    Replace { from: String, to: String },
    /// Nothing is there.
    Add { from: String, to: String },
}

impl Step {
    /// The path in the installation.
    pub(crate) fn target(&self) -> &str {
        match self {
            Self::Replace { to, .. } | Self::Add { to, .. } => to,
        }
    }
}

/// All of them, what says the version last. `admin`: what the admin area is called here.
pub(crate) fn steps(tree: &impl Look, root: &impl Look, admin: &str) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    let mut open = vec![String::new()];
    while let Some(directory) = open.pop() {
        for name in tree.names(&directory)? {
            let from = join(&directory, &name);
            match tree.find(&from)? {
                Found::Directory => open.push(from),
                _ if from == FILE => {}
                _ => steps.push(step(root, from, admin)?),
            }
        }
    }
    steps.sort_by(|one, other| (one.target() == HEAD, one.target()).cmp(&(other.target() == HEAD, other.target())));
    Ok(steps)
}

fn step(root: &impl Look, from: String, admin: &str) -> Result<Step, Failure> {
    let to = match from.split_once('/') {
        Some((ADMIN, rest)) => join(admin, rest),
        _ => from.clone(),
    };
    match root.find(&to)? {
        Found::Nothing => Ok(Step::Add { from, to }),
        Found::Other => Ok(Step::Replace { from, to }),
        Found::Directory => {
            Err(Failure::new("cannot-replace", format!("{to} is a file of the patch set and a directory here")))
        }
    }
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    #[test]
    fn a_directory_is_never_replaced_by_a_file() {
        let tree = Listing::new(&["lang/", "lang/english.php"]);
        let root = Listing::new(&["lang/", "lang/english.php/"]);
        assert_eq!(steps(&tree, &root, "admin").unwrap_err().code, "cannot-replace");
    }

    #[test]
    fn the_version_comes_last_and_the_admin_area_has_its_name() {
        let tree = Listing::new(&[
            "init.php",
            "patch-set.json",
            "admin/",
            "admin/login.php",
            "vendor/",
            "vendor/a/",
            "vendor/a/b.php",
        ]);
        let root = Listing::new(&["init.php", "office/", "office/login.php", "vendor/"]);
        let found = steps(&tree, &root, "office").unwrap();
        let replace = |from: &str, to: &str| Step::Replace { from: from.to_owned(), to: to.to_owned() };
        let add = Step::Add { from: "vendor/a/b.php".to_owned(), to: "vendor/a/b.php".to_owned() };
        assert_eq!(found, [replace("admin/login.php", "office/login.php"), add, replace("init.php", "init.php")]);
    }
}
