//! `pipeline.toml`: the vendor's file, and the bundle that it is the head of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::commands::CommandUse;
use super::digest::{read_limited, sha256_hex};
use super::document::{self, Item, Places, Section, Wrong};
use super::problem::{Problem, Problems};
use super::slot::Slot;
use super::text_log::LogInRoot;
use super::value;
use super::versions;
use super::wiring;

/// A file of settings of more than a mebibyte is not one.
const BIGGEST_FILE: u64 = 1 << 20;

/// A vendor's pipeline: ordered slots from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The name.
    pub name: String,
    /// What the operator reads. The name, if the vendor wrote none.
    pub title: String,
    /// The version before, as the vendor writes it.
    pub from: String,
    /// The version after.
    pub to: String,
    /// Databases that it needs, by name.
    pub databases: BTreeMap<String, DatabaseUse>,
    /// Roots that it needs, by name, and what they are.
    pub roots: BTreeMap<String, String>,
    /// Packages that it downloads, by name.
    pub artifacts: BTreeMap<String, ArtifactPin>,
    /// Commands that it can use where the operator has them, by name.
    pub commands: BTreeMap<String, CommandUse>,
    /// Where the account of a run is looked for.
    pub log: Option<LogInRoot>,
    /// What reads which version is here, for `diagnose`.
    pub versions: Option<Slot>,
    /// The slots in their order.
    pub slots: Vec<Slot>,
    pub(super) places: Places,
}

/// How the application uses one of its databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUse {
    /// What it is.
    pub about: String,
    /// Whether the application connects with foreign keys enforced: `PRAGMA foreign_keys` of SQLite, `foreign_key_checks` of a
    /// server. What is not said is the engine's own default: off on SQLite, on on a server.
    pub foreign_keys: Option<bool>,
    /// The `sql_mode` that the application sets on a server; the server's own, if nothing is said.
    pub sql_mode: Option<String>,
}

/// A package, and what it must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactPin {
    /// What it is.
    pub about: String,
    /// Where it is from.
    pub url: Option<String>,
    /// The operator's local copy, taken in place of the address.
    pub file: Option<PathBuf>,
    /// Its SHA-256, in lower-case hex. Without it the package is unpinned.
    pub sha256: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl ArtifactPin {
    /// This pin with what the operator says instead. Another digest is another package: the old size is no longer true.
    pub(super) fn overridden(&self, by: &Self) -> Self {
        let same_package = by.sha256.is_none() || by.sha256 == self.sha256;
        Self {
            about: self.about.clone(),
            url: by.url.clone().or_else(|| self.url.clone()),
            file: by.file.clone(),
            sha256: by.sha256.clone().or_else(|| self.sha256.clone()),
            size: by.size.or(self.size.filter(|_| same_package)),
        }
    }
}

/// A pipeline, where it is, and what it is pinned by. It pins the components in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What `pipeline.toml` says.
    pub pipeline: Pipeline,
    /// The directory that it is in; components are relative to it.
    pub directory: PathBuf,
    /// The SHA-256 of `pipeline.toml`, in lower-case hex.
    pub digest: String,
}

impl Bundle {
    /// Reads a `pipeline.toml`. Components are not looked at.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(path, &read_settings(path).map_err(|e| unreadable(path, &e))?)
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Problems> {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { pipeline: Pipeline::parse(path, bytes)?, directory, digest: sha256_hex(bytes) })
    }
}

impl Pipeline {
    /// Reads a `pipeline.toml`.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(path, &read_settings(path).map_err(|e| unreadable(path, &e))?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Problems> {
        let pipeline = document::read(path, bytes, Self::read)?;
        Problems::check(wiring::check(&pipeline))?;
        Ok(pipeline)
    }

    fn read(top: &mut Section<'_>) -> Option<Self> {
        let format = top.required("format", value::format);
        let name = top.required("name", value::name);
        let title = top.optional("title", value::line);
        let from = top.required("from", value::line);
        let to = top.required("to", value::line);
        let databases =
            top.tables("databases").into_iter().map(|(name, mut part)| (name, DatabaseUse::read(&mut part)));
        let databases = databases.collect();
        let roots = top.tables("roots").into_iter().map(|(name, mut part)| (name, about(&mut part))).collect();
        let artifacts =
            top.tables("artifacts").into_iter().map(|(name, mut part)| (name, ArtifactPin::read(&mut part)));
        let artifacts = artifacts.collect();
        let commands = top.tables("commands").into_iter().map(|(name, mut part)| (name, CommandUse::read(&mut part)));
        let commands = commands.collect();
        let log = top.table("log").map(|mut part| LogInRoot::read(&mut part));
        let versions = top.table("versions").and_then(|mut part| versions::read(&mut part));
        let slots = read_slots(top);
        format?;
        let log = log.map_or(Some(None), |log| log.map(Some))?;
        let name = name?;
        let title = title.unwrap_or_else(|| name.clone());
        let (from, to, places) = (from?, to?, top.places());
        Some(Self { name, title, from, to, databases, roots, artifacts, commands, log, versions, slots, places })
    }

    /// The slot with this name; what reads versions counts as one.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.with_versions().find(|slot| slot.name == name)
    }

    /// The slots in their order, and what reads versions behind them.
    pub(super) fn with_versions(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().chain(&self.versions)
    }
}

impl DatabaseUse {
    fn read(section: &mut Section<'_>) -> Self {
        let foreign_keys = section.optional("foreign_keys", value::boolean);
        let sql_mode = section.optional("sql_mode", sql_mode);
        Self { about: about(section), foreign_keys, sql_mode }
    }
}

impl ArtifactPin {
    /// Reads what both files may say about a package.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            about: about(section),
            url: section.optional("url", value::url),
            file: None,
            sha256: section.optional("sha256", value::sha256),
            size: section.optional("size", value::exact_size),
        }
    }
}

pub(super) fn about(section: &mut Section<'_>) -> String {
    section.optional("about", value::line).unwrap_or_default()
}

fn read_slots(top: &mut Section<'_>) -> Vec<Slot> {
    let mut names = BTreeSet::new();
    let mut slots = Vec::new();
    for mut section in top.list("slot") {
        let Some(slot) = Slot::read(&mut section) else { continue };
        if !names.insert(slot.name.clone()) {
            section.note("duplicate-slot", None, "another slot has the same name".to_owned(), None);
        }
        slots.push(slot);
    }
    slots
}

/// Reads the bytes of a file of settings.
pub(super) fn read_settings(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(path, BIGGEST_FILE)
}

/// The problem with a file of settings that cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problems {
    Problem::in_file("unreadable", path, format!("cannot be read: {error}")).into()
}

/// Words and commas. Modes that change how SQL is read are not supported: the guard in front of a guest's SQL reads it too.
fn sql_mode(item: &Item<'_>) -> Result<String, Wrong> {
    const UNREADABLE: [&str; 7] =
        ["ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "DB2", "MSSQL", "ORACLE", "POSTGRESQL"];
    let text = value::text(item)?.to_ascii_uppercase();
    let modes = text.split(',').map(str::trim).collect::<Vec<_>>();
    if let Some(mode) = modes.iter().find(|mode| UNREADABLE.contains(mode)) {
        return Err(value::bad(format!("the mode {mode} is not supported: it changes how SQL is read"), None));
    }
    match modes.iter().find(|mode| !mode.chars().all(|c| c.is_ascii_uppercase() || c == '_')) {
        Some(mode) => Err(value::bad(format!("{mode:?} is not a mode"), None)),
        None => Ok(modes.join(",")),
    }
}
