//! `diagnose`: which state an installation is in, why, and the one way out. Changes nothing.
//!
//! Facts come from the journal, from the pipeline's component that reads versions, from what `[maintenance]` puts up, and
//! from the pipeline's own post-conditions, which the host looks at itself: a component that lies or is wrong is contradicted by
//! them. What cannot be read is a fact too. What they come to is decided by a pure function ([`state`]). Where that is a command that
//! begins a run, the run's own checks are asked: one that they refuse is not told.

mod look;
mod state;

use std::path::Path;

use crate::bundle::Setup;
use crate::effect::Finding;
use crate::policy::Refusal;
use crate::sandbox::{Mark, Report};

use super::{Trouble, Upgrade};
use look::Looked;
use state::Facts;
pub use state::{State, Way, Weight};

/// What was found, and what it comes to.
#[derive(Debug)]
pub struct Diagnosis {
    /// The state.
    pub state: State,
    /// The facts, in the order in which they were looked at.
    pub facts: Vec<Fact>,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: "files", "database", "journal", or a mark's code.
    pub about: String,
    /// What was found.
    pub text: String,
    /// Where.
    pub place: String,
}

impl Fact {
    fn new(about: &str, text: impl Into<String>, place: impl Into<String>) -> Self {
        Self { about: about.to_owned(), text: text.into(), place: place.into() }
    }
}

impl Upgrade {
    /// Looks, and decides.
    ///
    /// # Errors
    /// [`Trouble::Refused`] if what reads versions may not; a component that is not the pinned one.
    pub fn diagnose(mut self) -> Result<Diagnosis, Trouble> {
        let mut facts = Vec::new();
        let run = look::journal(&self.setup.installation.state, &mut facts);
        let signs = look::signs(&self.setup, &mut facts);
        let Looked { report, conditions } = self.look(&mut facts)?;
        look::leftovers(&self.setup, &mut facts);
        let report = match report {
            // Who has a run to end can do that without it.
            Err(Silent::Refused(refusals)) if !matches!(&run, Ok(Some(run)) if run.is_open()) => {
                return Err(Trouble::Refused(refusals));
            }
            Err(Silent::Refused(_)) => Err("what reads versions may not read them".to_owned()),
            Err(Silent::Why(why)) => Err(why),
            Ok(report) => Ok(report),
        };
        let to = self.setup.bundle.pipeline.to.clone();
        let found = Facts { run, signs, report, conditions, to, adopts: self.can_adopt() };
        let state = state::decide(&found, |mark| file_of(&self.setup, mark));
        let refused = self.refused(&state.way);
        let state = if refused.is_empty() { state } else { state.refused(&refused) };
        Ok(Diagnosis { state, facts })
    }

    /// What keeps a run from beginning, if that is the way out. Where the checks cannot be asked, the command will say why.
    fn refused(&mut self, way: &Way) -> Vec<Finding> {
        let asked = match way {
            way if *way == state::ADOPT => self.adopt().map_err(Trouble::Fault).and_then(|()| self.check()),
            way if *way == state::APPLY => self.check(),
            _ => return Vec::new(),
        };
        let found = asked.unwrap_or_default();
        found.into_iter().map(|(_, finding)| finding).filter(Finding::blocks).collect()
    }
}

/// The same while another process is at work on the installation: only what it has written in its journal is looked at. `why`
/// says who it is.
#[must_use]
pub fn going_on(state: &Path, why: String) -> Diagnosis {
    let mut facts = Vec::new();
    let _ = look::journal(state, &mut facts);
    Diagnosis { state: state::busy(why), facts }
}

/// Why there is no report.
enum Silent {
    Refused(Vec<Refusal>),
    Why(String),
}

type Reported = Result<Report, Silent>;

/// The file that a mark names, if it is one and lies in a root of the installation. What a component says is only a text.
fn file_of(setup: &Setup, mark: &Mark) -> Option<std::path::PathBuf> {
    let extra = |name: &str| mark.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let root = setup.installation.roots.get(extra("root")?)?.path.canonicalize().ok()?;
    let path = root.join(extra("file")?);
    let beneath = path.parent()?.canonicalize().ok()?.starts_with(&root);
    let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    let is_file = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
    (beneath && plain && is_file).then_some(path)
}
