//! A private MariaDB server around a command: `with-mariadb cargo test`, or `with-mariadb bash` to look around.
//!
//! The command finds the socket in `LIFTLOCK_TEST_MYSQL_SOCKET`: `root`, without a password. Arguments in front of it that begin
//! with `--` are the server's; `--on-disk` is ours. When the command ends, or this program does, the server is gone.
#![allow(clippy::print_stderr, reason = "it talks to a terminal")]

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use liftlock_tests::mariadb::{Options, SOCKET};

fn main() -> ExitCode {
    match run(env::args_os().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<OsString>) -> Result<ExitCode> {
    let is_option = |word: &&OsString| word.to_str().is_some_and(|word| word.starts_with("--"));
    let options: Vec<_> = words.iter().take_while(is_option).filter_map(|word| word.to_str()).collect();
    let server = options.iter().fold(Options::new(), |server, option| match *option {
        "--on-disk" => server.on_disk(),
        argument => server.argument(argument),
    });
    let (program, arguments) =
        words.get(options.len()..).and_then(<[OsString]>::split_first).context("with-mariadb [--…] COMMAND…")?;
    let server = server.start()?;
    let status = Command::new(program).args(arguments).env(SOCKET, server.socket()).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
