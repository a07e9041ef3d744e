//! The application's own flag, where it is a file (`.maintenance`).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::bundle::FlagFile;
use crate::effect::Fault;
use crate::io::open_plain;

/// A file whose being there closes the application.
#[derive(Debug, Clone)]
pub struct FlagInFile {
    path: PathBuf,
    content: Vec<u8>,
}

impl FlagInFile {
    /// The flag of an installation, in its root.
    #[must_use]
    pub fn new(root: &Path, flag: &FlagFile) -> Self {
        Self { path: root.join(&flag.path), content: flag.content.clone().into_bytes() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it there. One of ours from before a crash is as good.
    ///
    /// # Errors
    /// "freeze-failed" if a file of somebody else's is there; what the file system says.
    pub fn place(&self) -> Result<(), Fault> {
        let fault = |e: io::Error| Fault::io(format_args!("placing the maintenance flag {}", self.path.display()), &e);
        match File::options().write(true).create_new(true).mode(0o644).open(&self.path) {
            Ok(mut file) => {
                file.write_all(&self.content).and_then(|()| file.sync_all()).map_err(fault)?;
                crate::io::sync_dir(self.path.parent().unwrap_or(&self.path)).map_err(fault)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && self.is_ours().map_err(fault)? => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let text = format!("the maintenance flag {} is there already, and is not ours", self.path.display());
                Err(Fault::new("freeze-failed", text).hint("remove it, or name another in [maintenance] flag"))
            }
            Err(e) => Err(fault(e)),
        }
    }

    /// Takes it away, if it is ours.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Fault> {
        let fault = |e: io::Error| Fault::io(format_args!("removing {}", self.path.display()), &e);
        if self.is_ours().map_err(fault)? { fs::remove_file(&self.path).map_err(fault) } else { Ok(()) }
    }

    /// A file of ours may have been cut short by a crash: the beginning of the content is enough.
    fn is_ours(&self) -> io::Result<bool> {
        let Some(file) = open_plain(&self.path)? else { return Ok(false) };
        let mut found = Vec::new();
        file.take(self.content.len() as u64 + 1).read_to_end(&mut found)?;
        Ok(self.content.starts_with(&found))
    }
}
