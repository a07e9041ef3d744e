//! An open directory, and everything that is done relative to it.
//!
//! No path is ever walked by name from the top: [`Dir::sub`] lets the kernel walk it beneath the descriptor, without symbolic
//! links, and what follows names only the last component. Whoever swaps a directory for a link meanwhile gains nothing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::io::fault;

/// Which file it is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Inode {
    /// The file system.
    pub(super) dev: u64,
    /// The number in it.
    pub(super) ino: u64,
}

/// A modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Seconds since 1970.
    pub(super) sec: i64,
    /// Nanoseconds.
    pub(super) nsec: i64,
}

pub(super) fn inode(stat: &Stat) -> Inode {
    Inode { dev: stat.st_dev, ino: stat.st_ino }
}

pub(super) fn modified(stat: &Stat) -> Stamp {
    Stamp { sec: stat.st_mtime, nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Restores the modification time of an open file or directory; the access time stays.
pub(super) fn set_modified(file: impl AsFd, stamp: Stamp) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &times(stamp))?)
}

/// The same of a symbolic link itself.
pub(super) fn set_link_modified(directory: &Dir, name: &[u8], stamp: Stamp) -> io::Result<()> {
    Ok(rustix::fs::utimensat(directory, name, &times(stamp), AtFlags::SYMLINK_NOFOLLOW)?)
}

fn times(stamp: Stamp) -> Timestamps {
    let access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let modification = Timespec { tv_sec: stamp.sec, tv_nsec: stamp.nsec };
    Timestamps { last_access: access, last_modification: modification }
}

/// Makes the content of an open file durable.
pub(super) fn sync(file: impl AsFd) -> io::Result<()> {
    fault::point("files.sync")?;
    Ok(rustix::fs::fsync(file)?)
}

/// A directory that is open for reading.
#[derive(Debug)]
pub(super) struct Dir(OwnedFd);

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Dir {
    /// Opens the operator's own directory, by its path.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, DIRECTORY, Mode::empty())?))
    }

    /// Opens what is at a path beneath; the empty path is the directory itself.
    pub(super) fn sub(&self, path: &[u8]) -> io::Result<Self> {
        let path = if path.is_empty() { b"." } else { path };
        Ok(Self(self.beneath(path, DIRECTORY)?))
    }

    /// Opens a name in it. Never blocks (a FIFO), never follows a link; look at the kind before use.
    pub(super) fn open_entry(&self, name: &[u8], access: OFlags) -> io::Result<OwnedFd> {
        self.beneath(name, access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC)
    }

    /// Holds on to a name without opening what it is.
    fn hold_entry(&self, name: &[u8]) -> io::Result<OwnedFd> {
        self.beneath(name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC)
    }

    fn beneath(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        // The kernel says EAGAIN if something was renamed while it looked: a race, not an answer.
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if tries < 1000 => tries += 1,
                other => return Ok(other?),
            }
        }
    }

    /// What a name is; none if there is nothing.
    pub(super) fn look(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether the host may write to what a name is. Of a link nothing is said: it is never followed.
    pub(super) fn may_write(&self, name: &[u8]) -> bool {
        rustix::fs::accessat(&self.0, name, Access::WRITE_OK, AtFlags::empty()).is_ok()
    }

    /// Which file a name is; none if there is nothing.
    pub(super) fn inode(&self, name: &[u8]) -> io::Result<Option<Inode>> {
        Ok(self.look(name)?.as_ref().map(inode))
    }

    /// Whether the name is there.
    pub(super) fn has(&self, name: &[u8]) -> io::Result<bool> {
        Ok(self.look(name)?.is_some())
    }

    /// The directory itself.
    pub(super) fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.0)?)
    }

    /// Calls `visit` with every name but `.` and `..`, in the order of the disk.
    pub(super) fn each_name(&self, mut visit: impl FnMut(&[u8])) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            match entry?.file_name().to_bytes() {
                b"." | b".." => {}
                name => visit(name),
            }
        }
        Ok(())
    }

    /// All names, in the order of their bytes.
    pub(super) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        self.each_name(|name| names.push(name.to_vec()))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a directory.
    pub(super) fn make_dir(&self, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(mode))?)
    }

    /// Makes a file that was not there, open for writing.
    pub(super) fn create(&self, name: &[u8], mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?.into())
    }

    /// Makes a symbolic link.
    pub(super) fn symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    /// Where a symbolic link points.
    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Moves a name to where nothing is.
    pub(super) fn rename(&self, name: &[u8], to: &Self, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(&self.0, name, &to.0, new, RenameFlags::NOREPLACE)?)
    }

    /// Moves a name over another.
    pub(super) fn replace(&self, name: &[u8], to: &Self, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Exchanges two names.
    pub(super) fn exchange(&self, name: &[u8], other: &Self, its: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(&self.0, name, &other.0, its, RenameFlags::EXCHANGE)?)
    }

    /// Gives a file a second name. A link itself is linked, not what it points to.
    pub(super) fn link(&self, name: &[u8], to: &Self, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, name, &to.0, new, AtFlags::empty())?)
    }

    /// Removes a name that is not a directory. It may be gone already.
    pub(super) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes an empty directory. It may be gone already.
    pub(super) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sets the permission bits of a file or directory, never through a link.
    pub(super) fn set_mode(&self, name: &[u8], mode: u32) -> io::Result<()> {
        let path = self.hold_entry(name)?;
        // There is no chmod of an O_PATH descriptor; its magic link in /proc is what the C library uses too.
        let magic = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&path));
        Ok(rustix::fs::chmod(magic, Mode::from_raw_mode(mode))?)
    }

    /// Makes its names durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync(&self.0)
    }

    /// Makes everything on its file system durable.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        fault::point("files.sync-all")?;
        Ok(rustix::fs::syncfs(&self.0)?)
    }

    /// Removes a name with everything below it. Does not leave the file system: another one mounted below stops it.
    pub(super) fn remove_all(&self, name: &[u8]) -> io::Result<()> {
        let Some(stat) = self.look(name)? else { return Ok(()) };
        if kind(&stat) != FileType::Directory {
            return self.unlink(name);
        }
        // Directories that lie too deep for open descriptors are brought up here and removed in their turn.
        let mut removal = Removal { top: self, name, dev: stat.st_dev, brought_up: 0, removed: 0 };
        removal.below(self, name, 0)?;
        while removal.removed < removal.brought_up {
            removal.removed += 1;
            removal.below(self, &deep_name(name, removal.removed), 0)?;
        }
        Ok(())
    }
}

/// A removal under way.
struct Removal<'a> {
    top: &'a Dir,
    name: &'a [u8],
    dev: u64,
    brought_up: u64,
    removed: u64,
}

impl Removal<'_> {
    fn below(&mut self, at: &Dir, name: &[u8], depth: u32) -> io::Result<()> {
        let directory = at.sub(name).or_else(|error| match Errno::from_io_error(&error) {
            Some(Errno::ACCESS) => at.set_mode(name, 0o700).and_then(|()| at.sub(name)),
            _ => Err(error),
        })?;
        if directory.stat()?.st_dev != self.dev {
            return Err(Errno::XDEV.into());
        }
        for child in directory.names()? {
            match directory.look(&child)? {
                Some(stat) if kind(&stat) != FileType::Directory => directory.unlink(&child)?,
                Some(_) if depth < 100 => self.below(&directory, &child, depth + 1)?,
                Some(_) => {
                    self.brought_up += 1;
                    directory.rename(&child, self.top, &deep_name(self.name, self.brought_up))?;
                }
                None => {}
            }
        }
        at.remove_dir(name)
    }
}

fn deep_name(name: &[u8], index: u64) -> Vec<u8> {
    [name, b"-deep-", index.to_string().as_bytes()].concat()
}
