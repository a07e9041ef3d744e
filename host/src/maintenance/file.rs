//! Small files in a root, for a web server to read: whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Everybody may read it, whatever the umask: the server is somebody else.
const MODE: u32 = 0o644;

/// A file of a run in a root, and the temporary one beside it. That begins as the host's own names do, so no digest, no stage and no
/// count of what was written sees it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    temporary: PathBuf,
}

impl Place {
    pub(super) fn new(directory: &Path, name: &str, run: &str) -> Self {
        Self { path: directory.join(name), temporary: directory.join(format!(".liftlock-{run}-{name}")) }
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Whether the name is free.
    pub(super) fn is_free(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
    }

    /// No fault points here: a heartbeat comes when it comes, and points are numbered.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        remove(&self.temporary)?;
        let mut file = File::options().write(true).create_new(true).mode(MODE).open(&self.temporary)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&self.temporary, &self.path)
    }

    /// Makes the name durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        crate::io::sync_dir(self.directory())
    }

    /// Takes it away, if it is ours, and what a kill may have left beside it.
    pub(super) fn remove(&self, is_ours: bool) -> io::Result<()> {
        remove(&self.temporary)?;
        if is_ours { remove(&self.path) } else { Ok(()) }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
