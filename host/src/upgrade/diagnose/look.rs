//! Where the facts come from. What cannot be read is one of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::{Conditions, Run};
use super::{Fact, Reported, Silent};
use crate::bundle::{Expect, Flag, PlannedSlot, Setup};
use crate::capability::database::Driver;
use crate::effect::{CallError, Fault};
use crate::engine::state::Phase;
use crate::maintenance::{self, Shown, Signs};
use crate::policy::{self, DescribedAsk, StageInfo};
use crate::report::words;
use crate::sandbox::{Mark, Reading, Report, Services, VersionsReader};
use crate::upgrade::{RunDirectory, Trouble, Upgrade, context_of, expect, last_run};

/// Of a page or a flag that is there.
const KEPT_OUT: &str = "visitors are kept out by it";

/// What was seen of the installation itself.
pub(super) struct Looked {
    pub(super) report: Reported,
    pub(super) conditions: Conditions,
}

impl Run {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Upgrading | Phase::Undoing | Phase::UndoFailed)
    }
}

/// The last run, as its journal tells it.
pub(super) fn journal(state: &Path, facts: &mut Vec<Fact>) -> Result<Option<Run>, String> {
    let place = state.join("runs").display().to_string();
    match last_run(state) {
        Err(fault) => {
            facts.push(Fact::new("journal", &fault.message, place));
            Err(fault.message)
        }
        Ok(None) => {
            facts.push(Fact::new("journal", "no run of ours", place));
            Ok(None)
        }
        Ok(Some((run, state, _))) => {
            let words = words::state(&state);
            facts.push(Fact::new("journal", format!("run {}: {words}", run.id()), run.path().display().to_string()));
            Ok(Some(Run { phase: state.phase, words, next: words::next(&state) }))
        }
    }
}

/// What `[maintenance]` puts up and takes away, as far as it is there.
pub(super) fn signs(setup: &Setup, facts: &mut Vec<Fact>) -> Vec<PathBuf> {
    let mut there = Signs::new(&setup.installation, "").paths();
    there.retain(|path| path.symlink_metadata().is_ok());
    for path in &there {
        facts.push(Fact::new("maintenance", KEPT_OUT, path.display().to_string()));
    }
    if let Some(shown) = Shown::of(&setup.installation) {
        let read = if shown.alive { "an upgrade is going on" } else { "the upgrade has stopped" };
        let text = format!("run {} has put it up; it says that {read}", shown.run);
        facts.push(Fact::new("page", text, shown.page.display().to_string()));
    }
    there
}

/// Directories of ours in the roots.
pub(super) fn leftovers(setup: &Setup, facts: &mut Vec<Fact>) {
    for root in setup.installation.roots.values() {
        let names = fs::read_dir(&root.path).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let ours = names.filter(|name| name.to_string_lossy().starts_with(".liftlock-"));
        let mut ours: Vec<_> = ours.map(|name| root.path.join(name).display().to_string()).collect();
        ours.sort();
        let of_run = "files of a run of ours, kept for undo until commit";
        facts.extend(ours.into_iter().map(|path| Fact::new("kept", of_run, path)));
    }
}

impl Upgrade {
    /// Both witnesses: the component that reads versions, and the pipeline's post-conditions.
    pub(super) fn look(&self, facts: &mut Vec<Fact>) -> Result<Looked, Trouble> {
        let run = RunDirectory::scratch(&self.setup.installation.state)?;
        let services = self.readable(&run, facts)?;
        self.flag(&services, facts);
        let report = self.report(&services, facts)?;
        let mut conditions = Conditions::default();
        for condition in self.setup.slots.iter().flat_map(|planned| &planned.slot.expect) {
            let side = match condition {
                Expect::Query { .. } => &mut conditions.database,
                Expect::File { .. } => &mut conditions.files,
            };
            match expect::check(std::slice::from_ref(condition), &services.files, &services.databases) {
                Ok(failed) if failed.is_empty() => side.held += 1,
                Ok(_) => side.unmet += 1,
                Err(fault) => facts.push(Fact::new("condition", fault.message, place(condition))),
            }
        }
        let (held, all) = conditions.counted();
        facts.push(Fact::new("conditions", format!("{held} of {all} hold"), "the pipeline's post-conditions"));
        Ok(Looked { report, conditions })
    }

    /// The capabilities, with those roots and databases that can be read at all.
    fn readable(&self, run: &RunDirectory, facts: &mut Vec<Fact>) -> Result<Services, Fault> {
        let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
        for name in self.setup.databases.keys() {
            // A server is not asked before somebody wants to know something of it.
            let asked = self.driver(run, name).and_then(|driver| driver.server_version().map(|_| driver));
            match asked {
                Ok(driver) => drivers.push(driver),
                Err(fault) => facts.push(Fact::new("unreadable", fault.message, format!("database {name}"))),
            }
        }
        for (name, root) in self.setup.installation.roots.iter().filter(|(_, root)| !root.path.is_dir()) {
            let text = format!("{} is no directory, or is not there", root.path.display());
            facts.push(Fact::new("unreadable", text, format!("root {name}")));
        }
        self.services_with(run, Path::is_dir, drivers)
    }

    /// The application's own flag, if it is a row, and on. Whose it is, the run or the component that reads versions tells.
    fn flag(&self, services: &Services, facts: &mut Vec<Fact>) {
        let Some(Flag::Row(flag)) = &self.setup.installation.maintenance.flag else { return };
        let drivers = services.databases.drivers().iter();
        for driver in drivers.filter(|driver| driver.name() == flag.database) {
            let place = format!("database {}, {}", flag.database, flag.setting);
            match maintenance::is_on(flag, driver.as_ref()) {
                Ok(false) => {}
                Ok(true) => facts.push(Fact::new("maintenance", KEPT_OUT, place)),
                Err(CallError::Answer(failure)) => facts.push(Fact::new("maintenance", failure.message, place)),
                Err(CallError::Fault(fault)) => facts.push(Fact::new("unreadable", fault.message, place)),
            }
        }
    }

    /// What the component that reads versions says.
    fn report(&self, services: &Services, facts: &mut Vec<Fact>) -> Result<Reported, Trouble> {
        let Some(planned) = &self.setup.versions else {
            let why = format!("the pipeline {} has no [versions]", self.setup.bundle.pipeline.name);
            return Ok(Err(Silent::Why(why)));
        };
        let grants = match policy::decide(&described(planned), planned) {
            Ok(grants) => grants,
            Err(refusals) => return Ok(Err(Silent::Refused(refusals))),
        };
        let bytes = self.setup.read_component(planned)?;
        let loaded = self.sandbox.load(&planned.component, &bytes)?;
        let reader = match VersionsReader::new(self.sandbox.clone(), &loaded, planned, grants) {
            Ok(reader) => reader,
            Err(refusals) => return Ok(Err(Silent::Refused(refusals))),
        };
        Ok(match reader.look(services, context_of(planned)) {
            Err(fault) => Err(Silent::Why(fault.message)),
            Ok(report) => {
                told(&report, facts);
                Ok(report)
            }
        })
    }
}

fn told(report: &Report, facts: &mut Vec<Fact>) {
    let side = |about: &str, reading: &Reading| {
        let said = match (&reading.version, &reading.problem) {
            (Some(version), _) => version.clone(),
            (None, Some(problem)) => format!("unknown: {problem}"),
            (None, None) => "unknown".to_owned(),
        };
        Fact::new(about, said, &reading.place)
    };
    facts.push(side("files", &report.files));
    facts.push(side("database", &report.database));
    let mark = |Mark { code, message, place, .. }: &Mark| Fact::new(code, message, place);
    facts.extend(report.marks.iter().map(mark));
}

/// Such a component does not say what it asks for: the pipeline does, and that is all that it gets.
fn described(planned: &PlannedSlot) -> StageInfo {
    let asks = planned.slot.asks.iter().map(|ask| DescribedAsk {
        capability: ask.capability.to_string(),
        object: ask.object.clone(),
        access: ask.access.to_string(),
        reason: ask.reason.clone(),
        ..DescribedAsk::default()
    });
    StageInfo { name: planned.slot.name.clone(), asks: asks.collect(), ..StageInfo::default() }
}

fn place(condition: &Expect) -> String {
    match condition {
        Expect::Query { database, .. } => format!("database {database}"),
        Expect::File { root, file, .. } => format!("{root}:{file}"),
    }
}
