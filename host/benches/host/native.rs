//! Timing: medians, things to be compared by turns, and other programs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;

/// How often each thing is done.
pub const RUNS: usize = 5;

/// Something that says how many seconds it took.
pub type Timed<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Does all of them by turns, so that a busy moment of the machine hits all of them, and returns the median of each.
pub fn by_turns<const N: usize>(all: [Timed<'_>; N]) -> Result<[f64; N]> {
    turns(RUNS, all)
}

/// The same, each so often.
pub fn turns<const N: usize>(runs: usize, mut all: [Timed<'_>; N]) -> Result<[f64; N]> {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..runs {
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

/// Mebibytes of memory that this process needed at most while it did something, beyond what it had.
pub fn peak<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let field = |name: &str| -> Result<u64> {
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("the system says no memory")?;
        Ok(line.trim_start_matches(':').trim_end_matches("kB").trim().parse()?)
    };
    // From here on the most is counted anew.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = field("VmRSS")?;
    let done = work()?;
    Ok((done, field("VmHWM")?.saturating_sub(before) >> 10))
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
    Ok(rustix::fs::syncfs(fs::File::open(path)?)?)
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()).into())
}
