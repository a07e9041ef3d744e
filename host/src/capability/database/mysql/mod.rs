//! MySQL and MariaDB: a server whose schema changes commit by themselves.
//!
//! * [`account`] says who logs in and where; [`link`] is one blocking connection.
//! * [`session`] is the stage's connection, on a worker's thread: the guest's statements, guarded by [`sql`] and by [`watchdog`].
//! * [`batch`] has the transactions with the marker, [`lock`] keeps other sessions out, [`stamp`] tells whether anybody wrote.
//! * [`catalog`] reads every definition of the schema; [`change`] sends a schema change and settles it by three verdicts.
//! * [`dump`] writes tables as SQL files and loads them; [`restore`] is the restore point and the way back.

mod account;
mod batch;
mod catalog;
mod change;
mod dump;
mod error;
mod link;
mod lock;
mod preflight;
mod restore;
mod session;
mod sql;
mod stamp;
#[cfg(test)]
mod testing;
mod watchdog;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use account::{Credentials, Place, Server, Tls};

use crate::meter::Meter;

/// What the host knows about a database on a server.
#[derive(Clone, Debug)]
pub struct MysqlConfig {
    /// Its name in the installation: letters, digits, `_` and `-`; it becomes part of file names.
    pub name: String,
    /// Where it is and who logs in.
    pub server: Server,
    /// How the application connects: whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// How the application connects: its `sql_mode`, if it sets one.
    pub sql_mode: Option<String>,
    /// The longest that one statement of a guest may run.
    pub statement_time: Duration,
    /// The biggest value, and the biggest row of a result, in bytes.
    pub result_bytes: u64,
    /// The most that open cursors may take on disk, together, in bytes.
    pub spool_bytes: u64,
    /// The directory for that.
    pub spool: PathBuf,
    /// Where the run keeps what undo needs: definitions, and each table before it is touched first.
    pub restore: PathBuf,
    /// Set when the operator wants to stop.
    pub stop: Arc<AtomicBool>,
    /// What long work counts on.
    pub meter: Meter,
    /// The id of the run.
    pub run: String,
}
