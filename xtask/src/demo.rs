//! `demo`: not written yet.

use anyhow::Result;

use crate::layout::Layout;

/// Not written yet
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Layout, _: &Arguments) -> Result<()> {
    anyhow::bail!("not written yet")
}
