//! Packages on disk: while they come, and when they are here.
//!
//! A package grows as `partial-<name>`, with a `resume-<name>.json` that says what it is a part of. When it is whole and as
//! pinned, it is synced and renamed to `artifact-<seq>-<start of its sha256>`. So a file with an artifact's name is always
//! whole, and settling a download after a crash is looking for that name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::effect::Fault;
use crate::io::{fault, make_private_dir, sync_dir, write_atomic};

/// Digits of the sha256 in an artifact's name: enough to tell two of them apart at a glance.
const SHORT: usize = 16;

/// The directory of one run's artifacts.
pub(super) struct Shelf(PathBuf);

/// What a partial download is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resume {
    /// What was asked for, before redirects.
    pub(super) url: String,
    /// A strong ETag, with its quotes.
    pub(super) etag: String,
    /// Bytes of the whole.
    pub(super) total: u64,
}

/// The digest of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    /// Lower-case hex.
    pub(super) sha256: String,
    /// Bytes.
    pub(super) size: u64,
}

impl Shelf {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Makes the directory.
    pub(super) fn make(&self) -> Result<(), Fault> {
        make_private_dir(&self.0).map_err(|error| Fault::io(self.0.display(), &error))
    }

    pub(super) fn partial(&self, name: &str) -> PathBuf {
        self.0.join(format!("partial-{name}"))
    }

    fn resume(&self, name: &str) -> PathBuf {
        self.0.join(format!("resume-{name}.json"))
    }

    /// What is here of an unfinished download, and how many bytes.
    pub(super) fn unfinished(&self, name: &str) -> Option<(Resume, u64)> {
        let resume = serde_json::from_slice(&fs::read(self.resume(name)).ok()?).ok()?;
        let partial = fs::symlink_metadata(self.partial(name)).ok()?;
        partial.is_file().then_some((resume, partial.len()))
    }

    /// Opens the partial file empty, remembering what it will be a part of, if it can be resumed at all.
    pub(super) fn begin(&self, name: &str, resume: Option<&Resume>) -> Result<File, Fault> {
        let (partial, note) = (self.partial(name), self.resume(name));
        let open = || {
            fault::point("network.begin")?;
            // The note goes first: it must never describe bytes of another download.
            remove(&note)?;
            let file = new_file().truncate(true).open(&partial)?;
            if let Some(resume) = resume {
                write_atomic(&note, &serde_json::to_vec(resume)?, 0o600)?;
            }
            Ok(file)
        };
        open().map_err(|error| Fault::io(partial.display(), &error))
    }

    /// Opens the partial file behind its last byte.
    pub(super) fn go_on(&self, name: &str) -> Result<File, Fault> {
        let partial = self.partial(name);
        let open = || {
            fault::point("network.go-on")?;
            new_file().append(true).open(&partial)
        };
        open().map_err(|error| Fault::io(partial.display(), &error))
    }

    /// Removes what is here of an unfinished download. No error if nothing is.
    pub(super) fn drop_unfinished(&self, name: &str) -> Result<(), Fault> {
        [self.resume(name), self.partial(name)]
            .iter()
            .try_for_each(|path| remove(path).map_err(|error| Fault::io(path.display(), &error)))
    }

    /// Makes the partial file an artifact, durable with its name. Returns its id.
    pub(super) fn place(&self, name: &str, seq: u64, sum: &Sum) -> Result<String, Fault> {
        let id = format!("{}{}", prefix(seq), &sum.sha256[..SHORT.min(sum.sha256.len())]);
        let place = || {
            let partial = self.partial(name);
            fault::point("network.sync")?;
            File::open(&partial)?.sync_all()?;
            fault::point("network.rename")?;
            fs::rename(&partial, self.0.join(&id))?;
            sync_dir(&self.0)?;
            fault::point("network.placed")?;
            remove(&self.resume(name))
        };
        place().map_err(|error| Fault::io(&id, &error))?;
        Ok(id)
    }

    /// The artifacts with this sequence number; more than one only where a download was repeated after an undo was cut short.
    pub(super) fn find(&self, seq: u64) -> Result<Vec<String>, Fault> {
        let list = || -> io::Result<Vec<String>> {
            let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.filter(|name| name.as_ref().map_or(true, |name| name.starts_with(&prefix(seq)))).collect()
        };
        match list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(|error| Fault::io(self.0.display(), &error)),
        }
    }

    /// The digest of an artifact, if it is the file that its name says.
    pub(super) fn whole(&self, id: &str) -> Result<Option<Sum>, Fault> {
        let path = self.0.join(id);
        let sum = digest(&path).map_err(|error| Fault::io(path.display(), &error))?;
        Ok(id.ends_with(&sum.sha256[..SHORT.min(sum.sha256.len())]).then_some(sum))
    }

    /// Removes an artifact. No error if it is gone.
    pub(super) fn take_away(&self, id: &str) -> Result<(), Fault> {
        let path = self.0.join(id);
        let take = || {
            fault::point("network.remove")?;
            remove(&path)?;
            sync_dir(&self.0)
        };
        take().map_err(|error| Fault::io(path.display(), &error))
    }
}

fn prefix(seq: u64) -> String {
    format!("artifact-{seq}-")
}

fn new_file() -> fs::OpenOptions {
    let mut options = File::options();
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options.create(true).write(true).mode(0o600).custom_flags(nofollow);
    options
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Reads a file from its first byte to its last.
pub(super) fn digest(path: &Path) -> io::Result<Sum> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(Sum { sha256: HEXLOWER.encode(&hash.finalize()), size });
        }
        hash.update(&buffer[..n]);
        size += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(directory.path().join("artifacts"));
        shelf.make().unwrap();
        (directory, shelf)
    }

    fn resume() -> Resume {
        Resume { url: "http://a/".into(), etag: "\"1\"".into(), total: 3 }
    }

    #[test]
    fn a_note_without_bytes_or_broken_is_nothing_to_resume() {
        let (_directory, shelf) = shelf();
        shelf.begin("a", Some(&resume())).unwrap();
        assert_eq!(shelf.unfinished("a"), Some((resume(), 0)));
        fs::remove_file(shelf.partial("a")).unwrap();
        assert_eq!(shelf.unfinished("a"), None);
        shelf.begin("a", Some(&resume())).unwrap();
        fs::write(shelf.resume("a"), "{").unwrap();
        assert_eq!(shelf.unfinished("a"), None);
        shelf.begin("a", None).unwrap();
        assert!(!shelf.resume("a").exists());
    }

    #[test]
    fn a_symbolic_link_in_the_way_is_not_followed() {
        let (directory, shelf) = shelf();
        let target = directory.path().join("target");
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, shelf.partial("a")).unwrap();
        assert!(shelf.begin("a", None).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }

    #[test]
    fn an_artifact_is_found_by_its_own_number_only() {
        let (_directory, shelf) = shelf();
        for seq in [1, 12] {
            fs::write(shelf.partial("a"), "abc").unwrap();
            shelf.place("a", seq, &digest(&shelf.partial("a")).unwrap()).unwrap();
        }
        assert_eq!(shelf.find(1).unwrap(), ["artifact-1-ba7816bf8f01cfea"]);
        assert_eq!(shelf.find(2).unwrap(), [""; 0]);
        assert_eq!(shelf.whole("artifact-1-ba7816bf8f01cfea").unwrap().unwrap().size, 3);
        fs::write(shelf.0.join("artifact-1-ba7816bf8f01cfea"), "abd").unwrap();
        assert_eq!(shelf.whole("artifact-1-ba7816bf8f01cfea").unwrap(), None);
        shelf.take_away("artifact-1-ba7816bf8f01cfea").unwrap();
        shelf.take_away("artifact-1-ba7816bf8f01cfea").unwrap();
        assert_eq!(shelf.find(1).unwrap(), [""; 0]);
    }
}
