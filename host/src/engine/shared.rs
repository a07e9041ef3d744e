//! What all parts of a run share: its journal and state, the capabilities, the operator.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::event::Event;
use super::journal::{JOURNAL, Journal};
use super::operator::{Operator, Standing, Way};
use super::sink::{Progress, Sink};
use super::state::{Freeze, Phase, State};
use crate::effect::{Capability, Change, Fault, Stamps, Store};
use crate::meter::{Meter, Reading};

/// Longer than a step of the clock that file systems use (`CONFIG_HZ=100`: 10 ms).
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// Between two looks at the meter.
const LOOK: Duration = Duration::from_millis(100);

/// How large a batch of data changes may grow (DESIGN §6, measured in review.md 1.1).
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Statements.
    pub statements: u64,
    /// Rows changed.
    pub rows: u64,
    /// Milliseconds since its first statement, looked at with the next call.
    pub age_ms: u64,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { statements: 500, rows: 100_000, age_ms: 200 }
    }
}

/// What the engine works with.
pub struct Parts {
    /// The directory of the run: journal, recordings, restore points, artifacts.
    pub directory: PathBuf,
    /// Everything that settles and undoes effects.
    pub capabilities: Vec<Arc<dyn Capability>>,
    /// The databases.
    pub stores: Vec<Arc<dyn Store>>,
    /// Freeze and hooks.
    pub operator: Box<dyn Operator>,
    /// Where to tell what happens.
    pub sink: Box<dyn Sink>,
    /// Set by a signal: stop at the next safe point.
    pub stop: Arc<AtomicBool>,
    /// What the host's own long work counts on.
    pub meter: Meter,
    /// How large batches grow.
    pub batch: BatchLimits,
}

/// A run that is open for writing.
pub(super) struct Shared {
    directory: PathBuf,
    capabilities: Vec<Arc<dyn Capability>>,
    stores: Vec<Arc<dyn Store>>,
    operator: Box<dyn Operator>,
    stop: Arc<AtomicBool>,
    batch: BatchLimits,
    sink: Mutex<Box<dyn Sink>>,
    log: Mutex<Log>,
}

struct Log {
    journal: Journal,
    state: State,
}

impl Shared {
    pub(super) fn new(parts: Parts, journal: Journal, state: State) -> Arc<Self> {
        let meter = parts.meter;
        let shared = Arc::new(Self {
            directory: parts.directory,
            capabilities: parts.capabilities,
            stores: parts.stores,
            operator: parts.operator,
            stop: parts.stop,
            batch: parts.batch,
            sink: Mutex::new(parts.sink),
            log: Mutex::new(Log { journal, state }),
        });
        watch(&shared, meter);
        shared
    }

    /// Makes an event durable, folds it into the state and tells the reporter.
    pub(super) fn record(&self, event: Event) -> Result<(), Fault> {
        {
            let mut log = self.log();
            let mut state = log.state.clone();
            state.next(&event).map_err(|e| Fault::new("host-bug", e.to_string()))?;
            log.journal.append(now(), &event)?;
            log.state = state;
        }
        self.sink().event(&event);
        Ok(())
    }

    /// Reads something from the state.
    pub(super) fn state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.log().state)
    }

    pub(super) fn sink(&self) -> MutexGuard<'_, Box<dyn Sink>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, text: &str) {
        self.sink().note(text);
    }

    pub(super) fn operator(&self) -> &dyn Operator {
        self.operator.as_ref()
    }

    pub(super) fn stores(&self) -> &[Arc<dyn Store>] {
        &self.stores
    }

    pub(super) fn capabilities(&self) -> &[Arc<dyn Capability>] {
        &self.capabilities
    }

    pub(super) fn store(&self, name: &str) -> Result<&Arc<dyn Store>, Fault> {
        self.stores.iter().find(|s| s.name() == name).ok_or_else(|| {
            Fault::new("database-missing", format!("the run has changed the database {name}, which is not there now"))
                .hint(format!("put [databases.{name}] back into installation.toml"))
        })
    }

    pub(super) fn capability(&self, change: &Change) -> Result<&Arc<dyn Capability>, Fault> {
        self.capabilities
            .iter()
            .find(|c| c.name() == change.capability)
            .ok_or_else(|| Fault::new("host-bug", format!("nobody knows the capability {}", change.capability)))
    }

    pub(super) fn batch_limits(&self) -> BatchLimits {
        self.batch
    }

    pub(super) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn journal_path(&self) -> PathBuf {
        self.directory.join(JOURNAL)
    }

    pub(super) fn recording_path(&self, stage: u32) -> PathBuf {
        self.directory.join("recordings").join(format!("{stage:02}.recording"))
    }

    pub(super) fn restore_directory(&self, store: &str) -> PathBuf {
        self.directory.join("restore").join(store)
    }

    /// The directory of the run.
    #[must_use]
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Nobody else may write from here on. Does nothing if that is so already.
    ///
    /// `look` is what must be true of the frozen installation: until it is, it does not count as frozen, and whoever goes on
    /// after a kill or a fault looks again.
    pub(super) fn freeze(&self, look: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        if self.state(|s| s.freeze) == Freeze::Frozen {
            return Ok(());
        }
        self.record(Event::FreezeStarted { since: now() })?;
        self.operator.freeze(self.state(standing))?;
        look()?;
        self.record(Event::Frozen {})
    }

    /// Where the installation is frozen: says how far the run is. After a kill the freeze of the dead process goes on in this one.
    pub(super) fn hold(&self) {
        if matches!(self.state(|s| s.freeze), Freeze::Freezing | Freeze::Frozen) {
            self.operator.hold(self.state(standing));
        }
    }

    /// Others may write again.
    pub(super) fn thaw(&self) -> Result<(), Fault> {
        if matches!(self.state(|s| s.freeze), Freeze::Open | Freeze::Live) {
            return Ok(());
        }
        self.record(Event::ThawStarted { since: now() })?;
        // The kernel's clock for files goes in steps of some milliseconds: ours before this moment, others' after it.
        thread::sleep(CLOCK_STEP);
        let stamps = self.operator.thaw(&self.state(stamps))?;
        self.record(Event::Thawed { stamps })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a run is, as everybody may know it.
fn standing(state: &State) -> Standing {
    let stages = u32::try_from(state.plan.slots.len()).unwrap_or(u32::MAX);
    let way = if state.phase == Phase::Upgrading { Way::Forward } else { Way::Back };
    Standing { since: state.frozen_since.unwrap_or_else(now), stage: (state.stage + 1).min(stages), stages, way }
}

/// The stamps of the databases that the run has changed, as far as they are known.
fn stamps(state: &State) -> Stamps {
    let known = state.databases.iter().filter(|(_, known)| !known.restored && !known.stamp.is_empty());
    known.map(|(name, known)| (name.clone(), known.stamp.clone())).collect()
}

/// Tells the reporter how far the host's own long work is, as long as there is a run.
fn watch(shared: &Arc<Shared>, meter: Meter) {
    let weak = Arc::downgrade(shared);
    let look = move || {
        while let Some(shared) = weak.upgrade() {
            if let Some(Reading { done, total, unit }) = meter.read() {
                let stage = shared.state(|s| s.stage);
                shared.sink().progress(stage, &Progress { done, total, unit: unit.to_owned() });
            }
            drop(shared);
            thread::sleep(LOOK);
        }
    };
    // Without it there are no bars; the run does not need them.
    let _ = thread::Builder::new().name("meter".into()).spawn(look);
}

/// Milliseconds since 1970, for people: nothing is decided by it.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
