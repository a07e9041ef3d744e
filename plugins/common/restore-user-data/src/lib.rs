//! Puts what belongs to the users into the new version: small files are copied now, everything else is carried by the
//! switch, under freeze, so that nothing is lost that is written until then.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the live root; default `app` |
//! | `copy` | small files that are copied into the new tree: `path`; or `path?`, if it may be missing, or the new version may have no directory for it; or with a `*` for any text in a name (`plugins/*/config.inc.php`, `config/*local*.php`), which is like `?` |
//! | `carry` | what is renamed into the new tree by the switch: `path`, or `from -> to`; with `?` at the end if it may be missing |
//! | `carry-unknown` | directories of which every live entry is carried that the new version does not have (`skins`) |
//! | `merge` | files, and directories with all below them, in which users change the application's own files: see [`merge`] |
//! | `merge-mark` | a live file that the last update wrote; what was written an hour later was changed by somebody |
//! | `merge-witness` | a live file that the last update did not write; if it is of the same hour, times tell nothing |
//! | `beside` | what is added to the name of a file of the new version that a copied one replaces (`.new`); default: it is removed |
//! | `aside` | a name at the top of the tree for what the new version has in carried directories: `fill` of `switch-files`; default: it is removed |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! What is copied is compared again by the host when the installation is frozen; what was compared and not copied, and what
//! came later, by `switch-files` (`merge`, `late`). What the new version has at the same path
//! is replaced: the users' own wins. A directory is never copied over a directory.
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `carry` | text | for `switch-files`: lines of `from`, a tab, `to` |
//! | `replaced` | text | for `switch-files`: files that were compared and are the new version's from now on: lines of path, a tab, sha256 |
//! | `decisions` | text | what becomes of each of the users' files, a line each |

mod decisions;
mod merge;
mod place;
mod plan;
mod spec;

use liftlock_sdk::look::Look;
use liftlock_sdk::prelude::*;

use crate::decisions::Decisions;
use crate::merge::{Merge, Merged};
use crate::place::Sides;
use crate::plan::{Pair, Plan, Work};
use crate::spec::{CarrySpec, CopySpec};

struct RestoreUserData;

impl Stage for RestoreUserData {
    fn info() -> Info {
        Info::new("restore-user-data", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .produces("carry", Kind::Text)
            .produces("replaced", Kind::Text)
            .produces("decisions", Kind::Text)
            .asks(Ask::files("*").read("copies the users' small files into the new version"))
    }

    fn check() -> Findings {
        let root = root()?;
        let plan = plan_of_slot()?;
        aside()?;
        let Some(tree) = run::input("tree") else {
            plan.missing(&root)?;
            return Ok(vec![Finding::deferred("what the new version lacks is known when the package is extracted")]);
        };
        plan.resolve(&root, &Directory::tree(&tree)?)?;
        Ok(Vec::new())
    }

    fn apply() -> Result<Outcome, Failure> {
        let sides = Sides { root: root()?, tree: tree()?, beside: run::param("beside"), aside: aside()? };
        let mut work = plan_of_slot()?.resolve(&sides.root, &sides.tree)?;
        let merged = merge_of_slot().resolve(&sides.root, &sides.tree, &work.carries)?;
        let mut decisions = Decisions::default();
        for name in strangers(&sides.root, &sides.tree)? {
            decisions.untouched(&name);
        }
        run::set_output("replaced", &replaced(&merged))?;
        put(&sides, &mut work, merged, &mut decisions)?;
        decisions.lines().iter().for_each(run::info);
        run::set_output("carry", &lines(&work.carries))?;
        run::set_output("decisions", &decisions.text())?;
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

fn merge_of_slot() -> Merge {
    Merge { paths: run::list_param("merge"), mark: run::param("merge-mark"), witness: run::param("merge-witness") }
}

/// The switch leaves one name at the top of the tree alone, not a path.
fn aside() -> Result<Option<String>, Failure> {
    match run::param("aside") {
        Some(name) if name.contains('/') => Err(Failure::new(
            "param-wrong",
            format!("the parameter `aside` must be a name without a slash, not {name}"),
        )),
        name => Ok(name),
    }
}

/// Does what was planned. What is merged is added to `work`.
fn put(sides: &Sides, work: &mut Work, merged: Merged, decisions: &mut Decisions) -> Result<(), Failure> {
    for path in &work.copies {
        decisions.copied(path, sides.copy_beside(path)?.as_deref());
    }
    for path in merged.kept {
        if !work.copies.contains(&path) {
            sides.copy(&path)?;
            decisions.kept(&path);
            work.copies.push(path);
        }
    }
    let replaced = merged.replaced.iter().map(|(path, _)| path).filter(|path| !work.copies.contains(path));
    replaced.for_each(|path| decisions.replaced(path));
    work.carry(merged.carries)?;
    for pair in &work.carries {
        sides.make_room_for(pair)?;
        decisions.carried(pair);
    }
    Ok(())
}

/// Directories at the top of the root that the new version knows nothing of.
fn strangers(root: &Directory, tree: &Directory) -> Result<Vec<String>, Failure> {
    let new = tree.names("")?;
    let strangers = root.list("")?.into_iter().filter(|entry| entry.kind == "directory" && !new.contains(&entry.name));
    Ok(strangers.map(|entry| entry.name).collect())
}

/// Of what cannot be on a line the switch takes for granted that it is the users' own.
fn replaced(merged: &Merged) -> String {
    let fits = |path: &str| !path.contains(['\t', '\n', '\r']);
    let line = |(path, digest): &(String, Option<String>)| {
        digest.as_ref().filter(|_| fits(path)).map(|digest| format!("{path}\t{digest}\n"))
    };
    merged.replaced.iter().filter_map(line).collect()
}

fn lines(pairs: &[Pair]) -> String {
    pairs.iter().map(|pair| format!("{}\t{}\n", pair.from, pair.to)).collect()
}
