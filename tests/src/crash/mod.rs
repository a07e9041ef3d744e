//! The crash tests: the host is killed at its n-th numbered point for n = 1, 2, 3 … until none is left.
//!
//! B is what an installation was before; A is what an undisturbed run makes of it. However a run is killed, `resume` must end in
//! A and `undo` in B, and neither may leave anything behind. A [`Workload`] is an installation with a pipeline, [`Trial`] is one
//! copy of it that is killed and mended, [`Sweep`] goes over the points.
//!
//! | variable | what it does |
//! | --- | --- |
//! | `LIFTLOCK_CRASH=all` | the sweeps that take a sample take every point |
//! | `LIFTLOCK_CRASH_ONLY=killed, undone` | the other sweeps are left out |
//! | `LIFTLOCK_CRASH_DIR` | where the copies are made; a memory file system if there is one |
//! | `LIFTLOCK_CRASH_KEEP` | copies that ended wrong stay there |

mod counter;
mod mautic;
mod reference;
mod roundcube;
mod run_files;
mod site;
mod sweep;
mod trial;
mod whmcs;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::places;

pub use counter::{Counter, Variant};
pub use mautic::Mautic;
pub use reference::{Reference, link_all};
pub use roundcube::Roundcube;
pub use site::Site;
pub use sweep::{Divergence, Sweep, Tally};
pub use trial::{Fault, Reached, Trial};
pub use whmcs::Whmcs;

/// An installation and the pipeline that it is upgraded by.
pub trait Workload: Sync {
    /// Its name, for the lines of numbers.
    fn name(&self) -> &'static str;

    /// Makes the installation, the same one every time, in an empty directory.
    ///
    /// # Errors
    /// What the file system says.
    fn install(&self, directory: &Path) -> Result<Site>;

    /// Whether its last stage fails, so that `apply` itself puts everything back: A is B.
    fn fails(&self) -> bool {
        false
    }

    /// What is wrong beside files and rows: with what the operator's commands have seen and left. `up`: it is to be A.
    ///
    /// # Errors
    /// What the file system says.
    fn complaints(&self, site: &Site, up: bool) -> Result<Vec<String>> {
        let _ = (site, up);
        Ok(Vec::new())
    }
}

/// Whether sweeps that take a sample shall take every point.
fn every_point() -> bool {
    env::var("LIFTLOCK_CRASH").is_ok_and(|value| value == "all")
}

/// Whether a sweep of this name is not wanted now.
fn is_left_out(what: &str) -> bool {
    env::var("LIFTLOCK_CRASH_ONLY").is_ok_and(|only| only != what)
}

/// Where the copies are made. A killed process loses nothing that it has written, so a disk would only make it slower.
fn place() -> Result<PathBuf> {
    if let Some(place) = env::var_os("LIFTLOCK_CRASH_DIR") {
        return Ok(place.into());
    }
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |about| about.f_bavail * about.f_frsize);
    if free >= ROOM { Ok(memory.to_owned()) } else { places::cache() }
}

/// Bytes that the copies need at most: a container may have a very small memory file system.
const ROOM: u64 = 1 << 30;
