//! Running the host's binary as an operator does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places;

/// The binary, and the installation that it is pointed at.
#[derive(Debug, Clone)]
pub struct Host {
    /// The program.
    pub program: PathBuf,
    /// The `installation.toml`.
    pub settings: PathBuf,
    environment: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl Ended {
    /// Itself, if the exit code is this one.
    ///
    /// # Errors
    /// Another code, with all that was printed.
    pub fn expect(self, code: i32) -> Result<Self> {
        if self.code != Some(code) {
            bail!("exit code {:?}, expected {code}\n{}{}", self.code, self.stdout, self.stderr);
        }
        Ok(self)
    }
}

impl Host {
    /// The binary that was built with the tests.
    ///
    /// # Errors
    /// If it was not built.
    pub fn new(settings: &Path) -> Result<Self> {
        Ok(Self { program: places::liftlock()?, settings: settings.to_owned(), environment: Vec::new() })
    }

    /// The same with a variable in its environment: `LIFTLOCK_FAULT`, `LIFTLOCK_MUTANT`.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut host = self.clone();
        host.environment.push((name.to_owned(), value.to_owned()));
        host
    }

    /// Runs a command on the installation: `run(["apply"])`.
    ///
    /// # Errors
    /// If the binary cannot be started. Any exit code is a result.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Ended> {
        let output = self.command(arguments).stdin(Stdio::null()).output().context("cannot start the host")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// The command line, to be started in another way. It inherits this process's terminal.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--installation").arg(&self.settings);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
