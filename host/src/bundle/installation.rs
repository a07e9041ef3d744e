//! `installation.toml`: the operator's file. What is there, what is pinned, what is granted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::commands::NamedCommand;
use super::document::{self, Item, Places, Section, Wrong};
use super::grants::Grants;
use super::limits::LimitOverrides;
use super::maintenance::{Freeze, Hooks, Maintenance};
use super::overlap;
use super::owner::{Accounts, Owner};
use super::pipeline::{ArtifactPin, read_settings, unreadable};
use super::place::DatabasePlace;
use super::problem::Problems;
use super::value;

/// An installation, as its operator describes it. All paths are absolute, without links and dots: a place has one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The name.
    pub name: String,
    /// Where runs, journals and undo data are.
    pub state: PathBuf,
    /// Where the operator's backups go. `backups` in the state directory, if nothing is said.
    pub backup: PathBuf,
    /// Codes of warnings that never keep `apply` from beginning. Not in a slot's grants: the host's own warnings have no slot, and
    /// what is accepted there gives a stage a right.
    pub accept: BTreeSet<String>,
    /// The pipeline that it is upgraded by.
    pub pipeline: PipelinePin,
    /// Directory trees, by name.
    pub roots: BTreeMap<String, Root>,
    /// Databases, by name.
    pub databases: BTreeMap<String, DatabasePlace>,
    /// Packages that the operator has an own word about, by name.
    pub artifacts: BTreeMap<String, ArtifactPin>,
    /// Commands that stages may run where they are granted, by name.
    pub commands: BTreeMap<String, NamedCommand>,
    /// Parameters, by slot.
    pub params: BTreeMap<String, BTreeMap<String, String>>,
    /// What the vendor's own components are allowed, by slot.
    pub grants: BTreeMap<String, Grants>,
    /// Limits, by slot; those of all slots under "default".
    pub limits: BTreeMap<String, LimitOverrides>,
    /// How writing is stopped.
    pub freeze: Freeze,
    /// What visitors see meanwhile.
    pub maintenance: Maintenance,
    /// Commands at other moments.
    pub hooks: Hooks,
    /// Where the account of a run goes as text, if not where the pipeline says.
    pub log: Option<PathBuf>,
    /// Components that take the place of the vendor's, by slot.
    pub swaps: BTreeMap<String, Swap>,
    pub(super) places: Places,
}

/// Which pipeline, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelinePin {
    /// The `pipeline.toml`.
    pub path: PathBuf,
    /// Its SHA-256, in lower-case hex. Without it nothing is run.
    pub sha256: Option<String>,
}

/// A directory tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub path: PathBuf,
    /// Who owns new files; if nothing is said, who owns the directory.
    pub owner: Option<Owner>,
}

/// A component that takes the place of the vendor's. It inherits no grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Where it is.
    pub component: PathBuf,
    /// Its SHA-256, in lower-case hex. Without it nothing is run.
    pub sha256: Option<String>,
    /// What it is allowed.
    pub grants: Grants,
}

impl Installation {
    /// Reads an `installation.toml`. What it names is not looked at.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let bytes = read_settings(path).map_err(|e| unreadable(path, &e))?;
        let base = std::path::absolute(path).map_err(|e| unreadable(path, &e))?;
        let accounts = Accounts::of_this_machine().map_err(|e| unreadable(path, &e))?;
        let own = rustix::process::geteuid().as_raw();
        let reader = Reader { base: base.parent().unwrap_or(Path::new("/")), accounts, own };
        let installation = document::read(path, &bytes, |top| reader.installation(top))?;
        Problems::check(overlap::check(&installation))?;
        Ok(installation)
    }
}

/// What relative paths and names of accounts stand for.
struct Reader<'r> {
    base: &'r Path,
    accounts: Accounts,
    /// The number of the user that we are.
    own: u32,
}

impl Reader<'_> {
    fn installation(&self, top: &mut Section<'_>) -> Option<Installation> {
        let format = top.required("format", value::format);
        let name = top.required("name", value::name);
        let state = top.required("state", |item| self.path(item));
        let backup = top.optional("backup", |item| self.path(item));
        let accept = top.optional("accept", value::set(value::code)).unwrap_or_default();
        let pipeline = self.pipeline(top);
        let roots = collect(top.tables("roots"), |part| self.root(part));
        let databases = collect(top.tables("databases"), |part| self.database(part));
        let artifacts = collect(top.tables("artifacts"), |part| Some(self.artifact(part)));
        let commands = collect(top.tables("commands"), |part| {
            NamedCommand::read(part, self.own, |item| self.accounts.owner(item))
        });
        let params = collect(top.tables("params"), |part| Some(part.all_values(value::param)));
        let grants = collect(top.tables("grants"), |part| Some(Grants::read(part)));
        let limits = collect(top.tables("limits"), |part| Some(LimitOverrides::read(part)));
        let freeze = top.table("freeze").map(|mut part| Freeze::read(&mut part)).unwrap_or_default();
        let maintenance = top.table("maintenance").map(|mut part| Maintenance::read(&mut part));
        let hooks = top.table("hooks").map(|mut part| Hooks::read(&mut part)).unwrap_or_default();
        let log = top.table("log").map(|mut part| part.required("file", |item| self.path(item)));
        let swaps = collect(top.tables("swap"), |part| self.swap(part));
        format?;
        let log = log.map_or(Some(None), |log| log.map(Some))?;
        let maintenance = maintenance.unwrap_or_else(|| Some(Maintenance::default()));
        let (name, state, pipeline, maintenance) = (name?, state?, pipeline?, maintenance?);
        let backup = backup.unwrap_or_else(|| state.join("backups"));
        let places = top.places();
        Some(Installation {
            name,
            state,
            backup,
            accept,
            pipeline,
            roots,
            databases,
            artifacts,
            commands,
            params,
            grants,
            limits,
            freeze,
            maintenance,
            hooks,
            log,
            swaps,
            places,
        })
    }

    fn pipeline(&self, top: &mut Section<'_>) -> Option<PipelinePin> {
        let Some(mut section) = top.table("pipeline") else {
            let hint = "add: [pipeline] path = \"pipeline.toml\"".to_owned();
            top.note("missing-key", None, "the section [pipeline] is missing".to_owned(), Some(hint));
            return None;
        };
        let path = section.required("path", |item| self.path(item));
        let sha256 = section.optional("sha256", value::sha256);
        Some(PipelinePin { path: path?, sha256 })
    }

    fn root(&self, section: &mut Section<'_>) -> Option<Root> {
        let path = section.required("path", |item| self.path(item));
        let owner = section.optional("owner", |item| self.accounts.owner(item));
        Some(Root { path: path?, owner })
    }

    fn database(&self, section: &mut Section<'_>) -> Option<DatabasePlace> {
        DatabasePlace::read(section, |item| self.path(item))
    }

    fn artifact(&self, section: &mut Section<'_>) -> ArtifactPin {
        let file = section.optional("file", |item| self.path(item));
        ArtifactPin { file, ..ArtifactPin::read(section) }
    }

    fn swap(&self, section: &mut Section<'_>) -> Option<Swap> {
        let component = section.required("component", |item| self.path(item));
        let sha256 = section.optional("sha256", value::sha256);
        let grants = section.table("grants").map(|mut grants| Grants::read(&mut grants)).unwrap_or_default();
        Some(Swap { component: component?, sha256, grants })
    }

    fn path(&self, item: &Item<'_>) -> Result<PathBuf, Wrong> {
        Ok(resolve(&self.base.join(value::path(item)?)))
    }
}

fn collect<'t, T>(
    sections: Vec<(String, Section<'t>)>,
    read: impl Fn(&mut Section<'t>) -> Option<T>,
) -> BTreeMap<String, T> {
    sections.into_iter().filter_map(|(name, mut section)| Some((name, read(&mut section)?))).collect()
}

/// The path without `..` and symbolic links, as far as it is there: two spellings of one place must not pass for two places.
fn resolve(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            resolved.pop();
            continue;
        }
        resolved.push(part);
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}
