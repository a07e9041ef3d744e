//! One installation of a workload, and what is compared of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::digest::Digest;
use crate::fixture::roundcube::Installation;

/// One installation on disk.
#[derive(Debug, Clone)]
pub struct Site {
    /// What all of it is in.
    pub directory: PathBuf,
    /// The operator's `installation.toml`.
    pub settings: PathBuf,
    /// The root.
    pub root: PathBuf,
    /// The database, alone in its directory.
    pub database: PathBuf,
    /// The host's state.
    pub state: PathBuf,
    /// The operator's backups.
    pub backup: PathBuf,
}

impl From<Installation> for Site {
    fn from(installation: Installation) -> Self {
        let Installation { directory, settings, root, database, state, backup } = installation;
        Self { directory, settings, root, database, state, backup }
    }
}

impl Site {
    /// To the byte, times included, nothing opened: what B is compared by.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn bytes(&self) -> Result<Digest> {
        Digest::of_files(&self.root, self.beside())
    }

    /// What the users could tell apart: what A is compared by. The database is looked at in a copy, for to open it may be to
    /// change it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn looks(&self) -> Result<Digest> {
        let copy = tempfile::tempdir_in(&self.directory)?;
        for entry in fs::read_dir(self.beside())? {
            let entry = entry?;
            fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
        let name = self.database.file_name().context("the database has no name")?;
        Digest::of(&self.root, &copy.path().join(name))
    }

    /// The directory that the database is in.
    #[must_use]
    pub fn beside(&self) -> &Path {
        self.database.parent().unwrap_or(&self.directory)
    }
}
