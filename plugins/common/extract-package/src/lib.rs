//! Unpacks the package into a new tree beside the live one, and refuses it if it is not the application and version that
//! was wanted.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root` | the root that the tree will replace; default `app` |
//! | `strip` | leading directories of each name that are left out; default 1 |
//! | `must-have` | paths that a right package has |
//! | `version-file`, `version-pattern`, `version` | how the package says its version: see [`liftlock_sdk::version`] |
//! | `code` | the application's own code for a failure; default the host's |
//!
//! | input | kind | what it is |
//! | --- | --- | --- |
//! | `package` | artifact | the package |
//!
//! | output | kind | what it is |
//! | --- | --- | --- |
//! | `tree` | tree | the new version |

use liftlock_sdk::prelude::*;
use liftlock_sdk::version::VersionRule;

struct ExtractPackage;

impl Stage for ExtractPackage {
    fn info() -> Info {
        Info::new("extract-package", env!("CARGO_PKG_VERSION"))
            .consumes("package", Kind::Artifact)
            .produces("tree", Kind::Tree)
            .asks(Ask::files("*").write("unpacks the new version beside the live one"))
    }

    fn check() -> Findings {
        Directory::root(&root())?;
        strip()?;
        VersionRule::from_params()?;
        Ok(Vec::new())
    }

    fn apply() -> Result<Outcome, Failure> {
        let package = run::require_input("package")?;
        // The package is what it is: another one comes only with another run.
        let new = files::extract(&package, &root(), strip()?).map_err(Failure::for_good)?;
        must_be_wanted(&Directory::tree(&new.tree)?).map_err(Failure::for_good)?;
        run::set_output("tree", &new.tree)?;
        Ok(Outcome::changed(format!("{} entries, {} bytes", new.entries, new.bytes)))
    }
}

liftlock_sdk::export!(ExtractPackage);

fn root() -> String {
    run::param_or("root", "app")
}

fn strip() -> Result<u32, Failure> {
    let strip = run::int_param("strip", 1)?;
    u32::try_from(strip).map_err(|_| Failure::new("param-wrong", "the parameter `strip` is too big"))
}

/// Refuses a package that is not the wanted application and version.
fn must_be_wanted(tree: &Directory) -> Result<(), Failure> {
    for path in run::list_param("must-have") {
        if !tree.exists(&path)? {
            return Err(Failure::new("not-the-application", format!("the package has no {path}")));
        }
    }
    VersionRule::from_params()?.map_or(Ok(()), |rule| rule.check(tree))
}
