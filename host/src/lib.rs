//! Liftlock raises an application from one version to the next, one sandboxed stage at a time, and lowers it again if
//! anything goes wrong.
//!
//! The library knows no terminal, no environment and no `exit`: that is the business of the binary (`main.rs`, `cli/`).
//! `ARCHITECTURE.md` in the repository has the map.

pub mod bundle;
pub mod capability;
pub mod effect;
pub mod engine;
pub mod escape;
pub mod io;
pub mod maintenance;
pub mod memory;
pub mod meter;
pub mod policy;
pub mod report;
pub mod sandbox;
pub mod upgrade;
