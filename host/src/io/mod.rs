//! The host's own durable files: what the journal, the recordings and the undo data are written with.
//!
//! Every step that a crash could fall on calls [`fault::point`], so that a test can kill the host, or fail the call, at the
//! n-th of them for n = 1, 2, 3 … until none is left (the method of SQLite's own tests).

mod append;
pub mod fault;
mod plain;
mod replace;

pub use append::AppendFile;
pub use plain::open_plain;
pub use replace::{make_private_dir, sync_dir, write_atomic};
