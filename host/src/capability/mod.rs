//! The capabilities: what a stage can do to the world, without wasm.
//!
//! Each has two faces: one for the stage, which cannot be built without its grant and checks it at every call, and one for the
//! engine, which settles and undoes. The wasm side of their interfaces is in `sandbox::imports`.

pub mod command;
pub mod database;
pub mod files;
pub mod network;
