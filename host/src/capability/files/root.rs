//! A root of the installation, and the run's staging directory in it.
//!
//! `<root>/.liftlock-<run>/` lies on the same file system as what it is exchanged with. It is made when it is first needed,
//! only its owner can enter it, and no guest sees it:
//!
//! | directory | what is in it |
//! | --- | --- |
//! | `trees/<id>` | trees that the run has made |
//! | `tmp/<seq>` | new bytes that have no final name yet |
//! | `undo/<seq>` | a second link to old bytes; `<seq>.json` beside it: what does not fit the journal |
//! | `trash/<seq>` | what was removed, or was made and undone |

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attributes::Owner;
use super::dir::{Dir, modified, set_modified};
use super::path::RESERVED;
use crate::effect::Fault;
use crate::io::fault;

const DENY: &[u8] = b"Require all denied\n";

/// One root of the installation.
pub(super) struct Root {
    /// Its name in the installation.
    pub(super) name: String,
    /// Its path without links, for comparing.
    pub(super) path: PathBuf,
    /// Who owns new entries.
    pub(super) owner: Owner,
    /// The root itself.
    pub(super) dir: Dir,
    staging_name: Vec<u8>,
    staging: Mutex<Option<Arc<Staging>>>,
}

/// The open directories of the staging.
pub(super) struct Staging {
    /// Trees that the run has made.
    pub(super) trees: Dir,
    /// New bytes without a final name.
    pub(super) tmp: Dir,
    /// Old bytes.
    pub(super) undo: Dir,
    /// What was taken away.
    pub(super) trash: Dir,
    top: Dir,
}

impl Root {
    /// Opens a root. Makes nothing.
    pub(super) fn open(config: &super::RootConfig, run: &str) -> Result<Self, Fault> {
        let what = format!("the root {} ({})", config.name, config.path.display());
        let fault = |error: io::Error| Fault::io(&what, &error);
        let path = config.path.canonicalize().map_err(fault)?;
        let dir = Dir::open(&path).map_err(fault)?;
        // The one look that shows whether this kernel can walk beneath a descriptor at all.
        dir.sub(b"").map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOSYS | Errno::PERM) => {
                Fault::new("openat2-missing", format!("{what} cannot be opened safely: {error}"))
                    .hint("liftlock needs Linux 5.6 or later, and a container that allows openat2")
            }
            _ => Fault::io(&what, &error),
        })?;
        let stat = dir.stat().map_err(fault)?;
        let (uid, gid) = config.owner.unwrap_or((stat.st_uid, stat.st_gid));
        Ok(Self {
            name: config.name.clone(),
            path,
            owner: Owner { uid, gid },
            dir,
            staging_name: [RESERVED, run.as_bytes()].concat(),
            staging: Mutex::new(None),
        })
    }

    /// The staging, made if it is not there.
    pub(super) fn staging(&self) -> Result<Arc<Staging>, Fault> {
        let mut slot = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(staging) = &*slot {
            return Ok(Arc::clone(staging));
        }
        let staging = self.make_staging().map_err(|error| self.staging_fault(&error))?;
        Ok(Arc::clone(slot.insert(Arc::new(staging))))
    }

    /// The staging, if any change has made it.
    pub(super) fn staging_if_made(&self) -> Result<Option<Arc<Staging>>, Fault> {
        let mut slot = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let complete = || -> io::Result<bool> {
                Ok(self.dir.has(&self.staging_name)? && self.dir.sub(&self.staging_name)?.has(b"trash")?)
            };
            if complete().map_err(|error| self.staging_fault(&error))? {
                *slot = Some(Arc::new(self.open_staging().map_err(|error| self.staging_fault(&error))?));
            }
        }
        Ok(slot.clone())
    }

    fn make_staging(&self) -> io::Result<Staging> {
        fault::point("files.staging")?;
        if !self.dir.has(&self.staging_name)? {
            // The root's own time is the application's business, not ours.
            let before = modified(&self.dir.stat()?);
            self.dir.make_dir(&self.staging_name, 0o700)?;
            set_modified(&self.dir, before)?;
        }
        let top = self.dir.sub(&self.staging_name)?;
        if top.stat()?.st_uid != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
        }
        if !top.has(b".htaccess")? {
            put_file(&top, ".htaccess", DENY)?;
        }
        // The last one is the mark that all are there.
        for name in ["trees", "tmp", "undo", "trash"] {
            if !top.has(name.as_bytes())? {
                top.make_dir(name.as_bytes(), 0o700)?;
            }
        }
        top.sync()?;
        self.dir.sync()?;
        self.open_staging()
    }

    fn open_staging(&self) -> io::Result<Staging> {
        let top = self.dir.sub(&self.staging_name)?;
        Ok(Staging {
            trees: top.sub(b"trees")?,
            tmp: top.sub(b"tmp")?,
            undo: top.sub(b"undo")?,
            trash: top.sub(b"trash")?,
            top,
        })
    }

    fn staging_fault(&self, error: &io::Error) -> Fault {
        Fault::io(format!("the staging directory of the root {}", self.name), error)
    }

    /// Removes the staging with all that is in it. It may be gone already.
    pub(super) fn forget(&self) -> Result<(), Fault> {
        *self.staging.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.remove_staging().map_err(|error| self.staging_fault(&error))
    }

    fn remove_staging(&self) -> io::Result<()> {
        fault::point("files.forget")?;
        if !self.dir.has(&self.staging_name)? {
            return Ok(());
        }
        let top = self.dir.sub(&self.staging_name)?;
        for name in ["trash", "undo", "tmp", "trees"] {
            if !top.has(name.as_bytes())? {
                continue;
            }
            let directory = top.sub(name.as_bytes())?;
            for entry in directory.names()? {
                directory.remove_all(&entry)?;
            }
            fault::point("files.forget")?;
        }
        let before = modified(&self.dir.stat()?);
        self.dir.remove_all(&self.staging_name)?;
        set_modified(&self.dir, before)?;
        self.dir.sync()
    }
}

impl Staging {
    /// The file system's own sync, for changes of many files.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.top.sync_all()
    }

    /// Saves what is too long for the journal. Durable on return.
    pub(super) fn put_note<T: Serialize>(&self, name: &str, note: &T) -> io::Result<()> {
        put_file(&self.undo, &format!("{name}.json"), &serde_json::to_vec(note)?)
    }

    /// Reads it again; none if it is not there.
    pub(super) fn note<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        if !self.has_note(name)? {
            return Ok(None);
        }
        let name = format!("{name}.json");
        let file = std::fs::File::from(self.undo.open_entry(name.as_bytes(), rustix::fs::OFlags::RDONLY)?);
        Ok(Some(serde_json::from_reader(io::BufReader::new(file))?))
    }

    /// Whether there is such a note.
    pub(super) fn has_note(&self, name: &str) -> io::Result<bool> {
        self.undo.has(format!("{name}.json").as_bytes())
    }

    /// Removes a note. It may be gone already.
    pub(super) fn drop_note(&self, name: &str) -> io::Result<()> {
        self.undo.unlink(format!("{name}.json").as_bytes())
    }
}

/// Writes a file of the host's own, whole or not at all.
fn put_file(directory: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}.new");
    directory.unlink(temporary.as_bytes())?;
    let mut file = directory.create(temporary.as_bytes(), 0o600)?;
    file.write_all(bytes)?;
    super::dir::sync(&file)?;
    directory.replace(temporary.as_bytes(), directory, name.as_bytes())?;
    directory.sync()
}
