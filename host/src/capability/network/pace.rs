//! How long a server may take: a total time, a minimum rate, and the operator's Ctrl-C.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::effect::Fault;

/// How often a wait looks up to see whether the run is to stop.
const TICK: Duration = Duration::from_millis(50);

/// A server that sends less than this for so long is given up.
#[derive(Debug, Clone, Copy)]
pub struct MinimumRate {
    /// Bytes of body that must come within the window; connecting and waiting for the first byte counts as nothing coming.
    pub bytes: u64,
    /// Time spent waiting for the server. What our own disk takes does not count.
    pub window: Duration,
}

impl Default for MinimumRate {
    /// A kibibyte per second, over half a minute.
    fn default() -> Self {
        Self { bytes: 30 * 1024, window: Duration::from_secs(30) }
    }
}

/// Every wait for a server goes through here.
pub(super) struct Pace<'a> {
    deadline: Instant,
    rate: MinimumRate,
    stop: &'a AtomicBool,
    /// Of the current window.
    waited: Duration,
    received: u64,
}

impl<'a> Pace<'a> {
    /// The clock starts now.
    pub(super) fn start(total: Duration, rate: MinimumRate, stop: &'a AtomicBool) -> Self {
        Self { deadline: Instant::now() + total, rate, stop, waited: Duration::ZERO, received: 0 }
    }

    /// Bytes of a body have come.
    pub(super) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// Waits, but not for ever.
    ///
    /// # Errors
    /// "interrupted" and "deadline". What was waited for is then dropped.
    pub(super) async fn wait<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Fault> {
        let mut what = pin!(what);
        loop {
            self.check()?;
            let began = Instant::now();
            let outcome = tokio::time::timeout(TICK, what.as_mut()).await;
            self.waited += began.elapsed();
            if let Ok(value) = outcome {
                return Ok(value);
            }
        }
    }

    fn check(&mut self) -> Result<(), Fault> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::new("interrupted", "stopped while waiting for a server"));
        }
        if Instant::now() >= self.deadline {
            return Err(Fault::new("deadline", "the server took longer than one call may"));
        }
        if self.waited >= self.rate.window {
            if self.received < self.rate.bytes {
                let (received, waited) = (self.received, self.waited.as_secs_f32());
                return Err(Fault::new("deadline", format!("the server sent {received} bytes in {waited:.0} s")));
            }
            (self.waited, self.received) = (Duration::ZERO, 0);
        }
        Ok(())
    }
}
