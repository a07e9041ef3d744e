//! Running a command of the host and looking at what it costs.

use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::host::{Ended, Host};

/// How a command ended, and what it cost.
#[derive(Debug)]
pub struct Watched {
    /// How it ended.
    pub ended: Ended,
    /// The most memory that it had at a time, in MiB, as far as was seen.
    pub peak: u64,
    /// How long it took.
    pub time: Duration,
}

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(2);

/// Runs a command, and ends it if it takes longer than `most`.
///
/// # Errors
/// If it cannot be started, or takes too long.
pub fn run(host: &Host, arguments: &[&str], most: Duration) -> Result<Watched> {
    let start = Instant::now();
    let mut command = host.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start the host")?;
    let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory(&child).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > most {
            child.kill()?;
            child.wait()?;
            bail!("`liftlock {}` took longer than {most:?}", arguments.join(" "));
        }
        thread::sleep(LOOK);
    };
    let time = start.elapsed();
    let text = |thread: JoinHandle<Vec<u8>>| String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned();
    let ended = Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
    Ok(Watched { ended, peak: peak >> 10, time })
}

/// Reads a pipe beside us: a full one would stop the host.
fn gather(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// The most memory that a process has had so far, in KiB, as the kernel counts it.
fn memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Ended {
    /// What it printed with `--format json`, an object a line.
    ///
    /// # Errors
    /// A line that is no object.
    pub fn objects(&self) -> Result<Vec<Value>> {
        let object = |line| serde_json::from_str(line).with_context(|| format!("{line:?} is not JSON"));
        self.stdout.lines().map(object).collect()
    }

    /// The last object: how it ended.
    ///
    /// # Errors
    /// If there is none.
    pub fn last(&self) -> Result<Value> {
        let line = self.stdout.lines().last();
        let line = line.with_context(|| format!("it has printed nothing, but: {}", self.stderr))?;
        serde_json::from_str(line).with_context(|| format!("{line:?} is not JSON"))
    }
}
