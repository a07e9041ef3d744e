//! All that an installation shows to others as long as they are kept out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::face::Face;
use super::flag::FlagInFile;
use super::row::FlagInRow;
use crate::bundle::{Flag, Installation};
use crate::effect::{Fault, Stamps, Store};
use crate::engine::Standing;

/// Page and flag of a run, as `[maintenance]` has them. None of them where it has none.
pub struct Signs {
    face: Option<Face>,
    file: Option<FlagInFile>,
    row: Option<FlagInRow>,
}

impl Signs {
    /// Those of a run of this installation that are files. Nothing is there yet.
    #[must_use]
    pub fn new(installation: &Installation, run: &str) -> Self {
        let root = |name: &str| installation.roots.get(name).map(|root| root.path.as_path());
        let maintenance = &installation.maintenance;
        let face = maintenance.page.as_ref().and_then(|page| Some(Face::new(root(&page.root)?, page, run)));
        let file = match &maintenance.flag {
            Some(Flag::File(file)) => root(&file.root).map(|root| FlagInFile::new(root, file)),
            Some(Flag::Row(_)) | None => None,
        };
        Self { face, file, row: None }
    }

    /// The same with what is a row in one of these databases. `directory` is the run's.
    #[must_use]
    pub fn with_databases(self, installation: &Installation, stores: Vec<Arc<dyn Store>>, directory: &Path) -> Self {
        let row = match &installation.maintenance.flag {
            Some(Flag::Row(row)) => Some(FlagInRow::new(row, stores, directory)),
            Some(Flag::File(_)) | None => None,
        };
        Self { row, ..self }
    }

    /// The files in roots.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.face.iter().flat_map(Face::paths).collect();
        paths.extend(self.file.iter().map(|flag| flag.path().to_owned()));
        paths
    }

    /// Puts all of them there. May be done again after a crash.
    ///
    /// # Errors
    /// "freeze-failed" if something of somebody else's is there; what the file system says.
    pub fn place(&self, standing: Standing) -> Result<(), Fault> {
        self.face.as_ref().map_or(Ok(()), |face| face.place(standing))?;
        self.file.as_ref().map_or(Ok(()), FlagInFile::place)?;
        self.row.as_ref().map_or(Ok(()), FlagInRow::place)
    }

    /// The run has come so far.
    pub fn hold(&self, standing: Standing) {
        if let Some(face) = &self.face {
            face.hold(standing);
        }
    }

    /// The run stands still: the page says so at once.
    pub fn stop(&self) {
        if let Some(face) = &self.face {
            face.stop();
        }
    }

    /// Takes all of them away, the page last: it is shown until the application itself answers again. Gets the stamps of the run's
    /// databases, and returns those that are others now by its own doing.
    ///
    /// # Errors
    /// "thaw-failed"; what the file system and the database say.
    pub fn remove(&self, stamps: &Stamps) -> Result<Stamps, Fault> {
        self.file.as_ref().map_or(Ok(()), FlagInFile::remove)?;
        let renewed = self.row.as_ref().map_or(Ok(Stamps::new()), |row| row.remove(stamps))?;
        self.face.as_ref().map_or(Ok(()), Face::remove)?;
        Ok(renewed)
    }
}
