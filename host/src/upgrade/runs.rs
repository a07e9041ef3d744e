//! The runs of an installation: a directory each, below the state directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Trouble;
use crate::effect::Fault;
use crate::engine::state::{Phase, State};
use crate::io::make_private_dir;

/// The directory of one run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunDirectory {
    path: PathBuf,
    id: String,
}

impl RunDirectory {
    /// Its id: sortable by time, letters, digits and `-`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory of a new run.
    pub(super) fn create(state: &Path) -> Result<Self, Fault> {
        let mut noise = [0; 3];
        getrandom::fill(&mut noise).map_err(|e| Fault::new("io-error", format!("random numbers: {e}")))?;
        let time = jiff::Timestamp::now().strftime("%Y%m%dt%H%M%S%3f").to_string();
        let id = format!("{time}-{}", data_encoding::HEXLOWER.encode(&noise));
        Self::named(state, id)
    }

    /// A directory for what is no run: `check`.
    pub(super) fn scratch(state: &Path) -> Result<Self, Fault> {
        let path = state.join("check");
        make_private_dir(&path).map_err(|e| Fault::io(format_args!("making {}", path.display()), &e))?;
        Ok(Self { path, id: "check".into() })
    }

    fn named(state: &Path, id: String) -> Result<Self, Fault> {
        let path = state.join("runs").join(&id);
        make_private_dir(&path).map_err(|e| Fault::io(format_args!("making {}", path.display()), &e))?;
        Ok(Self { path, id })
    }
}

/// All runs, the newest first.
pub(super) fn newest_first(state: &Path) -> Result<Vec<RunDirectory>, Fault> {
    let path = state.join("runs");
    let fault = |e: std::io::Error| Fault::io(format_args!("reading {}", path.display()), &e);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fault(e)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(fault)?;
        if let Ok(id) = entry.file_name().into_string() {
            runs.push(RunDirectory { path: entry.path(), id });
        }
    }
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(runs)
}

/// A state directory that others can change is no ground to stand on.
pub(super) fn refuse_foreign(state: &Path) -> Result<(), Fault> {
    let meta = fs::symlink_metadata(state)
        .map_err(|e| Fault::io(format_args!("looking at the state directory {}", state.display()), &e))?;
    let own = rustix::process::geteuid().as_raw();
    if !meta.is_dir() || meta.uid() != own || meta.mode() & 0o077 != 0 {
        let text =
            format!("the state directory {} must be a directory of yours that nobody else can enter", state.display());
        return Err(Fault::new("state-not-private", text).hint(format!("chmod 700 {}", state.display())));
    }
    Ok(())
}

/// What the last run is waiting for.
pub(super) fn in_the_way(run: &RunDirectory, state: &State) -> Trouble {
    let (what, next) = match state.phase {
        Phase::Done | Phase::Committed => ("is done, but not committed: it can still be undone", "liftlock commit"),
        Phase::Upgrading => ("has not come to its end", "liftlock resume"),
        Phase::Undoing | Phase::UndoFailed | Phase::PutBack => ("is on its way back", "liftlock undo"),
    };
    Trouble::RunOpen { run: run.id().to_owned(), what: what.to_owned(), next }
}
