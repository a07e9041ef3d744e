//! Limits: what a stage may cost.

use std::time::Duration;

use super::document::{Item, Section, Wrong};
use super::value;

/// What one call of a stage may cost. A stage that exceeds a limit is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the guest's memory. 256 MiB.
    pub memory: u64,
    /// Time that the guest computes, without the time that the host works for it. 10 minutes.
    pub guest_time: Duration,
    /// Time that one effect may take. 2 hours.
    pub statement_time: Duration,
    /// Calls to the host. 100 million.
    pub host_calls: u64,
    /// Bytes that one call may pass to the host. 16 MiB.
    pub call_bytes: usize,
    /// Handles open at the same time. 1,000.
    pub handles: usize,
    /// Bytes of log lines; what is over is dropped and counted. 1 MiB.
    pub log_bytes: u64,
    /// Bytes on disk for cursors that had to be set aside. 4 GiB.
    pub spool_bytes: u64,
    /// Time that one download may take. 1 hour.
    pub download_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            guest_time: Duration::from_mins(10),
            statement_time: Duration::from_hours(2),
            host_calls: 100_000_000,
            call_bytes: 16 << 20,
            handles: 1_000,
            log_bytes: 1 << 20,
            spool_bytes: 4 << 30,
            download_time: Duration::from_hours(1),
        }
    }
}

/// Those limits that a file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    memory: Option<u64>,
    guest_time: Option<Duration>,
    statement_time: Option<Duration>,
    host_calls: Option<u64>,
    call_bytes: Option<usize>,
    handles: Option<usize>,
    log_bytes: Option<u64>,
    spool_bytes: Option<u64>,
    download_time: Option<Duration>,
}

impl LimitOverrides {
    /// The limits that are named here, the others from `base`.
    #[must_use]
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            memory: self.memory.unwrap_or(base.memory),
            guest_time: self.guest_time.unwrap_or(base.guest_time),
            statement_time: self.statement_time.unwrap_or(base.statement_time),
            host_calls: self.host_calls.unwrap_or(base.host_calls),
            call_bytes: self.call_bytes.unwrap_or(base.call_bytes),
            handles: self.handles.unwrap_or(base.handles),
            log_bytes: self.log_bytes.unwrap_or(base.log_bytes),
            spool_bytes: self.spool_bytes.unwrap_or(base.spool_bytes),
            download_time: self.download_time.unwrap_or(base.download_time),
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            memory: section.optional("memory", guest_memory),
            guest_time: section.optional("guest-time", value::time_limit),
            statement_time: section.optional("statement-time", value::time_limit),
            host_calls: section.optional("host-calls", value::count),
            call_bytes: section.optional("call-bytes", |item| to_usize(value::size(item)?)),
            handles: section.optional("handles", |item| to_usize(value::count(item)?)),
            log_bytes: section.optional("log-bytes", value::size),
            spool_bytes: section.optional("spool", value::size),
            download_time: section.optional("download-time", value::time_limit),
        }
    }
}

/// A guest has 32-bit addresses: more would promise what it cannot have.
fn guest_memory(item: &Item<'_>) -> Result<u64, Wrong> {
    let memory = value::size(item)?;
    if memory <= 4 << 30 { Ok(memory) } else { Err(value::bad("a stage can have at most 4 GiB", None)) }
}

fn to_usize(number: u64) -> Result<usize, Wrong> {
    usize::try_from(number).map_err(|_| value::bad("is too big", None))
}
