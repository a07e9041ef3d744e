//! Bundles and installations: what a vendor ships, what an operator owns, and the two joined.
//!
//! `pipeline.toml` names the slots of an upgrade and pins the component of each; `installation.toml` names the roots and
//! databases that are upgraded, pins the pipeline, and grants. [`Setup::load`] reads both and holds them against each other.
//!
//! Everything here is pure but for reading files: no wasm, no terminal, no environment, nothing is written. Every mistake is a
//! [`Problem`] with file, line and key, and as many of them as possible are told at once.

mod commands;
mod digest;
mod document;
mod grants;
mod installation;
mod limits;
mod maintenance;
mod overlap;
mod owner;
mod pipeline;
mod place;
mod problem;
mod setup;
mod slot;
mod suggest;
mod text_log;
mod units;
mod value;
mod versions;
mod wiring;

#[cfg(test)]
mod tests;

pub use self::commands::{
    CommandUse, NamedCommand, PROGRAM_PATH, PlannedCommand, Reach, ReachedRoot, Variable, WorkingDirectory,
};
pub use self::digest::sha256_hex;
pub use self::grants::{ACCEPT_DATA_AND_NETWORK, ACCEPT_UNPINNED_PACKAGE, Grants};
pub use self::installation::{Installation, PipelinePin, Root, Swap};
pub use self::limits::{LimitOverrides, Limits};
pub use self::maintenance::{Command, Flag, FlagFile, FlagRow, Freeze, Hooks, Maintenance, Page};
pub use self::owner::Owner;
pub use self::pipeline::{ArtifactPin, Bundle, DatabaseUse, Pipeline};
pub use self::place::{DatabasePlace, Login, ServerPlace, TlsUse};
pub use self::problem::{Problem, Problems};
pub use self::setup::{PlannedDatabase, PlannedSlot, Setup};
pub use self::slot::{Ask, AskedCapability, Expect, Input, Phase, Port, PortKind, Slot};
pub(crate) use self::suggest::did_you_mean;
pub use self::text_log::{LogInRoot, TextLog};
pub use self::versions::VERSIONS;
pub use crate::effect::Access;
