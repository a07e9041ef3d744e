//! The time of a guest's statement.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Stops a statement of a guest at its deadline, or when the operator wants to stop.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    until: Mutex<Option<Instant>>,
}

impl Watch {
    /// Watches nothing yet.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, until: Mutex::new(None) }
    }

    /// From now on, for this long.
    pub(super) fn arm(&self, time: Duration) {
        let until = Instant::now().checked_add(time);
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// The host's own statements are never stopped half way.
    pub(super) fn disarm(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the operator wants to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether the statement that is running must end now.
    pub(super) fn trips(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| self.stopped() || Instant::now() >= until)
    }
}
