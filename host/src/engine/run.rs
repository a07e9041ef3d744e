//! The run loop: from the state, the next thing to do, until the run has an end.
//!
//! `apply` and `resume` are the same loop: a new run begins with one event in its journal, a resumed one with more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::apply::effect_frame;
use super::context::Context;
use super::cost::Account;
use super::event::{EffectResult, Event, Output, Plan};
use super::journal::{JOURNAL, Journal};
use super::recording::Recording;
use super::shared::{Parts, Shared, now};
use super::stage::Stage;
use super::state::{Effect, Freeze, Phase, State, Step};
use super::turn::StageEnd;
use crate::effect::{Fault, Verdict};

/// What to do when a stage fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Put everything back.
    PutBack,
    /// Stop there: the operator mends it and resumes.
    Keep,
}

/// How a run ends, for now or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All stages are done.
    Done,
    /// Everything is as it was.
    PutBack,
    /// A stage failed; the run waits for `resume` or `undo`.
    Failed,
    /// A fault of the surroundings; the run waits for `resume` or `undo`.
    Stopped(Fault),
    /// The operator stopped it; `resume` goes on.
    Interrupted,
    /// Something could not be put back.
    UndoFailed(Fault),
}

/// Limits of one stage that the conversation itself keeps.
#[derive(Debug, Clone, Copy)]
pub struct TalkLimits {
    /// Calls to the host.
    pub host_calls: u64,
    /// Bytes of log.
    pub log_bytes: u64,
}

/// A stage with its limits.
pub struct Slot {
    /// The component.
    pub stage: Box<dyn Stage>,
    /// Limits of its conversation.
    pub limits: TalkLimits,
}

/// A run.
pub struct Engine {
    pub(super) shared: Arc<Shared>,
    slots: Vec<Slot>,
    seed: [u8; 32],
    on_failure: OnFailure,
}

impl Engine {
    /// Begins a new run: its directory and its journal are there when this returns.
    ///
    /// # Errors
    /// What the file system says.
    pub fn start(parts: Parts, plan: Plan, slots: Vec<Slot>, on_failure: OnFailure) -> Result<Self, Fault> {
        let fault = |e: io::Error| Fault::io("making the directory of the run", &e);
        for name in ["recordings", "restore", "artifacts", "spool"] {
            crate::io::make_private_dir(&parts.directory.join(name)).map_err(fault)?;
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| Fault::new("io-error", format!("random numbers: {e}")))?;
        crate::io::write_atomic(&parts.directory.join("seed"), &seed, 0o600).map_err(fault)?;
        let mut journal = Journal::create(&parts.directory.join(JOURNAL))?;
        let event = Event::RunStarted { plan };
        journal.append(now(), &event)?;
        let state = State::first(&event).map_err(|e| Fault::new("host-bug", e.to_string()))?;
        let shared = Shared::new(parts, journal, state);
        shared.sink().event(&event);
        Ok(Self { shared, slots, seed, on_failure })
    }

    /// Opens a run that exists, to resume, undo or commit it.
    ///
    /// # Errors
    /// "journal-damaged"; what the file system says.
    pub fn open(parts: Parts, slots: Vec<Slot>, on_failure: OnFailure) -> Result<Self, Fault> {
        let path = parts.directory.join(JOURNAL);
        let (journal, entries) = Journal::open(&path)?;
        let state = State::fold(entries.iter().map(|e| &e.event))
            .map_err(|e| Fault::new("journal-damaged", format!("{}: {e}", path.display())))?
            .ok_or_else(|| Fault::new("journal-damaged", format!("{} is empty", path.display())))?;
        let seed = read_seed(&parts.directory)?;
        Ok(Self { shared: Shared::new(parts, journal, state), slots, seed, on_failure })
    }

    /// Reads the state.
    pub fn state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        self.shared.state(read)
    }

    /// What the run has cost so far.
    ///
    /// # Errors
    /// "journal-damaged"; what the file system says.
    pub fn account(&self) -> Result<Account, Fault> {
        Ok(Account::of(&Journal::read(&self.shared.journal_path())?))
    }

    /// Goes forward until the run has an end.
    pub fn drive(&mut self) -> Ending {
        match self.forward() {
            Ok(ending) => ending,
            Err(fault) => self.stopped(fault),
        }
    }

    fn stopped(&self, fault: Fault) -> Ending {
        let ending = if fault.code == "interrupted" { Ending::Interrupted } else { Ending::Stopped(fault.clone()) };
        // The journal may be what failed. Then the state tells it: a run without an end.
        let _ = self.shared.record(Event::Stopped { code: fault.code.to_owned(), message: fault.message.clone() });
        if ending != Ending::Interrupted {
            self.shared.operator().attention(fault.code, &fault.message);
        }
        ending
    }

    fn forward(&mut self) -> Result<Ending, Fault> {
        // A kill may have come between the end of a stage and this.
        self.drop_finished_recordings();
        loop {
            self.shared.hold();
            match self.shared.state(|s| s.phase) {
                Phase::Done | Phase::Committed => return Ok(Ending::Done),
                Phase::PutBack => return Ok(Ending::PutBack),
                Phase::Undoing | Phase::UndoFailed => return Ok(self.undo("resumed")),
                Phase::Upgrading => {}
            }
            self.settle()?;
            let stage = self.shared.state(|s| s.stage);
            if stage as usize == self.slots.len() {
                self.shared.thaw()?;
                self.shared.record(Event::RunDone {})?;
                continue;
            }
            if self.one_stage(stage)? == StageEnd::Failed {
                let (code, message) =
                    self.shared.state(|s| s.failure.as_ref().map(|f| (f.2.clone(), f.3.clone()))).unwrap_or_default();
                // What others have written since it is live again is theirs: nobody but the operator may give that up.
                if self.on_failure == OnFailure::PutBack && self.shared.state(|s| s.live_since.is_none()) {
                    return Ok(self.undo(&code));
                }
                self.shared.operator().attention(&code, &message);
                return Ok(Ending::Failed);
            }
        }
    }

    /// Looks what became of the effect that a crash has left in the air.
    fn settle(&self) -> Result<(), Fault> {
        let Some(effect) = self.shared.state(|s| s.in_flight().cloned()) else { return Ok(()) };
        let number = effect.number;
        let capability = self.shared.capability(&effect.change)?;
        let verdict = capability.settle(&effect.change)?;
        if verdict == Verdict::Again {
            self.put_databases_back(&effect)?;
            capability.undo(&effect.change)?;
        }
        let stores =
            effect.databases.iter().map(|name| self.shared.store(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        let stamps = super::apply::stamps(&stores)?;
        match verdict {
            Verdict::Done(value) => {
                self.shared.record(Event::Done { effect: number, result: EffectResult::Ok(value), stamps })
            }
            Verdict::NotDone | Verdict::Again => self.shared.record(Event::NotDone { effect: number, stamps }),
            Verdict::Undetermined(why) => {
                let what = format!("{} of {}: {why}", effect.change.verb, effect.change.object);
                Err(Fault::new("undetermined", what).hint("put the installation back with `liftlock undo`"))
            }
        }
    }

    /// What an effect may have changed in databases, as it was before it. That is known where nothing of the run came before it.
    fn put_databases_back(&self, effect: &Effect) -> Result<(), Fault> {
        let changed =
            effect.databases.iter().find(|name| !self.shared.state(|s| s.is_first_touch(name, effect.number)));
        if let Some(name) = changed {
            let text = format!(
                "it is not known how far {} of {} came, and the run had changed database {name} before it",
                effect.change.verb, effect.change.object
            );
            return Err(Fault::new("undetermined", text).hint("put the installation back with `liftlock undo`"));
        }
        for name in &effect.databases {
            self.shared.note(&format!("putting database {name} back: {} was cut off", effect.change.object));
            let saved = self.shared.state(|s| s.databases.get(name).map(|known| known.saved.clone()));
            let store = self.shared.store(name)?;
            store.quiet()?;
            store.close();
            store.restore(&saved.unwrap_or_default())?;
        }
        Ok(())
    }

    /// Compares each touched database with what the journal knows of it. A batch whose journal line was lost is found here.
    pub(super) fn reconcile(&self) -> Result<(), Fault> {
        let (stage, run, databases) = self.shared.state(|s| (s.stage, s.plan.run.clone(), s.databases.clone()));
        for (name, known) in databases {
            let store = self.shared.store(&name)?;
            let marker = store.marker()?;
            let sequence = known.marker.as_ref().map_or(0, |m| m.sequence);
            match marker {
                Some(m) if m.run == run && m.stage == stage && m.sequence == sequence + 1 => {
                    self.shared.record(Event::Batch {
                        stage,
                        database: name,
                        sequence: m.sequence,
                        recording: m.recording,
                        statements: 0,
                        rows: 0,
                        stamp: store.stamp()?,
                    })?;
                }
                m if m == known.marker => {
                    // Open again: others may write, and the run has nothing more to change or to put back.
                    let is_open = self.shared.state(|s| matches!(s.freeze, Freeze::Thawing | Freeze::Live));
                    if known.stamp.is_empty() || is_open {
                        continue;
                    }
                    let Some(what) = store.written_since(&known.stamp)? else {
                        store.rewind(&known.stamp)?;
                        continue;
                    };
                    // After a failure the operator may mend the data: that is what `resume` is for.
                    if self.shared.state(|s| s.step != Step::Failed) {
                        return Err(super::apply::foreign_write(&what));
                    }
                    self.shared.record(Event::Mended { database: name, stamp: store.stamp()? })?;
                }
                other => {
                    let text = format!("the marker of database {name} is {other:?}, expected {:?}", known.marker);
                    return Err(Fault::new("undetermined", text)
                        .hint("another program has changed the database; put it back with `liftlock undo`"));
                }
            }
        }
        Ok(())
    }

    pub(super) fn recording(&self, stage: u32) -> Result<Recording, Fault> {
        let head = self.shared.state(|s| {
            let planned = s.plan.slots.get(stage as usize);
            let valid_for = planned.map(|p| (p.component.clone(), p.parameters.clone()));
            (s.plan.host.clone(), s.plan.run.clone(), valid_for)
        });
        let (position, call) = self.shared.state(|s| {
            let number = s.position.then.as_ref().map(|t| t.0);
            let call = s.effects.iter().rev().find(|e| Some(e.number) == number).map(|e| e.call);
            (s.position.clone(), call)
        });
        let then = position.then.as_ref().zip(call).map(|((_, result), call)| (call, effect_frame(result)));
        Recording::open(&self.shared.recording_path(stage), position.recording, then, &head)
    }

    pub(super) fn context(&self, stage: u32) -> Context {
        let limits = self.slots.get(stage as usize).map(|s| s.limits);
        self.shared.state(|s| {
            let planned = s.plan.slots.get(stage as usize);
            let inputs = planned.map(|p| resolve_inputs(&p.inputs, &s.outputs)).unwrap_or_default();
            Context {
                index: stage,
                slot: s.slot(stage).to_owned(),
                inputs,
                produces: planned.map(|p| p.produces.clone()).unwrap_or_default(),
                seed: self.seed,
                clock: if s.clock == 0 { s.plan.started } else { s.clock },
                host_calls: limits.map_or(0, |l| l.host_calls),
                log_bytes: limits.map_or(0, |l| l.log_bytes),
            }
        })
    }

    pub(super) fn slot(&mut self, stage: u32) -> Result<&mut Slot, Fault> {
        self.slots
            .get_mut(stage as usize)
            .ok_or_else(|| Fault::new("host-bug", format!("the plan has no stage {stage}")))
    }
}

fn resolve_inputs(wired: &BTreeMap<String, String>, outputs: &BTreeMap<String, Output>) -> BTreeMap<String, Output> {
    wired.iter().filter_map(|(name, from)| Some((name.clone(), outputs.get(from)?.clone()))).collect()
}

fn read_seed(directory: &Path) -> Result<[u8; 32], Fault> {
    let bytes = fs::read(directory.join("seed")).map_err(|e| Fault::io("reading the seed of the run", &e))?;
    bytes.try_into().map_err(|_| Fault::new("journal-damaged", "the seed of the run is damaged"))
}
