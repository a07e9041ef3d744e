//! What others are in front of at this moment, whoever has left it.

use std::path::PathBuf;

use super::page::run_of_page;
use super::status::Status;
use crate::bundle::Installation;
use crate::engine::now;

/// A maintenance page of ours that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its file.
    pub page: PathBuf,
    /// The run that has put it there.
    pub run: String,
    /// Its status, if that is there too.
    pub status: Option<Status>,
    /// Whether it claims that a run is at work: what visitors read.
    pub alive: bool,
}

impl Shown {
    /// Looks. None if there is no page, or none of ours.
    #[must_use]
    pub fn of(installation: &Installation) -> Option<Self> {
        let settings = installation.maintenance.page.as_ref()?;
        let root = &installation.roots.get(&settings.root)?.path;
        let page = root.join(&settings.file);
        let run = run_of_page(&page)?;
        let status = Status::read(&root.join(&settings.status)).filter(|status| status.run == run);
        let alive = status.as_ref().is_some_and(|status| status.is_alive(now()));
        Some(Self { page, run, status, alive })
    }
}
