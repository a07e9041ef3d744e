//! Owner, mode and extended attributes: what a file has besides its bytes.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Uid, XattrFlags};
use rustix::io::Errno;

use super::dir::Dir;

/// User and group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// User.
    pub(super) uid: u32,
    /// Group.
    pub(super) gid: u32,
}

impl Owner {
    /// Whose file this is.
    pub(super) fn of(stat: &Stat) -> Self {
        Self { uid: stat.st_uid, gid: stat.st_gid }
    }

    /// Gives an open file or directory to this owner, where it has another.
    pub(super) fn give(self, file: impl AsFd) -> io::Result<()> {
        let stat = rustix::fs::fstat(&file)?;
        if Self::of(&stat) == self {
            return Ok(());
        }
        Ok(rustix::fs::fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?)
    }

    /// Gives a symbolic link itself to this owner.
    pub(super) fn give_link(self, directory: &Dir, name: &[u8]) -> io::Result<()> {
        match directory.look(name)? {
            Some(stat) if Self::of(&stat) != self => {
                let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
                Ok(rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?)
            }
            _ => Ok(()),
        }
    }
}

/// Sets permission bits of an open file or directory. No caller can set setuid or setgid this way.
pub(super) fn set_mode(file: impl AsFd, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777))?)
}

/// Gives `new` the owner, mode and extended attributes of the file `name` that it will replace.
pub(super) fn take_over(directory: &Dir, name: &[u8], stat: &Stat, new: impl AsFd) -> io::Result<()> {
    Owner::of(stat).give(&new)?;
    set_mode(&new, stat.st_mode)?;
    match directory.open_entry(name, OFlags::RDONLY) {
        Ok(old) => copy_xattrs(&old, &new),
        // Not ours to read, and so not ours to copy: the mode and owner are right.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::ACCESS) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Copies extended attributes (labels, ACLs, the users' own). Never `security.capability`: it is a setuid by another name.
pub(super) fn copy_xattrs(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let Some(names) = growing(|buffer| rustix::fs::flistxattr(&from, buffer))? else { return Ok(()) };
    for name in names.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        if name == b"security.capability" {
            continue;
        }
        let Some(value) = growing(|buffer| rustix::fs::fgetxattr(&from, name, buffer))? else { continue };
        match rustix::fs::fsetxattr(&to, name, &value, XattrFlags::empty()) {
            // What the file system or our rights do not allow (trusted.*) cannot be had on the copy.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::PERM) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Reads with a growing buffer; none where there is nothing to be had.
fn growing(mut read: impl FnMut(&mut [u8]) -> rustix::io::Result<usize>) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; 1024];
    loop {
        match read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(Some(buffer));
            }
            Err(Errno::RANGE) if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 4, 0),
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    }
}
