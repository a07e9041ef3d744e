//! A component that reads which version is here: it looks, and everything that it says is a text of somebody else's.

use std::sync::Arc;

use wasmtime::component::Linker;

use super::bindings::reader::exports::liftlock::versions::versions as said;
use super::bindings::reader::{Reader, ReaderPre};
use super::call::{self, CallLimits};
use super::guest::Guest;
use super::load::Loaded;
use super::stage::{Mode, Services, Tenant};
use super::{Sandbox, WRONG_WORLD, link};
use crate::bundle::{Grants, PlannedSlot};
use crate::effect::Fault;
use crate::engine::{Context, Conversation, Stop};
use crate::escape;
use crate::policy::Refusal;

/// More bytes of a text of the component's than this are not repeated.
const LONGEST: usize = 500;

/// What it exports.
const VERSIONS: &str = "liftlock:versions/versions";

/// What one side of the installation says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The version, as the application writes it.
    pub version: Option<String>,
    /// Against the version that the pipeline goes to: "before", "target", "beyond", "unknown".
    pub against: String,
    /// Where it is read.
    pub place: String,
    /// Why there is no version.
    pub problem: Option<String>,
}

/// Something that tells what happened here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// A stable code.
    pub code: String,
    /// What follows from it, in the words of the contract.
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// Where it is.
    pub place: String,
    /// What takes it away.
    pub extra: Vec<(String, String)>,
}

/// All that such a component has to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What the files say.
    pub files: Reading,
    /// What the database says.
    pub database: Reading,
    /// "same", "files-newer", "database-newer", "unknown".
    pub relation: String,
    /// The rest.
    pub marks: Vec<Mark>,
}

/// A component that reads versions, linked with what it was granted.
pub struct VersionsReader {
    sandbox: Arc<Sandbox>,
    linked: ReaderPre<Guest>,
    planned: PlannedSlot,
    grants: Grants,
}

impl VersionsReader {
    /// Takes a component. `grants` is what policy has decided.
    ///
    /// # Errors
    /// Refusals for what the component imports or does not export.
    pub fn new(
        sandbox: Arc<Sandbox>,
        loaded: &Loaded,
        planned: &PlannedSlot,
        grants: Grants,
    ) -> Result<Self, Vec<Refusal>> {
        let slot = planned.slot.name.clone();
        let refused = |why: &str| {
            let message = format!("the component of [{slot}] does not fit the contract: {why}");
            vec![Refusal { code: WRONG_WORLD, slot: slot.clone(), message, lines: Vec::new() }]
        };
        if !loaded.exports.iter().any(|name| name.starts_with(VERSIONS)) {
            return Err(refused(&format!("it does not export {VERSIONS}")));
        }
        link::admit(loaded, planned)?;
        let mut linker = Linker::new(&sandbox.engine);
        let wrong = |e: wasmtime::Error| refused(&call::explain(&e));
        link::link(&mut linker, planned).map_err(wrong)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(wrong)?;
        let linked = ReaderPre::new(pre).map_err(wrong)?;
        Ok(Self { sandbox, linked, planned: planned.clone(), grants })
    }

    /// Looks.
    ///
    /// # Errors
    /// Why there is no answer: the component's own failure, how it ended instead, or what the surroundings did.
    pub fn look(&self, services: &Services, context: Context) -> Result<Report, Fault> {
        let limits = CallLimits::of(&self.planned);
        let tenant = Tenant {
            slot: &self.planned.slot.name,
            params: &self.planned.params,
            grants: &self.grants,
            memory: limits.memory,
            handles: limits.handles,
        };
        let silent = |why: &str| Fault::new("versions-failed", format!("what reads the versions says nothing: {why}"));
        let guest = tenant
            .guest(services, Conversation::look(context), Mode::Look)
            .map_err(|refused| silent(&refused.1.message))?;
        let (guest, answer) = call::call(&self.sandbox, guest, &limits, async |store| {
            let reader: Reader = self.linked.instantiate_async(&mut *store).await?;
            reader.liftlock_versions_versions().call_look(store).await
        });
        let talk = guest.into_talk();
        match (talk.stopped(), answer) {
            (Some(Stop::Fault(fault)), _) => Err(fault.clone()),
            (Some(stop), _) => Err(silent(&format!("{stop:?}"))),
            (None, Err(trap)) => Err(silent(&trap.message)),
            (None, Ok(Err(failure))) => Err(silent(&line(&failure.message))),
            (None, Ok(Ok(report))) => Ok(report.into()),
        }
    }
}

fn line(text: &str) -> String {
    escape::line(text, LONGEST)
}

impl From<said::Report> for Report {
    fn from(report: said::Report) -> Self {
        Self {
            files: report.files.into(),
            database: report.database.into(),
            relation: line(&report.relation),
            marks: report.marks.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<said::Reading> for Reading {
    fn from(reading: said::Reading) -> Self {
        Self {
            version: reading.version.as_deref().map(line),
            against: line(&reading.against),
            place: line(&reading.place),
            problem: reading.problem.as_deref().map(line),
        }
    }
}

impl From<said::Mark> for Mark {
    fn from(mark: said::Mark) -> Self {
        Self {
            code: line(&mark.code),
            kind: line(&mark.kind),
            message: line(&mark.message),
            place: line(&mark.place),
            extra: mark.extra.iter().map(|(name, value)| (line(name), line(value))).collect(),
        }
    }
}
