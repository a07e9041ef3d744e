//! What is wrong with a file, told so that it can be put right.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake in `pipeline.toml` or `installation.toml`, or in what they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code in kebab case.
    pub code: &'static str,
    /// The file that is to be changed.
    pub file: PathBuf,
    /// The line in it, from 1; none if it concerns the file as a whole.
    pub line: Option<usize>,
    /// Section and key, as in `[limits.default] memory`.
    pub key: Option<String>,
    /// What is the matter: one sentence without a full stop.
    pub message: String,
    /// What to do: one sentence, or the exact line to write.
    pub hint: Option<String>,
}

/// Codes of those problems that are refusals: the files can be read, but what they name is not what was pinned.
const REFUSALS: [&str; 5] =
    ["pipeline-not-pinned", "pipeline-changed", "component-changed", "swap-not-pinned", "swap-changed"];

impl Problem {
    /// A problem with a file as a whole.
    pub(super) fn in_file(code: &'static str, file: &Path, message: impl Into<String>) -> Self {
        Self { code, file: file.to_owned(), line: None, key: None, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Whether it is a refusal (exit code 77) and not a mistake in the file (exit code 2).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        REFUSALS.contains(&self.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// One problem or more, in the order of files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Fails if there are any.
    pub(super) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Whether nothing but refusals is in the way.
    #[must_use]
    pub fn are_refusals(&self) -> bool {
        self.0.iter().all(Problem::is_refusal)
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Self(problems)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
