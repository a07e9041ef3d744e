//! What is compared of one installation of a workload.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::digest::Digest;
use crate::fixture::Database;

pub use crate::fixture::Installation as Site;

impl Site {
    /// What B is compared by: files to the byte, times included, nothing opened; a schema whole.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn bytes(&self) -> Result<Digest> {
        match &self.database {
            Database::File(file) => Digest::of_files(&self.root, beside(file)),
            Database::Server(schema) => Digest::of_site(&self.root, schema),
        }
    }

    /// What the users could tell apart: what A is compared by. A file is looked at in a copy, for to open it may be to change it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn looks(&self) -> Result<Digest> {
        let file = match &self.database {
            Database::File(file) => file,
            Database::Server(schema) => return Digest::of_site(&self.root, schema),
        };
        let copy = tempfile::tempdir_in(&self.directory)?;
        for entry in fs::read_dir(beside(file))? {
            let entry = entry?;
            fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
        let name = file.file_name().context("the database has no name")?;
        Digest::of(&self.root, &copy.path().join(name))
    }
}

/// The directory that a file is in.
fn beside(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}
