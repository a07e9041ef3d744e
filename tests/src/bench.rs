//! What benches of whole upgrades have in common.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};

/// The program: measures, or says why not.
pub fn main(measure: impl FnOnce() -> Result<()>) -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a script of `benches/` with variables in its environment. Seconds, and what it printed.
///
/// # Errors
/// If it fails: why, in its words.
pub fn script(shell: &str, name: &str, variables: &[(&str, impl AsRef<OsStr>)]) -> Result<(f64, String)> {
    let mut command = Command::new(shell);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(name));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!("the script failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok((seconds, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The one in the middle.
#[must_use]
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Whether all of these programs are there.
#[must_use]
pub fn are_there(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("command -v {program}")]).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
