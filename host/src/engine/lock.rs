//! One run per installation. The lock is the kernel's: it dies with its holder, and nothing has to be cleaned up after a kill.
//! Commands of a run inherit it, so that no other begins while one of them lives.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::orphans;
use crate::effect::Fault;

/// How long what is left of a killed run may take to die.
const DYING: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(10);

/// Held until dropped, or until the process ends.
#[derive(Default)]
pub struct Lock {
    held: Vec<File>,
}

impl Lock {
    /// Takes the lock of a state directory.
    ///
    /// # Errors
    /// "locked" if another run, or a command that a killed one has left behind, has it; what the file system says.
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
        let until = Instant::now() + DYING;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    self.held.push(file);
                    return Ok(());
                }
                // Whoever looks and cannot see takes it for a run.
                Err(Errno::WOULDBLOCK) if orphans::taker(&file).map_or(true, |taker| taker.is_some()) => {
                    let text = format!("another run holds this installation ({})", path.display());
                    return Err(Fault::new("locked", text).hint("wait for it, or see `liftlock status`"));
                }
                Err(Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(LOOK),
                Err(Errno::WOULDBLOCK) => return Err(orphaned(&file, path)),
                Err(errno) => {
                    return Err(Fault::io(format_args!("locking {}", path.display()), &io::Error::from(errno)));
                }
            }
        }
    }
}

/// The lock's taker is dead, and somebody who has inherited it is not.
fn orphaned(file: &File, path: &Path) -> Fault {
    let holders = orphans::holders(file).unwrap_or_default();
    let path = path.display();
    let text = match holders.as_slice() {
        [] => format!("another run, or a command of a killed one, holds {path} and cannot be seen from here"),
        holders => format!("a command of a killed run is still at work and holds {path}: {}", holders.join(", ")),
    };
    Fault::new("locked", text).hint("wait for its end, or end it with `kill`; then `liftlock resume`")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_lock_of_a_living_process_is_told_at_once() {
        let home = tempfile::tempdir().unwrap();
        let _held = Lock::take(home.path()).unwrap();
        let began = Instant::now();
        let fault = Lock::take(home.path()).err().unwrap();
        assert_eq!(fault.code, "locked");
        assert!(fault.message.starts_with("another run holds this installation"), "{fault}");
        assert!(began.elapsed() < DYING);
    }

    /// The taker is a shell that ends, and what it leaves behind has inherited the lock.
    #[test]
    fn an_orphan_keeps_the_lock_and_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let script = format!("exec 9>{}; flock -n 9 || exit 9; sleep 60 >/dev/null & echo $!", path.display());
        let output = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let pid = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let fault = Lock::take(home.path()).err().unwrap();
        assert_eq!(fault.code, "locked");
        assert!(fault.message.contains(&format!("{pid} (sleep)")), "{fault}");
        Command::new("kill").args(["-9", &pid]).status().unwrap();
        Lock::take(home.path()).unwrap();
    }
}
