//! What a patch set says of itself, and whether it may be used here.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::run;
use serde_json::Value;

use crate::Version;

/// Where it says it.
pub const FILE: &str = "patch-set.json";

/// What it is for, and what it makes.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The version that it is for.
    pub base: Version,
    /// The version that it makes.
    pub version: Version,
}

impl Manifest {
    /// As the slot says it.
    ///
    /// # Errors
    /// `param-missing`, `param-wrong`.
    pub fn from_params() -> Result<Self, Failure> {
        let version = |name: &str| {
            let text = run::require_param(name)?;
            Version::parse(&text).ok_or_else(|| Failure::new("param-wrong", format!("`{name}` is no version: {text}")))
        };
        Ok(Self { base: version("base")?, version: version("version")? })
    }

    /// As the package says it.
    ///
    /// # Errors
    /// `not-a-patch-set`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let json: Value = serde_json::from_str(text).map_err(|error| broken(&error.to_string()))?;
        let version = |key: &str| {
            let said = json.get(key).and_then(Value::as_str).and_then(Version::parse);
            said.ok_or_else(|| broken(&format!("`{key}` is no version")))
        };
        Ok(Self { base: version("base")?, version: version("version")? })
    }

    /// Refuses a package that is another one than the bundle is for.
    ///
    /// # Errors
    /// `wrong-package`.
    pub fn must_be(&self, wanted: &Self) -> Result<(), Failure> {
        if self == wanted {
            return Ok(());
        }
        let message = format!(
            "the package makes {} of {}, and the bundle is for {} to {}",
            self.version, self.base, wanted.base, wanted.version
        );
        Err(Failure::new("wrong-package", message))
    }

    /// Refuses an installation that is not, on both sides, the version that it is for. In an adopted one the files may be what it
    /// makes already.
    ///
    /// # Errors
    /// `wrong-base`.
    pub fn must_be_for(&self, files: Option<Version>, database: Option<Version>, adopted: bool) -> Result<(), Failure> {
        let base = Some(self.base);
        let files_fit = files == base || adopted && files == Some(self.version);
        if files_fit && database == base {
            return Ok(());
        }
        let said =
            |version: Option<Version>| version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
        let message = format!(
            "this patch set is for WHMCS {} and for nothing else; the files are {}, the database is {}",
            self.base,
            said(files),
            said(database)
        );
        Err(Failure::new("wrong-base", message))
    }
}

/// There is none.
#[must_use]
pub fn none(failure: &Failure) -> Failure {
    Failure::new("not-a-patch-set", format!("the package has no {FILE}: {}", failure.message))
}

fn broken(why: &str) -> Failure {
    Failure::new("not-a-patch-set", format!("{FILE}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(base: &str, version: &str) -> Manifest {
        Manifest { base: Version::parse(base).unwrap(), version: Version::parse(version).unwrap() }
    }

    #[test]
    fn a_patch_set_is_refused_where_either_side_is_not_its_base() {
        let for_8_12 = manifest("8.12.0", "8.12.1");
        let code = |files: &str, database: &str| {
            for_8_12.must_be_for(Version::parse(files), Version::parse(database), false).map_err(|failure| failure.code)
        };
        for (files, database) in [("8.11.2", "8.11.2"), ("8.12.1", "8.12.0"), ("8.12.0", "8.12.0-rc.1"), ("", "8.12.0")]
        {
            assert_eq!(code(files, database), Err("wrong-base".to_owned()), "{files} {database}");
        }
        assert_eq!(code("8.12.0", "8.12.0-release.1"), Ok(()));
    }

    #[test]
    fn in_an_adopted_installation_the_files_may_be_there_and_nothing_else() {
        let for_8_12 = manifest("8.12.0", "8.12.1");
        let fits = |files: &str, database: &str| {
            for_8_12.must_be_for(Version::parse(files), Version::parse(database), true).is_ok()
        };
        assert!(!fits("8.12.1", "8.11.2") && !fits("8.12.2", "8.12.0") && !fits("8.12.1", "8.12.1"));
        assert!(fits("8.12.1", "8.12.0") && fits("8.12.0", "8.12.0"));
    }

    #[test]
    fn what_says_nothing_and_what_the_bundle_is_not_for_is_refused() {
        for text in ["", "{}", "{\"base\": \"8.12.0\"}", "{\"base\": 8, \"version\": \"8.12.1\"}", "[\"8.12.0\"]"] {
            assert_eq!(Manifest::parse(text).unwrap_err().code, "not-a-patch-set", "{text}");
        }
        let found = Manifest::parse("{\"base\": \"8.12.0\", \"version\": \"8.12.1\"}").unwrap();
        assert_eq!(found.must_be(&manifest("8.12.0", "8.12.2")).unwrap_err().code, "wrong-package");
        assert_eq!(found.must_be(&manifest("8.12.0", "8.12.1")), Ok(()));
    }
}
