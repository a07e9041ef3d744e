//! The restore point: the database's files, byte for byte, and how they are put back.
//!
//! Two files make a database in WAL mode: the main file and its log. A log (or a hot journal) that stands beside the wrong
//! main file would be *applied* to it by whoever opens it next. So the order of [`put_back`] is
//!
//! 1. the old main file is written beside, whole and durable (a full disk shows here, before anything has changed);
//! 2. journal, log and index of the *new* database are removed, and the removal is made durable: from here on no log can
//!    meet a main file that it does not belong to. What is left of the new database is perhaps not whole, but it is only
//!    waiting to be replaced;
//! 3. the old main file is renamed over it; 4. its log, if it had one, is renamed beside it; both made durable;
//! 5. everything is read again and compared.
//!
//! A kill anywhere leaves the copies in the run's directory as they are, and the whole is done again from its beginning.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{Gid, Timespec, Timestamps, Uid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SqliteConfig;
use super::session::{Session, beside};
use crate::effect::Fault;
use crate::io::{fault, make_private_dir, sync_dir, write_atomic};

/// A restore point, as the journal has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    directory: PathBuf,
    /// The real path of the database then.
    path: PathBuf,
    main: Copied,
    /// None if there was no log, or an empty one.
    log: Option<Copied>,
    mode: u32,
    uid: u32,
    gid: u32,
}

/// One file in the restore point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Copied {
    file: String,
    size: u64,
    sha256: String,
    mtime: i64,
    mtime_nanoseconds: i64,
}

impl Session {
    /// As `Store::restore_point`. Behind the write lock: nobody commits, and no log is begun anew, while we copy. A checkpoint
    /// may run, but moves only what the log, copied too, says as well.
    pub(super) fn restore_point(&self, directory: &Path) -> Result<serde_json::Value, Fault> {
        if self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a restore point in an open batch", self.name())));
        }
        let saved = self.locked(|| {
            self.copy_files(directory)
                .map_err(|error| Fault::io(format_args!("restore point of {}", self.name()), &error))
        })?;
        serde_json::to_value(saved).map_err(|error| Fault::new("internal", error.to_string()))
    }

    fn copy_files(&self, directory: &Path) -> io::Result<Saved> {
        fault::point("sqlite.save")?;
        make_private_dir(directory)?;
        let meta = self.file.metadata()?;
        let main = copy_in(&self.file, directory, &format!("{}.sqlite", self.name()))?;
        let log = match File::open(beside(&self.path, "-wal")) {
            Ok(log) if log.metadata()?.len() > 0 => {
                Some(copy_in(&log, directory, &format!("{}.sqlite-wal", self.name()))?)
            }
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let saved = Saved {
            directory: fs::canonicalize(directory)?,
            path: self.path.clone(),
            main,
            log,
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
        };
        // For a person who has to put it back by hand.
        write_atomic(&directory.join(format!("{}.json", self.name())), &serde_json::to_vec_pretty(&saved)?, 0o600)?;
        fault::point("sqlite.saved")?;
        Ok(saved)
    }
}

/// Reads a record and its copies. Nothing has been changed if this fails.
pub(super) fn verify(config: &SqliteConfig, record: &serde_json::Value) -> Result<Saved, Fault> {
    let damaged = |why: String| {
        Fault::new("restore-point-damaged", format!("restore point of database {}: {why}", config.name))
            .hint("the database is as the run left it; restore it from a backup of your own")
    };
    let saved: Saved = serde_json::from_value(record.clone()).map_err(|error| damaged(error.to_string()))?;
    for copy in saved.copies() {
        let path = saved.directory.join(&copy.file);
        let found = File::open(&path).and_then(|file| digest(&file));
        let found = found.map_err(|error| damaged(format!("{}: {error}", path.display())))?;
        if found != (copy.size, copy.sha256.clone()) {
            return Err(damaged(format!("{} is not what was saved", path.display())));
        }
    }
    Ok(saved)
}

/// Puts the files back. No session may be open: see [`Session::file`].
pub(super) fn put_back(config: &SqliteConfig, saved: &Saved) -> Result<(), Fault> {
    // Where it was then: the file may be gone by now, or a link may lead elsewhere.
    let path = &saved.path;
    replace_files(path, saved)
        .map_err(|error| Fault::io(format_args!("restore of database {}", config.name), &error))?;
    let compared = compare(path, saved).map_err(|error| Fault::io(path.display(), &error))?;
    if !compared {
        let text = format!("database {}: {} is not what was put back", config.name, path.display());
        return Err(
            Fault::new("restore-failed", text).hint("another program wrote to it; stop that program, then undo again")
        );
    }
    Ok(())
}

impl Saved {
    fn copies(&self) -> impl Iterator<Item = &Copied> {
        std::iter::once(&self.main).chain(&self.log)
    }
}

fn replace_files(path: &Path, saved: &Saved) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let (new_main, new_log) = (beside(path, ".liftlock-restore"), beside(path, "-wal.liftlock-restore"));
    fault::point("sqlite.restore.begin")?;
    stage_copy(saved, &saved.main, &new_main)?;
    if let Some(log) = &saved.log {
        stage_copy(saved, log, &new_log)?;
    }
    sync_dir(parent)?;
    fault::point("sqlite.restore.staged")?;
    for suffix in ["-journal", "-wal", "-shm"] {
        remove(&beside(path, suffix))?;
        fault::point("sqlite.restore.clear")?;
    }
    sync_dir(parent)?;
    fault::point("sqlite.restore.cleared")?;
    fs::rename(&new_main, path)?;
    sync_dir(parent)?;
    fault::point("sqlite.restore.main")?;
    if saved.log.is_some() {
        fs::rename(&new_log, beside(path, "-wal"))?;
        sync_dir(parent)?;
    }
    fault::point("sqlite.restore.done")
}

/// Writes a copy beside the database, durable, with the owner, mode and time of the old file.
fn stage_copy(saved: &Saved, copy: &Copied, to: &Path) -> io::Result<()> {
    remove(to)?;
    let from = File::open(saved.directory.join(&copy.file))?;
    let file = create(to)?;
    copy_bytes(&from, &file)?;
    let meta = file.metadata()?;
    if (meta.uid(), meta.gid()) != (saved.uid, saved.gid) {
        rustix::fs::fchown(&file, Some(Uid::from_raw(saved.uid)), Some(Gid::from_raw(saved.gid)))?;
    }
    file.set_permissions(Permissions::from_mode(saved.mode))?;
    let time = Timespec { tv_sec: copy.mtime, tv_nsec: copy.mtime_nanoseconds };
    rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })?;
    file.sync_all()
}

fn compare(path: &Path, saved: &Saved) -> io::Result<bool> {
    let main = digest(&File::open(path)?)?;
    let log = match File::open(beside(path, "-wal")) {
        Ok(file) => Some(digest(&file)?).filter(|(size, _)| *size > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let wanted = |copy: &Copied| (copy.size, copy.sha256.clone());
    Ok(main == wanted(&saved.main) && log == saved.log.as_ref().map(wanted))
}

/// Copies an open file into the run's directory under a final name, durable, and reads it back.
fn copy_in(from: &File, directory: &Path, name: &str) -> io::Result<Copied> {
    let temporary = directory.join(format!("{name}.new"));
    remove(&temporary)?;
    let file = create(&temporary)?;
    copy_bytes(from, &file)?;
    file.sync_all()?;
    fault::point("sqlite.save.rename")?;
    fs::rename(&temporary, directory.join(name))?;
    sync_dir(directory)?;
    let (size, sha256) = digest(&file)?;
    let meta = from.metadata()?;
    let (mtime, mtime_nanoseconds) = (meta.mtime(), meta.mtime_nsec());
    Ok(Copied { file: name.to_owned(), size, sha256, mtime, mtime_nanoseconds })
}

fn create(path: &Path) -> io::Result<File> {
    File::options().create_new(true).read(true).write(true).mode(0o600).open(path)
}

/// Shares the blocks where the file system can, else copies. Never moves the offset of `from`, nor closes it: it may be the
/// file that SQLite's locks are on.
fn copy_bytes(from: &File, to: &File) -> io::Result<()> {
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let count = from.read_at(&mut buffer, at)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all_at(&buffer[..count], at)?;
        at += count as u64;
    }
}

/// Size and SHA-256 of a file, from its beginning.
pub(super) fn digest(file: &File) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let count = file.read_at(&mut buffer, at)?;
        if count == 0 {
            return Ok((at, HEXLOWER.encode(&hash.finalize())));
        }
        hash.update(&buffer[..count]);
        at += count as u64;
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
