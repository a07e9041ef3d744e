//! Where the client library runs. It believes a server: at an answer that no server gives (a row without a byte) it panics, and
//! that must not be ours.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mysql_async::{Error, IoError};
use tokio::runtime::Runtime;

thread_local! {
    static DRIVING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is one of the client library's, which is caught and told as a lost connection: nothing to
/// print for people.
#[must_use]
pub fn is_driving() -> bool {
    DRIVING.get()
}

/// Runs the future to its end. An error: it has panicked, and the connection must not be used again.
pub(super) fn drive<T>(runtime: &Runtime, act: impl Future<Output = T>) -> Result<T, Error> {
    let before = DRIVING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(act)));
    DRIVING.set(before);
    done.map_err(|_| {
        let text = "the server's answer is none that the client library knows";
        Error::Io(IoError::Io(io::Error::new(io::ErrorKind::InvalidData, text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_over_when_it_is_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(drive(&runtime, async { 7 }).unwrap(), 7);
        let empty: &[u8] = &[];
        let error = drive(&runtime, async { empty[std::hint::black_box(0)] }).unwrap_err();
        assert!(matches!(error, Error::Io(_)), "{error}");
        assert!(!is_driving());
    }
}
