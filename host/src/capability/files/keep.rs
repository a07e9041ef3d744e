//! A root, or a directory in one, kept whole: before a command of the operator's, which may write there whatever it likes.
//!
//! Nobody sees what such a command does, so nothing can be saved just before it changes. [`Files::keep`] copies every file
//! (by reflink where the file system can: a second link would be written to with the file) and lists what is there.
//! [`Files::put_back`] compares what is there then with the list: what is new goes, what differs comes back, what nobody has
//! touched is left alone. A file that was written in place keeps its inode; one that was replaced gets another. It may be
//! called again after a kill: the copies stay until the run's undo data is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::attributes::Owner;
use super::copy::dress;
use super::dir::{Dir, Stamp, kind, modified, set_link_modified, set_modified, size};
use super::path::{RelPath, escape, is_reserved, join};
use super::root::{Root, Staging};
use super::walk::MAX_DEPTH;
use super::{Files, full_path};
use crate::effect::Fault;
use crate::io::fault;

/// Longer than a step of the clock that file systems use: what is written after this has another time than what was before.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// What was there.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The directory in the root, as a guest spells it; empty for all of the root.
    top: String,
    /// Each directory before what is in it.
    items: Vec<Item>,
}

/// One entry of a root.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    /// The path in the root, as a guest spells it.
    path: String,
    what: What,
    mode: u32,
    uid: u32,
    gid: u32,
    modified: Stamp,
    changed: Stamp,
    ino: u64,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// A file; its copy has this number.
    File(u64),
    Directory,
    /// A symbolic link and its target.
    Link(String),
    /// A socket or a FIFO: whoever needs it makes it again.
    Other,
}

impl What {
    fn is(&self, stat: &Stat) -> bool {
        match kind(stat) {
            FileType::RegularFile => matches!(self, Self::File(_)),
            FileType::Directory => *self == Self::Directory,
            FileType::Symlink => matches!(self, Self::Link(_)),
            _ => *self == Self::Other,
        }
    }
}

impl Item {
    fn new(path: &[u8], stat: &Stat, what: What) -> Self {
        Self {
            path: escape(path),
            what,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            modified: modified(stat),
            changed: changed(stat),
            ino: stat.st_ino,
            size: size(stat),
        }
    }

    /// Whether nobody has touched it since.
    fn is_untouched(&self, stat: &Stat) -> bool {
        self.what.is(stat)
            && (self.ino, self.size, self.modified, self.changed)
                == (stat.st_ino, size(stat), modified(stat), changed(stat))
    }
}

fn changed(stat: &Stat) -> Stamp {
    Stamp { sec: stat.st_ctime, nsec: i64::try_from(stat.st_ctime_nsec).unwrap_or(0) }
}

impl Files {
    /// Keeps a directory of a root, or all of the root. `seq` is the number of the effect that is about to happen, `part` tells
    /// apart what is kept for it. Durable on return.
    ///
    /// # Errors
    /// "unknown-root", "invalid-path", "too-deep", "interrupted"; what the file system says.
    pub fn keep(&self, seq: u64, part: usize, root: &str, path: &str) -> Result<(), Fault> {
        let object = format!("{root}:{path}");
        let root = self.recorded_root(root)?;
        let top = parse(path)?;
        let staging = root.staging()?;
        let _work = self.meter.begin("files", None);
        let store = fresh_store(&staging, &name(seq, part)).map_err(|error| Fault::io(&object, &error))?;
        let mut keeping = Keeping { files: self, root, store, items: Vec::new(), copies: 0 };
        keeping.top(&top, &object)?;
        let kept = Kept { top: top.text(), items: keeping.items };
        let seal = || {
            staging.sync_all()?;
            staging.put_note(&name(seq, part), &kept)?;
            fault::point("files.kept")
        };
        seal().map_err(|error| Fault::io(&object, &error))?;
        thread::sleep(CLOCK_STEP);
        Ok(())
    }

    /// Puts back what [`Files::keep`] has kept. May be called again.
    ///
    /// # Errors
    /// "undo-data-missing"; what the file system says.
    pub fn put_back(&self, seq: u64, part: usize, root: &str) -> Result<(), Fault> {
        let object = format!("{root}:");
        let root = self.recorded_root(root)?;
        let io = |error: io::Error| Fault::io(&object, &error);
        let gone = || Fault::new("undo-data-missing", format!("what was kept of the root {} is gone", root.name));
        let staging = root.staging_if_made()?.ok_or_else(gone)?;
        let kept: Kept = staging.note(&name(seq, part)).map_err(io)?.ok_or_else(gone)?;
        fault::point("files.put-back").map_err(io)?;
        let store = staging.undo.sub(name(seq, part).as_bytes()).map_err(io)?;
        let top = parse(&kept.top)?;
        let mut wanted = BTreeMap::new();
        for item in &kept.items {
            wanted.insert(parse(&item.path)?.bytes().to_vec(), item);
        }
        let back = Back { files: self, root, staging: &staging, store, seq, wanted };
        back.remove_new(&top).map_err(io)?;
        for item in &kept.items {
            let path = parse(&item.path)?;
            back.restore(item, path.bytes()).map_err(|error| Fault::io(format!("{object}{}", item.path), &error))?;
        }
        // Last, and from below: each entry that comes back changes the time of its directory.
        for item in kept.items.iter().rev().filter(|item| item.what == What::Directory) {
            let path = parse(&item.path)?;
            back.dress(item, path.bytes()).map_err(|error| Fault::io(format!("{object}{}", item.path), &error))?;
        }
        staging.sync_all().map_err(io)
    }
}

fn name(seq: u64, part: usize) -> String {
    format!("{seq}-kept-{part}")
}

fn parse(path: &str) -> Result<RelPath, Fault> {
    RelPath::parse(path).map_err(|failure| Fault::new("invalid-path", failure.message))
}

/// An empty place for copies: an attempt that was killed may have left half of them.
fn fresh_store(staging: &Staging, name: &str) -> io::Result<Dir> {
    fault::point("files.keep")?;
    staging.drop_note(name)?;
    staging.undo.remove_all(name.as_bytes())?;
    staging.undo.make_dir(name.as_bytes(), 0o700)?;
    staging.undo.sub(name.as_bytes())
}

fn copy_name(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// Whether an entry is not the application's: the host's own, or a file of a database, which has its own restore point.
fn is_ours(files: &Files, root: &Root, name: &[u8], path: &[u8]) -> bool {
    let shielded = || {
        let path = RelPath::from_bytes(path).map(|path| full_path(root, &path));
        path.is_ok_and(|path| files.protected.contains(&path) || files.own.contains(&path))
    };
    is_reserved(name) || shielded()
}

struct Keeping<'a> {
    files: &'a Files,
    root: &'a Root,
    store: Dir,
    items: Vec<Item>,
    copies: u64,
}

impl Keeping<'_> {
    fn top(&mut self, top: &RelPath, object: &str) -> Result<(), Fault> {
        let io = |error: io::Error| Fault::io(object, &error);
        let Some((parent, name)) = top.split() else {
            let directory = self.root.dir.sub(b"").map_err(io)?;
            self.items.push(Item::new(b"", &directory.stat().map_err(io)?, What::Directory));
            return self.level(&directory, b"", 0);
        };
        match self.root.dir.sub(parent) {
            Ok(parent) => self.entry(&parent, name, top.bytes(), 0),
            // It is not there, and will not be there after undo.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(()),
            Err(error) => Err(io(error)),
        }
    }

    fn level(&mut self, directory: &Dir, path: &[u8], depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            let text = format!("{}:{} has more than {MAX_DEPTH} levels of directories", self.root.name, escape(path));
            return Err(Fault::new("too-deep", text));
        }
        for name in directory.names().map_err(|error| self.io(path, &error))? {
            let path = join(path, &name);
            if !is_ours(self.files, self.root, &name, &path) {
                self.entry(directory, &name, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, parent: &Dir, name: &[u8], path: &[u8], depth: usize) -> Result<(), Fault> {
        self.files.keep_going()?;
        let Some(stat) = parent.look(name).map_err(|error| self.io(path, &error))? else { return Ok(()) };
        let what = match kind(&stat) {
            FileType::RegularFile => {
                self.copies += 1;
                self.copy(parent, name).map_err(|error| self.io(path, &error))?;
                What::File(self.copies)
            }
            FileType::Directory => What::Directory,
            FileType::Symlink => What::Link(escape(&parent.read_link(name).map_err(|error| self.io(path, &error))?)),
            _ => What::Other,
        };
        self.files.meter.add(1);
        let is_directory = what == What::Directory;
        self.items.push(Item::new(path, &stat, what));
        if is_directory {
            let directory = parent.sub(name).map_err(|error| self.io(path, &error))?;
            self.level(&directory, path, depth)?;
        }
        Ok(())
    }

    fn copy(&self, parent: &Dir, name: &[u8]) -> io::Result<()> {
        let mut old = File::from(parent.open_entry(name, OFlags::RDONLY)?);
        let stat = rustix::fs::fstat(&old)?;
        let mut new = self.store.create(&copy_name(self.copies), 0o600)?;
        io::copy(&mut old, &mut new)?;
        dress(&old, &new, &stat)
    }

    fn io(&self, path: &[u8], error: &io::Error) -> Fault {
        Fault::io(format!("keeping {}:{}", self.root.name, escape(path)), error)
    }
}

struct Back<'a> {
    files: &'a Files,
    root: &'a Root,
    staging: &'a Staging,
    store: Dir,
    seq: u64,
    wanted: BTreeMap<Vec<u8>, &'a Item>,
}

impl Back<'_> {
    /// Removes what was not there, or was something else.
    fn remove_new(&self, top: &RelPath) -> io::Result<()> {
        let Some((parent, name)) = top.split() else { return self.remove_below(&self.root.dir.sub(b"")?, b"") };
        match self.root.dir.sub(parent) {
            Ok(parent) => self.remove_entry(&parent, name, top.bytes()),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove_below(&self, directory: &Dir, path: &[u8]) -> io::Result<()> {
        for name in directory.names()? {
            let path = join(path, &name);
            if !is_ours(self.files, self.root, &name, &path) {
                self.remove_entry(directory, &name, &path)?;
            }
        }
        Ok(())
    }

    fn remove_entry(&self, parent: &Dir, name: &[u8], path: &[u8]) -> io::Result<()> {
        let Some(stat) = parent.look(name)? else { return Ok(()) };
        match self.wanted.get(path) {
            Some(item) if item.what == What::Directory && item.what.is(&stat) => {
                self.remove_below(&open_directory(parent, name)?, path)
            }
            Some(item) if item.what.is(&stat) => Ok(()),
            _ => {
                fault::point("files.put-back.remove")?;
                parent.remove_all(name)
            }
        }
    }

    /// Brings back a file, a link or a bare directory. Those above it are there.
    fn restore(&self, item: &Item, path: &[u8]) -> io::Result<()> {
        let (parent, name) = super::path::split(path);
        if name.is_empty() {
            return Ok(());
        }
        let parent = self.root.dir.sub(parent)?;
        let now = parent.look(name)?;
        match (&item.what, now) {
            (_, Some(stat)) if item.is_untouched(&stat) => Ok(()),
            (What::File(number), Some(stat)) if stat.st_ino == item.ino => self.rewrite(item, *number, &parent, name),
            (What::File(number), _) => self.replace(item, *number, &parent, name),
            (What::Link(target), _) => {
                let target = parse_target(target)?;
                if now.is_none() || parent.read_link(name)? != target {
                    parent.unlink(name)?;
                    parent.symlink(name, &target)?;
                    permitted(Owner { uid: item.uid, gid: item.gid }.give_link(&parent, name))?;
                }
                set_link_modified(&parent, name, item.modified)
            }
            (What::Directory, None) => parent.make_dir(name, 0o700),
            (What::Directory, Some(_)) | (What::Other, _) => Ok(()),
        }
    }

    /// The file is still the same one: its bytes are put back into it.
    fn rewrite(&self, item: &Item, number: u64, parent: &Dir, name: &[u8]) -> io::Result<()> {
        fault::point("files.put-back.file")?;
        let mut copy = File::from(self.store.open_entry(&copy_name(number), OFlags::RDONLY)?);
        let mut file = File::from(parent.open_entry(name, OFlags::WRONLY)?);
        file.set_len(0)?;
        io::copy(&mut copy, &mut file)?;
        finish(item, &copy, &file)
    }

    /// The file is gone, or another has its name.
    fn replace(&self, item: &Item, number: u64, parent: &Dir, name: &[u8]) -> io::Result<()> {
        fault::point("files.put-back.file")?;
        let temporary = format!("{}-kept", self.seq);
        self.staging.tmp.unlink(temporary.as_bytes())?;
        let mut copy = File::from(self.store.open_entry(&copy_name(number), OFlags::RDONLY)?);
        let mut file = self.staging.tmp.create(temporary.as_bytes(), 0o600)?;
        io::copy(&mut copy, &mut file)?;
        finish(item, &copy, &file)?;
        self.staging.tmp.replace(temporary.as_bytes(), parent, name)
    }

    fn dress(&self, item: &Item, path: &[u8]) -> io::Result<()> {
        let directory = self.root.dir.sub(path)?;
        let stat = directory.stat()?;
        if (stat.st_uid, stat.st_gid) != (item.uid, item.gid) {
            permitted(Owner { uid: item.uid, gid: item.gid }.give(&directory))?;
        }
        if stat.st_mode & 0o7777 != item.mode {
            rustix::fs::fchmod(&directory, Mode::from_raw_mode(item.mode))?;
        }
        if modified(&stat) != item.modified {
            set_modified(&directory, item.modified)?;
        }
        Ok(())
    }
}

/// Owner, all mode bits and time of before, durable.
fn finish(item: &Item, copy: &File, file: &File) -> io::Result<()> {
    let stat = rustix::fs::fstat(copy)?;
    dress(copy, file, &stat)?;
    permitted(Owner { uid: item.uid, gid: item.gid }.give(file))?;
    // After the owner: giving a file away takes its special bits.
    rustix::fs::fchmod(file, Mode::from_raw_mode(item.mode))?;
    file.sync_all()?;
    set_modified(file, item.modified)
}

/// Who is not root keeps what he makes.
fn permitted(given: io::Result<()>) -> io::Result<()> {
    match given {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => Ok(()),
        other => other,
    }
}

/// A directory that nobody may enter can still be opened by its owner.
fn open_directory(parent: &Dir, name: &[u8]) -> io::Result<Dir> {
    parent.sub(name).or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::ACCESS) => parent.set_mode(name, 0o700).and_then(|()| parent.sub(name)),
        _ => Err(error),
    })
}

fn parse_target(text: &str) -> io::Result<Vec<u8>> {
    super::path::unescape(text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a damaged target of a link"))
}
