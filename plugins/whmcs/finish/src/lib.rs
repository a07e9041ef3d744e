//! Removes the installer, as WHMCS wants it, and looks whether files and database say the same version, the one that was wanted.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | default `app` and `main` |
//! | `version` | the version that both must say |
//! | `remove` | what is removed; default `install` |
//! | `code` | the application's own code for a failure; default the host's |

use liftlock_sdk::prelude::*;
use whmcs_installation::Version;

struct Finish;

impl Stage for Finish {
    fn info() -> Info {
        Info::new("whmcs-finish", env!("CARGO_PKG_VERSION"))
            .asks(Ask::files("*").write("removes the installer"))
            .asks(Ask::database("*").read("reads which version the database is of"))
    }

    fn apply() -> Result<Outcome, Failure> {
        agree()?;
        let root = root()?;
        let mut removed = Vec::new();
        for path in paths() {
            if root.exists(&path)? {
                root.remove(&path)?;
                removed.push(path);
            }
        }
        Ok(Outcome::changed_if(!removed.is_empty(), format!("removed: {}", removed.join(", "))))
    }

    fn verify() -> Findings {
        let version = agree()?;
        let root = root()?;
        for path in paths() {
            if root.exists(&path)? {
                return Ok(vec![Finding::blocking("installer-there", format!("{path} is still there"))]);
            }
        }
        Ok(vec![Finding::info("versions-agree", format!("files and database are of version {version}"))])
    }
}

liftlock_sdk::export!(Finish);

fn root() -> Result<Directory, Failure> {
    Directory::root(&run::param_or("root", "app"))
}

fn paths() -> Vec<String> {
    let named = run::list_param("remove");
    if named.is_empty() { vec!["install".to_owned()] } else { named }
}

/// The version that both are of.
fn agree() -> Result<Version, Failure> {
    let wanted = run::require_param("version")?;
    let files = whmcs_installation::of_files(&root()?)?;
    let database = whmcs_installation::of_database(&Database::open(&run::param_or("database", "main"))?)?;
    must_agree(&wanted, files, database)
}

fn must_agree(wanted: &str, files: Option<Version>, database: Option<Version>) -> Result<Version, Failure> {
    match (files, database) {
        (Some(files), Some(database)) if files != database => Err(whmcs_installation::mismatch(&files, &database)),
        (Some(files), Some(_)) if Version::parse(wanted) == Some(files) => Ok(files),
        (Some(files), Some(_)) => {
            Err(Failure::new("wrong-version", format!("files and database are of version {files}, not of {wanted}")))
        }
        _ => Err(Failure::new("version-unknown", "files or database do not say which version they are of")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_one_version_on_both_sides_is_refused() {
        let code = |files: &str, database: &str| {
            must_agree("8.13.1-release.1", Version::parse(files), Version::parse(database))
                .map_err(|failure| failure.code)
        };
        assert_eq!(code("8.13.1", "8.13.0"), Err("version-mismatch".to_owned()));
        assert_eq!(code("8.13.0", "8.13.0"), Err("wrong-version".to_owned()));
        assert_eq!(code("8.13.1", ""), Err("version-unknown".to_owned()));
        assert_eq!(code("", "8.13.1"), Err("version-unknown".to_owned()));
        assert!(code("8.13.1", "8.13.1").is_ok());
    }
}
