//! Timing: medians, things to be compared by turns, and other programs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;

/// How often each thing is done.
pub const RUNS: usize = 5;

/// Something that says how many seconds it took.
pub type Timed<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Does all of them by turns, so that a busy moment of the machine hits all of them, and returns the median of each.
pub fn by_turns<const N: usize>(mut all: [Timed<'_>; N]) -> Result<[f64; N]> {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..RUNS {
        for (times, timed) in times.iter_mut().zip(&mut all) {
            times.push(timed()?);
        }
    }
    Ok(times.map(median))
}

/// The one in the middle.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of one thing alone.
pub fn alone(timed: impl FnMut() -> Result<f64>) -> Result<f64> {
    by_turns([Box::new(timed)]).map(|[median]| median)
}

/// How long something takes.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Runs another program; what it says on standard output is thrown away.
pub fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}

/// Whether a program is there.
pub fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Has everything on disk, so that what is measured next does not wait for what was before.
pub fn settle(path: &Path) -> Result<()> {
    Ok(rustix::fs::syncfs(std::fs::File::open(path)?)?)
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()).into())
}
