//! The sign of life: a thread that says again and again how far the run is.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::engine::Standing;

/// Beats until it is stopped, or dropped. Never waited for by whoever tells it something.
pub(super) struct Heart {
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Told {
    /// What is to be said; none: be still.
    standing: Mutex<Option<Standing>>,
    changed: Condvar,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heart {
    /// Starts: `beat` is called at once, whenever something new is told, and at the latest after the interval.
    pub(super) fn start(
        standing: Standing,
        interval: Duration,
        beat: impl Fn(Standing) + Send + 'static,
    ) -> io::Result<Self> {
        let told = Arc::new(Told { standing: Mutex::new(Some(standing)), ..Told::default() });
        let shared = told.clone();
        let run = move || {
            let mut now = shared.lock();
            while let Some(standing) = *now {
                drop(now);
                beat(standing);
                let same = |told: &mut Option<Standing>| *told == Some(standing);
                let waited = shared.changed.wait_timeout_while(shared.lock(), interval, same);
                now = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        let thread = thread::Builder::new().name("heartbeat".into()).spawn(run)?;
        Ok(Self { told, thread: Some(thread) })
    }

    /// Says something else from now on.
    pub(super) fn tell(&self, standing: Standing) {
        self.set(Some(standing));
    }

    /// What it has been told last.
    pub(super) fn standing(&self) -> Option<Standing> {
        *self.told.lock()
    }

    fn set(&self, standing: Option<Standing>) {
        *self.told.lock() = standing;
        self.told.changed.notify_all();
    }
}

impl Drop for Heart {
    /// Returns when the last beat is over: nothing is written any more then.
    fn drop(&mut self) {
        self.set(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
