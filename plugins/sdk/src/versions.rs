//! A component that reads which version an application is of, for `liftlock diagnose`: see [`Versions`].

use std::cmp::Ordering;
use std::fmt::Display;

use crate::bindings::reader::exports::liftlock::versions::versions::Guest;
pub use crate::bindings::reader::exports::liftlock::versions::versions::{Mark, Reading, Report};
use crate::failure::Failure;

/// Reads versions and marks. Export it with [`export_versions!`](crate::export_versions).
pub trait Versions {
    /// Looks. What cannot be read is part of the answer.
    ///
    /// # Errors
    /// What makes any answer impossible.
    fn look() -> Result<Report, Failure>;
}

impl<V: Versions> Guest for V {
    fn look() -> Result<Report, Failure> {
        V::look()
    }
}

/// What both sides say, `target` being the version that the pipeline goes to, and the marks beside.
pub fn report<T: Ord + Display>(files: Side<T>, database: Side<T>, target: &T, marks: Vec<Mark>) -> Report {
    let relation = match (&files.said, &database.said) {
        (Ok(files), Ok(database)) => match files.cmp(database) {
            Ordering::Less => "database-newer",
            Ordering::Equal => "same",
            Ordering::Greater => "files-newer",
        },
        _ => "unknown",
    };
    let relation = relation.to_owned();
    Report { files: files.reading(target), database: database.reading(target), relation, marks, extra: Vec::new() }
}

/// How a version that compares so with the pipeline's is called in a [`Reading`].
#[must_use]
pub fn against(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "before",
        Ordering::Equal => "target",
        Ordering::Greater => "beyond",
    }
}

/// One side of the installation: the version, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side<T> {
    place: String,
    said: Result<T, String>,
}

impl<T: Ord + Display> Side<T> {
    /// What was found at a place. `silent` says what it means that there is none.
    pub fn new(place: &str, found: Result<Option<T>, Failure>, silent: &str) -> Self {
        let said = match found {
            Ok(Some(version)) => Ok(version),
            Ok(None) => Err(silent.to_owned()),
            Err(failure) => Err(failure.message),
        };
        Self { place: place.to_owned(), said }
    }

    /// The version, if there is one.
    pub fn version(&self) -> Option<&T> {
        self.said.as_ref().ok()
    }

    fn reading(self, target: &T) -> Reading {
        let against = self.said.as_ref().map_or("unknown", |version| against(version.cmp(target)));
        let (version, problem) = match self.said {
            Ok(version) => (Some(version.to_string()), None),
            Err(problem) => (None, Some(problem)),
        };
        Reading { version, against: against.to_owned(), place: self.place, problem, extra: Vec::new() }
    }
}

impl Mark {
    /// A mark of this kind ("half-done", "prepared", "trace", "flag" or "note"; the contract says what each means).
    #[must_use]
    pub fn new(kind: &str, code: &str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            kind: kind.to_owned(),
            message: message.into(),
            place: place.into(),
            extra: Vec::new(),
        }
    }

    /// The file that is taken away to take the flag away.
    #[must_use]
    pub fn file(self, root: &str, path: &str) -> Self {
        self.with("root", root).with("file", path)
    }

    /// The statement, one DELETE or UPDATE, that takes the flag away.
    #[must_use]
    pub fn statement(self, database: &str, statement: &str) -> Self {
        self.with("database", database).with("statement", statement)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(found: Result<Option<u32>, Failure>) -> Side<u32> {
        Side::new("a file", found, "it says nothing")
    }

    #[test]
    fn what_cannot_be_read_is_an_answer_and_never_the_same_as_anything() {
        let failed = side(Err(Failure::new("io-error", "the disk is gone")));
        let report = report(failed, side(Ok(None)), &3, Vec::new());
        assert_eq!((report.relation.as_str(), report.files.against.as_str()), ("unknown", "unknown"));
        assert_eq!(report.files.problem.as_deref(), Some("the disk is gone"));
        assert_eq!(report.database.problem.as_deref(), Some("it says nothing"));
    }

    #[test]
    fn both_sides_are_compared_with_each_other_and_with_the_target() {
        let at = |files, database| {
            let report = report(side(Ok(Some(files))), side(Ok(Some(database))), &3, Vec::new());
            (report.relation, report.files.against, report.database.against)
        };
        let words =
            |relation: &str, files: &str, database: &str| (relation.to_owned(), files.to_owned(), database.to_owned());
        assert_eq!(at(3, 2), words("files-newer", "target", "before"));
        assert_eq!(at(2, 3), words("database-newer", "before", "target"));
        assert_eq!(at(4, 4), words("same", "beyond", "beyond"));
    }
}
