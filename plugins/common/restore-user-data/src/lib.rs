//! Puts what belongs to the users into the new version: small files are copied now, everything else is carried by the
//! switch, under freeze, so that nothing is lost that is written until then.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `copy` | small files that are copied into the new tree: `path`; or `path?`, if it may be missing, or the new version may have no directory for it; or with a `*` for every entry of a directory (`plugins/*/config.inc.php`), which is like `?` |
//! | `carry` | what is renamed into the new tree by the switch: `path`, or `from -> to`; with `?` at the end if it may be missing |
//! | `carry-unknown` | directories of which every live entry is carried that the new version does not have (`skins`) |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! What is copied is compared again by the host when the installation is frozen. What the new version has at the same path
//! is replaced: the users' own wins. A directory is never copied over a directory.
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `carry` | text | for `switch-files`: lines of `from`, a tab, `to` |

mod look;
mod plan;
mod spec;

use liftlock_sdk::prelude::*;

use crate::plan::{Pair, Plan};
use crate::spec::{CarrySpec, CopySpec};

struct RestoreUserData;

impl Stage for RestoreUserData {
    fn info() -> Info {
        Info::new("restore-user-data", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .produces("carry", Kind::Text)
            .asks(Ask::files("*").read("copies the users' small files into the new version"))
    }

    fn check() -> Findings {
        let root = root()?;
        let plan = plan_of_slot()?;
        let Some(tree) = run::input("tree") else {
            plan.missing(&root)?;
            return Ok(vec![Finding::deferred("what the new version lacks is known when the package is extracted")]);
        };
        plan.resolve(&root, &Directory::tree(&tree)?)?;
        Ok(Vec::new())
    }

    fn apply() -> Result<Outcome, Failure> {
        let (root, tree) = (root()?, tree()?);
        let work = plan_of_slot()?.resolve(&root, &tree)?;
        for path in &work.copies {
            plan::must_not_hide(&tree, path)?;
            make_room(&tree, path)?;
            root.copy_tree(path, &tree, path).map_err(|failure| failure.at(path))?;
        }
        for pair in &work.carries {
            make_room(&tree, &pair.to)?;
        }
        run::set_output("carry", &lines(&work.carries))?;
        let (copied, carried) = (work.copies.len(), work.carries.len());
        Ok(Outcome::changed_if(copied + carried > 0, format!("{copied} copied, {carried} to carry")))
    }

    fn verify() -> Findings {
        let (root, tree) = (root()?, tree()?);
        let mut findings = Vec::new();
        for path in plan_of_slot()?.resolve(&root, &tree)?.copies {
            if !tree.exists(&path)? {
                findings.push(Finding::blocking("copy-missing", format!("the new version has no copy of {path}")));
            }
        }
        Ok(findings)
    }
}

liftlock_sdk::export!(RestoreUserData);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

fn tree() -> Result<Directory, Failure> {
    Directory::tree(&run::require_input("tree")?)
}

fn plan_of_slot() -> Result<Plan, Failure> {
    Ok(Plan {
        copy: run::list_param("copy").iter().map(|spec| CopySpec::parse(spec)).collect::<Result<_, _>>()?,
        carry: run::list_param("carry").iter().map(|spec| CarrySpec::parse(spec)).collect::<Result<_, _>>()?,
        carry_unknown: run::list_param("carry-unknown"),
    })
}

/// Makes the new tree ready for something at this path: its parents are there, and nothing of the new version is in the way.
fn make_room(tree: &Directory, path: &str) -> Result<(), Failure> {
    if tree.exists(path)? {
        run::info(format!("{path} of the new version gives way to the users' own"));
        return tree.remove(path);
    }
    tree.make_parents(path)
}

fn lines(pairs: &[Pair]) -> String {
    pairs.iter().map(|pair| format!("{}\t{}\n", pair.from, pair.to)).collect()
}
