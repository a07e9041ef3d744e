//! Whole files and directories, made durable.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::fault;

/// Writes a file whole or not at all: temporary name, sync, rename, sync of the directory.
///
/// # Errors
/// What the file system says; the old file is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = parent.join(name);
    fault::point("replace.write")?;
    let _ = fs::remove_file(&temporary);
    let mut file = File::options().create_new(true).write(true).mode(mode).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fault::point("replace.rename")?;
    fs::rename(&temporary, path)?;
    sync_dir(parent)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// What the file system says.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    fault::point("dir.sync")?;
    File::open(path)?.sync_all()
}

/// Makes a directory and its parents that only this user can enter (0700).
///
/// # Errors
/// What the file system says.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}
