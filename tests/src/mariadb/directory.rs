//! A server's directory: locked by who uses it, removed with it; what killed processes left is removed by the next one.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::places;

/// Where a server has its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// In memory, if there is room.
    #[default]
    Memory,
    /// On the disk that the tests are built on.
    Disk,
}

/// Bytes: a container may have a very small memory file system.
const ROOM: u64 = 1 << 30;
const MEMORY: &str = "/dev/shm";

const PREFIX: &str = "liftlock-mariadb-";
const LOCK: &str = "lock";
const PID: &str = "pid";

/// The longest path of a socket that the system takes has 107 bytes.
const LONGEST: usize = 107;

/// A directory that is ours.
#[derive(Debug)]
pub(super) struct Directory {
    directory: TempDir,
    socket: PathBuf,
    /// Where the socket is, if the directory's own path is too long.
    _beside: Option<TempDir>,
    _lock: File,
}

impl Directory {
    pub(super) fn new(place: Place) -> Result<Self> {
        let parent = parent(place)?;
        // Nobody may look at a directory between its making and its locking.
        let _turn = turn()?;
        sweep(&parent);
        let directory = temporary(&parent)?;
        let lock = File::create(directory.path().join(LOCK))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let socket = directory.path().join("sock");
        if socket.as_os_str().len() <= LONGEST {
            return Ok(Self { directory, socket, _beside: None, _lock: lock });
        }
        let beside = temporary(&env::temp_dir())?;
        Ok(Self { socket: beside.path().join("sock"), _beside: Some(beside), directory, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where the server notes its number.
    pub(super) fn pid(&self) -> PathBuf {
        self.path().join(PID)
    }
}

/// What is kept between runs.
pub(super) fn cache() -> Result<PathBuf> {
    let cache = places::target()?.join("mariadb");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    Ok(cache)
}

/// One process at a time, until this is dropped.
pub(super) fn turn() -> Result<File> {
    let lock = File::create(cache()?.join(LOCK))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
}

fn parent(place: Place) -> Result<PathBuf> {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |about| about.f_bavail * about.f_frsize);
    if place == Place::Memory && free >= ROOM { Ok(MEMORY.into()) } else { cache() }
}

fn temporary(parent: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent);
    made.with_context(|| format!("cannot make a directory in {}", parent.display()))
}

/// Removes the directories whose owner is gone, and their servers, if they are not gone with him (where there is no `setpriv`).
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if let Ok(lock) = File::open(entry.path().join(LOCK))
            && ours
            && flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            kill_server_in(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Kills the server whose number is noted there, if it is one with its data there: numbers are used again.
fn kill_server_in(directory: &Path) {
    let Ok(pid) = fs::read_to_string(directory.join(PID)) else { return };
    let command = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    let is_it = String::from_utf8_lossy(&command).contains(&format!("={}/", directory.display()));
    if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw)
        && is_it
    {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Makes a directory that only we may look into.
pub(super) fn private(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let [left, used, other] = [PREFIX, PREFIX, "other-"].map(|prefix| {
            let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent.path()).unwrap();
            fs::write(directory.path().join(LOCK), "").unwrap();
            directory
        });
        let lock = File::open(used.path().join(LOCK)).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        sweep(parent.path());
        assert_eq!([&left, &used, &other].map(|directory| directory.path().exists()), [false, true, true]);
    }

    #[test]
    fn a_server_that_outlived_its_owner_is_killed_and_another_process_of_its_number_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let left = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent.path()).unwrap();
        let sleep = |argument: String| {
            let child = Command::new("sh").args(["-c", "sleep 60; :", &argument]).spawn().unwrap();
            // Just started, a process has no arguments for a moment.
            let arguments = format!("/proc/{}/cmdline", child.id());
            while fs::read(&arguments).unwrap().is_empty() {
                std::thread::yield_now();
            }
            child
        };
        let mut other = sleep("--datadir=/elsewhere/data".to_owned());
        fs::write(left.path().join(PID), format!("{}\n", other.id())).unwrap();
        kill_server_in(left.path());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
        let mut server = sleep(format!("--datadir={}/data", left.path().display()));
        fs::write(left.path().join(PID), format!("{}\n", server.id())).unwrap();
        kill_server_in(left.path());
        assert!(!server.wait().unwrap().success());
    }

    #[test]
    fn no_socket_has_a_path_that_is_too_long() {
        for place in [Place::Memory, Place::Disk] {
            let directory = Directory::new(place).unwrap();
            assert!(directory.socket().as_os_str().len() <= LONGEST);
        }
    }
}
