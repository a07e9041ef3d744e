//! The canonical digest of an installation: two are equal if nobody who uses it could tell them apart.
//!
//! Files by type, mode, owner, size, contents, target and time of change; names as raw bytes. Databases by schema and rows.
//! Left out: the host's own `.liftlock-*` directories, the times of directories, the host's marker table.

mod mysql;
mod sqlite;
mod tree;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::mariadb::{Client, Schema};

/// The host's own table.
const MARKER: &str = "liftlock_marker";

/// What an installation is made of: a name for each part, and what it is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    parts: BTreeMap<String, String>,
}

impl Digest {
    /// Of a directory tree and a SQLite database.
    ///
    /// # Errors
    /// What cannot be read; a database that fails its own integrity check.
    pub fn of(root: &Path, database: &Path) -> Result<Self> {
        let mut parts = tree::parts(root)?;
        parts.extend(sqlite::parts(database)?);
        Ok(Self { parts })
    }

    /// The same with the bytes of the database file: nothing short of the same file is equal.
    ///
    /// # Errors
    /// As [`Digest::of`].
    pub fn exact(root: &Path, database: &Path) -> Result<Self> {
        // Before the database is opened: opening may roll back a journal.
        let bytes = fs::read(database).with_context(|| format!("cannot read {}", database.display()))?;
        let mut digest = Self::of(root, database)?;
        digest.parts.insert("database file".to_owned(), format!("sha256 {}", sha256_hex(&bytes)));
        Ok(digest)
    }

    /// Of files alone, nothing opened: of a directory tree, and of the directory that its database is in. A database's index of
    /// its log (`-shm`) is left out: it says nothing of its own.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn of_files(root: &Path, beside: &Path) -> Result<Self> {
        let mut parts = tree::parts(root)?;
        let files = tree::parts(beside)?.into_iter().filter(|(name, _)| !name.ends_with("-shm"));
        parts.extend(files.map(|(name, part)| (format!("beside: {name}"), part)));
        Ok(Self { parts })
    }

    /// Of a directory tree alone.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn of_tree(root: &Path) -> Result<Self> {
        Ok(Self { parts: tree::parts(root)? })
    }

    /// Of a directory tree and a schema on a server.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn of_site(root: &Path, schema: &Schema) -> Result<Self> {
        let mut digest = Self::of_schema(&mut schema.root()?)?;
        digest.parts.extend(tree::parts(root)?);
        Ok(digest)
    }

    /// Of the schema that a session is in, whole: rows and next ids of all tables, definitions, triggers, views, routines and
    /// events, the character set. The account must be allowed to see all of it.
    ///
    /// # Errors
    /// What the server says.
    pub fn of_schema(client: &mut Client) -> Result<Self> {
        Ok(Self { parts: mysql::parts(client)? })
    }

    /// The same without the times of those files that are not as they were in `before`: what a run has made is as old as the run.
    #[must_use]
    pub fn without_new_times(mut self, before: &Self) -> Self {
        for (name, part) in &mut self.parts {
            if before.parts.get(name) != Some(part) {
                *part = tree::without_time(part);
            }
        }
        self
    }

    /// One number for all of it.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut hash = Sha256::new();
        for (name, part) in &self.parts {
            for text in [name, part] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
        hex(&hash.finalize())
    }

    /// How many files, tables and definitions were compared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What is different in `other`, a readable line each, `other` being the later one.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, part) in &self.parts {
            match other.parts.get(name) {
                None => lines.push(format!("- {name}: {part}")),
                Some(now) if now != part => lines.push(format!("~ {name}: {part} -> {now}")),
                Some(_) => {}
            }
        }
        let new = other.parts.iter().filter(|(name, _)| !self.parts.contains_key(*name));
        lines.extend(new.map(|(name, part)| format!("+ {name}: {part}")));
        lines
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
