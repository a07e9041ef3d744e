//! Attacks on the host: a small installation, one or two slots with what attacks, and what must come of it.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::digest::{Digest, sha256_hex};
use crate::fixture::small::{Slot, Small};
use crate::watched::{self, Watched};
use crate::{numbers, places};

/// How many attacks there are in `tests/hostile.rs`: with the last one the line of numbers is printed.
const ATTACKS: usize = 45;
/// More memory than this no attack may cost, in MiB: the host itself and the memory that a stage may have here.
const MOST_MEMORY: u64 = 256;
/// An attack that is not stopped by then is not stopped.
pub const MOST_TIME: Duration = Duration::from_secs(60);

/// Nobody reads more than this.
const MOST_OUTPUT: usize = 4 << 20;

/// Put back.
pub const PUT_BACK: i32 = 3;
/// Needs a person.
pub const STOPPED: i32 = 4;
/// Checks found it.
pub const FOUND: i32 = 5;
/// Refused before anything ran.
pub const REFUSED: i32 = 77;

/// A small installation under attack.
pub struct Attack {
    /// The installation.
    pub small: Small,
    _directory: TempDir,
}

impl Attack {
    /// With these slots, and limits that make it short.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(slots: &[Slot], more: &str) -> Result<Self> {
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let small = Small::new(directory.path())?;
        let limits = "[limits.default]\nguest-time = \"1s\"\nstatement-time = \"1s\"\nmemory = \"64MiB\"\n";
        small.pipeline(slots, &format!("{limits}{more}"))?;
        Ok(Self { small, _directory: directory })
    }

    /// Runs a command of the host, within the bounds of all attacks.
    ///
    /// # Errors
    /// If it costs more than they allow, or has panicked.
    pub fn run(&self, arguments: &[&str]) -> Result<Watched> {
        let watched = watched::run(&self.small.host()?, arguments, MOST_TIME)?;
        ensure!(watched.peak < MOST_MEMORY, "it cost {} MiB", watched.peak);
        for text in [&watched.ended.stdout, &watched.ended.stderr] {
            ensure!(text.len() < MOST_OUTPUT, "it has printed {} bytes", text.len());
            ensure!(!text.contains("panicked at"), "the host has panicked:\n{text}");
        }
        Ok(watched)
    }

    /// `apply` ends with this exit code and this code, the installation is as it was, and the host is well.
    ///
    /// # Errors
    /// If it is not so.
    pub fn is_blocked(&self, exit: i32, code: &str) -> Result<Value> {
        let before = self.small.digest()?;
        let watched = self.run(&["apply", "--format", "json"])?;
        let last = ended(&watched, exit, code)?;
        if exit == STOPPED {
            self.succeeds(&["undo"])?;
        }
        self.is_as_it_was(&before)?;
        self.succeeds(&["status"])?;
        tally(&watched);
        Ok(last)
    }

    /// The installation is as it was, and nothing beside it has changed.
    ///
    /// # Errors
    /// What has changed.
    pub fn is_as_it_was(&self, before: &Digest) -> Result<()> {
        let changed = before.diff(&self.small.digest()?);
        ensure!(changed.is_empty(), "it has changed {changed:?}");
        ensure!(self.small.is_contained()?, "it has changed something outside the installation");
        Ok(())
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn succeeds(&self, arguments: &[&str]) -> Result<Watched> {
        let watched = self.run(arguments)?;
        ensure!(watched.ended.code == Some(0), "{arguments:?}: {:?}", watched.ended);
        Ok(watched)
    }
}

fn ended(watched: &Watched, exit: i32, code: &str) -> Result<Value> {
    let said = || format!("{}{}", watched.ended.stdout, watched.ended.stderr);
    ensure!(watched.ended.code == Some(exit), "exit code {:?}, expected {exit}\n{}", watched.ended.code, said());
    let last = watched.ended.last()?;
    let found = if exit == FOUND {
        let objects = watched.ended.objects()?;
        objects.iter().find_map(|o| (o["finding"]["severity"] == "blocking").then(|| o["finding"]["code"].clone()))
    } else {
        Some(last["code"].clone())
    };
    ensure!(found.as_ref().is_some_and(|found| found == code), "code {found:?}, expected {code}\n{}", said());
    Ok(last)
}

/// What all attacks together cost.
#[derive(Default)]
struct Tally {
    attacks: usize,
    peak: u64,
    slowest: Duration,
}

static TALLY: Mutex<Tally> = Mutex::new(Tally { attacks: 0, peak: 0, slowest: Duration::ZERO });

/// Counts an attack that was blocked, and prints the numbers with the last.
pub fn tally(watched: &Watched) {
    let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    tally.attacks += 1;
    tally.peak = tally.peak.max(watched.peak);
    tally.slowest = tally.slowest.max(watched.time);
    if tally.attacks == ATTACKS {
        numbers(format_args!(
            "attacks={ATTACKS}, blocked={ATTACKS}, host_panics=0, peak_rss_mib={}, slowest={:.1} s",
            tally.peak,
            tally.slowest.as_secs_f64()
        ));
    }
}

/// `apply` of one slot is blocked, with this exit code and this code. Returns the last object that it printed.
///
/// # Errors
/// If it is not so.
pub fn blocked(slot: Slot, exit: i32, code: &str) -> Result<Value> {
    Attack::new(&[slot], "")?.is_blocked(exit, code)
}

/// A package that the operator has pinned, through the stages that all applications share.
///
/// # Errors
/// What the file system says.
pub fn package(bytes: &[u8]) -> Result<Attack> {
    let server = "network = [\"http://127.0.0.1:9\"]";
    let download = Slot::common("download-package")?.asks("network", "*", "read").granted(server);
    let extract = Slot::common("extract-package")?.files("write").param("strip", 0);
    let slots = [
        download.key("produces = { package = \"artifact\" }"),
        extract
            .key("consumes = { package = \"artifact\" }\nproduces = { tree = \"tree\" }")
            .key("inputs = { package = \"download-package.package\" }"),
    ];
    let pin = format!("[artifacts.package]\nfile = \"package.zip\"\nsha256 = {:?}\n", sha256_hex(bytes));
    let attack = Attack::new(&slots, &pin)?;
    fs::write(attack.small.directory.join("package.zip"), bytes)?;
    Ok(attack)
}
