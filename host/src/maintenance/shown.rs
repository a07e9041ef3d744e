//! What others are in front of at this moment, whoever has left it.

use std::path::PathBuf;

use super::page::run_of_page;
use super::status::Status;
use crate::bundle::{Flag, Installation};
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

/// The files that keep visitors away as long as they are there, whoever has left them: what each is, and where.
#[must_use]
pub fn files(installation: &Installation) -> Vec<(&'static str, PathBuf)> {
    let root = |name: &String| installation.roots.get(name).map(|root| &root.path);
    let mut files = Vec::new();
    if let Some((page, root)) = installation.maintenance.page.as_ref().and_then(|page| Some((page, root(&page.root)?)))
    {
        files.push(("the maintenance page", root.join(&page.file)));
        files.push(("the status of the maintenance page", root.join(&page.status)));
    }
    if let Some(Flag::File(flag)) = &installation.maintenance.flag {
        files.extend(root(&flag.root).map(|root| ("the maintenance flag", root.join(&flag.path))));
    }
    files
}
