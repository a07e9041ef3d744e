//! Why a file is not understood, and where.

use std::fmt;

/// A place in a text, as an editor shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a byte.
    pub(super) fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a file is not understood. Holds no value of it: that may be a password.
///
/// | code | what it means |
/// | --- | --- |
/// | `not-php` | it does not start with `<?php`, or has text outside of PHP |
/// | `not-closed` | a string, a comment or a bracket does not end |
/// | `not-understood` | PHP that may mean different things, or that this reader does not know |
/// | `no-array` | it neither assigns nor returns an array |
/// | `two-arrays` | it assigns or returns more than one |
/// | `unsupported-code` | a statement that could change the array unseen: a condition, an include, … |
/// | `used-again` | the array's variable is used again |
/// | `computed-key` | a key that is not a string or an integer |
/// | `duplicate-key` | a key that is there twice |
/// | `too-big` | more than 1 MiB |
/// | `edit-failed` | a change that would not have said just what was wanted |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Stable, in kebab case.
    pub code: &'static str,
    /// Where.
    pub place: Place,
    /// What is wrong, in words without a full stop.
    pub message: &'static str,
}

impl Error {
    pub(super) fn new(code: &'static str, text: &str, at: usize, message: &'static str) -> Self {
        Self { code, place: Place::of(text, at), message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Error {}
