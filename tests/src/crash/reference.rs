//! What an undisturbed run makes of a workload: what all others are compared with.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{Site, Workload, run_files};
use crate::digest::Digest;
use crate::host::Host;
use crate::places;

/// A stage has failed, and everything is as it was.
const PUT_BACK: i32 = 3;

/// A workload with its A and B.
pub struct Reference<'a> {
    /// The workload.
    pub workload: &'a dyn Workload,
    /// Points that `apply` passes; a few more or less another time, for batches also end by the clock.
    pub points: u64,
    /// Their names, in their order.
    names: Vec<String>,
    /// B: to the byte.
    pub(super) before: Digest,
    /// B, as users see it: which files are as old as they were.
    looked: Digest,
    /// A.
    pub(super) after: Digest,
    /// The exit code of `apply`.
    pub(super) code: i32,
    /// The host's files after `apply`, `undo` and `commit`.
    pub(super) left: Left,
    cache: PathBuf,
    place: PathBuf,
    _directory: TempDir,
}

/// The host's files after each of its commands.
pub(super) struct Left {
    pub(super) applied: BTreeSet<String>,
    pub(super) undone: BTreeSet<String>,
    pub(super) committed: BTreeSet<String>,
}

impl<'a> Reference<'a> {
    /// Runs the workload without a kill: up, down, up again, committed.
    ///
    /// # Errors
    /// If that does not work.
    pub fn new(workload: &'a dyn Workload) -> Result<Self> {
        Self::at(super::place()?, workload)
    }

    /// The same on the disk that the tests are built on.
    ///
    /// # Errors
    /// If that does not work.
    pub fn on_disk(workload: &'a dyn Workload) -> Result<Self> {
        Self::at(places::cache()?, workload)
    }

    fn at(place: PathBuf, workload: &'a dyn Workload) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("liftlock-crash-").tempdir_in(&place)?;
        let site = workload.install(&directory.path().join("site"))?;
        // As its copies have it: to make it has points too, and theirs are to have the same numbers.
        make_cache(&site)?;
        let (before, looked) = (site.bytes()?, site.looks()?);
        let host = Host::new(&site.settings)?;
        let trace = site.directory.join("trace");
        let ended = host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy()).run(["apply"])?;
        let code = if workload.fails() { PUT_BACK } else { 0 };
        ended.expect(code).context("apply")?;
        let name = |line: &str| line.split_once(' ').map_or(line, |(_, name)| name).to_owned();
        let names: Vec<_> = fs::read_to_string(trace)?.lines().map(name).collect();
        let points = names.len() as u64;
        let after = site.looks()?.without_new_times(&looked);
        let left = if workload.fails() {
            let left = run_files::list(&site)?;
            is_b(&before, &site)?;
            Left { applied: left.clone(), undone: left, committed: BTreeSet::new() }
        } else {
            all_the_way(&host, &site, &before)?
        };
        let cache = site.state.join("cache/modules");
        Ok(Self { workload, points, names, before, looked, after, code, left, cache, place, _directory: directory })
    }

    /// Every point at which something happens in the database's server, and so many of the others, from all over the run.
    #[must_use]
    pub fn points_on_the_server(&self, others: usize) -> Vec<u64> {
        let numbered = || (1..).zip(&self.names);
        let is_ours = |name: &str| name.starts_with("mysql.");
        let rest: Vec<u64> = numbered().filter(|(_, name)| !is_ours(name)).map(|(n, _)| n).collect();
        let step = rest.len().div_ceil(others.max(1)).max(1);
        let ours = numbered().filter(|(_, name)| is_ours(name)).map(|(n, _)| n);
        let mut points: Vec<u64> = ours.chain(rest.into_iter().step_by(step)).collect();
        points.sort_unstable();
        points
    }

    /// Every point whose name begins like this.
    #[must_use]
    pub fn points_at(&self, beginnings: &[&str]) -> Vec<u64> {
        let begins = |name: &str| beginnings.iter().any(|beginning| name.starts_with(beginning));
        (1..).zip(&self.names).filter(|(_, name)| begins(name)).map(|(n, _)| n).collect()
    }

    /// What is different from A.
    pub(super) fn differs_from_a(&self, site: &Site) -> Result<Vec<String>> {
        Ok(self.after.diff(&site.looks()?.without_new_times(&self.looked)))
    }

    /// A fresh installation. It shares nothing with another one but the compiled code.
    pub(super) fn install(&self) -> Result<(TempDir, Site)> {
        let directory = tempfile::Builder::new().prefix("liftlock-crash-").tempdir_in(&self.place)?;
        let site = self.workload.install(&directory.path().join("site"))?;
        link_all(&self.cache, &make_cache(&site)?)?;
        Ok((directory, site))
    }
}

/// Makes where the compiled code of an installation is kept.
fn make_cache(site: &Site) -> Result<PathBuf> {
    let modules = site.state.join("cache/modules");
    fs::DirBuilder::new().mode(0o700).create(&site.state)?;
    fs::create_dir_all(&modules)?;
    Ok(modules)
}

/// From A down, up again, and committed: what the host leaves each time.
fn all_the_way(host: &Host, site: &Site, before: &Digest) -> Result<Left> {
    let run = |command: &str| host.run(command.split(' '))?.expect(0).with_context(|| command.to_owned());
    let applied = run_files::list(site)?;
    run("undo --accept-data-loss")?;
    let undone = run_files::list(site)?;
    is_b(before, site)?;
    run("apply")?;
    run("commit")?;
    Ok(Left { applied, undone, committed: run_files::list(site)? })
}

fn is_b(before: &Digest, site: &Site) -> Result<()> {
    let differences = before.diff(&site.bytes()?);
    ensure!(differences.is_empty(), "undo without a kill does not end in B:\n{}", differences.join("\n"));
    Ok(())
}

/// Links all files of a directory into another one, as deep as it is: for compiled code.
///
/// # Errors
/// What the file system says.
pub fn link_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}
