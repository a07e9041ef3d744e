//! A stage, as the engine sees it. The sandbox implements it for components; tests implement it in a few lines.

use super::conversation::Conversation;
use crate::effect::{Failure, Fault, Finding, Outcome};

/// Why a stage did not come to an end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// A stable code: "guest-trap", "guest-time", "memory-limit".
    pub code: String,
    /// What happened.
    pub message: String,
}

/// What a call of a stage comes back with: the conversation, always, and its own answer or a trap.
pub struct Returned<T> {
    /// The conversation that was handed in.
    pub talk: Conversation,
    /// What the stage said.
    pub answer: Result<T, Trap>,
}

/// One filled slot.
pub trait Stage: Send {
    /// Looks whether `apply` would work.
    fn check(&mut self, talk: Conversation) -> Returned<Vec<Finding>>;
    /// Does the work.
    fn apply(&mut self, talk: Conversation) -> Returned<Result<Outcome, Failure>>;
    /// Looks whether the work holds.
    fn verify(&mut self, talk: Conversation) -> Returned<Vec<Finding>>;
    /// The post-conditions of the slot that the host checks itself, whatever the stage says.
    ///
    /// # Errors
    /// Where the world cannot be looked at.
    fn expect(&mut self) -> Result<Vec<Finding>, Fault>;
}
