//! The state of a run: the fold of its events.
//!
//! One function, [`State::next`], is used while the run goes on, when it is resumed, when it is undone and when somebody asks
//! for its status. An event that cannot follow is refused: then the journal is not one that this program wrote.

use std::collections::BTreeMap;

use serde_json::Value;

use super::event::{EffectResult, Event, FailureKind, Output, Plan, application_code};
use crate::effect::{Change, Marker, Stamps};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// On its way forward.
    Upgrading,
    /// All stages are done; `undo` and `commit` are open.
    Done,
    /// On its way back.
    Undoing,
    /// Everything is as it was.
    PutBack,
    /// Something could not be put back.
    UndoFailed,
    /// Done, and the undo data is gone.
    Committed,
}

/// Who may write to the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freeze {
    /// Everybody: nothing of it was touched yet.
    Open,
    /// Being frozen.
    Freezing,
    /// Only the run.
    Frozen,
    /// Being opened again.
    Thawing,
    /// Everybody, after the upgrade: undo would lose what they write.
    Live,
}

/// Where the current stage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Not begun.
    Waiting,
    /// `apply` was begun.
    Applying,
    /// `apply` has returned; `verify` is due.
    Applied,
    /// It failed; `resume` asks anew from its last successful effect on.
    Failed,
}

/// One effect of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Its number.
    pub number: u64,
    /// The stage that asked for it.
    pub stage: u32,
    /// Digest of function and arguments.
    pub call: u64,
    /// What it is.
    pub change: Change,
    /// The databases that it changes by itself.
    pub databases: Vec<String>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Announced; to be settled after a crash.
    InFlight,
    /// It happened, with this result.
    Done(Value),
    /// It did not happen.
    NotDone,
    /// It is put back.
    Undone,
}

/// What the engine knows of a database.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// The store's record for the restore.
    pub saved: Value,
    /// The last batch of this run.
    pub marker: Option<Marker>,
    /// The store's stamp after the last thing that is known to be ours; empty if unknown.
    pub stamp: String,
    /// Whether it is put back.
    pub restored: bool,
}

/// Up to where a stage's recording is valid.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Position {
    /// Bytes.
    pub recording: u64,
    /// An effect that ended after that length: its frame comes from the journal.
    pub then: Option<(u64, EffectResult)>,
}

/// A run, as its events tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// What it is going to do.
    pub plan: Plan,
    /// Where it is.
    pub phase: Phase,
    /// Who may write.
    pub freeze: Freeze,
    /// Since when others have been kept out, in milliseconds since 1970; none while nobody is.
    pub frozen_since: Option<u64>,
    /// When others could write again, in milliseconds since 1970.
    pub live_since: Option<u64>,
    /// The current stage; the number of stages if all are done.
    pub stage: u32,
    /// Where that stage is.
    pub step: Step,
    /// How often it was started.
    pub attempts: u32,
    /// Starts of it since something durable happened: a crash loop shows here.
    pub deaths: u32,
    /// Its clock at its first start.
    pub clock: u64,
    /// Up to where its recording is valid.
    pub position: Position,
    /// All effects, oldest first.
    pub effects: Vec<Effect>,
    /// Databases that were touched.
    pub databases: BTreeMap<String, Database>,
    /// What the stages put out, by "slot.output".
    pub outputs: BTreeMap<String, Output>,
    /// What each finished stage said: (changed, summary).
    pub summaries: BTreeMap<u32, (bool, String)>,
    /// The last failure, if the current stage failed or the run was put back for it: (stage, code, message).
    pub failure: Option<(u32, FailureKind, String, String)>,
    /// Whether `resume` would meet that failure again, whatever the operator mends.
    pub for_good: bool,
    /// Why the run stopped without an answer: (code, message). None while it is going on.
    pub stopped: Option<(String, String)>,
    /// Why undo failed: (code, message).
    pub undo_failure: Option<(String, String)>,
}

/// An event that cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow here: {why}")]
pub struct IllegalEvent {
    event: String,
    why: String,
}

impl State {
    /// The state after the first event.
    ///
    /// # Errors
    /// If the event is not the start of a run.
    pub fn first(event: &Event) -> Result<Self, IllegalEvent> {
        let Event::RunStarted { plan } = event else {
            return Err(illegal(event, "a journal begins with run-started"));
        };
        Ok(Self {
            plan: plan.clone(),
            phase: Phase::Upgrading,
            freeze: Freeze::Open,
            frozen_since: None,
            live_since: None,
            stage: 0,
            step: Step::Waiting,
            attempts: 0,
            deaths: 0,
            clock: 0,
            position: Position::default(),
            effects: Vec::new(),
            databases: BTreeMap::new(),
            outputs: BTreeMap::new(),
            summaries: BTreeMap::new(),
            failure: None,
            for_good: false,
            stopped: None,
            undo_failure: None,
        })
    }

    /// The fold of a whole journal.
    ///
    /// # Errors
    /// The first event that cannot follow.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Option<Self>, IllegalEvent> {
        let mut state: Option<Self> = None;
        for event in events {
            match &mut state {
                None => state = Some(Self::first(event)?),
                Some(state) => state.next(event)?,
            }
        }
        Ok(state)
    }

    /// Goes on by one event.
    ///
    /// # Errors
    /// If the event cannot follow; the state is then as before.
    pub fn next(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        self.admit(event)?;
        if !matches!(event, Event::Stopped { .. }) {
            self.stopped = None;
        }
        match event {
            Event::RunStarted { .. } => {}
            Event::StageStarted { clock, attempt, .. } => {
                if self.attempts == 0 {
                    self.clock = *clock;
                    self.position = Position::default();
                }
                self.step = Step::Applying;
                self.attempts = *attempt;
                self.deaths += 1;
                self.failure = None;
                self.for_good = false;
            }
            Event::FreezeStarted { since } => {
                self.freeze = Freeze::Freezing;
                self.frozen_since.get_or_insert(*since);
            }
            Event::Frozen {} => self.freeze = Freeze::Frozen,
            Event::ThawStarted { since } => {
                self.freeze = Freeze::Thawing;
                // Of a thaw that is begun again after a kill the first time counts: others may have written since.
                self.live_since.get_or_insert(*since);
            }
            Event::Thawed { stamps } => {
                self.set_stamps(stamps);
                self.freeze = Freeze::Live;
                self.frozen_since = None;
            }
            Event::RestorePoint { database, saved, stamp } => {
                let known = Database { saved: saved.clone(), marker: None, stamp: stamp.clone(), restored: false };
                self.databases.insert(database.clone(), known);
            }
            Event::Intent { effect, stage, call, recording, change, databases } => {
                self.deaths = 0;
                for database in databases {
                    self.set_stamp(database, "");
                }
                self.position = Position { recording: *recording, then: None };
                self.effects.push(Effect {
                    number: *effect,
                    stage: *stage,
                    call: *call,
                    change: change.clone(),
                    databases: databases.clone(),
                    fate: Fate::InFlight,
                });
            }
            Event::Done { effect, result, stamps } => {
                self.set_stamps(stamps);
                self.position.then = Some((*effect, result.clone()));
                self.set_fate(
                    *effect,
                    match result {
                        EffectResult::Ok(value) => Fate::Done(value.clone()),
                        EffectResult::Failed(_) => Fate::NotDone,
                    },
                );
            }
            Event::NotDone { effect, stamps } => {
                self.set_stamps(stamps);
                self.set_fate(*effect, Fate::NotDone);
            }
            Event::Batch { stage, database, sequence, recording, stamp, .. } => {
                self.deaths = 0;
                self.position = Position { recording: *recording, then: None };
                if let Some(known) = self.databases.get_mut(database) {
                    let run = self.plan.run.clone();
                    known.marker = Some(Marker { run, stage: *stage, sequence: *sequence, recording: *recording });
                    known.stamp.clone_from(stamp);
                }
            }
            Event::StageApplied { stage, changed, summary, outputs } => {
                self.step = Step::Applied;
                self.summaries.insert(*stage, (*changed, summary.clone()));
                if let Some(planned) = self.plan.slots.get(*stage as usize) {
                    for (name, output) in outputs {
                        self.outputs.insert(format!("{}.{name}", planned.slot), output.clone());
                    }
                }
            }
            Event::StageDone { .. } => {
                self.stage += 1;
                self.step = Step::Waiting;
                self.attempts = 0;
                self.deaths = 0;
                self.failure = None;
            }
            Event::StageFailed { stage, kind, code, message, recording, for_good } => {
                self.step = Step::Failed;
                self.deaths = 0;
                self.position = Position { recording: *recording, then: None };
                self.failure = Some((*stage, *kind, code.clone(), message.clone()));
                self.for_good = *for_good;
            }
            Event::Mended { database, stamp } => {
                if let Some(known) = self.databases.get_mut(database) {
                    known.stamp.clone_from(stamp);
                }
            }
            Event::Stopped { code, message } => {
                self.deaths = 0;
                self.stopped = Some((code.clone(), message.clone()));
            }
            Event::RunDone {} => self.phase = Phase::Done,
            Event::UndoStarted { .. } => self.phase = Phase::Undoing,
            Event::Undone { effect } => self.set_fate(*effect, Fate::Undone),
            Event::Restored { database } => {
                if let Some(known) = self.databases.get_mut(database) {
                    known.restored = true;
                }
            }
            Event::UndoDone {} => self.phase = Phase::PutBack,
            Event::UndoFailed { code, message } => {
                self.phase = Phase::UndoFailed;
                self.undo_failure = Some((code.clone(), message.clone()));
            }
            Event::Committed {} => self.phase = Phase::Committed,
        }
        Ok(())
    }

    /// The number that the next effect gets.
    #[must_use]
    pub fn next_effect(&self) -> u64 {
        self.effects.last().map_or(1, |e| e.number + 1)
    }

    /// The effect that a crash has left in the air.
    #[must_use]
    pub fn in_flight(&self) -> Option<&Effect> {
        self.effects.iter().rev().find(|e| e.fate == Fate::InFlight)
    }

    /// Whether nothing of this run has changed a database before this effect: its restore point is then what it was like just
    /// before.
    #[must_use]
    pub fn is_first_touch(&self, database: &str, effect: u64) -> bool {
        let touched = |e: &Effect| {
            e.number < effect && matches!(e.fate, Fate::Done(_)) && e.databases.iter().any(|d| d == database)
        };
        self.databases.get(database).is_some_and(|known| known.marker.is_none()) && !self.effects.iter().any(touched)
    }

    /// Whether the run is over and a new one may begin.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::PutBack | Phase::Committed)
    }

    /// Whether there is anything that undo would have to put back.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.databases.values().any(|known| !known.restored)
            || self.effects.iter().any(|e| e.change.touches && matches!(e.fate, Fate::Done(_) | Fate::InFlight))
    }

    /// The name of a stage's slot, for messages.
    #[must_use]
    pub fn slot(&self, stage: u32) -> &str {
        self.plan.slots.get(stage as usize).map_or("?", |s| s.slot.as_str())
    }

    /// The application's own code for what has happened in a stage, if it was told under another one: the first of the slot's.
    #[must_use]
    pub fn application_code(&self, stage: u32, code: &str) -> Option<&str> {
        application_code(&self.plan.slots.get(stage as usize)?.codes, code)
    }

    /// An effect has been at these databases: the stamps of before it are no longer right.
    fn set_stamps(&mut self, stamps: &Stamps) {
        for (database, stamp) in stamps {
            self.set_stamp(database, stamp);
        }
    }

    fn set_stamp(&mut self, database: &str, stamp: &str) {
        if let Some(known) = self.databases.get_mut(database) {
            stamp.clone_into(&mut known.stamp);
        }
    }

    fn set_fate(&mut self, number: u64, fate: Fate) {
        if let Some(effect) = self.effects.iter_mut().rev().find(|e| e.number == number) {
            effect.fate = fate;
        }
    }

    /// Whether the event can follow.
    fn admit(&self, event: &Event) -> Result<(), IllegalEvent> {
        let forward = self.phase == Phase::Upgrading;
        let back = self.phase == Phase::Undoing;
        let here = |stage: &u32| *stage == self.stage;
        let in_flight = |number: &u64| self.in_flight().is_some_and(|e| e.number == *number);
        let allowed = match event {
            Event::RunStarted { .. } => false,
            Event::StageStarted { stage, .. } => forward && here(stage) && self.step != Step::Applied,
            Event::Intent { stage, effect, .. } => {
                forward && here(stage) && self.in_flight().is_none() && *effect == self.next_effect()
            }
            Event::Batch { stage, database, .. } => forward && here(stage) && self.databases.contains_key(database),
            Event::Done { effect, .. } | Event::NotDone { effect, .. } => (forward || back) && in_flight(effect),
            Event::RestorePoint { .. } => forward && self.freeze == Freeze::Frozen,
            Event::FreezeStarted { .. } | Event::ThawStarted { .. } => forward || back,
            Event::Frozen {} => self.freeze == Freeze::Freezing,
            Event::Thawed { .. } => self.freeze == Freeze::Thawing,
            Event::StageApplied { stage, .. } => forward && here(stage) && self.step == Step::Applying,
            Event::StageDone { stage, .. } => forward && here(stage) && self.step == Step::Applied,
            Event::StageFailed { stage, .. } => forward && here(stage),
            Event::Mended { database, .. } => {
                forward && self.step == Step::Failed && self.databases.contains_key(database)
            }
            Event::Stopped { .. } => !self.is_closed(),
            Event::RunDone {} => forward && self.stage as usize == self.plan.slots.len(),
            Event::UndoStarted { .. } => !self.is_closed(),
            Event::Undone { .. } | Event::Restored { .. } | Event::UndoDone {} | Event::UndoFailed { .. } => back,
            Event::Committed {} => self.phase == Phase::Done,
        };
        if allowed { Ok(()) } else { Err(illegal(event, &self.describe())) }
    }

    fn describe(&self) -> String {
        format!("{:?}, stage {} {:?}, {:?}", self.phase, self.stage, self.step, self.freeze)
    }
}

fn illegal(event: &Event, why: &str) -> IllegalEvent {
    let name = serde_json::to_value(event)
        .ok()
        .and_then(|v| v.get("event").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default();
    IllegalEvent { event: name, why: why.to_owned() }
}
