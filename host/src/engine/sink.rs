//! Where the engine tells what happens. Reporters implement it; the engine never prints.

use super::event::Event;
use crate::effect::Finding;

/// How far a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Done so far, in `unit`.
    pub done: u64,
    /// All of it, if it is known.
    pub total: Option<u64>,
    /// "files", "bytes", "statements".
    pub unit: String,
}

/// A reader of the run. Everything but events may be dropped.
pub trait Sink: Send {
    /// A durable event, after it was written.
    fn event(&mut self, event: &Event);
    /// A stage says how far it is.
    fn progress(&mut self, stage: u32, progress: &Progress);
    /// A line of a stage, already escaped and within its limits.
    fn log(&mut self, stage: u32, level: &str, line: &str);
    /// Something that a check or a verify noticed.
    fn finding(&mut self, slot: &str, finding: &Finding);
    /// What the engine is doing now ("replaying", "restoring database main").
    fn note(&mut self, text: &str);
}

/// Nobody listens.
pub struct Silent;

impl Sink for Silent {
    fn event(&mut self, _: &Event) {}
    fn progress(&mut self, _: u32, _: &Progress) {}
    fn log(&mut self, _: u32, _: &str, _: &str) {}
    fn finding(&mut self, _: &str, _: &Finding) {}
    fn note(&mut self, _: &str) {}
}
