//! The live half of a stage's conversation: recording, batches, effects.
//!
//! The order of writes is the whole point; it is stated at each function. See DESIGN §6 and `reference/review.md` R1.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::event::{EffectResult, Event};
use super::recording::{Answer, Recording};
use super::shared::Shared;
use super::state::{Fate, Freeze, State};
use crate::effect::{CallError, Failure, Fault, Marker, Prepared, Store};
use crate::io::fault;

/// What a stage is connected with while it works.
pub(super) struct Apply {
    shared: Arc<Shared>,
    stage: u32,
    recording: Recording,
    batch: Option<Batch>,
    /// Length of the recording after the last successful effect.
    last_effect: u64,
}

struct Batch {
    store: Arc<dyn Store>,
    statements: u64,
    rows: u64,
    since: Instant,
    /// A transaction of the stage's own.
    scope: bool,
}

/// The answer to an effect as the recording has it: its result as JSON, as the journal has it too.
type EffectFrame = Result<String, Failure>;

/// What an effect changes of what the live installation sees. Such an effect waits for the freeze, and is undone.
#[derive(Clone, Copy)]
pub enum Touches<'s> {
    /// Nothing: it works beside.
    Nothing,
    /// Files of a root.
    Files,
    /// A database, in a way that commits by itself.
    Database(&'s Arc<dyn Store>),
    /// Whatever a program does that nobody sees: files of roots, and these databases.
    Command(&'s [Arc<dyn Store>]),
}

impl<'s> Touches<'s> {
    fn databases(self) -> &'s [Arc<dyn Store>] {
        match self {
            Self::Database(store) => std::slice::from_ref(store),
            Self::Command(stores) => stores,
            Self::Nothing | Self::Files => &[],
        }
    }
}

pub(super) fn effect_frame(result: &EffectResult) -> EffectFrame {
    match result {
        EffectResult::Ok(value) => Ok(value.to_string()),
        EffectResult::Failed(failure) => Err(failure.clone()),
    }
}

impl Apply {
    pub(super) fn new(shared: Arc<Shared>, stage: u32, recording: Recording) -> Self {
        let last_effect = recording.length();
        Self { shared, stage, recording, batch: None, last_effect }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn is_live(&self) -> bool {
        !self.recording.is_replaying()
    }

    /// The recorded answer to a call, if it is still in the recording.
    pub(super) fn recorded<T: DeserializeOwned>(&mut self, function: &str, call: u64) -> Result<Option<T>, Fault> {
        match self.recording.answer(call)? {
            Answer::Recorded(answer) => Ok(Some(answer)),
            Answer::Live => Ok(None),
            Answer::Other => Err(diverged(function)),
        }
    }

    pub(super) fn recorded_effect(
        &mut self,
        function: &str,
        call: u64,
        went_well: impl FnOnce(&Value) -> bool,
    ) -> Result<Option<Result<Value, Failure>>, Fault> {
        let before = self.recording.position();
        match self.recorded::<EffectFrame>(function, call)? {
            None => Ok(None),
            Some(Err(failure)) => Ok(Some(Err(failure))),
            Some(Ok(text)) => {
                let value = serde_json::from_str(&text)
                    .map_err(|e| Fault::new("recording-damaged", format!("the result of {function}: {e}")))?;
                if went_well(&value) {
                    self.replayed_change();
                } else {
                    self.last_effect = before;
                }
                Ok(Some(Ok(value)))
            }
        }
    }

    /// A change of before is in the recording: what came before it stays in it too.
    pub(super) fn replayed_change(&mut self) {
        self.last_effect = self.recording.length();
    }

    pub(super) fn push<T: Serialize>(&mut self, call: u64, answer: &T) -> Result<(), Fault> {
        self.recording.push(call, answer)
    }

    /// A data change has succeeded, and its answer is recorded.
    pub(super) fn changed(&mut self, rows: u64) {
        self.last_effect = self.recording.length();
        if let Some(batch) = &mut self.batch {
            batch.statements += 1;
            batch.rows += rows;
        }
    }

    /// Does an effect: close the batch · freeze · undo data · flush the recording · intent · act · done. One that did not go
    /// well has happened, but if the stage fails after it, `resume` does it again.
    pub(super) fn effect(
        &mut self,
        call: u64,
        touches: Touches<'_>,
        prepare: impl FnOnce(u64) -> Result<Prepared, CallError>,
        went_well: impl FnOnce(&Value) -> bool,
    ) -> Result<Result<Value, Failure>, Fault> {
        let answer = match self.announced_effect(call, touches, prepare) {
            Ok(value) => Ok(value),
            Err(CallError::Answer(failure)) => Err(failure),
            Err(CallError::Fault(fault)) => return Err(fault),
        };
        let frame: EffectFrame = answer.as_ref().map(Value::to_string).map_err(Clone::clone);
        self.recording.push(call, &frame)?;
        if answer.as_ref().is_ok_and(went_well) {
            self.last_effect = self.recording.length();
        }
        Ok(answer)
    }

    fn announced_effect(
        &mut self,
        call: u64,
        touches: Touches<'_>,
        prepare: impl FnOnce(u64) -> Result<Prepared, CallError>,
    ) -> Result<Value, CallError> {
        if self.batch.as_ref().is_some_and(|b| b.scope) {
            return Err(CallError::answer("effect-in-transaction", "commit or roll back the open transaction first"));
        }
        self.close_batch()?;
        match touches {
            Touches::Nothing => {}
            Touches::Files => self.touch()?,
            Touches::Database(store) => {
                // The fence of a batch, without one.
                self.open_fenced(store)?;
                store.rollback()?;
            }
            Touches::Command(stores) => {
                self.touch()?;
                stores.iter().try_for_each(|store| self.cover(store))?;
            }
        }
        let effect = self.shared.state(State::next_effect);
        let Prepared { change, act } = prepare(effect)?;
        self.recording.flush()?;
        let recording = self.recording.length();
        if let Touches::Command(_) = touches {
            // An open transaction of ours, even one that only reads, would keep a schema change of the command's waiting.
            self.shared.stores().iter().for_each(|store| store.close());
        }
        let databases = touches.databases().iter().map(|store| store.name().to_owned()).collect();
        self.shared.record(Event::Intent { effect, stage: self.stage, call, recording, change, databases })?;
        let io = |e: std::io::Error| Fault::io("an effect", &e);
        if fault::mutant("done-before-act") {
            let (result, stamps) = (EffectResult::Ok(Value::Null), BTreeMap::new());
            self.shared.record(Event::Done { effect, result, stamps })?;
            fault::point("effect.mutant").map_err(io)?;
            return act();
        }
        fault::point("effect.act").map_err(io)?;
        let result = match act() {
            Ok(value) => EffectResult::Ok(value),
            Err(CallError::Answer(failure)) => EffectResult::Failed(failure),
            // Left in flight: settled by resume or undo.
            Err(CallError::Fault(fault)) => return Err(fault.into()),
        };
        fault::point("effect.acted").map_err(io)?;
        if let Touches::Command(stores) = touches {
            // One that was ended in the middle may have left the server a statement.
            stores.iter().try_for_each(|store| store.quiet())?;
        }
        let stamps = stamps(touches.databases())?;
        self.shared.record(Event::Done { effect, result: result.clone(), stamps })?;
        match result {
            EffectResult::Ok(value) => Ok(value),
            EffectResult::Failed(failure) => Err(failure.into()),
        }
    }

    /// Before anything is touched that undo would have to put back: nobody else may write.
    fn touch(&self) -> Result<(), CallError> {
        match self.shared.state(|s| s.freeze) {
            Freeze::Frozen => return Ok(()),
            Freeze::Live | Freeze::Thawing => {
                return Err(CallError::answer(
                    "after-thaw",
                    "the installation is open again: this stage comes too late to change it (phase = \"after\")",
                ));
            }
            Freeze::Open | Freeze::Freezing => {}
        }
        let done = self.shared.state(|s| {
            let changes = s.effects.iter().filter(|e| matches!(e.fate, Fate::Done(_)));
            changes.map(|e| e.change.clone()).collect::<Vec<_>>()
        });
        let look = || self.shared.capabilities().iter().try_for_each(|capability| capability.recheck(&done));
        Ok(self.shared.freeze(look)?)
    }

    /// Sees to it that a batch is open on this database.
    pub(super) fn open_batch(&mut self, store: &Arc<dyn Store>) -> Result<(), CallError> {
        if let Some(batch) = &self.batch {
            if batch.store.name() == store.name() {
                return Ok(());
            }
            if batch.scope {
                return Err(CallError::answer(
                    "effect-in-transaction",
                    format!("a transaction is open on the database {}", batch.store.name()),
                ));
            }
            self.close_batch()?;
        }
        self.begin_batch(store, false)
    }

    /// Opens a transaction on a database that is frozen, can be restored, and was written to by nobody else.
    fn open_fenced(&self, store: &Arc<dyn Store>) -> Result<(), CallError> {
        self.touch()?;
        self.restore_point(store)?;
        let (marker, stamp) = self.known(store);
        if !stamp.is_empty()
            && let Some(what) = store.written_since(&stamp)?
        {
            return Err(foreign_write(&what).into());
        }
        Ok(store.begin(marker.as_ref())?)
    }

    /// Somebody whom nobody can watch is about to write to a database: behind the fence, and with all of it in the restore point.
    fn cover(&self, store: &Arc<dyn Store>) -> Result<(), CallError> {
        self.open_fenced(store)?;
        store.rollback()?;
        self.shared.note(&format!("saving all of database {}: a command may change it", store.name()));
        Ok(store.cover()?)
    }

    fn begin_batch(&mut self, store: &Arc<dyn Store>, scope: bool) -> Result<(), CallError> {
        self.open_fenced(store)?;
        self.batch = Some(Batch { store: store.clone(), statements: 0, rows: 0, since: Instant::now(), scope });
        Ok(())
    }

    fn known(&self, store: &Arc<dyn Store>) -> (Option<Marker>, String) {
        self.shared
            .state(|s| s.databases.get(store.name()).map(|d| (d.marker.clone(), d.stamp.clone())).unwrap_or_default())
    }

    /// Saves the database before its first touch.
    fn restore_point(&self, store: &Arc<dyn Store>) -> Result<(), Fault> {
        if self.shared.state(|s| s.databases.contains_key(store.name())) {
            return Ok(());
        }
        self.shared.note(&format!("making the restore point of database {}", store.name()));
        let saved = store.restore_point(&self.shared.restore_directory(store.name()))?;
        let stamp = store.stamp()?;
        self.shared.record(Event::RestorePoint { database: store.name().to_owned(), saved, stamp })
    }

    /// Whether the batch has grown so large or old that it is to be committed now.
    pub(super) fn batch_is_due(&self) -> bool {
        let limits = self.shared.batch_limits();
        self.batch.as_ref().is_some_and(|b| {
            !b.scope
                && (b.statements >= limits.statements
                    || b.rows >= limits.rows
                    || b.since.elapsed().as_millis() >= u128::from(limits.age_ms))
        })
    }

    /// Commits the batch: recording flushed · marker set to its length · COMMIT · journal line.
    pub(super) fn close_batch(&mut self) -> Result<(), Fault> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        if batch.statements == 0 && !batch.scope {
            return batch.store.rollback();
        }
        self.recording.flush()?;
        let recording = self.recording.length();
        let (known, _) = self.known(&batch.store);
        let sequence = known.map_or(1, |m| m.sequence + 1);
        let run = self.shared.state(|s| s.plan.run.clone());
        batch.store.commit(&Marker { run, stage: self.stage, sequence, recording })?;
        self.shared.record(Event::Batch {
            stage: self.stage,
            database: batch.store.name().to_owned(),
            sequence,
            recording,
            statements: batch.statements,
            rows: batch.rows,
            stamp: batch.store.stamp()?,
        })
    }

    fn give_up_batch(&mut self) {
        if let Some(batch) = self.batch.take() {
            // A session that cannot roll back is gone, and its batch with it.
            let _ = batch.store.rollback();
        }
    }

    pub(super) fn begin_scope(&mut self, store: &Arc<dyn Store>) -> Result<(), CallError> {
        if self.batch.as_ref().is_some_and(|b| b.scope) {
            return Err(CallError::answer("effect-in-transaction", "a transaction is open already"));
        }
        self.close_batch()?;
        self.begin_batch(store, true)
    }

    pub(super) fn check_scope(&mut self) -> Result<(), CallError> {
        if self.batch.as_ref().is_some_and(|b| b.scope) {
            return Ok(());
        }
        Err(CallError::answer("transaction-over", "the transaction is over"))
    }

    pub(super) fn commit_scope(&mut self) -> Result<(), Fault> {
        self.close_batch()?;
        self.last_effect = self.recording.length();
        Ok(())
    }

    pub(super) fn rollback_scope(&mut self) -> Result<(), CallError> {
        self.check_scope()?;
        let Some(batch) = self.batch.take() else { return Ok(()) };
        batch.store.rollback()?;
        // As after a crash: a replay, which does not come here, must find the same.
        let (_, stamp) = self.known(&batch.store);
        if !stamp.is_empty() {
            batch.store.rewind(&stamp)?;
        }
        Ok(())
    }

    /// The stage has come to a good end: everything it did is durable. What it asked behind that is asked anew, should the host
    /// die before the event that says so; to make it durable would cost a stage that reads much as much as its reading.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        if self.batch.as_ref().is_some_and(|b| b.scope) {
            self.give_up_batch();
        }
        self.close_batch()
    }

    /// The stage has failed: what succeeded stays, the recording ends with it. Returns the recording's length.
    pub(super) fn fail(mut self) -> Result<u64, Fault> {
        if self.batch.as_ref().is_some_and(|b| b.scope) {
            self.give_up_batch();
        }
        self.recording.cut_pending(self.last_effect);
        self.close_batch()?;
        self.recording.flush()?;
        Ok(self.last_effect)
    }

    /// The run stops in the middle. After an interrupt what is complete is kept; after a fault the open batch is lost and
    /// done again by `resume`.
    pub(super) fn stop(mut self, keep: bool) -> Result<(), Fault> {
        if !keep || self.batch.as_ref().is_some_and(|b| b.scope) {
            self.give_up_batch();
            return Ok(());
        }
        self.close_batch()
    }
}

/// The stamps of some databases, now.
pub(super) fn stamps(stores: &[Arc<dyn Store>]) -> Result<BTreeMap<String, String>, Fault> {
    stores.iter().map(|store| Ok((store.name().to_owned(), store.stamp()?))).collect()
}

fn diverged(function: &str) -> Fault {
    Fault::new(
        "replay-diverged",
        format!("the stage called {function} where its recording has another call: it is not deterministic"),
    )
    .hint("the stage cannot be resumed; put the installation back with `liftlock undo`")
}

pub(super) fn foreign_write(what: &str) -> Fault {
    Fault::new("foreign-write", format!("somebody else has written to {what} during the freeze"))
        .hint("find out who writes (cron, workers, another web node) and add it to [freeze] stop, then `liftlock undo`")
}
