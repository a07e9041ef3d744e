//! `fixture`: an installation to try things on. What can be made, and how it can differ, is said by the program that makes it.

use std::env;
use std::ffi::OsString;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::process;

/// Make an installation to try things on: `fixture mautic --help`, `fixture whmcs --help`
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What to make, where, and how it is to differ
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<OsString>,
}

pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    // Paths are meant from where the person is.
    let here = env::current_dir().context("where is this?")?;
    let mut maker = process::cargo(&here, "run");
    maker.arg("--manifest-path").arg(layout.root.join("Cargo.toml"));
    maker.args(["--package", "liftlock-tests", "--bin", "liftlock-fixture", "--"]);
    process::run(maker.args(&arguments.words))
}
