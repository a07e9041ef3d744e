//! One copy of an installation: killed, mended, compared.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;

use anyhow::{Result, bail};
use tempfile::TempDir;

use super::{Reference, Site, run_files};
use crate::host::{Ended, Host};

/// How the host ends at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Killed.
    Kill,
    /// The power fails: what was not synced is gone.
    Cut,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Cut => "cut",
        }
    }
}

/// Whether a command got as far as the point at which it was to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It was killed there.
    Yes,
    /// It came to its end.
    No,
}

/// A copy of a workload's installation.
pub struct Trial<'a> {
    reference: &'a Reference<'a>,
    site: Site,
    host: Host,
    runs: Cell<u64>,
    story: RefCell<Vec<String>>,
    directory: TempDir,
}

impl<'a> Trial<'a> {
    /// A fresh copy, and a host that is broken in this way.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(reference: &'a Reference<'a>, mutant: Option<&str>) -> Result<Self> {
        let (directory, site) = reference.install()?;
        let host = Host::new(&site.settings)?;
        let host = mutant.map_or(host.clone(), |name| host.with("LIFTLOCK_MUTANT", name));
        Ok(Self { reference, site, host, runs: Cell::new(0), story: RefCell::default(), directory })
    }

    /// Runs a command that ends at its n-th point, if it has so many. Where there is no run yet it has none.
    ///
    /// # Errors
    /// If it ends by itself in another way than well.
    pub fn killed(&self, command: &str, n: u64, fault: Fault) -> Result<Reached> {
        let trace = self.site.directory.join("trace");
        let _ = fs::remove_file(&trace);
        let host = self.host.with("LIFTLOCK_FAULT", &format!("{n}:{}", fault.name()));
        let ended = self.run(&host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy()), command)?;
        match ended.code {
            _ if is_no_run(&ended) => Ok(Reached::No),
            None => {
                let points = fs::read_to_string(&trace)?;
                let point = points.lines().next_back().unwrap_or("no point");
                self.tell(format_args!("{command}: {} at {point}", fault.name()));
                Ok(Reached::Yes)
            }
            Some(0) => Ok(Reached::No),
            // `apply`, or the `resume` that does what is left of it.
            Some(_) => ended.expect(self.reference.code).map(|_| Reached::No),
        }
    }

    /// Goes on with the run, which must end in A. A run that had not begun is begun anew.
    ///
    /// # Errors
    /// If it does not.
    pub fn resumed(&self) -> Result<()> {
        let ended = self.run(&self.host, "resume")?;
        if is_no_run(&ended) {
            self.is_b()?;
            return self.applied();
        }
        ended.expect(0)?;
        self.is_a()
    }

    /// Goes on with a run whose last stage fails: it is put back, or waits for a person.
    ///
    /// # Errors
    /// If it ends in another way.
    pub fn resumed_in_vain(&self) -> Result<()> {
        let ended = self.run(&self.host, "resume")?;
        if !is_no_run(&ended) && !matches!(ended.code, Some(3 | 4)) {
            ended.expect(3)?;
        }
        Ok(())
    }

    /// Applies, which must end in A.
    ///
    /// # Errors
    /// If it does not.
    pub fn applied(&self) -> Result<()> {
        self.run(&self.host, "apply")?.expect(0)?;
        self.is_a()
    }

    /// Undoes, which must end in B and leave nothing behind.
    ///
    /// # Errors
    /// If it does not.
    pub fn undone(&self) -> Result<()> {
        let ended = self.run(&self.host, "undo --accept-data-loss")?;
        if is_no_run(&ended) {
            return self.is_b();
        }
        ended.expect(0)?;
        self.is_b()?;
        if self.site.database.has_marker()? {
            bail!("undo has left the marker table");
        }
        self.leaves(&self.reference.left.undone)
    }

    /// Commits, which must leave A, and nothing of ours in it.
    ///
    /// # Errors
    /// If it does not.
    pub fn committed(&self) -> Result<()> {
        self.run(&self.host, "commit")?.expect(0)?;
        if self.site.database.has_marker()? {
            bail!("commit has left the marker table");
        }
        self.is_a()?;
        self.leaves(&self.reference.left.committed)
    }

    /// How many times the host was started.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.get()
    }

    /// What was done to it, and what the journal says: for a person who has to find out why it ended wrong.
    #[must_use]
    pub fn story(&self) -> String {
        let mut lines = self.story.borrow().clone();
        if let Ok(ended) = self.host.run(["log", "--tail", "12"]) {
            lines.extend(ended.stdout.lines().map(str::to_owned));
        }
        lines.join("\n")
    }

    /// Does not delete it.
    #[must_use]
    pub fn keep(mut self) -> String {
        self.directory.disable_cleanup(true);
        self.directory.path().display().to_string()
    }

    fn run(&self, host: &Host, command: &str) -> Result<Ended> {
        self.runs.set(self.runs.get() + 1);
        let ended = host.run(command.split(' ').chain(["--format", "json"]))?;
        self.tell(format_args!("{command}: exit code {:?}", ended.code));
        Ok(ended)
    }

    fn tell(&self, line: impl Display) {
        self.story.borrow_mut().push(line.to_string());
    }

    fn is_a(&self) -> Result<()> {
        self.leaves(&self.reference.left.applied)?;
        none("A", self.reference.differs_from_a(&self.site)?)?;
        none("A in what commands saw", self.reference.workload.complaints(&self.site, true)?)
    }

    fn is_b(&self) -> Result<()> {
        none("B", self.reference.before.diff(&self.site.bytes()?))?;
        none("B in what commands saw", self.reference.workload.complaints(&self.site, false)?)
    }

    /// Of the host's files there are no others than after an undisturbed run.
    fn leaves(&self, allowed: &BTreeSet<String>) -> Result<()> {
        let found = run_files::list(&self.site)?;
        none("a clean state", found.difference(allowed).map(|path| format!("+ {path}")).collect())
    }
}

/// Where the first event of a run is not durable there is none.
fn is_no_run(ended: &Ended) -> bool {
    ended.code == Some(2) && ended.stdout.contains("\"no-run\"")
}

fn none(wanted: &str, differences: Vec<String>) -> Result<()> {
    const SHOWN: usize = 20;
    if differences.is_empty() {
        return Ok(());
    }
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    bail!("{} differences from {wanted}:\n{shown}", differences.len())
}
