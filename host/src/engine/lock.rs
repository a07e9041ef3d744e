//! One run per installation. The lock is the kernel's: it dies with its holder, and nothing has to be cleaned up after a kill.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::effect::Fault;

/// Held until dropped, or until the process ends.
#[derive(Default)]
pub struct Lock {
    held: Vec<File>,
}

impl Lock {
    /// Takes the lock of a state directory.
    ///
    /// # Errors
    /// "locked" if another run has it; what the file system says.
    pub fn take(state: &Path) -> Result<Self, Fault> {
        let path = state.join("lock");
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(nofollow)
            .open(&path)
            .map_err(|e| Fault::io(format_args!("opening the lock {}", path.display()), &e))?;
        let mut lock = Self::default();
        lock.add(file, &path)?;
        Ok(lock)
    }

    /// Takes a directory as well: another installation file, with another state directory, may name the same root.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn and_directory(&mut self, path: &Path) -> Result<(), Fault> {
        let file =
            File::open(path).map_err(|e| Fault::io(format_args!("opening {} to lock it", path.display()), &e))?;
        self.add(file, path)
    }

    /// Descriptors of the same locks, for those who are to hold them as long as they live: commands of the run.
    ///
    /// # Errors
    /// If there are too many open files.
    pub fn share(&self) -> Result<Vec<File>, Fault> {
        let shared = self.held.iter().map(File::try_clone).collect::<io::Result<_>>();
        shared.map_err(|e| Fault::io("sharing the lock", &e))
    }

    fn add(&mut self, file: File, path: &Path) -> Result<(), Fault> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.held.push(file);
                Ok(())
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let text = format!("another run holds this installation ({})", path.display());
                Err(Fault::new("locked", text).hint("wait for it, or see `liftlock status`"))
            }
            Err(errno) => Err(Fault::io(format_args!("locking {}", path.display()), &io::Error::from(errno))),
        }
    }
}
