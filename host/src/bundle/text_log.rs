//! The account of a run as a text file, for people who look where the application's own upgrade has always put it.

use std::path::PathBuf;

use super::document::Section;
use super::value;

/// `[log]` of a pipeline: a file directly in a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInRoot {
    /// The root.
    pub root: String,
    /// The file's name. Never a path: what lies on the way belongs to the application.
    pub file: String,
}

/// Where the account of this installation's runs goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLog {
    /// The file.
    pub path: PathBuf,
    /// User and group of the file, if they are said.
    pub owner: Option<(u32, u32)>,
    /// Whether it lies where the pipeline wants it, in a root: then it is part of what a run must not touch too early, and of what
    /// undo has to take away again.
    pub in_root: bool,
}

impl LogInRoot {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let root = section.required("root", value::name);
        let file = section.required("file", value::file_in_root);
        Some(Self { root: root?, file: file? })
    }
}
