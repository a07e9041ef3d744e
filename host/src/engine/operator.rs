//! What the operator's installation does at certain moments: freeze, thaw, hooks.

use crate::effect::Fault;

/// The operator's side of a run. All of it may be called again after a crash.
pub trait Operator: Send + Sync {
    /// Sees to it that nobody else writes: maintenance file, stop commands, drain.
    ///
    /// # Errors
    /// "freeze-failed": nothing is touched then.
    fn freeze(&self) -> Result<(), Fault>;

    /// Lets others write again.
    ///
    /// # Errors
    /// "thaw-failed".
    fn thaw(&self) -> Result<(), Fault>;

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
    fn freeze(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn thaw(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn after(&self, _: &[&str]) -> Result<(), Fault> {
        Ok(())
    }

    fn attention(&self, _: &str, _: &str) {}
}
