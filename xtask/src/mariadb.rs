//! MariaDB for tests, demonstration and benchmarks: its programs, and a private server around a command.
//!
//! Only the programs are installed, never a service: the machine's own server, if it has one, is neither started nor touched.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::process;
use crate::setup;

/// Server and client without their service: the first is Debian's and Ubuntu's name, older releases put a version behind it.
const PACKAGES: [&str; 2] = ["mariadb-server-core", "mariadb-client-core"];

/// What the benchmarks compare with.
const TOOLS: [(&str, &str); 3] = [("mariadb-dump", "mariadb-client"), ("mydumper", "mydumper"), ("zstd", "zstd")];

/// Where the server is, if it is not in `PATH`.
const PLACES: [&str; 2] = ["/usr/sbin", "/usr/libexec"];

/// Has the programs installed.
///
/// # Errors
/// If they are not there and cannot be installed; the message says what to install.
pub(crate) fn ready() -> Result<()> {
    let missing = || ["mariadbd", "mariadb"].iter().any(|name| program(name).is_none());
    if !missing() {
        return Ok(());
    }
    setup::install(&PACKAGES).or_else(|error| install_of_this_release().unwrap_or(Err(error))).with_context(|| {
        format!(
            "the tests need MariaDB's programs (a server of their own is started): `apt-get install {}`",
            PACKAGES.join(" ")
        )
    })
}

/// The same packages, as an older release calls them.
fn install_of_this_release() -> Option<Result<()>> {
    let [server, client] = PACKAGES;
    let names = process::output(Command::new("apt-cache").args(["pkgnames", server])).ok()?;
    let version = names.lines().filter_map(|name| name.strip_prefix(server)).max().filter(|rest| !rest.is_empty())?;
    Some(setup::install(&[&format!("{server}{version}"), &format!("{client}{version}")]))
}

/// Has the tools installed that the benchmarks compare with. Missing ones are no error: their column stays empty.
pub(crate) fn tools_of_the_bench() {
    let missing = TOOLS.iter().filter(|(name, _)| program(name).is_none()).map(|(_, package)| *package);
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty()
        && let Err(error) = setup::install(&missing)
    {
        println!("bench: nothing will be compared with {} ({error:#})", missing.join(", "));
    }
}

/// The same command with a private server around it, whose socket is in its environment. `options` are the server's.
pub(crate) fn around(layout: &Layout, options: &[&str], command: &Command) -> Command {
    let mut around = Command::new(layout.with_mariadb());
    around.args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => around.env(name, value),
            None => around.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        around.current_dir(directory);
    }
    around
}

fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from));
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_command_inside_keeps_its_arguments_directory_and_environment() {
        let layout = Layout::find();
        let mut command = Command::new("cargo");
        command.args(["test", "--", "--nocapture"]).current_dir("/").env("A", "1").env_remove("B");
        let around = around(&layout, &["--on-disk"], &command);
        assert_eq!(around.get_program(), layout.with_mariadb());
        assert_eq!(around.get_args().collect::<Vec<_>>(), ["--on-disk", "cargo", "test", "--", "--nocapture"]);
        assert_eq!(around.get_current_dir(), Some(Path::new("/")));
        assert!(around.get_envs().eq(command.get_envs()));
    }

    #[test]
    fn a_program_that_is_not_there_is_none() {
        assert!(program("liftlock-no-such-program").is_none());
        assert!(program("sh").is_some());
    }
}
