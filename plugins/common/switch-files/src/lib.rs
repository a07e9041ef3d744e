//! Puts the new version live: exchanges the application's own top-level entries between the new tree and the root, in one
//! effect, and carries the users' data over.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the root; default `app` |
//! | `entries` | the top-level names to exchange; default `*`: all that the new tree has, but for `keep` |
//! | `keep` | top-level names that stay as they are |
//! | `remove` | top-level names of the old version that the new one no longer has; they move away |
//! | `late` | directories of the users (`carry` and `carry-unknown` of `restore-user-data`), as `path` or `from -> to`: what was made in them since the list of what is carried was drawn up is moved over as well |
//! | `merge` | files, and directories with all below them, in which users change the application's own files (`merge` of `restore-user-data`): what was changed in them since is moved over as well, see [`changed`] |
//! | `fill` | a top-level name of the tree (`aside` of `restore-user-data`), never exchanged itself: what is in it goes to the same path of the root where nothing is |
//! | `version-file`, `version-pattern`, `version` | how the application says its version: see [`liftlock_sdk::version`] |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version, complete but for what is carried |
//! | `carry` | text | what is carried, as `restore-user-data` puts it out: lines of `from`, a tab, `to`; optional |
//! | `replaced` | text | files that `restore-user-data` has decided to replace: lines of path, a tab, sha256; optional |

mod changed;
mod late;
mod plan;

use liftlock_sdk::prelude::*;
use liftlock_sdk::version::VersionRule;

use crate::late::{Late, Move};
use crate::plan::Pair;

struct SwitchFiles;

impl Stage for SwitchFiles {
    fn info() -> Info {
        Info::new("switch-files", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .may_consume("carry", Kind::Text)
            .may_consume("replaced", Kind::Text)
            .asks(Ask::files("*").write("exchanges the application's entries for those of the new version"))
    }

    fn check() -> Findings {
        Directory::root(&root())?;
        VersionRule::from_params()?;
        if run::input("tree").is_none() {
            return Ok(vec![Finding::deferred("what will be exchanged is known when the package is extracted")]);
        }
        entries().map(|_| Vec::new())
    }

    fn apply() -> Result<Outcome, Failure> {
        let tree = run::require_input("tree")?;
        let carry = plan::carried(&run::input("carry").unwrap_or_default())?;
        let entries = entries()?;
        let live = Directory::root(&root())?;
        let carry = switch(&tree, &entries, carry, &live)?;
        let moved = move_over(&Directory::tree(&tree)?, &live)?;
        let (exchanged, carried) = (entries.len(), carry.len());
        Ok(Outcome::changed(format!("{exchanged} entries exchanged, {carried} carried, {moved} moved over")))
    }

    fn verify() -> Findings {
        let Some(rule) = VersionRule::from_params()? else { return Ok(Vec::new()) };
        rule.check(&Directory::root(&root())?)?;
        Ok(vec![Finding::info("switched", format!("the live version is {}", rule.version()))])
    }
}

liftlock_sdk::export!(SwitchFiles);

fn root() -> String {
    run::param_or("root", "app")
}

/// The names that will be exchanged.
fn entries() -> Result<Vec<String>, Failure> {
    let tree = Directory::tree(&run::require_input("tree")?)?;
    let names = |directory: &Directory| -> Result<Vec<String>, Failure> {
        Ok(directory.list("")?.into_iter().map(|entry| entry.name).collect())
    };
    let plan = plan::Plan {
        entries: run::list_param("entries"),
        keep: run::list_param("keep"),
        remove: run::list_param("remove"),
        fill: run::param("fill"),
    };
    plan.resolve(&names(&tree)?, &names(&Directory::root(&root())?)?)
}

/// Exchanges, and answers what was carried. What was to be carried may be gone by now: users delete things too. The host
/// freezes before it looks, so that a second look is one at what stays.
fn switch(tree: &str, entries: &[String], carry: Vec<Pair>, root: &Directory) -> Result<Vec<Pair>, Failure> {
    let failure = match files::switch_entries(tree, entries, &carry) {
        Ok(_) => return Ok(carry),
        Err(failure) => failure,
    };
    let mut there = Vec::new();
    for pair in &carry {
        if root.exists(&pair.0)? {
            there.push(pair.clone());
        } else {
            run::info(format!("{} was deleted before the freeze", pair.0));
        }
    }
    if there.len() == carry.len() {
        return Err(failure);
    }
    files::switch_entries(tree, entries, &there)?;
    Ok(there)
}

/// Moves over what could not go with the exchange. From here on the tree is the old version.
fn move_over(tree: &Directory, root: &Directory) -> Result<usize, Failure> {
    let directories: Vec<_> = run::list_param("late").iter().map(|text| Late::parse(text)).collect();
    let mut moved = each(late::latecomers(&directories, tree, root)?, tree, root)?;
    let decided = changed::decided(&run::input("replaced").unwrap_or_default());
    moved += each(changed::since(&run::list_param("merge"), &decided, tree, root)?, tree, root)?;
    if let Some(aside) = run::param("fill") {
        moved += each(late::fillings(&aside, tree, root)?, tree, root)?;
    }
    Ok(moved)
}

fn each(moves: Vec<Move>, tree: &Directory, root: &Directory) -> Result<usize, Failure> {
    for Move { from, to, over } in &moves {
        run::info(format!("{to} is moved over after the exchange"));
        match over {
            true => root.remove(to)?,
            false => root.make_parents(to)?,
        }
        tree.move_tree(from, root, to)?;
    }
    Ok(moves.len())
}
