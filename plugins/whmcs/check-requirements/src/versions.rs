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
    /// Another tool has begun, and is to be taken over.
    adopt: bool,
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
            adopt: run::bool_param("adopt")?,
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
        if files != database && self.adopt {
            return self.adopted(files, database);
        }
        if files != database {
            let fix = match files > database {
                true => {
                    format!("finish that upgrade first: liftlock apply --adopt; or put the files of {database} back")
                }
                false => format!(
                    "put the files of the full release {database} in place first: liftlock apply --adopt does it, if this is the package"
                ),
            };
            let failure = whmcs_installation::mismatch(&files, &database);
            return Some(Finding::from(failure).fix(fix));
        }
        self.of(files)
    }

    /// The sides differ, and are to be brought together. A full release brings all files itself, whatever is there, and the
    /// database goes on from where it is; so only the database's version counts. A patch set brings but a few.
    fn adopted(&self, files: Version, database: Version) -> Option<Finding> {
        if let Some(base) = self.base.filter(|base| files != self.at_most || database != *base) {
            let message = format!(
                "this patch set is for WHMCS {base} and for nothing else; the files are {files}, the database is {database}"
            );
            return Some(
                Finding::blocking("wrong-base", message).fix("take the full release, which brings all files itself"),
            );
        }
        if database == self.at_most {
            return None;
        }
        self.of(database)
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
            adopt: false,
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
    fn what_another_tool_has_left_is_adopted_where_the_package_can_finish_it() {
        let code = |base: Option<&str>, files: &str, database: &str| {
            let (target, oldest) = (if base.is_some() { "8.12.1" } else { "8.13.1" }, Some(version("8.0.0")));
            let wanted = Wanted {
                target: target.to_owned(),
                at_most: version(target),
                oldest,
                base: base.map(version),
                adopt: true,
            };
            let found = wanted.finding(Version::parse(files), Version::parse(database));
            found.map(|finding| finding.code).unwrap_or_default()
        };
        assert_eq!(code(None, "8.12.0", "8.14.0"), "newer-than-target");
        assert_eq!(code(None, "8.13.1", "7.10.3"), "too-old");
        assert_eq!(code(None, "8.13.1", "8.13.1"), "already-there");
        assert_eq!(code(Some("8.12.0"), "8.12.1", "8.11.2"), "wrong-base");
        assert_eq!(code(Some("8.12.0"), "8.11.2", "8.12.0"), "wrong-base");
        for (base, files, database) in [
            (None, "8.13.1", "8.12.0"),
            (None, "8.12.0", "8.13.1"),
            (None, "8.11.2", "8.12.0"),
            (Some("8.12.0"), "8.12.1", "8.12.0"),
        ] {
            assert_eq!(code(base, files, database), "", "{files} {database}");
        }
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
