//! All that an installation shows to others as long as they are kept out.

use std::path::PathBuf;

use super::face::Face;
use super::flag::FlagInFile;
use crate::bundle::{Flag, Installation};
use crate::effect::Fault;
use crate::engine::Standing;

/// Page and flag of a run, as `[maintenance]` has them. None of them where it has none.
pub struct Signs {
    face: Option<Face>,
    flag: Option<FlagInFile>,
}

impl Signs {
    /// Those of a run of this installation. Nothing is there yet.
    #[must_use]
    pub fn new(installation: &Installation, run: &str) -> Self {
        let root = |name: &str| installation.roots.get(name).map(|root| root.path.as_path());
        let maintenance = &installation.maintenance;
        let face = maintenance.page.as_ref().and_then(|page| Some(Face::new(root(&page.root)?, page, run)));
        let flag =
            maintenance.flag.as_ref().and_then(|Flag::File(file)| Some(FlagInFile::new(root(&file.root)?, file)));
        Self { face, flag }
    }

    /// The files in roots.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.face.iter().flat_map(Face::paths).collect();
        paths.extend(self.flag.iter().map(|flag| flag.path().to_owned()));
        paths
    }

    /// Puts all of them there. May be done again after a crash.
    ///
    /// # Errors
    /// "freeze-failed" if something of somebody else's is there; what the file system says.
    pub fn place(&self, standing: Standing) -> Result<(), Fault> {
        self.face.as_ref().map_or(Ok(()), |face| face.place(standing))?;
        self.flag.as_ref().map_or(Ok(()), FlagInFile::place)
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

    /// Takes all of them away, the page last: it is shown until the application itself answers again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self) -> Result<(), Fault> {
        self.flag.as_ref().map_or(Ok(()), FlagInFile::remove)?;
        self.face.as_ref().map_or(Ok(()), Face::remove)
    }
}
