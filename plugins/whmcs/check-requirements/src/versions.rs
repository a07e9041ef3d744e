//! Which version is here, and whether the package can make its own of it.

use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::run;
use whmcs_installation::Version;

/// What the package wants to find and to make.
pub(crate) struct Wanted {
    target: String,
    at_most: Version,
    oldest: Option<Version>,
    base: Option<Version>,
}

impl Wanted {
    /// As the slot says it.
    pub(crate) fn from_params() -> Result<Self, Failure> {
        let version = |name: &str, text: String| {
            Version::parse(&text)
                .ok_or_else(|| Failure::new("param-wrong", format!("the parameter `{name}` is no version: {text}")))
        };
        let optional = |name: &str| run::param(name).map(|text| version(name, text)).transpose();
        let target = run::require_param("target")?;
        Ok(Self {
            at_most: version("target", target.clone())?,
            target,
            oldest: optional("oldest")?,
            base: optional("base")?,
        })
    }

    /// The version that the package makes.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Whether it is a few files for one version.
    pub(crate) fn is_patch(&self) -> bool {
        self.base.is_some()
    }

    /// The one thing that is wrong: each of them makes the next ones meaningless.
    pub(crate) fn finding(&self, files: Option<Version>, database: Option<Version>) -> Option<Finding> {
        let Some(files) = files else {
            let message = "init.php does not say a version at its head: is this WHMCS?";
            return Some(
                Finding::blocking("files-version-unknown", message)
                    .fix("see whether [roots.app] is the directory with init.php"),
            );
        };
        let Some(database) = database else {
            let message = "tblconfiguration has no row Version that says one: is this the database of WHMCS?";
            return Some(
                Finding::blocking("database-version-unknown", message)
                    .fix("compare [databases.main] with configuration.php"),
            );
        };
        if files != database {
            let fix = match files > database {
                true => format!(
                    "finish that upgrade first, by its own installer (install/), or put the files of {database} back"
                ),
                false => format!("put the files of the full release {database} in place first"),
            };
            let failure = whmcs_installation::mismatch(&files, &database);
            return Some(Finding::from(failure).fix(fix));
        }
        self.of(files)
    }

    fn of(&self, here: Version) -> Option<Finding> {
        let target = &self.at_most;
        let found = |code: &str, message: String, fix: &str| Some(Finding::blocking(code, message).fix(fix));
        if here == *target {
            return found("already-there", format!("this is WHMCS {here} already"), "there is nothing to do");
        }
        if here > *target {
            let message = format!("this is WHMCS {here}, newer than {target}");
            return found("newer-than-target", message, "take the bundle of a newer version");
        }
        if let Some(base) = self.base.filter(|base| *base != here) {
            let message = format!("this patch set is for WHMCS {base} and for nothing else, and this is {here}");
            return found("wrong-base", message, "take the full release, which upgrades any version");
        }
        if let Some(oldest) = self.oldest.filter(|oldest| here < *oldest) {
            let message = format!("this is WHMCS {here}; the package upgrades {oldest} and newer");
            return found("too-old", message, "upgrade to an older release first");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn code(base: Option<&str>, files: &str, database: &str) -> String {
        let wanted = Wanted {
            target: "8.13.1".to_owned(),
            at_most: version("8.13.1"),
            oldest: Some(version("8.0.0")),
            base: base.map(version),
        };
        let found = wanted.finding(Version::parse(files), Version::parse(database));
        assert!(found.as_ref().is_none_or(|finding| finding.severity == "blocking" && finding.fix.is_some()));
        found.map(|finding| finding.code).unwrap_or_default()
    }

    #[test]
    fn a_mismatch_is_found_whichever_side_is_newer() {
        assert_eq!(code(None, "8.12.1", "8.12.0"), "version-mismatch");
        assert_eq!(code(None, "8.12.0", "8.12.1"), "version-mismatch");
        assert_eq!(code(None, "8.13.1", "8.13.0-rc.1"), "version-mismatch");
        assert_eq!(code(None, "8.12.0", "8.12.0-rc.1"), "version-mismatch");
    }

    #[test]
    fn a_patch_set_is_refused_on_any_base_but_its_own() {
        assert_eq!(code(Some("8.13.0"), "8.12.0", "8.12.0"), "wrong-base");
        assert_eq!(code(Some("8.13.0"), "8.13.0-rc.1", "8.13.0-rc.1"), "wrong-base");
        assert_eq!(code(Some("8.13.0"), "8.13.0", "8.13.0"), "");
    }

    #[test]
    fn what_says_nothing_and_what_is_not_for_this_package_is_refused() {
        assert_eq!(code(None, "", "8.12.0"), "files-version-unknown");
        assert_eq!(code(None, "8.12.0", "eight"), "database-version-unknown");
        assert_eq!(code(None, "8.13.1", "8.13.1"), "already-there");
        assert_eq!(code(None, "8.14.0", "8.14.0"), "newer-than-target");
        assert_eq!(code(None, "7.10.3", "7.10.3"), "too-old");
        assert_eq!(code(None, "8.12.0", "8.12.0"), "");
    }
}
