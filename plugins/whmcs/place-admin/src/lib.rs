//! Gives the admin area of the new version the name that the operator has given it (`$customadminpath`), and copies into it what
//! is the operator's own there: languages, overrides and templates that the new version does not have. WHMCS's own guide has the
//! operator rename the directory by hand after each update.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version |

use liftlock_sdk::files::join;
use liftlock_sdk::look::{Found, Look};
use liftlock_sdk::prelude::*;
use whmcs_installation::settings::{ADMIN, admin_directory};

/// Directories of the admin area in which people have things of their own.
const SHARED: [&str; 2] = ["lang", "templates"];

struct PlaceAdmin;

impl Stage for PlaceAdmin {
    fn info() -> Info {
        Info::new("whmcs-place-admin", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .asks(Ask::files("*").read("reads what you call the admin area, and copies what is yours in it"))
    }

    fn apply() -> Result<Outcome, Failure> {
        let root = Directory::root(&run::param_or("root", "app"))?;
        let tree = Directory::tree(&run::require_input("tree")?)?;
        let name = admin_directory(&root)?;
        if name != ADMIN {
            if tree.exists(&name)? {
                let message =
                    format!("the new version has something of its own that is called {name}, as your admin area is");
                return Err(Failure::new("name-taken", message));
            }
            tree.rename(ADMIN, &name)?;
        }
        let own = own(&root, &tree, &name)?;
        for path in &own {
            root.copy_tree(path, &tree, path).map_err(|failure| failure.at(path))?;
            run::info(format!("{path}: your own stays"));
        }
        Ok(Outcome::changed_if(
            name != ADMIN || !own.is_empty(),
            format!("the admin area is {name}, {} copied", own.len()),
        ))
    }
}

liftlock_sdk::export!(PlaceAdmin);

/// What the new version does not have in the directories that both have.
fn own(root: &impl Look, tree: &impl Look, admin: &str) -> Result<Vec<String>, Failure> {
    let mut own = Vec::new();
    for directory in SHARED {
        let directory = join(admin, directory);
        if (root.find(&directory)?, tree.find(&directory)?) != (Found::Directory, Found::Directory) {
            continue;
        }
        for name in root.names(&directory)? {
            let path = join(&directory, &name);
            if tree.find(&path)? == Found::Nothing {
                own.push(path);
            }
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    #[test]
    fn only_what_the_new_version_lacks_is_the_operators_own() {
        let root = Listing::new(&[
            "office/",
            "office/old.php",
            "office/lang/",
            "office/lang/english.php",
            "office/lang/overrides/",
            "office/templates/",
        ]);
        let tree = Listing::new(&["office/", "office/lang/", "office/lang/english.php", "office/templates/"]);
        assert_eq!(own(&root, &tree, "office").unwrap(), ["office/lang/overrides"]);
        assert!(own(&root, &tree, "admin").unwrap().is_empty());
    }
}
