//! What the operator's installation does at certain moments: freeze, thaw, hooks.

use crate::effect::{Fault, Stamps};

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the new version.
    Forward,
    /// Back to the old one.
    Back,
}

/// How far a frozen run is, as everybody may know it: numbers, no stage's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Since when others have been kept out, in milliseconds since 1970.
    pub since: u64,
    /// The stage that is going on, from 1.
    pub stage: u32,
    /// How many there are.
    pub stages: u32,
    /// Which way it goes.
    pub way: Way,
}

/// The operator's side of a run. All of it may be called again after a crash.
pub trait Operator: Send + Sync {
    /// Sees to it that nobody else writes: maintenance page, the application's flag, stop commands, drain.
    ///
    /// # Errors
    /// "freeze-failed": nothing is touched then.
    fn freeze(&self, standing: Standing) -> Result<(), Fault>;

    /// The freeze goes on, perhaps one of a process that has died: this one answers for it now, and this is how far the run is.
    /// Never fails: what it cannot tell, it cannot tell.
    fn hold(&self, standing: Standing);

    /// Lets others write again. Gets the stamps of the databases that the run has changed, and returns those of them that are others
    /// now by its own doing.
    ///
    /// # Errors
    /// "thaw-failed".
    fn thaw(&self, stamps: &Stamps) -> Result<Stamps, Fault>;

    /// A stage has done effects of these verbs, or they were just undone: time for a reload hook.
    ///
    /// # Errors
    /// "hook-failed".
    fn after(&self, verbs: &[&str]) -> Result<(), Fault>;

    /// The run stands still and needs a person. Never fails: what it cannot tell, it cannot tell.
    fn attention(&self, code: &str, message: &str);
}

/// No freeze, no hooks: for tests and for installations that nobody else uses.
pub struct Nobody;

impl Operator for Nobody {
    fn freeze(&self, _: Standing) -> Result<(), Fault> {
        Ok(())
    }

    fn hold(&self, _: Standing) {}

    fn thaw(&self, _: &Stamps) -> Result<Stamps, Fault> {
        Ok(Stamps::new())
    }

    fn after(&self, _: &[&str]) -> Result<(), Fault> {
        Ok(())
    }

    fn attention(&self, _: &str, _: &str) {}
}
