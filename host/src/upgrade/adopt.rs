//! `apply --adopt`: an upgrade that another tool has begun and not ended is finished, from the state that is found. Journal,
//! restore point and undo are those of any run; undo ends in what was found.
//!
//! The host knows nothing of what was left half done; stages do. One that can take it over has the parameter `adopt`, which is
//! `false` in the pipeline and `true` in such a run. Before the run only those stages are believed when they say that something
//! blocks: the others look at an installation that has not been taken over yet. Each is asked again just before it begins, and
//! then what it says holds.

use super::Upgrade;
use crate::bundle::PlannedSlot;
use crate::effect::{Fault, Finding};

/// The parameter.
const ADOPT: &str = "adopt";

impl Upgrade {
    /// Whether a stage of this pipeline can take over what another tool has left.
    #[must_use]
    pub fn can_adopt(&self) -> bool {
        self.setup.slots.iter().any(knows)
    }

    /// From here on runs of this upgrade take over what another tool has left.
    ///
    /// # Errors
    /// "cannot-adopt" if no stage of the pipeline can.
    pub fn adopt(&mut self) -> Result<(), Fault> {
        if !self.can_adopt() {
            let text = format!(
                "the pipeline {} cannot go on with what another tool has begun",
                self.setup.bundle.pipeline.name
            );
            return Err(Fault::new("cannot-adopt", text).hint("`liftlock diagnose` says what is the matter"));
        }
        self.adopted = true;
        for slot in self.setup.slots.iter_mut().filter(|slot| knows(slot)) {
            slot.params.insert(ADOPT.to_owned(), "true".to_owned());
        }
        Ok(())
    }

    /// What a check before the run is worth: see the module.
    pub(super) fn weighed(&self, slot: &PlannedSlot, finding: Finding) -> Finding {
        let deferred = finding.deferred || self.adopted && !knows(slot);
        Finding { deferred, ..finding }
    }
}

fn knows(slot: &PlannedSlot) -> bool {
    slot.slot.params.contains_key(ADOPT)
}
