//! Numbered fault points, and switches that break the host on purpose (negative controls of the crash tests).
//!
//! Without the cargo feature `faults` every function here is empty. With it, the binary arms one fault per process from
//! `LIFTLOCK_FAULT=<n>:<kind>`; kinds: `kill` (SIGKILL at once), `cut` (what was not synced is lost, then SIGKILL: a power cut,
//! as far as append-only files go), `enospc`, `eio` (this call fails).

use std::io;

/// A place where a crash or an I/O error may fall. Call it before and after each step that changes something durable.
///
/// # Errors
/// The injected error, if a test armed one here.
#[inline]
pub fn point(name: &'static str) -> io::Result<()> {
    #[cfg(feature = "faults")]
    return armed::point(name);
    #[cfg(not(feature = "faults"))]
    {
        let _ = name;
        Ok(())
    }
}

/// Whether a test asked for this way of being wrong (`LIFTLOCK_MUTANT`, names with commas). Always false in a shipped binary.
#[inline]
#[must_use]
pub fn mutant(name: &str) -> bool {
    #[cfg(feature = "faults")]
    return armed::mutant(name);
    #[cfg(not(feature = "faults"))]
    {
        let _ = name;
        false
    }
}

#[cfg(feature = "faults")]
pub use armed::{arm, count, set_mutant, trace_to};

#[cfg(feature = "faults")]
pub(super) use armed::{note_synced, register_unsynced};

#[cfg(feature = "faults")]
mod armed {
    use std::collections::HashMap;
    use std::fs::File;
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, OnceLock, PoisonError};

    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Kill,
        Cut,
        Error(i32),
    }

    static COUNT: AtomicU64 = AtomicU64::new(0);
    static ARMED: OnceLock<(u64, Kind)> = OnceLock::new();
    static MUTANT: OnceLock<String> = OnceLock::new();
    static TRACE: OnceLock<Mutex<File>> = OnceLock::new();
    static SYNCED: Mutex<Option<HashMap<PathBuf, u64>>> = Mutex::new(None);

    /// Arms one fault: `<n>:<kind>`.
    ///
    /// # Errors
    /// A sentence about what is wrong with the text.
    pub fn arm(text: &str) -> Result<(), String> {
        let (n, kind) = text.split_once(':').ok_or("a fault is <n>:<kind>")?;
        let n = n.parse().map_err(|_| format!("{n} is not a number"))?;
        let kind = match kind {
            "kill" => Kind::Kill,
            "cut" => Kind::Cut,
            "enospc" => Kind::Error(rustix::io::Errno::NOSPC.raw_os_error()),
            "eio" => Kind::Error(rustix::io::Errno::IO.raw_os_error()),
            other => return Err(format!("no fault is called {other}")),
        };
        ARMED.set((n, kind)).map_err(|_| "armed already".to_owned())
    }

    /// Breaks the host in the named way.
    pub fn set_mutant(name: &str) {
        let _ = MUTANT.set(name.to_owned());
    }

    /// Appends the name of every point to this file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn trace_to(path: &Path) -> io::Result<()> {
        let file = File::options().create(true).append(true).open(path)?;
        let _ = TRACE.set(Mutex::new(file));
        Ok(())
    }

    /// How many points this process has passed.
    #[must_use]
    pub fn count() -> u64 {
        COUNT.load(Ordering::SeqCst)
    }

    pub(super) fn mutant(name: &str) -> bool {
        MUTANT.get().is_some_and(|names| names.split(',').any(|one| one == name))
    }

    pub(super) fn point(name: &'static str) -> io::Result<()> {
        let n = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(trace) = TRACE.get() {
            let mut file = trace.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(file, "{n} {name}");
        }
        match ARMED.get() {
            Some((at, kind)) if *at == n => match kind {
                Kind::Error(errno) => Err(io::Error::from_raw_os_error(*errno)),
                Kind::Cut => {
                    lose_unsynced();
                    die()
                }
                Kind::Kill => die(),
            },
            _ => Ok(()),
        }
    }

    fn die() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }

    fn lose_unsynced() {
        let files = SYNCED.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, length) in files.iter().flatten() {
            if let Ok(file) = File::options().write(true).open(path) {
                let _ = file.set_len(*length);
            }
        }
    }

    /// A file has bytes that a power cut could take; `synced` of them are safe.
    pub(in crate::io) fn register_unsynced(path: &Path, synced: u64) {
        let mut files = SYNCED.lock().unwrap_or_else(PoisonError::into_inner);
        files.get_or_insert_default().insert(path.to_owned(), synced);
    }

    /// All bytes of the file are safe.
    pub(in crate::io) fn note_synced(path: &Path) {
        let mut files = SYNCED.lock().unwrap_or_else(PoisonError::into_inner);
        files.get_or_insert_default().remove(path);
    }
}
