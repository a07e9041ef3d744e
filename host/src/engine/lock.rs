//! One run per installation. The lock is the kernel's: it dies with its holder, and nothing has to be cleaned up after a kill.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::effect::Fault;

/// Held until dropped, or until the process ends.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state directory.
    ///
    /// # Errors
    /// "locked" if another run has it; what the file system says.
    pub fn take(state: &Path) -> Result<Self, Fault> {
        let path = state.join("lock");
        let fault = |e: io::Error| Fault::io(format_args!("opening the lock {}", path.display()), &e);
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(nofollow)
            .open(&path)
            .map_err(fault)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(Fault::new("locked", "another run holds this installation").hint("see `liftlock status`"))
            }
            Err(errno) => Err(fault(errno.into())),
        }
    }
}
