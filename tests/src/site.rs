//! An installation with the host pointed at it: what the suites of all applications do with one.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::digest::Digest;
use crate::fixture::Installation;
use crate::host::{Ended, Host};
use crate::numbers;

/// One of it, in a directory that ends with it.
pub struct Site {
    /// The files, the schema, the settings.
    pub installation: Installation,
    /// The host, pointed at it.
    pub host: Host,
    /// What it was before anything was done to it.
    pub before: Digest,
    version: fn(&Path) -> Result<String>,
    old_version: String,
    _directory: TempDir,
}

impl Site {
    /// An installation as it was made, and what says the version of its files.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn new(
        installation: Installation,
        directory: TempDir,
        version: fn(&Path) -> Result<String>,
        old_version: &str,
    ) -> Result<Self> {
        let (host, before) = (Host::new(&installation.settings)?, installation.digest()?);
        Ok(Self { installation, host, before, version, old_version: old_version.to_owned(), _directory: directory })
    }

    /// The version that the files say they are.
    ///
    /// # Errors
    /// If they do not say.
    pub fn version(&self) -> Result<String> {
        (self.version)(&self.installation.root)
    }

    /// Runs a command that must work.
    ///
    /// # Errors
    /// All that it printed.
    pub fn succeeds(&self, command: &str) -> Result<Ended> {
        self.host.run(command.split(' '))?.expect(0).with_context(|| command.to_owned())
    }

    /// What is different from what it was before.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn differences(&self) -> Result<Vec<String>> {
        Ok(self.before.diff(&self.installation.digest()?))
    }

    /// Whether it is of the old version again, to the last row.
    ///
    /// # Errors
    /// What is different.
    pub fn is_before(&self) -> Result<()> {
        let differences = self.differences()?;
        ensure!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
        let version = self.version()?;
        ensure!(version == self.old_version, "the files are of version {version}");
        Ok(())
    }

    /// Each query gives this value. Returns how many they are.
    ///
    /// # Errors
    /// The first that does not.
    pub fn says(&self, wanted: &[(impl AsRef<str>, &str)]) -> Result<usize> {
        for (sql, wanted) in wanted {
            let sql = sql.as_ref();
            let found = self.installation.database.cell(sql)?;
            ensure!(found == *wanted, "{sql}: {found}, not {wanted}");
        }
        Ok(wanted.len())
    }

    /// The root has all of these paths and none of those. Returns how many they are.
    ///
    /// # Errors
    /// The first that is not so.
    pub fn has(&self, there: &[&str], gone: &[&str]) -> Result<usize> {
        let is_there = |path: &str| self.installation.root.join(path).symlink_metadata().is_ok();
        for path in there {
            ensure!(is_there(path), "{path} is not there");
        }
        for path in gone {
            ensure!(!is_there(path), "{path} is still there");
        }
        Ok(there.len() + gone.len())
    }

    /// Raises it and lowers it again, as an operator would. `is_upgraded` says how many conditions hold in between.
    ///
    /// # Errors
    /// What does not hold, and what is not put back.
    pub fn up_and_down(&self, what: &str, is_upgraded: impl FnOnce() -> Result<usize>) -> Result<()> {
        self.succeeds("check")?;
        let changed = self.differences()?;
        ensure!(changed.is_empty(), "check has changed something: {changed:?}");
        self.succeeds("apply")?;
        let conditions = is_upgraded()?;
        let changed = self.differences()?.len();
        self.succeeds("undo --accept-data-loss")?;
        self.is_before()?;
        let compared = self.before.len();
        numbers(format_args!(
            "{what}: {conditions} conditions hold, {changed} differences by apply, 0 of {compared} left by undo"
        ));
        Ok(())
    }

    /// A text that stands in the settings is in no output of any command.
    ///
    /// # Errors
    /// The command that prints it.
    pub fn keeps(&self, secret: &str) -> Result<()> {
        let mut outputs = 0;
        for command in ["check", "apply", "status", "log", "undo --accept-data-loss"] {
            for manner in ["--verbose", "--format json"] {
                let ended = self.host.run(format!("{command} {manner}").split(' '))?;
                ensure!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{command} {manner}");
                outputs += 2;
            }
        }
        numbers(format_args!("the secret is in 0 of {outputs} outputs"));
        Ok(())
    }
}
