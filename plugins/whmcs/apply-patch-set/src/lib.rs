//! Puts the files of a patch set in their places, one after the other, under freeze: a patch set is a few files for one version,
//! and put onto any other it makes a mixture of two that only "Down for Maintenance" comes of.
//!
//! The package says what it is for in `patch-set.json` at its top: `{"base": "8.12.0-release.1", "version": "8.12.1-release.1"}`.
//! init.php, whose head says the version, comes last.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | default `app` and `main` |
//! | `base`, `version` | what the bundle says that the package is for, and makes |
//! | `adopt` | true: another tool has put the files in place already; they are put there again |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the files of the patch set |

mod plan;

use liftlock_sdk::prelude::*;
use whmcs_installation::patch_set::{self, Manifest};
use whmcs_installation::settings;

use crate::plan::Step;

struct ApplyPatchSet;

impl Stage for ApplyPatchSet {
    fn info() -> Info {
        Info::new("whmcs-apply-patch-set", env!("CARGO_PKG_VERSION"))
            .consumes("tree", Kind::Tree)
            .asks(Ask::files("*").write("replaces the files that the patch set brings"))
            .asks(Ask::database("*").read("reads which version the database is of"))
    }

    fn check() -> Findings {
        let Some(tree) = run::input("tree") else {
            return Ok(vec![Finding::deferred("which files are replaced is known when the package is extracted")]);
        };
        let (tree, root) = (Directory::tree(&tree)?, root()?);
        must_fit(&tree, &root)?;
        let steps = plan::steps(&tree, &root, &settings::admin_directory(&root)?)?;
        let named: Vec<&str> = steps.iter().map(Step::target).collect();
        Ok(vec![Finding::info("patched", format!("these are replaced or new: {}", named.join(", ")))])
    }

    fn apply() -> Result<Outcome, Failure> {
        let (tree, root) = (Directory::tree(&run::require_input("tree")?)?, root()?);
        must_fit(&tree, &root)?;
        let steps = plan::steps(&tree, &root, &settings::admin_directory(&root)?)?;
        for (done, step) in steps.iter().enumerate() {
            take(step, &tree, &root).map_err(|failure| failure.at(step.target()))?;
            run::progress(done as u64 + 1, Some(steps.len() as u64), "files");
        }
        let replaced = steps.iter().filter(|step| matches!(step, Step::Replace { .. })).count();
        Ok(Outcome::changed(format!("{replaced} files replaced, {} new", steps.len() - replaced)))
    }

    fn verify() -> Findings {
        let manifest = Manifest::from_params()?;
        let files = whmcs_installation::of_files(&root()?)?;
        Ok(match files == Some(manifest.version) {
            true => vec![Finding::info("patched", format!("the files are of version {}", manifest.version))],
            false => vec![Finding::blocking("wrong-version", "init.php does not say the version of the patch set")],
        })
    }
}

liftlock_sdk::export!(ApplyPatchSet);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

/// The package is what the bundle says, and both sides of the installation are what it is for.
fn must_fit(tree: &Directory, root: &Directory) -> Result<(), Failure> {
    let wanted = Manifest::from_params()?;
    let found = Manifest::parse(&tree.read_text(patch_set::FILE).map_err(|failure| patch_set::none(&failure))?)?;
    found.must_be(&wanted)?;
    let database = Database::open(&run::param_or("database", "main"))?;
    wanted.must_be_for(
        whmcs_installation::of_files(root)?,
        whmcs_installation::of_database(&database)?,
        run::bool_param("adopt")?,
    )
}

fn take(step: &Step, tree: &Directory, root: &Directory) -> Result<(), Failure> {
    match step {
        Step::Replace { from, to } => root.write_all(to, &tree.read_all(from)?),
        Step::Add { from, to } => {
            root.make_parents(to)?;
            tree.copy_tree(from, root, to).map(|_| ())
        }
    }
}
