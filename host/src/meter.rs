//! How far the host's own long work is: a capability counts, a reporter looks now and then. Never part of a decision.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A counter that many hands may turn. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Gauge>);

#[derive(Debug, Default)]
struct Gauge {
    done: AtomicU64,
    total: AtomicU64,
    unit: Mutex<Option<&'static str>>,
}

/// One look at a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Done so far.
    pub done: u64,
    /// All of it, if that is known.
    pub total: Option<u64>,
    /// "bytes", "files".
    pub unit: &'static str,
}

impl Meter {
    /// A piece of work begins. It ends when what is returned is dropped.
    #[must_use]
    pub fn begin(&self, unit: &'static str, total: Option<u64>) -> Work {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total.unwrap_or(0), Ordering::Relaxed);
        *self.unit() = Some(unit);
        Work(self.clone())
    }

    /// So much more is done.
    pub fn add(&self, amount: u64) {
        self.0.done.fetch_add(amount, Ordering::Relaxed);
    }

    /// Where it stands; none if no work is going on.
    #[must_use]
    pub fn read(&self) -> Option<Reading> {
        let unit = (*self.unit())?;
        let total = self.0.total.load(Ordering::Relaxed);
        Some(Reading { done: self.0.done.load(Ordering::Relaxed), total: (total > 0).then_some(total), unit })
    }

    fn unit(&self) -> std::sync::MutexGuard<'_, Option<&'static str>> {
        self.0.unit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work that is going on.
pub struct Work(Meter);

impl Drop for Work {
    fn drop(&mut self) {
        *self.0.unit() = None;
    }
}
