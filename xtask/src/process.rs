//! Running other programs: the error names the command line.

use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs it with our standard output.
///
/// # Errors
/// If it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs it and returns what it printed. What it says on standard error is seen only if it fails.
///
/// # Errors
/// If it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if !status.success() {
        let stderr = String::from_utf8_lossy(&stderr);
        bail!("{} failed ({status})\n{}{}", shown(command), stdout, stderr.trim_end());
    }
    Ok(stdout)
}

/// Whether it can be started and succeeds. Prints nothing.
pub(crate) fn works(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Cargo, the one that runs us. It shows its progress to a person only.
pub(crate) fn cargo(directory: &Path, verb: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(directory).arg(verb);
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    command
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let program = Path::new(words[0].as_ref()).file_name().map(|name| name.to_string_lossy().into_owned());
    [program.as_deref().unwrap_or(&words[0])]
        .into_iter()
        .chain(words[1..].iter().map(AsRef::as_ref))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.starts_with("sh -c"), "{error}");
        assert!(error.ends_with("no"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_work() {
        assert!(!works(&mut Command::new("liftlock-no-such-program")));
        assert!(works(&mut Command::new("true")));
    }
}
