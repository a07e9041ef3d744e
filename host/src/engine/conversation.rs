//! The conversation of one stage with the host: every call of a guest goes through here.
//!
//! A call is counted, looked up in the recording, and only then done: so the same code serves the first run and the replay.
//! Three kinds of calls: *reads* change nothing; *data* changes go into the open batch of a database; *effects* are announced
//! in the journal, done, and confirmed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::apply::{Apply, Touches};
use super::context::Context;
use super::event::Output;
use super::random::Random;
use super::recording::call_digest;
use super::state::Freeze;
use crate::effect::{CallError, Failure, Fault, Prepared, Store};

/// Why the host ended a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The surroundings failed; `resume` repeats the call.
    Fault(Fault),
    /// The operator asked for it.
    Interrupted,
    /// The stage passed one of its limits.
    Limit {
        /// "host-call-limit".
        code: &'static str,
        /// Which, and how to raise it.
        message: String,
    },
}

/// The host has ended the stage; why is in the conversation. Handed to the sandbox as a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host has stopped the stage")]
pub struct Stopped;

/// What a call comes back with: an answer for the guest, or the end of the stage.
pub type Called<T> = Result<Result<T, Failure>, Stopped>;

/// The conversation of one call of a stage.
pub struct Conversation {
    pub(super) context: Context,
    key: u64,
    pub(super) apply: Option<Box<Apply>>,
    stop: Option<Stop>,
    pub(super) calls: u64,
    pub(super) random: Random,
    pub(super) outputs: BTreeMap<String, Output>,
    pub(super) minted: BTreeSet<(String, String)>,
    pub(super) log_left: u64,
    pub(super) log_dropped: u64,
    pub(super) logged: Vec<(String, String)>,
    pub(super) told: Option<Instant>,
    host_time: Arc<AtomicU64>,
}

impl Conversation {
    /// A conversation that can only look: for `check` and `verify`. It is not recorded.
    #[must_use]
    pub fn look(context: Context) -> Self {
        let random = Random::new(&context.seed, &context.slot);
        let log_left = context.log_bytes;
        let key = context.key();
        Self {
            context,
            key,
            apply: None,
            stop: None,
            calls: 0,
            random,
            outputs: BTreeMap::new(),
            minted: BTreeSet::new(),
            log_left,
            log_dropped: 0,
            logged: Vec::new(),
            told: None,
            host_time: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(super) fn apply(context: Context, apply: Apply) -> Self {
        Self { apply: Some(Box::new(apply)), ..Self::look(context) }
    }

    /// A call that changes nothing.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn read<A, T>(
        &mut self,
        function: &'static str,
        arguments: &A,
        live: impl FnOnce() -> Result<T, CallError>,
    ) -> Called<T>
    where
        A: Serialize,
        T: Serialize + DeserializeOwned,
    {
        self.count()?;
        let Some(apply) = &mut self.apply else {
            let answer = timed(&self.host_time, live);
            return self.answered(answer);
        };
        let call = caught(&mut self.stop, call_digest(self.key, function, arguments))?;
        if let Some(answer) = caught(&mut self.stop, apply.recorded(function, call))? {
            return Ok(answer);
        }
        let answer = timed(&self.host_time, live);
        let answer = self.answered(answer)?;
        self.push(call, &answer)?;
        Ok(answer)
    }

    /// A change of data, in the open batch of its database. `rows` says how many rows it changed.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn data<A, T>(
        &mut self,
        function: &'static str,
        store: &Arc<dyn Store>,
        arguments: &A,
        live: impl FnOnce() -> Result<T, CallError>,
        rows: impl FnOnce(&T) -> u64,
    ) -> Called<T>
    where
        A: Serialize,
        T: Serialize + DeserializeOwned,
    {
        self.count()?;
        let Some(apply) = &mut self.apply else { return Ok(Err(read_only(function))) };
        let call = caught(&mut self.stop, call_digest(self.key, function, arguments))?;
        if let Some(answer) = caught(&mut self.stop, apply.recorded(function, call))? {
            apply.replayed_change();
            return Ok(answer);
        }
        let answer = timed(&self.host_time, || apply.open_batch(store).and_then(|()| live()));
        let answer = self.answered(answer)?;
        self.push(call, &answer)?;
        if let (Some(apply), Ok(value)) = (&mut self.apply, &answer) {
            apply.changed(rows(value));
        }
        Ok(answer)
    }

    /// An effect: announced, done, confirmed. `touches` says what it changes of what the live installation sees; `prepare`
    /// gets the effect's number and makes its undo data durable.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn effect<A, T>(
        &mut self,
        function: &'static str,
        arguments: &A,
        touches: Touches<'_>,
        prepare: impl FnOnce(u64) -> Result<Prepared, CallError>,
    ) -> Called<T>
    where
        A: Serialize,
        T: DeserializeOwned,
    {
        self.attempt(function, arguments, touches, prepare, |_| true)
    }

    /// An effect that may happen and still not go well, as `went_well` says of its result: if the stage fails after it, it is
    /// done again by `resume`. Undo puts it back like any other.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn attempt<A, T>(
        &mut self,
        function: &'static str,
        arguments: &A,
        touches: Touches<'_>,
        prepare: impl FnOnce(u64) -> Result<Prepared, CallError>,
        went_well: impl Fn(&T) -> bool,
    ) -> Called<T>
    where
        A: Serialize,
        T: DeserializeOwned,
    {
        self.count()?;
        let Some(apply) = &mut self.apply else { return Ok(Err(read_only(function))) };
        let call = caught(&mut self.stop, call_digest(self.key, function, arguments))?;
        let went_well = |value: &Value| serde_json::from_value(value.clone()).is_ok_and(|value| went_well(&value));
        let answer = match caught(&mut self.stop, apply.recorded_effect(function, call, went_well))? {
            Some(answer) => answer,
            None => {
                let done = timed(&self.host_time, || apply.effect(call, touches, prepare, went_well));
                caught(&mut self.stop, done)?
            }
        };
        match answer {
            Err(failure) => Ok(Err(failure)),
            Ok(value) => serde_json::from_value(value).map(Ok).map_err(|e| {
                self.end(Stop::Fault(Fault::new("recording-damaged", format!("the result of {function}: {e}"))))
            }),
        }
    }

    /// Begins a transaction of the stage's own: a batch that no other effect may enter.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn begin(&mut self, store: &Arc<dyn Store>) -> Called<()> {
        self.scope("database.begin", store.name().to_owned(), |apply| apply.begin_scope(store))
    }

    /// Ends the transaction: all of it happens.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn commit(&mut self) -> Called<()> {
        // The answer is recorded before the commit, for the marker names the length of the recording that belongs to it.
        let answer = self.scope("database.commit", String::new(), Apply::check_scope)?;
        if answer.is_ok()
            && let Some(apply) = &mut self.apply
            && apply.is_live()
        {
            caught(&mut self.stop, apply.commit_scope())?;
        }
        Ok(answer)
    }

    /// Ends the transaction: nothing of it happens.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn rollback(&mut self) -> Called<()> {
        self.scope("database.rollback", String::new(), Apply::rollback_scope)
    }

    fn scope(
        &mut self,
        function: &'static str,
        arguments: String,
        live: impl FnOnce(&mut Apply) -> Result<(), CallError>,
    ) -> Called<()> {
        self.count()?;
        let Some(apply) = &mut self.apply else { return Ok(Err(read_only(function))) };
        let call = caught(&mut self.stop, call_digest(self.key, function, &arguments))?;
        if let Some(answer) = caught(&mut self.stop, apply.recorded(function, call))? {
            return Ok(answer);
        }
        let answer = timed(&self.host_time, || live(apply));
        let answer = self.answered(answer)?;
        self.push(call, &answer)?;
        Ok(answer)
    }

    /// Counts a call that the sandbox answers by itself (WASI).
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn count(&mut self) -> Result<(), Stopped> {
        if self.stop.is_some() {
            return Err(Stopped);
        }
        self.calls += 1;
        if self.calls > self.context.host_calls {
            let message = format!("the stage made more than {} calls to the host", self.context.host_calls);
            return Err(self.end(Stop::Limit { code: "host-call-limit", message }));
        }
        if let Some(apply) = &mut self.apply {
            if apply.shared().stop_requested() {
                return Err(self.end(Stop::Interrupted));
            }
            if apply.batch_is_due() {
                caught(&mut self.stop, timed(&self.host_time, || apply.close_batch()))?;
            }
        }
        Ok(())
    }

    /// Whether nobody else writes to the installation now.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.apply.as_ref().is_some_and(|a| a.shared().state(|s| s.freeze == Freeze::Frozen))
    }

    /// Whether the operator asked the run to stop.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.apply.as_ref().is_some_and(|a| a.shared().stop_requested())
    }

    /// Ends the stage.
    pub fn end(&mut self, stop: Stop) -> Stopped {
        self.stop.get_or_insert(stop);
        Stopped
    }

    /// Whether calls are answered from the recording now.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.apply.as_ref().is_some_and(|a| !a.is_live())
    }

    /// What the conversation is about.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Why the host ended the stage, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Nanoseconds that the stage has spent in the host: not its own time.
    #[must_use]
    pub fn host_time(&self) -> Arc<AtomicU64> {
        self.host_time.clone()
    }

    /// Log lines of a call that can only look.
    #[must_use]
    pub fn logged(&self) -> &[(String, String)] {
        &self.logged
    }

    pub(super) fn finish(self) -> (Option<Box<Apply>>, Option<Stop>, BTreeMap<String, Output>, u64) {
        (self.apply, self.stop, self.outputs, self.log_dropped)
    }

    fn answered<T>(&mut self, result: Result<T, CallError>) -> Called<T> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(CallError::Answer(failure)) => Ok(Err(failure)),
            Err(CallError::Fault(fault)) => Err(self.end(Stop::Fault(fault))),
        }
    }

    fn push<T: Serialize>(&mut self, call: u64, answer: &T) -> Result<(), Stopped> {
        match &mut self.apply {
            Some(apply) => caught(&mut self.stop, apply.push(call, answer)),
            None => Ok(()),
        }
    }
}

/// A fault ends the stage.
fn caught<T>(stop: &mut Option<Stop>, result: Result<T, Fault>) -> Result<T, Stopped> {
    result.map_err(|fault| {
        let stopped = if fault.code == "interrupted" { Stop::Interrupted } else { Stop::Fault(fault) };
        stop.get_or_insert(stopped);
        Stopped
    })
}

/// Does a call, and adds what it takes to the time that is the host's.
fn timed<T>(host_time: &AtomicU64, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let answer = call();
    let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    host_time.fetch_add(spent, Ordering::Relaxed);
    answer
}

fn read_only(function: &str) -> Failure {
    Failure::new("read-only", format!("{function} is not possible in check and verify"))
}
