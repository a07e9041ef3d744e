//! The engine: runs the stages of a plan, records what they do, resumes, and undoes.
//!
//! It knows no wasm, no SQL and no terminal: stages are [`Stage`]s, what they change is changed by capabilities, and what
//! happens is told to a [`Sink`]. All of it is synchronous: an effect can then never be cancelled half way.
//!
//! * [`event`], [`state`]: the durable events, and the state as their fold.
//! * [`journal`], [`recording`]: how they are kept.
//! * [`conversation`], `apply`: every call of a stage; reads, data changes, effects.
//! * [`run`], `undo`: forward and back.

mod apply;
mod context;
pub mod conversation;
mod cost;
pub mod event;
pub mod journal;
pub mod lock;
pub mod operator;
mod orphans;
mod random;
pub mod recording;
pub mod run;
mod shared;
pub mod sink;
pub mod stage;
pub mod state;
#[cfg(test)]
mod tests;
mod turn;
mod undo;

pub use apply::Touches;
pub use context::Context;
pub use conversation::{Called, Conversation, Stop, Stopped};
pub use cost::{Account, Cost};
pub use lock::Lock;
pub use operator::{Operator, Standing, Way};
pub use random::Random;
pub use run::{Ending, Engine, OnFailure, Slot, TalkLimits};
pub(crate) use shared::now;
pub use shared::{BatchLimits, Parts};
pub use sink::Sink;
pub use stage::{Returned, Stage, Trap};
pub(crate) use turn::of_application;
