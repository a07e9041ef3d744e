//! One installation of a workload, and what is compared of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};

use crate::digest::Digest;
use crate::fixture::roundcube::Installation;
use crate::mariadb::Schema;

/// One installation on disk.
#[derive(Debug, Clone)]
pub struct Site {
    /// What all of it is in.
    pub directory: PathBuf,
    /// The operator's `installation.toml`.
    pub settings: PathBuf,
    /// The root.
    pub root: PathBuf,
    /// The database.
    pub database: Database,
    /// The host's state.
    pub state: PathBuf,
    /// The operator's backups.
    pub backup: PathBuf,
}

/// Where the rows of a site are.
#[derive(Debug, Clone)]
pub enum Database {
    /// In a SQLite file, alone in its directory.
    File(PathBuf),
    /// On a server.
    Schema(Schema),
}

impl From<Installation> for Site {
    fn from(installation: Installation) -> Self {
        let Installation { directory, settings, root, database, state, backup } = installation;
        Self { directory, settings, root, database: Database::File(database), state, backup }
    }
}

impl Site {
    /// To the byte, times included, no file opened as a database: what B is compared by. Of a server, all that it can tell.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn bytes(&self) -> Result<Digest> {
        match &self.database {
            Database::File(file) => Digest::of_files(&self.root, beside(file)),
            Database::Schema(schema) => Digest::of_site(&self.root, schema),
        }
    }

    /// What the users could tell apart: what A is compared by. The database is looked at in a copy, for to open it may be to
    /// change it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn looks(&self) -> Result<Digest> {
        let file = match &self.database {
            Database::File(file) => file,
            Database::Schema(schema) => return Digest::of_site(&self.root, schema),
        };
        let copy = tempfile::tempdir_in(&self.directory)?;
        for entry in fs::read_dir(beside(file))? {
            let entry = entry?;
            fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
        let name = file.file_name().context("the database has no name")?;
        Digest::of(&self.root, &copy.path().join(name))
    }

    /// The names of tables and schemas of the host's own that are still there.
    ///
    /// # Errors
    /// What the database says.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        match &self.database {
            Database::File(file) => {
                let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                let mut found = database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%liftlock%'")?;
                let names = found.query_map([], |row| row.get(0))?;
                Ok(names.collect::<rusqlite::Result<_>>()?)
            }
            Database::Schema(schema) => {
                let mut client = schema.root()?;
                let mut names = client.column("SHOW TABLES LIKE '%liftlock%'")?;
                // A clone of another trial may be at work beside: those of this one are gone with its run.
                names.extend(client.column(&format!("SHOW DATABASES LIKE '{}\\_liftlock%'", schema.name()))?);
                Ok(names)
            }
        }
    }
}

/// The directory that a file is in.
pub(super) fn beside(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}
