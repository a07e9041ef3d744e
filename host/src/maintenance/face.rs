//! The page and its status in a root, from the freeze to the thaw.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::Place;
use super::heart::Heart;
use super::page;
use super::status::Status;
use crate::bundle::Page;
use crate::effect::Fault;
use crate::engine::{Standing, now};
use crate::io::fault;

/// So many signs of life are due within a lease.
const BEATS: u32 = 4;

/// What a run shows to others. When it is dropped while it is shown, it says that the run has stopped.
pub struct Face {
    paper: Arc<Paper>,
    heart: Mutex<Option<Heart>>,
}

/// The two files.
struct Paper {
    /// One writer at a time, as both would use the same temporary file: the run places the page again while the heart beats.
    writing: Mutex<()>,
    run: String,
    settings: Page,
    page: Place,
    status: Place,
}

impl Face {
    /// The face of a run, in its root. Nothing is there yet.
    #[must_use]
    pub fn new(root: &Path, settings: &Page, run: &str) -> Self {
        let paper = Paper {
            writing: Mutex::default(),
            run: run.to_owned(),
            settings: settings.clone(),
            page: Place::new(root, &settings.file, run),
            status: Place::new(root, &settings.status, run),
        };
        Self { paper: Arc::new(paper), heart: Mutex::new(None) }
    }

    /// Page and status.
    #[must_use]
    pub fn paths(&self) -> [PathBuf; 2] {
        [self.paper.page.path.clone(), self.paper.status.path.clone()]
    }

    /// Puts them there, and keeps them alive from now on. Those of this run from before a crash are taken over.
    ///
    /// # Errors
    /// "freeze-failed" if files of somebody else's are there; what the file system says.
    pub fn place(&self, standing: Standing) -> Result<(), Fault> {
        self.paper.refuse_others()?;
        self.paper.place(standing).map_err(|e| self.io("placing", &e))?;
        self.keep(standing).map_err(|e| self.io("keeping", &e))
    }

    /// The run has come so far. Takes over what a dead process has left. Never fails: a page that is not renewed says so itself.
    pub fn hold(&self, standing: Standing) {
        let told = self.heart().as_ref().map(|heart| heart.tell(standing));
        if told.is_none() && self.paper.refuse_others().is_ok() {
            let _ = self.keep(standing);
        }
    }

    /// The run stands still: says so at once, and does not wait for the lease.
    pub fn stop(&self) {
        let heart = self.heart().take();
        let standing = heart.as_ref().and_then(Heart::standing);
        drop(heart);
        if let Some(standing) = standing {
            let _ = self.paper.write(standing, true);
        }
    }

    /// Takes both away, the page first: without it the site is open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Fault> {
        self.heart().take();
        self.paper.remove().map_err(|e| self.io("removing", &e))
    }

    fn keep(&self, standing: Standing) -> io::Result<()> {
        let paper = self.paper.clone();
        let interval = self.paper.settings.lease / BEATS;
        // That it cannot be written, on a full disk perhaps, must not end the run: the page then says that it has stopped.
        let beat = move |standing| {
            let _ = paper.write(standing, false);
        };
        let mut heart = self.heart();
        match heart.as_ref() {
            Some(heart) => heart.tell(standing),
            None => *heart = Some(Heart::start(standing, interval.max(Duration::from_millis(1)), beat)?),
        }
        Ok(())
    }

    fn heart(&self) -> MutexGuard<'_, Option<Heart>> {
        self.heart.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, what: &str, error: &io::Error) -> Fault {
        Fault::io(format_args!("{what} the maintenance page {}", self.paper.page.path.display()), error)
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Paper {
    fn is_ours(&self, place: &Place) -> bool {
        let run = match place.path == self.page.path {
            true => page::run_of_page(&place.path),
            false => Status::read(&place.path).map(|status| status.run),
        };
        run.is_some_and(|run| run == self.run)
    }

    fn refuse_others(&self) -> Result<(), Fault> {
        for place in [&self.page, &self.status] {
            if !place.is_free() && !self.is_ours(place) {
                let text = format!("{} is there already, and is not this run's", place.path.display());
                return Err(Fault::new("freeze-failed", text).hint("remove it, or name another file in [maintenance]"));
            }
        }
        Ok(())
    }

    /// The status first: the page asks for it.
    fn write(&self, standing: Standing, stopped: bool) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = u64::try_from(self.settings.lease.as_millis()).unwrap_or(u64::MAX);
        let status = Status::new(&self.run, standing, stopped, now(), lease);
        self.status.write(serde_json::to_string(&status)?.as_bytes())?;
        self.page.write(page::html(&self.settings, &status).as_bytes())
    }

    fn place(&self, standing: Standing) -> io::Result<()> {
        fault::point("maintenance.place")?;
        self.write(standing, false)?;
        self.page.sync()?;
        fault::point("maintenance.placed")
    }

    fn remove(&self) -> io::Result<()> {
        fault::point("maintenance.remove")?;
        self.page.remove(self.is_ours(&self.page))?;
        fault::point("maintenance.page-removed")?;
        self.status.remove(self.is_ours(&self.status))?;
        fault::point("maintenance.removed")
    }
}
