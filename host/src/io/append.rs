//! A file that only grows, and knows how much of it is durable.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fault;

/// An append-only file: the journal, a recording. Mode 0600, never opened through a symbolic link.
pub struct AppendFile {
    file: File,
    path: PathBuf,
    length: u64,
    synced: u64,
}

impl AppendFile {
    /// Opens the file for appending, making it if it is not there, and cuts it to `keep` bytes.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` if the file is shorter than `keep`.
    pub fn open(path: &Path, keep: Option<u64>) -> io::Result<Self> {
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file =
            File::options().create(true).append(true).read(true).mode(0o600).custom_flags(nofollow).open(path)?;
        let mut length = file.metadata()?.len();
        if let Some(keep) = keep {
            if length < keep {
                let text = format!("{} has {length} bytes, expected at least {keep}", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if length > keep {
                fault::point("append.cut")?;
                file.set_len(keep)?;
                file.sync_all()?;
                length = keep;
            }
        }
        Ok(Self { file, path: path.to_owned(), length, synced: length })
    }

    /// Adds bytes. They are durable after [`AppendFile::sync`].
    ///
    /// # Errors
    /// What the file system says. The file may then end in a part of `bytes`.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        fault::point("append.write")?;
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        #[cfg(feature = "faults")]
        fault::register_unsynced(&self.path, self.synced);
        Ok(())
    }

    /// Makes all bytes durable. Never repeat it after an error: the kernel may have dropped the bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.synced == self.length {
            return Ok(());
        }
        fault::point("append.sync")?;
        self.file.sync_data()?;
        self.synced = self.length;
        #[cfg(feature = "faults")]
        fault::note_synced(&self.path);
        fault::point("append.synced")
    }

    /// Bytes in the file.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the file has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
