//! `demo`: Roundcube 1.4 upgraded to 1.6 and put back, on this machine, with nothing of it touched outside `target`.

use std::process::Command;

use anyhow::Result;

use crate::layout::Layout;
use crate::plugins;
use crate::process;
use crate::setup;
use crate::test;

/// Upgrade a Roundcube made for the purpose, look at it, put it back, compare (in target/demo)
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(layout: &Layout, _: &Arguments) -> Result<()> {
    let guest = setup::ready(layout)?;
    println!("{}", plugins::build(layout, &guest)?);
    test::build_host(layout)?;
    process::run(Command::new(layout.demo()).current_dir(&layout.root))
}
