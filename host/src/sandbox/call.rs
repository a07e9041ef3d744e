//! One call of a guest: a fresh Store, its limits, and what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use super::Sandbox;
use super::guest::Guest;
use crate::bundle::PlannedSlot;
use crate::engine::{Stop, Stopped, Trap};
use crate::escape;

/// What one call may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallLimits {
    pub(super) guest_time: Duration,
    pub(super) memory: u64,
    pub(super) call_bytes: usize,
    pub(super) handles: usize,
}

impl CallLimits {
    /// Those of a slot.
    pub(super) fn of(planned: &PlannedSlot) -> Self {
        let limits = &planned.limits;
        Self {
            guest_time: limits.guest_time,
            memory: limits.memory,
            call_bytes: limits.call_bytes,
            handles: limits.handles,
        }
    }
}

/// Calls a guest in a Store of its own: `work` makes the instance and calls it. The guest's data comes back, whatever happened.
pub(super) fn call<T>(
    sandbox: &Sandbox,
    guest: Guest,
    limits: &CallLimits,
    work: impl AsyncFnOnce(&mut Store<Guest>) -> wasmtime::Result<T>,
) -> (Guest, Result<T, Trap>) {
    let watch = Watch { started: Instant::now(), host: guest.talk.host_time(), limit: limits.guest_time };
    let mut store = Store::new(&sandbox.engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    let epoch = watch.clone();
    store.epoch_deadline_callback(move |store| {
        let late = epoch.is_late() || store.data().talk.interrupted();
        Ok(if late { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
    });
    let result = sandbox.runtime.block_on(async {
        let mut work = std::pin::pin!(work(&mut store));
        // An epoch ends a guest that computes; this ends one that waits. Time in host calls is not the guest's.
        loop {
            match tokio::time::timeout(watch.left(), &mut work).await {
                Ok(result) => return Some(result),
                Err(_) if watch.is_late() => return None,
                Err(_) => {}
            }
        }
    });
    let mut guest = store.into_data();
    let answer = match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(classify(&mut guest, &error, limits)),
        None => Err(out_of_time(limits)),
    };
    (guest, answer)
}

#[derive(Clone)]
struct Watch {
    started: Instant,
    host: Arc<AtomicU64>,
    limit: Duration,
}

impl Watch {
    fn spent(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_nanos(self.host.load(Ordering::Relaxed)))
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.spent()).max(Duration::from_millis(1))
    }

    fn is_late(&self) -> bool {
        self.spent() >= self.limit
    }
}

fn out_of_time(limits: &CallLimits) -> Trap {
    let text = format!("the stage used up its {:?} of time (limits: guest-time)", limits.guest_time);
    Trap { code: "guest-time".into(), message: text }
}

/// Names how a guest ended. What the host itself ended is in the conversation.
fn classify(guest: &mut Guest, error: &wasmtime::Error, limits: &CallLimits) -> Trap {
    let trap = |code: &str, message: String| Trap { code: code.into(), message };
    if error.downcast_ref::<Stopped>().is_some() {
        return trap("stopped", "stopped by the host".into());
    }
    if let Some(refused) = &guest.limiter.refused {
        return trap("memory-limit", format!("{refused} (limits: memory)"));
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) if guest.talk.interrupted() => {
            guest.talk.end(Stop::Interrupted);
            trap("interrupted", "stopped by the operator".into())
        }
        Some(wasmtime::Trap::Interrupt) => out_of_time(limits),
        Some(wasmtime::Trap::StackOverflow) => trap("stack-overflow", "the stage used up its stack".into()),
        Some(other) => trap("guest-trap", format!("the stage trapped: {other}")),
        None => {
            let text = explain(error);
            match LIMITS_IN_WORDS.iter().find(|(words, ..)| text.contains(words)) {
                Some((_, code, limit)) => trap(code, format!("{text} (limits: {limit})")),
                None => trap("guest-trap", text),
            }
        }
    }
}

/// Limits that wasmtime names in words only. (The hostile tests notice if it finds others.)
const LIMITS_IN_WORDS: [(&str, &str, &str); 3] = [
    ("fuel allocated for hostcalls", "call-bytes", "call-bytes"),
    ("resource table has no free keys", "handle-limit", "handles"),
    ("store handle limit exceeded", "handle-limit", "handles"),
];

/// An error of wasmtime in one line, without the guest's backtrace.
pub(super) fn explain(error: &wasmtime::Error) -> String {
    let chain: Vec<String> =
        error.chain().map(ToString::to_string).filter(|s| !s.starts_with("error while executing")).collect();
    escape::line(&chain.join(": "), 500)
}
