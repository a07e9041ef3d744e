//! The sandbox: compiles components, links what is granted and nothing else, and calls a guest within its limits.
//!
//! This is the only code that builds a Store. Each call of a guest gets a fresh one; it is dropped afterwards, whatever
//! happened. A guest can end in an answer, a trap or a limit, never in a panic of the host.

mod bindings;
mod call;
mod guest;
mod imports;
mod limiter;
mod link;
mod load;
mod reader;
mod stage;
mod wasi;

pub use load::{Loaded, Sandbox, WRONG_WORLD};
pub use reader::{Mark, Reading, Report, VersionsReader};
pub use stage::{ComponentStage, Services};
