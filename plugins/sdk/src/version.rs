//! Which version an installation or a package is, by a text around it in one of its files.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `version-file` | a file that names the version, relative to the directory; without it nothing is looked at |
//! | `version-pattern` | the words around the version, with `*` for the version itself: `define('RCMAIL_VERSION', '*');` |
//! | `version` | the version that must be there |

use crate::failure::Failure;
use crate::files::Directory;
use crate::run;

/// What the three parameters say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRule {
    file: String,
    before: String,
    after: String,
    version: String,
}

impl VersionRule {
    /// The rule of this slot, or none without `version-file`.
    ///
    /// # Errors
    /// `param-missing`, or `param-wrong` if the pattern has not exactly one `*`.
    pub fn from_params() -> Result<Option<Self>, Failure> {
        let Some(file) = run::param("version-file") else { return Ok(None) };
        let pattern = run::require_param("version-pattern")?;
        Self::new(file, &pattern, run::require_param("version")?).map(Some)
    }

    fn new(file: String, pattern: &str, version: String) -> Result<Self, Failure> {
        match pattern.split_once('*') {
            Some((before, after)) if !before.is_empty() && !after.is_empty() && !after.contains('*') => {
                Ok(Self { file, before: before.to_owned(), after: after.to_owned(), version })
            }
            _ => {
                let wanted = "the parameter `version-pattern` must have one `*`, with words before and after it";
                Err(Failure::new("param-wrong", wanted))
            }
        }
    }

    /// The file that names it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The version that must be there.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version that a directory says.
    ///
    /// # Errors
    /// `not-the-application` if the file or the words around the version are not there.
    pub fn read(&self, directory: &Directory) -> Result<String, Failure> {
        let text = directory.read_all(&self.file).map_err(|failure| self.not_the_application(&failure.message))?;
        self.read_text(&String::from_utf8_lossy(&text)).map(str::to_owned)
    }

    /// Looks whether a directory is of the version.
    ///
    /// # Errors
    /// `wrong-version`, or what [`read`](Self::read) says.
    pub fn check(&self, directory: &Directory) -> Result<(), Failure> {
        self.must_be(&self.read(directory)?)
    }

    fn read_text<'a>(&self, text: &'a str) -> Result<&'a str, Failure> {
        between(text, &self.before, &self.after)
            .ok_or_else(|| self.not_the_application("it does not say a version where it should"))
    }

    fn must_be(&self, found: &str) -> Result<(), Failure> {
        if found == self.version {
            return Ok(());
        }
        let message = format!("{} says version {found}, not {}", self.file, self.version);
        Err(Failure::new("wrong-version", message).with("found", found))
    }

    fn not_the_application(&self, why: &str) -> Failure {
        Failure::new("not-the-application", format!("{} is not the file that names the version: {why}", self.file))
    }
}

/// The text between the first `before` and the next `after` on the same line.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.lines().next()?.split_once(after)?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &str = "define('RCMAIL_VERSION', '*');";

    fn rule(version: &str) -> VersionRule {
        VersionRule::new("iniset.php".to_owned(), PATTERN, version.to_owned()).unwrap()
    }

    fn check(text: &str) -> Result<(), Failure> {
        let rule = rule("1.6.5");
        rule.must_be(rule.read_text(text)?)
    }

    #[test]
    fn a_pattern_without_words_is_refused() {
        for pattern in ["", "version", "*", "v*", "*;", "a*b*c"] {
            let rule = VersionRule::new(String::new(), pattern, String::new());
            assert_eq!(rule.unwrap_err().code, "param-wrong", "{pattern}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let failure = check("define('RCMAIL_VERSION', '1.6.50');\n").unwrap_err();
        assert_eq!((failure.code.as_str(), failure.extra[0].1.as_str()), ("wrong-version", "1.6.50"));
    }

    #[test]
    fn another_application_is_refused() {
        for text in ["", "define('WP_VERSION', '1.6.5');", "define('RCMAIL_VERSION', '1.6.5\n');"] {
            assert_eq!(check(text).unwrap_err().code, "not-the-application");
        }
    }

    #[test]
    fn the_version_is_found_between_the_words() {
        assert_eq!(check("<?php\r\ndefine('RCMAIL_VERSION', '1.6.5');\r\n"), Ok(()));
    }
}
