//! Readers of the event stream: the same events are drawn while a run goes on and when its journal is read afterwards.
//!
//! Reporters never decide. They write where they are told to, and know neither terminal nor environment.

mod account;
mod human;
mod json;
pub mod words;

pub use account::{account, mark};
pub use human::Human;
pub use json::Json;
