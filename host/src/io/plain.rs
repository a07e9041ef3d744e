//! Files that somebody else may have put there: a link, a pipe, a device is none of ours.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file to read it: not through a link, and without waiting for anybody. None if nothing of the kind is there, or
/// it is not for us to read.
///
/// # Errors
/// What the file system says of a file that it has opened.
pub fn open_plain(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let Ok(file) = File::options().read(true).custom_flags(flags).open(path) else { return Ok(None) };
    Ok(file.metadata()?.is_file().then_some(file))
}
