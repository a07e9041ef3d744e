//! SIGINT and SIGTERM: the first stops at the next safe point, the second at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::Exit;

/// The flag that the signals set.
pub(super) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order matters: at the first signal the flag is still down, so only the second one ends the program.
        let _ = flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, stop.clone());
        let _ = flag::register(signal, stop.clone());
    }
    stop
}
