//! How fast the host is, beside the native tools that do the same: `cargo bench -p liftlock`, or `cargo xtask bench`, which
//! makes `BENCHMARKS.md` of it.
//!
//! One [`Line`] for each measurement goes to standard output, in seconds. All of it works on real files in the
//! target directory, with the component of the tests' guest `bench` (`cargo xtask plugins`). Words on the command line choose
//! the measurements whose module has such a name (`server-rows`: with a hyphen). Those on a server need one: `with-mariadb`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

mod host {
    pub mod calls;
    pub mod changes;
    pub mod dump;
    pub mod extract;
    pub mod line;
    pub mod native;
    pub mod places;
    pub mod rows;
    pub mod server;
    pub mod server_rows;
    pub mod site;
    pub mod stage;
    pub mod switch;
}

use std::env;
use std::error::Error;
use std::process::ExitCode;

use host::line::Line;
use host::{calls, changes, dump, extract, rows, server_rows, stage, switch};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Measurement = fn(&mut dyn FnMut(Line)) -> Result<()>;

const ALL: [(&str, Measurement); 8] = [
    ("stage", stage::measure),
    ("calls", calls::measure),
    ("rows", rows::measure),
    ("changes", changes::measure),
    ("extract", extract::measure),
    ("switch", switch::measure),
    ("dump", dump::measure),
    ("server-rows", server_rows::measure),
];

fn main() -> ExitCode {
    let chosen: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    for (name, measurement) in ALL {
        if !chosen.is_empty() && !chosen.iter().any(|word| word == name) {
            continue;
        }
        if let Err(error) = measurement(&mut |line| println!("{line}")) {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
