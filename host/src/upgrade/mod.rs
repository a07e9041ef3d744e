//! An upgrade of an installation: bundle, policy, sandbox and capabilities put together for the engine.
//!
//! Everything above this module (the commands) works with an [`Upgrade`]; everything below knows nothing of the others.

mod account;
mod adopt;
mod assemble;
mod backup;
mod commands;
mod diagnose;
mod expect;
mod operator;
mod packages;
mod plan;
mod preflight;
mod runs;
mod server;
mod there;
mod warnings;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::bundle::{PlannedSlot, Problems, Setup};
use crate::effect::{Fault, Finding};
use crate::engine::event::Plan;
use crate::engine::journal::{Entry, JOURNAL, Journal};
use crate::engine::state::{Phase, State};
use crate::engine::{Context, Conversation, Engine, Lock, OnFailure, Returned, Sink, Stop, of_application};
use crate::meter::Meter;
use crate::policy::Refusal;
use crate::sandbox::Sandbox;

pub use assemble::Slots;
pub use diagnose::{Diagnosis, Fact, State as Condition, Way, Weight, going_on};
pub use runs::RunDirectory;
pub use there::There;
pub use warnings::{LICENCE, not_acceptable, unaccepted};

/// Why an upgrade cannot even begin.
#[derive(Debug)]
pub enum Trouble {
    /// A file of the operator's or the vendor's is wrong.
    Problems(Problems),
    /// Policy says no: contract, grants, imports.
    Refused(Vec<Refusal>),
    /// The surroundings fail.
    Fault(Fault),
    /// There is a run, and it is in the way.
    RunOpen {
        /// Its id.
        run: String,
        /// What it is waiting for, and the command for it.
        what: String,
        /// One next command.
        next: &'static str,
    },
    /// There is no run to do this with.
    NoRun,
}

impl From<Problems> for Trouble {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<Vec<Refusal>> for Trouble {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Looks a variable of the environment up: only the program itself knows it.
pub type Environment = fn(&str) -> Option<String>;

/// An installation with its bundle, ready to be upgraded.
pub struct Upgrade {
    setup: Setup,
    sandbox: Arc<Sandbox>,
    stop: Arc<AtomicBool>,
    meter: Meter,
    environment: Environment,
    /// Those of the command line.
    packages: packages::Packages,
    /// Whether what another tool has left half done is taken over.
    adopted: bool,
    lock: Lock,
}

/// A finding and the slot it belongs to ("installation" for the host's own).
pub type Found = (String, Finding);

impl Upgrade {
    /// Reads everything, and takes the installation's lock. `stop` is what a signal sets.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn open(installation: &Path, stop: Arc<AtomicBool>, environment: Environment) -> Result<Self, Trouble> {
        let setup = Setup::load(installation)?;
        let state = &setup.installation.state;
        crate::io::make_private_dir(state)
            .map_err(|e| Fault::io(format_args!("making the state directory {}", state.display()), &e))?;
        runs::refuse_foreign(state)?;
        let lock = lock_all(&setup)?;
        let sandbox = Arc::new(Sandbox::new(&state.join("cache"))?);
        let packages = packages::Packages::new();
        Ok(Self { setup, sandbox, stop, environment, packages, adopted: false, meter: Meter::default(), lock })
    }

    /// The installation and the bundle.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Looks whether the upgrade could run: the host's own checks, then `check` of every stage. Changes nothing outside the
    /// state directory.
    ///
    /// # Errors
    /// [`Trouble`] for what is refused outright.
    pub fn check(&self) -> Result<Vec<Found>, Trouble> {
        let mut found: Vec<Found> =
            preflight::check(&self.setup).into_iter().map(|f| ("installation".to_owned(), f)).collect();
        if found.iter().any(|(_, f)| f.code == "root-missing" || f.code == "database-missing") {
            return Ok(found);
        }
        let run = RunDirectory::scratch(&self.setup.installation.state)?;
        let mut slots = self.assemble(&run)?;
        found.append(&mut slots.notes);
        found.extend(slots.preflight(&self.setup)?.into_iter().map(|f| ("installation".to_owned(), f)));
        for index in 0..slots.len() {
            let context = self.context(index);
            let name = context.slot.clone();
            let Some(slot) = slots.get_mut(index) else { continue };
            let Returned { talk, answer } = slot.stage.check(Conversation::look(context));
            let findings = match (talk.stopped(), answer) {
                (None, Ok(findings)) => findings,
                (Some(stop), _) => vec![stopped(stop)],
                (None, Err(trap)) => vec![Finding::blocking(&trap.code, trap.message)],
            };
            let Some(planned) = self.setup.slots.get(index) else { continue };
            let findings = findings.into_iter().map(|finding| self.weighed(planned, finding));
            found.extend(findings.map(|finding| (name.clone(), of_application(finding, &planned.slot.codes))));
        }
        Ok(found)
    }

    /// Whether a new run may begin.
    ///
    /// # Errors
    /// [`Trouble::RunOpen`] if the last run is not closed.
    pub fn admit_new_run(&self) -> Result<(), Trouble> {
        match last_run(&self.setup.installation.state)? {
            Some((run, state, _)) if !state.is_closed() => Err(runs::in_the_way(&run, &state)),
            _ => Ok(()),
        }
    }

    /// Begins a new run.
    ///
    /// # Errors
    /// [`Trouble::RunOpen`] if the last run is not closed; refusals; faults.
    pub fn start(&self, sink: Box<dyn Sink>, on_failure: OnFailure) -> Result<Engine, Trouble> {
        self.admit_new_run()?;
        let run = RunDirectory::create(&self.setup.installation.state)?;
        let slots = self.assemble(&run)?;
        let plan = plan::make(self, &run);
        let parts = slots.parts(&self.setup, &run, sink, self.stop.clone());
        Ok(Engine::start(parts, plan, slots.into_slots(), on_failure)?)
    }

    /// Opens the last run, to go on with it. `sink` gets its plan.
    ///
    /// # Errors
    /// [`Trouble::NoRun`]; "plan-changed" if its stages are others now; refusals; faults.
    pub fn resume(
        &mut self,
        sink: impl FnOnce(Plan) -> Box<dyn Sink>,
        on_failure: OnFailure,
    ) -> Result<Engine, Trouble> {
        let (run, state, _) = last_run(&self.setup.installation.state)?.ok_or(Trouble::NoRun)?;
        if state.phase != Phase::Upgrading {
            return self.reopen(sink);
        }
        self.take_packages_of(&state.plan.packages);
        if state.plan.adopted {
            self.adopt()?;
        }
        plan::unchanged(&state, &plan::make(self, &run))?;
        self.engine(&run, self.assemble(&run)?, sink(state.plan), on_failure)
    }

    /// Opens the last run, to undo or commit it: without its stages, so that neither needs their components or grants any more.
    ///
    /// # Errors
    /// [`Trouble::NoRun`]; faults.
    pub fn reopen(&self, sink: impl FnOnce(Plan) -> Box<dyn Sink>) -> Result<Engine, Trouble> {
        let (run, state, _) = last_run(&self.setup.installation.state)?.ok_or(Trouble::NoRun)?;
        self.engine(&run, self.without_stages(&run)?, sink(state.plan), OnFailure::Keep)
    }

    fn engine(
        &self,
        run: &RunDirectory,
        slots: Slots,
        sink: Box<dyn Sink>,
        on_failure: OnFailure,
    ) -> Result<Engine, Trouble> {
        let parts = slots.parts(&self.setup, run, sink, self.stop.clone());
        Ok(Engine::open(parts, slots.into_slots(), on_failure)?)
    }

    fn context(&self, index: usize) -> Context {
        self.setup.slots.get(index).map_or_else(Context::default, context_of)
    }
}

/// What a look of the component in a slot is about.
fn context_of(planned: &PlannedSlot) -> Context {
    Context {
        index: u32::try_from(planned.index).unwrap_or(u32::MAX),
        slot: planned.slot.name.clone(),
        host_calls: planned.limits.host_calls,
        log_bytes: planned.limits.log_bytes,
        clock: crate::engine::now(),
        ..Context::default()
    }
}

/// A check that the host had to end.
fn stopped(stop: &Stop) -> Finding {
    match stop {
        Stop::Fault(fault) => Finding { fix: fault.hint.clone(), ..Finding::blocking(fault.code, &fault.message) },
        Stop::Limit { code, message } => Finding::blocking(code, message),
        Stop::Interrupted => Finding::blocking("interrupted", "stopped by the operator"),
    }
}

/// The lock of the installation: its state directory, and every root that is there.
fn lock_all(setup: &Setup) -> Result<Lock, Fault> {
    let mut lock = Lock::take(&setup.installation.state)?;
    for root in setup.installation.roots.values().filter(|root| root.path.is_dir()) {
        lock.and_directory(&root.path)?;
    }
    Ok(lock)
}

/// The last run of a state directory, its state and its journal. Needs no lock: for `status` and `log`.
///
/// # Errors
/// "journal-damaged"; what the file system says.
pub fn last_run(state: &Path) -> Result<Option<(RunDirectory, State, Vec<Entry>)>, Fault> {
    for run in runs::newest_first(state)? {
        let path = run.path().join(JOURNAL);
        // A run that was killed before its first event has never been.
        if !path.exists() {
            continue;
        }
        let entries = Journal::read(&path)?;
        let folded = State::fold(entries.iter().map(|e| &e.event))
            .map_err(|e| Fault::new("journal-damaged", format!("{}: {e}", path.display())))?;
        if let Some(state) = folded {
            return Ok(Some((run, state, entries)));
        }
    }
    Ok(None)
}
