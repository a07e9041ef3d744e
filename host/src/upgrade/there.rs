//! Whether this very upgrade is done already: `apply`, called once more, has then nothing to do.
//!
//! Two witnesses have to agree. The journal says that the last run went through the same bundle to its end: that a file names
//! the new version is not enough, as somebody may have unpacked it over the old one. And the pipeline's own post-conditions
//! still hold: the operator may have put back a backup of their own, of which no journal knows. Where one of them is missing,
//! nothing is claimed, and the checks decide as before the first run.

use super::{RunDirectory, Trouble, Upgrade, last_run};
use crate::engine::state::{Phase, State};

/// The run that has brought the installation to where the pipeline goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There {
    /// Its id.
    pub run: String,
    /// The version that it went to.
    pub to: String,
    /// Whether it can no longer be undone.
    pub committed: bool,
}

impl Upgrade {
    /// The run that has done all that a new one would do. Changes nothing outside the state directory.
    ///
    /// # Errors
    /// If the journal cannot be read. What else cannot be looked at is not there: the checks say what is wrong with it.
    pub fn already_there(&self) -> Result<Option<There>, Trouble> {
        let state = &self.setup.installation.state;
        let Some((_, last, _)) = last_run(state)? else { return Ok(None) };
        let there = by_journal(&last, &self.setup.bundle.digest);
        let expects: Vec<_> = self.setup.slots.iter().flat_map(|planned| planned.slot.expect.clone()).collect();
        if there.is_none() || expects.is_empty() {
            return Ok(None);
        }
        let scratch = RunDirectory::scratch(state)?;
        let held = self.without_stages(&scratch).and_then(|slots| slots.unmet(&expects));
        Ok(there.filter(|_| held.is_ok_and(|unmet| unmet.is_empty())))
    }
}

/// What the journal says by itself.
fn by_journal(last: &State, bundle: &str) -> Option<There> {
    let ended = matches!(last.phase, Phase::Done | Phase::Committed);
    (ended && last.plan.pipeline_sha256 == bundle).then(|| There {
        run: last.plan.run.clone(),
        to: last.plan.to.clone(),
        committed: last.phase == Phase::Committed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::{Event, FORMAT, Plan};

    fn after(events: Vec<Event>) -> State {
        let plan = Plan {
            format: FORMAT,
            run: "r1".into(),
            pipeline: "p".into(),
            pipeline_sha256: "one".into(),
            from: "1".into(),
            to: "2".into(),
            ..Plan::default()
        };
        let first = Event::RunStarted { plan };
        State::fold(std::iter::once(&first).chain(&events)).unwrap().unwrap()
    }

    fn thawed() -> Vec<Event> {
        vec![Event::RunDone {}]
    }

    #[test]
    fn a_run_that_is_not_at_its_end_or_was_put_back_is_not_there() {
        assert_eq!(by_journal(&after(Vec::new()), "one"), None);
        let back = [Event::UndoStarted { reason: "operator".into() }, Event::UndoDone {}];
        assert_eq!(by_journal(&after(thawed().into_iter().chain(back).collect()), "one"), None);
    }

    #[test]
    fn another_bundle_is_not_there() {
        assert_eq!(by_journal(&after(thawed()), "another"), None);
    }

    #[test]
    fn a_run_at_its_end_is_there_before_and_after_commit() {
        let there = |committed| Some(There { run: "r1".into(), to: "2".into(), committed });
        assert_eq!(by_journal(&after(thawed()), "one"), there(false));
        let committed = thawed().into_iter().chain([Event::Committed {}]).collect();
        assert_eq!(by_journal(&after(committed), "one"), there(true));
    }
}
