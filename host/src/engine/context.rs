//! What a conversation is about: the stage's inputs and outputs, its clock, its random numbers, and what it says to people.
//! Nothing of it is recorded, for it is the same in a replay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::conversation::{Called, Conversation, Stopped};
use super::event::Output;
use super::random::Random;
use super::sink::Progress;
use crate::effect::Failure;
use crate::escape;

/// What the conversation knows of its stage.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Position in the plan.
    pub index: u32,
    /// The slot's name.
    pub slot: String,
    /// Inputs that are there.
    pub inputs: BTreeMap<String, Output>,
    /// What the stage may put out: name and kind.
    pub produces: BTreeMap<String, String>,
    /// Seed of its random numbers: the run's.
    pub seed: [u8; 32],
    /// Its clock, milliseconds since 1970.
    pub clock: u64,
    /// Calls that it may make.
    pub host_calls: u64,
    /// Bytes that it may log.
    pub log_bytes: u64,
}

/// Between two words about progress.
const PROGRESS: Duration = Duration::from_millis(50);
impl Context {
    /// The secret that digests of calls are keyed with.
    pub(super) fn key(&self) -> u64 {
        let mut key = [0; 8];
        Random::new(&self.seed, "calls").fill(&mut key);
        u64::from_le_bytes(key)
    }
}

/// Longest log line, in bytes.
const LOG_LINE: usize = 8 << 10;
/// What a line costs beside its own bytes: without it empty lines were free.
const LINE_COST: u64 = 64;

impl Conversation {
    /// An input of the slot.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn input(&mut self, name: &str) -> Result<Option<String>, Stopped> {
        self.count()?;
        Ok(self.context.inputs.get(name).map(|o| o.value.clone()))
    }

    /// The ids of one kind that the slot's inputs hold.
    #[must_use]
    pub fn input_ids(&self, kind: &str) -> BTreeSet<String> {
        self.context.inputs.values().filter(|o| o.kind == kind).map(|o| o.value.clone()).collect()
    }

    /// The host has made something for this stage: it may put it out.
    pub fn mint(&mut self, kind: &str, id: &str) {
        self.minted.insert((kind.to_owned(), id.to_owned()));
    }

    /// Puts out a value.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn set_output(&mut self, name: &str, value: &str) -> Called<()> {
        self.count()?;
        let Some(kind) = self.context.produces.get(name) else {
            let text = format!("the slot {} does not produce {}", self.context.slot, escape::line(name, 100));
            return Ok(Err(Failure::new("unknown-output", text)));
        };
        let known = self.minted.contains(&(kind.clone(), value.to_owned()))
            || self.context.inputs.values().any(|o| o.kind == *kind && o.value == value);
        if kind != "text" && !known {
            let text = format!("{name} must be the id of a {kind} that the host made for this stage");
            return Ok(Err(Failure::new("not-minted", text)));
        }
        self.outputs.insert(name.to_owned(), Output { kind: kind.clone(), value: value.to_owned() });
        Ok(Ok(()))
    }

    /// The stage's clock: milliseconds since 1970. A microsecond passes with each call.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn now(&mut self) -> Result<u64, Stopped> {
        self.count()?;
        Ok(self.clock_us() / 1000)
    }

    /// The stage's clock in microseconds, without counting as a call.
    #[must_use]
    pub fn clock_us(&self) -> u64 {
        self.context.clock.saturating_mul(1000).saturating_add(self.calls)
    }

    /// Random bytes: the same in a resumed run.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn random(&mut self, length: u32) -> Result<Vec<u8>, Stopped> {
        self.count()?;
        let mut bytes = vec![0; length.min(4096) as usize];
        self.random.fill(&mut bytes);
        Ok(bytes)
    }

    /// Says how far the stage is. Not shown while it is replayed, nor more often than anybody can read.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) -> Result<(), Stopped> {
        self.count()?;
        if let Some(apply) = &self.apply
            && apply.is_live()
            && self.told.is_none_or(|told| told.elapsed() >= PROGRESS)
        {
            self.told = Some(Instant::now());
            let progress = Progress { done, total, unit: escape::line(unit, 32) };
            apply.shared().sink().progress(self.context.index, &progress);
        }
        Ok(())
    }

    /// A line for the operator. Escaped, cut, and dropped where there are too many.
    ///
    /// # Errors
    /// If the stage is at its end.
    pub fn log(&mut self, level: &str, message: &str) -> Result<(), Stopped> {
        self.count()?;
        let level = match level {
            "debug" | "info" | "warning" | "error" => level,
            _ => "info",
        };
        let line = escape::line(message, LOG_LINE);
        let cost = line.len() as u64 + LINE_COST;
        if cost > self.log_left {
            self.log_dropped += 1;
            return Ok(());
        }
        self.log_left -= cost;
        match &self.apply {
            None => self.logged.push((level.to_owned(), line)),
            Some(apply) if apply.is_live() => apply.shared().sink().log(self.context.index, level, &line),
            Some(_) => {}
        }
        Ok(())
    }
}
