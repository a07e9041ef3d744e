//! The account of a run as a text file, drawn from the journal whole, at the end of each command: what a kill has kept from being
//! written, the next command writes.
//!
//! In a root it appears only when the run has touched what is live, and undo takes it away again. A file of the same name that
//! is not this run's stays as it is, to the byte; ours then has the run's id in its name. (The original appends. But what is
//! appended to somebody's file undo would have to take out of it again.)

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::{Upgrade, last_run};
use crate::bundle::{Setup, TextLog};
use crate::effect::Fault;
use crate::engine::state::{Phase, State};
use crate::io::{open_plain, sync_dir};
use crate::report::account;

impl Upgrade {
    /// Writes the account of the last run, where one is wanted, or takes it away after undo. Says where it is.
    ///
    /// # Errors
    /// If the journal cannot be read, or the file cannot be written: no reason for a run to end otherwise than it has.
    pub fn write_account(&self) -> Result<Option<PathBuf>, Fault> {
        let Some(log) = self.setup.text_log() else { return Ok(None) };
        let Some((run, state, entries)) = last_run(&self.setup.installation.state)? else { return Ok(None) };
        let place = Place { log: &log, run: run.id() };
        let fault = |e: io::Error| Fault::io(format_args!("writing the account {}", log.path.display()), &e);
        if !is_due(&state, log.in_root) {
            place.clear().map_err(fault)?;
            return Ok(None);
        }
        place.write(account(&state, &entries).as_bytes()).map(Some).map_err(fault)
    }
}

/// Where the account of a run may be.
pub(super) fn places(setup: &Setup, run: &str) -> Vec<PathBuf> {
    let log = setup.text_log();
    log.map_or_else(Vec::new, |log| vec![Place { log: &log, run }.beside(), log.path])
}

fn is_due(state: &State, in_root: bool) -> bool {
    !in_root
        || state.phase != Phase::PutBack
            && (state.is_touched() || matches!(state.phase, Phase::Done | Phase::Committed))
}

struct Place<'p> {
    log: &'p TextLog,
    run: &'p str,
}

impl Place<'_> {
    fn directory(&self) -> &Path {
        self.log.path.parent().unwrap_or(Path::new("/"))
    }

    /// Reserved for the host: no digest, no stage and no count of what was written sees it.
    fn temporary(&self) -> PathBuf {
        self.directory().join(format!(".liftlock-{}.log", self.run))
    }

    /// Beside a file that is somebody else's.
    fn beside(&self) -> PathBuf {
        let name = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let stem = name(self.log.path.file_stem());
        let extension = self.log.path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
        self.directory().join(format!("{stem}-{}{extension}", self.run))
    }

    /// Whether it may be replaced or taken away: the first line says that it is this run's.
    fn is_ours(&self, path: &Path) -> io::Result<bool> {
        let Some(file) = open_plain(path)? else { return Ok(false) };
        let mut first = Vec::new();
        BufReader::new(file.take(4096)).read_until(b'\n', &mut first)?;
        Ok(String::from_utf8_lossy(&first).trim_end().ends_with(&crate::report::mark(self.run)))
    }

    fn write(&self, text: &[u8]) -> io::Result<PathBuf> {
        let free = fs::symlink_metadata(&self.log.path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        let path = if free || self.is_ours(&self.log.path)? { self.log.path.clone() } else { self.beside() };
        let temporary = self.temporary();
        remove(&temporary)?;
        let mut file = File::options().write(true).create_new(true).mode(0o640).open(&temporary)?;
        let of_directory = fs::metadata(self.directory())?;
        let (user, group) = self.log.owner.unwrap_or((of_directory.uid(), of_directory.gid()));
        // Who is not root cannot give files away, and need not.
        let _ = fchown(&file, Some(user), Some(group));
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_dir(self.directory())?;
        Ok(path)
    }

    fn clear(&self) -> io::Result<()> {
        for path in [self.log.path.clone(), self.beside()] {
            if self.is_ours(&path)? {
                remove(&path)?;
            }
        }
        remove(&self.temporary())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(directory: &Path) -> TextLog {
        TextLog { path: directory.join("upgrade_log.txt"), owner: None, in_root: true }
    }

    fn text(run: &str, more: &str) -> String {
        format!("[1970-01-01 00:00:00] STARTING {}\n{more}", crate::report::mark(run))
    }

    #[test]
    fn what_is_not_ours_is_never_overwritten_and_never_removed() {
        let directory = tempfile::tempdir().unwrap();
        let log = log(directory.path());
        let outside = directory.path().join("outside");
        fs::write(&outside, text("r1", "of somebody else")).unwrap();
        for link in [false, true] {
            let _ = fs::remove_file(&log.path);
            if link {
                std::os::unix::fs::symlink(&outside, &log.path).unwrap();
            } else {
                fs::write(&log.path, text("r0", "an older one")).unwrap();
            }
            let place = Place { log: &log, run: "r1" };
            let path = place.write(text("r1", "ours").as_bytes()).unwrap();
            assert_eq!(path, directory.path().join("upgrade_log-r1.txt"));
            place.clear().unwrap();
            assert!(!path.exists() && fs::symlink_metadata(&log.path).is_ok());
        }
        assert!(fs::read_to_string(&outside).unwrap().contains("of somebody else"));
    }

    #[test]
    fn ours_is_replaced_whole_and_taken_away_with_what_a_kill_has_left() {
        let directory = tempfile::tempdir().unwrap();
        let log = log(directory.path());
        let place = Place { log: &log, run: "r1" };
        fs::write(place.temporary(), "half").unwrap();
        place.write(text("r1", "one").as_bytes()).unwrap();
        place.write(text("r1", "two").as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&log.path).unwrap(), text("r1", "two"));
        fs::write(place.temporary(), "half").unwrap();
        place.clear().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
