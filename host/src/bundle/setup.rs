//! Installation and bundle, joined: everything that a run needs to know before it starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::commands::{self, PlannedCommand};
use super::digest::{read_limited, sha256_hex};
use super::grants::Grants;
use super::installation::Installation;
use super::limits::Limits;
use super::maintenance::Flag;
use super::pipeline::{ArtifactPin, Bundle, DatabaseUse, read_settings};
use super::place::DatabasePlace;
use super::problem::{Problem, Problems};
use super::slot::Slot;
use super::suggest::did_you_mean;
use super::text_log::TextLog;
use super::wiring::slot_key;

/// A component of more than this is not read into memory.
const BIGGEST_COMPONENT: u64 = 256 << 20;

/// An installation and the bundle that it is upgraded by, held against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What the operator says.
    pub installation: Installation,
    /// What the vendor says.
    pub bundle: Bundle,
    /// The slots in their order, each with its component and what it is allowed.
    pub slots: Vec<PlannedSlot>,
    /// What reads which version is here, with its component and what it is allowed.
    pub versions: Option<PlannedSlot>,
    /// The databases that the pipeline declares, by name.
    pub databases: BTreeMap<String, PlannedDatabase>,
    /// The packages that the pipeline declares, by name, with the operator's word over the vendor's.
    pub artifacts: BTreeMap<String, ArtifactPin>,
    /// The commands that the pipeline can use, by name, with the operator's where there is one.
    pub commands: BTreeMap<String, PlannedCommand>,
}

/// A slot as it will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSlot {
    /// The position in the pipeline, from 0.
    pub index: usize,
    /// The vendor's slot.
    pub slot: Slot,
    /// The component that fills it.
    pub component: PathBuf,
    /// The component's SHA-256, in lower-case hex.
    pub sha256: String,
    /// Whether it is not the vendor's.
    pub swapped: bool,
    /// Parameters, with the operator's over the vendor's.
    pub params: BTreeMap<String, String>,
    /// What the operator allows this component: of a swapped one only what is granted to the swap.
    pub grants: Grants,
    /// What it may cost.
    pub limits: Limits,
}

/// A database as it will be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDatabase {
    /// Where it is.
    pub place: DatabasePlace,
    /// Whether foreign keys are enforced, as the application does; none: as the engine does by itself.
    pub foreign_keys: Option<bool>,
    /// The application's `sql_mode`, if it sets one.
    pub sql_mode: Option<String>,
}

impl Setup {
    /// Reads an `installation.toml` and the pipeline that it pins. Components are not looked at: see
    /// [`Setup::verify_components`].
    ///
    /// # Errors
    /// All that is wrong with one of the files, or between them.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let installation = Installation::load(path)?;
        let bundle = pinned_bundle(&installation)?;
        let problems = Check::all(&installation, &bundle);
        Problems::check(problems)?;
        let slots = bundle.pipeline.slots.iter().enumerate();
        let slots: Vec<_> = slots.map(|(index, slot)| plan(&installation, &bundle, index, slot)).collect();
        let versions = bundle.pipeline.versions.as_ref();
        let versions = versions.map(|slot| plan(&installation, &bundle, slots.len(), slot));
        let databases = bundle.pipeline.databases.iter().filter_map(|(name, usage)| {
            let place = installation.databases.get(name)?.clone();
            let DatabaseUse { foreign_keys, sql_mode, .. } = usage.clone();
            Some((name.clone(), PlannedDatabase { place, foreign_keys, sql_mode }))
        });
        let databases = databases.collect();
        let artifacts = bundle.pipeline.artifacts.iter().map(|(name, pin)| {
            let pin = installation.artifacts.get(name).map_or_else(|| pin.clone(), |own| pin.overridden(own));
            (name.clone(), pin)
        });
        let artifacts = artifacts.collect();
        let commands = commands::plan(&installation, &bundle.pipeline);
        Ok(Self { installation, bundle, slots, versions, databases, artifacts, commands })
    }

    /// Where the account of a run goes, if anybody wants it: the operator's word over the vendor's.
    #[must_use]
    pub fn text_log(&self) -> Option<TextLog> {
        if let Some(path) = &self.installation.log {
            return Some(TextLog { path: path.clone(), owner: None, in_root: false });
        }
        let wanted = self.bundle.pipeline.log.as_ref()?;
        let root = self.installation.roots.get(&wanted.root)?;
        let owner = root.owner.map(|owner| (owner.uid, owner.gid));
        Some(TextLog { path: root.path.join(&wanted.file), owner, in_root: true })
    }

    /// Whether every component is there and is what was pinned.
    ///
    /// # Errors
    /// Each one that is not, with both digests.
    pub fn verify_components(&self) -> Result<(), Problems> {
        let problems = self.slots.iter().chain(&self.versions).filter_map(|slot| self.read_component(slot).err());
        Problems::check(problems.flatten().collect())
    }

    /// Reads the component of a slot. The bytes are what was pinned: whoever runs them must not read the file again.
    ///
    /// # Errors
    /// If it is not there, or is another.
    pub fn read_component(&self, planned: &PlannedSlot) -> Result<Vec<u8>, Problems> {
        let bytes = read_limited(&planned.component, BIGGEST_COMPONENT).map_err(|e| {
            let message = format!("the component {} cannot be read: {e}", planned.component.display());
            self.component_problem(planned, "component-missing", "component", message)
        })?;
        let found = sha256_hex(&bytes);
        if found == planned.sha256 {
            return Ok(bytes);
        }
        let message = format!("the component is pinned as {}, but the file is {found}", planned.sha256);
        let problem = if planned.swapped {
            let hint = format!("if you trust it, write: sha256 = \"{found}\"");
            self.component_problem(planned, "swap-changed", "sha256", message).hint(hint)
        } else {
            let hint = "get the bundle again: this component is not the vendor's".to_owned();
            self.component_problem(planned, "component-changed", "sha256", message).hint(hint)
        };
        Err(problem.into())
    }

    fn component_problem(&self, planned: &PlannedSlot, code: &'static str, key: &str, message: String) -> Problem {
        let slot = &planned.slot.name;
        if planned.swapped {
            self.installation.places.problem(code, &format!("[swap.{slot}] {key}"), message)
        } else {
            self.bundle.pipeline.places.problem(code, &format!("{} {key}", slot_key(slot)), message)
        }
    }
}

/// The bundle, if it is the pinned one. One that is not is not even parsed.
fn pinned_bundle(installation: &Installation) -> Result<Bundle, Problems> {
    let pin = &installation.pipeline;
    let places = &installation.places;
    let bytes = read_settings(&pin.path).map_err(|e| {
        let message = format!("{} cannot be read: {e}", pin.path.display());
        places.problem("unreadable", "[pipeline] path", message)
    })?;
    let found = sha256_hex(&bytes);
    let hint = format!("if you trust it, write: sha256 = \"{found}\"");
    match &pin.sha256 {
        Some(pinned) if *pinned == found => Bundle::parse(&pin.path, &bytes),
        Some(pinned) => {
            let message = format!("the pipeline is pinned as {pinned}, but the file is {found}");
            Err(places.problem("pipeline-changed", "[pipeline] sha256", message).hint(hint).into())
        }
        None => {
            let message = "the pipeline is not pinned";
            Err(places.problem("pipeline-not-pinned", "[pipeline]", message).hint(hint).into())
        }
    }
}

fn plan(installation: &Installation, bundle: &Bundle, index: usize, slot: &Slot) -> PlannedSlot {
    let name = &slot.name;
    let mut params = slot.params.clone();
    params.extend(installation.params.get(name).cloned().unwrap_or_default());
    let overrides = [Some(&slot.limits), installation.limits.get("default"), installation.limits.get(name)];
    let limits = overrides.into_iter().flatten().fold(Limits::default(), |base, limits| limits.over(base));
    let swap = installation.swaps.get(name);
    let (component, sha256, grants) = if let Some(swap) = swap {
        (swap.component.clone(), swap.sha256.clone().unwrap_or_default(), swap.grants.clone())
    } else {
        let grants = installation.grants.get(name).cloned().unwrap_or_default();
        (bundle.directory.join(&slot.component), slot.sha256.clone(), grants)
    };
    PlannedSlot { index, slot: slot.clone(), component, sha256, swapped: swap.is_some(), params, grants, limits }
}

/// What the two files must agree on.
struct Check<'s> {
    installation: &'s Installation,
    bundle: &'s Bundle,
    problems: Vec<Problem>,
}

impl<'s> Check<'s> {
    fn all(installation: &'s Installation, bundle: &'s Bundle) -> Vec<Problem> {
        let mut check = Self { installation, bundle, problems: Vec::new() };
        check.declared_is_there();
        check.slots_are_known();
        check.swaps_are_pinned();
        check.params_are_known();
        check.granted_is_there();
        check.the_rest_is_known();
        check.problems.extend(commands::check(installation));
        check.problems
    }

    fn note(&mut self, code: &'static str, key: &str, message: String, hint: Option<String>) {
        self.problems.push(self.installation.places.problem(code, key, message).hint(hint));
    }

    /// Notes an unknown name.
    fn known<'n>(&mut self, key: &str, what: &str, name: &str, known: impl IntoIterator<Item = &'n String>) {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        if !known.contains(&name) {
            let code = if what == "slot" { "unknown-slot" } else { "unknown-name" };
            self.note(code, key, format!("no {what} is called {name:?}"), did_you_mean(name, known));
        }
    }

    fn declared_is_there(&mut self) {
        let (installation, pipeline) = (self.installation, &self.bundle.pipeline);
        for name in pipeline.roots.keys().filter(|name| !installation.roots.contains_key(*name)) {
            let message = format!("the pipeline {:?} needs a root {name:?}", pipeline.name);
            self.note("missing-section", "", message, Some(format!("add: [roots.{name}] path = \"…\"")));
        }
        for name in pipeline.databases.keys().filter(|name| !installation.databases.contains_key(*name)) {
            let message = format!("the pipeline {:?} needs a database {name:?}", pipeline.name);
            self.note(
                "missing-section",
                "",
                message,
                Some(format!("add: [databases.{name}] sqlite = \"…\", or url-file = \"…\"")),
            );
        }
    }

    fn slots_are_known(&mut self) {
        let installation = self.installation;
        let sections = [
            ("params", installation.params.keys().collect::<Vec<_>>()),
            ("grants", installation.grants.keys().collect()),
            ("limits", installation.limits.keys().filter(|name| *name != "default").collect()),
            ("swap", installation.swaps.keys().collect()),
        ];
        let pipeline = &self.bundle.pipeline;
        for (section, names) in sections {
            for name in names {
                self.known(
                    &format!("[{section}.{name}]"),
                    "slot",
                    name,
                    pipeline.with_versions().map(|slot| &slot.name),
                );
            }
        }
    }

    fn swaps_are_pinned(&mut self) {
        for (slot, swap) in self.installation.swaps.iter().filter(|(_, swap)| swap.sha256.is_none()) {
            let found = read_limited(&swap.component, BIGGEST_COMPONENT).map(|bytes| sha256_hex(&bytes));
            let hint = match found {
                Ok(digest) => format!("if you trust it, write: sha256 = \"{digest}\""),
                Err(e) => format!("{} cannot be read: {e}", swap.component.display()),
            };
            self.note(
                "swap-not-pinned",
                &format!("[swap.{slot}]"),
                "the component is not pinned".to_owned(),
                Some(hint),
            );
        }
    }

    /// A swapped component may have parameters that the vendor does not know; the vendor's own has not.
    fn params_are_known(&mut self) {
        let own = self.installation.params.iter().filter(|(slot, _)| !self.installation.swaps.contains_key(*slot));
        for (slot, params) in own {
            let Some(slot) = self.bundle.pipeline.slot(slot) else { continue };
            for name in params.keys() {
                self.known(&format!("[params.{}] {name}", slot.name), "parameter", name, slot.params.keys());
            }
        }
    }

    fn granted_is_there(&mut self) {
        let installation = self.installation;
        let own = installation.grants.iter().map(|(slot, grants)| (format!("[grants.{slot}]"), grants));
        let swapped = installation.swaps.iter().map(|(slot, swap)| (format!("[swap.{slot}.grants]"), &swap.grants));
        for (section, grants) in own.chain(swapped) {
            for name in grants.databases.keys() {
                self.known(&format!("{section} database.{name}"), "database", name, installation.databases.keys());
            }
            for name in grants.roots.keys() {
                self.known(&format!("{section} files.{name}"), "root", name, installation.roots.keys());
            }
            for name in grants.commands.keys() {
                self.known(&format!("{section} command.{name}"), "command", name, installation.commands.keys());
            }
        }
    }

    fn the_rest_is_known(&mut self) {
        let installation = self.installation;
        for name in installation.artifacts.keys() {
            let known = self.bundle.pipeline.artifacts.keys();
            self.known(&format!("[artifacts.{name}]"), "artifact", name, known);
        }
        for name in installation.commands.keys() {
            let known = self.bundle.pipeline.commands.keys();
            self.known(&format!("[commands.{name}]"), "command", name, known);
        }
        if let Some(page) = &installation.maintenance.page {
            self.known("[maintenance] root", "root", &page.root, installation.roots.keys());
        }
        match &installation.maintenance.flag {
            Some(Flag::File(file)) => {
                self.known("[maintenance.flag] root", "root", &file.root, installation.roots.keys());
            }
            // Others are not opened.
            Some(Flag::Row(row)) => {
                let known = self.bundle.pipeline.databases.keys();
                self.known("[maintenance.flag] database", "database", &row.database, known);
            }
            None => {}
        }
    }
}
