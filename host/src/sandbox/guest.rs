//! What a Store holds: everything that the calls of one guest need, and nothing of another's.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::limiter::Limiter;
use super::wasi::VirtualClock;
use crate::capability::command::StageCommands;
use crate::capability::database::{ColumnInfo, Cursor, Databases, Driver, StageDatabase, Value};
use crate::capability::files::{Place, StageFiles};
use crate::capability::network::StageNetwork;
use crate::effect::{CallError, Failure, Store};
use crate::engine::{Called, Conversation, Stop, Stopped};

/// The data of one Store.
pub(crate) struct Guest {
    pub(super) talk: Conversation,
    pub(super) params: BTreeMap<String, String>,
    pub(super) files: StageFiles,
    pub(super) database: StageDatabase,
    pub(super) network: StageNetwork,
    pub(super) commands: StageCommands,
    /// For the databases that a command reaches: no stage's grant, but the operator's word.
    pub(super) drivers: Arc<Databases>,
    /// Cursors that were ever opened: each has a number.
    pub(super) cursors: u64,
    /// Cursors that are open now.
    pub(super) open_cursors: u64,
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    pub(super) clock: VirtualClock,
    pub(super) limiter: Limiter,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl wasmtime_wasi_io::IoView for Guest {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl Guest {
    /// The conversation, after the call. The guest's handles are dropped before: open cursors must be gone before a batch ends.
    pub(super) fn into_talk(self) -> Conversation {
        drop(self.table);
        self.talk
    }

    /// An answer that depends on nothing but grant and arguments: the same in a replay, so it is not recorded. It counts as a
    /// call. A fault ends the guest; the conversation remembers it.
    pub(super) fn refuse<T, F: From<Failure>>(&mut self, error: CallError) -> Answer<T, F> {
        match error {
            CallError::Answer(failure) => {
                self.talk.count().map_err(trap)?;
                Ok(Err(failure.into()))
            }
            CallError::Fault(fault) => Err(trap(self.talk.end(Stop::Fault(fault)))),
        }
    }
}

/// A root or a tree that the guest has opened.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct DirectoryHandle {
    pub(super) place: Place,
}

/// A database that the guest has opened.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct ConnectionHandle {
    pub(super) database: String,
}

/// A cursor: what it takes to open it again at its place, after a replay.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct CursorHandle {
    pub(super) database: String,
    /// The name under which the host keeps what is left of it, if it has to.
    pub(super) keep: String,
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
    pub(super) columns: Vec<ColumnInfo>,
    pub(super) position: u64,
    pub(super) live: Option<Box<dyn Cursor>>,
}

/// A transaction of the guest's own.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct TransactionHandle {
    pub(super) database: String,
    pub(super) open: bool,
}

/// An answer for the guest, or the trap that ends it.
pub(super) type Answer<T, F> = wasmtime::Result<Result<T, F>>;

/// Turns what the conversation says into what wasmtime wants: the one place where a call becomes an answer or a trap.
pub(super) fn answer<T, F: From<Failure>>(called: Called<T>) -> Answer<T, F> {
    match called {
        Ok(Ok(value)) => Ok(Ok(value)),
        Ok(Err(failure)) => Ok(Err(failure.into())),
        Err(stopped) => Err(trap(stopped)),
    }
}

pub(super) fn trap(stopped: Stopped) -> wasmtime::Error {
    wasmtime::Error::new(stopped)
}

/// The database as the engine's batches know it.
pub(super) fn store(driver: Arc<dyn Driver>) -> Arc<dyn Store> {
    driver
}
