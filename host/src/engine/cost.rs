//! What a run has cost so far: the time of each stage, the host's memory, and how long others had to wait. Drawn from the journal,
//! so that a run that was killed and resumed adds up.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::journal::Entry;
use crate::memory;

/// What one turn of a stage has cost this process, from its check to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Milliseconds.
    pub milliseconds: u64,
    /// The most memory that the host had at once, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl Cost {
    fn add(&mut self, more: Self) {
        self.milliseconds = self.milliseconds.saturating_add(more.milliseconds);
        self.memory = self.memory.max(more.memory);
    }
}

/// A turn that is going on.
pub(super) struct Turn(Instant);

impl Turn {
    pub(super) fn begins() -> Self {
        memory::forget();
        Self(Instant::now())
    }

    pub(super) fn ends(&self) -> Cost {
        Cost { milliseconds: u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX), memory: memory::most() }
    }
}

/// What a run has cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Each stage that was begun, by its position in the plan.
    pub stages: Vec<Cost>,
    /// For how long nobody else could write, in milliseconds, downtime of the host included; none if nothing was frozen, or is
    /// frozen still.
    pub frozen: Option<u64>,
}

impl Account {
    /// From all entries of a journal.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut account = Self::default();
        // A turn whose end is not seen yet: its stage, when it was begun, and the last that is known of it.
        let mut open: Option<(u32, u64, u64)> = None;
        let mut frozen = None;
        for Entry { at, reopened, event } in entries {
            if *reopened {
                account.close(open.take());
            }
            if let Some((_, _, last)) = &mut open {
                *last = *at;
            }
            match event {
                // Begun again in the same turn, where the database gave a batch up.
                Event::StageStarted { stage, .. } => open = open.or(Some((*stage, *at, *at))),
                Event::StageDone { stage, cost: Some(cost) } => {
                    // It goes back to before the first event of its turn.
                    open = None;
                    account.add(*stage, *cost);
                }
                Event::StageDone { .. } | Event::StageFailed { .. } | Event::Stopped { .. } => {
                    account.close(open.take())
                }
                Event::FreezeStarted { .. } => frozen = frozen.or(Some(*at)),
                Event::Thawed { .. } => {
                    let more = frozen.take().map(|begun: u64| at.saturating_sub(begun));
                    account.frozen = more.map(|more| account.frozen.unwrap_or(0) + more).or(account.frozen);
                }
                _ => {}
            }
        }
        account.close(open);
        account
    }

    /// All stages together.
    #[must_use]
    pub fn total(&self) -> Cost {
        self.stages.iter().fold(Cost::default(), |mut total, cost| {
            total.add(*cost);
            total
        })
    }

    /// A turn without a word of its own about what it cost.
    fn close(&mut self, turn: Option<(u32, u64, u64)>) {
        if let Some((stage, begun, last)) = turn {
            self.add(stage, Cost { milliseconds: last.saturating_sub(begun), memory: None });
        }
    }

    fn add(&mut self, stage: u32, cost: Cost) {
        let stage = stage as usize;
        if self.stages.len() <= stage {
            self.stages.resize(stage + 1, Cost::default());
        }
        self.stages[stage].add(cost);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::event::FailureKind;
    use super::*;
    use crate::effect::Stamps;

    fn at(at: u64, event: Event) -> Entry {
        Entry { at, reopened: false, event }
    }

    /// By another process than what is before it.
    fn again(entry: Entry) -> Entry {
        Entry { reopened: true, ..entry }
    }

    fn started(when: u64, attempt: u32) -> Entry {
        at(when, Event::StageStarted { stage: 0, attempt, clock: 1 })
    }

    fn applied(when: u64) -> Entry {
        at(when, Event::StageApplied { stage: 0, changed: true, summary: String::new(), outputs: BTreeMap::new() })
    }

    fn done(when: u64, milliseconds: u64, memory: u64) -> Entry {
        at(when, Event::StageDone { stage: 0, cost: Some(Cost { milliseconds, memory: Some(memory) }) })
    }

    fn first(entries: &[Entry]) -> (u64, Option<u64>) {
        let cost = Account::of(entries).stages[0];
        (cost.milliseconds, cost.memory)
    }

    #[test]
    fn an_undisturbed_turn_costs_what_it_says() {
        assert_eq!(first(&[started(100, 1), applied(180), done(200, 110, 7)]), (110, Some(7)));
    }

    #[test]
    fn what_is_begun_again_in_one_turn_is_counted_once() {
        assert_eq!(first(&[started(100, 1), started(150, 2), applied(180), done(200, 110, 7)]), (110, Some(7)));
    }

    #[test]
    fn a_killed_attempt_counts_up_to_the_last_that_is_known_of_it_and_the_night_between_does_not() {
        let settled = again(at(9_000, Event::NotDone { effect: 1, stamps: BTreeMap::new() }));
        let killed = [started(100, 1), at(150, Event::FreezeStarted { since: 0 })];
        let entries = [&killed[..], &[settled, started(9_005, 2), done(9_030, 35, 7)]].concat();
        assert_eq!(first(&entries), (50 + 35, Some(7)));
        let undone = [&killed[..], &[again(at(9_000, Event::UndoStarted { reason: "operator".to_owned() }))]].concat();
        assert_eq!(first(&undone), (50, None));
    }

    #[test]
    fn a_turn_that_was_killed_before_its_verify_counts_and_the_night_between_does_not() {
        assert_eq!(first(&[started(100, 1), applied(180), again(done(9_000, 5, 7))]), (80 + 5, Some(7)));
    }

    #[test]
    fn failed_and_stopped_turns_count_to_their_end() {
        let failed = Event::StageFailed {
            stage: 0,
            kind: FailureKind::Answered,
            code: String::new(),
            message: String::new(),
            recording: 0,
            for_good: false,
        };
        let stopped = Event::Stopped { code: String::new(), message: String::new() };
        let entries = [started(100, 1), at(140, failed), started(500, 2), at(560, stopped), started(900, 3)];
        assert_eq!(first(&entries), (100, None));
    }

    #[test]
    fn a_journal_of_before_there_were_costs_has_the_times_of_its_events() {
        let done = at(200, serde_json::from_str(r#"{"event":"stage-done","stage":0}"#).unwrap());
        assert_eq!(first(&[started(100, 1), applied(180), done]), (100, None));
    }

    #[test]
    fn others_wait_from_the_first_word_of_the_freeze_to_the_end_of_it() {
        let begun = [
            at(100, Event::FreezeStarted { since: 0 }),
            at(110, Event::Frozen {}),
            at(300, Event::FreezeStarted { since: 0 }),
        ];
        assert_eq!(Account::of(&begun).frozen, None);
        let ended = [&begun[..], &[at(400, Event::Thawed { stamps: Stamps::new() })]].concat();
        assert_eq!(Account::of(&ended).frozen, Some(300));
    }

    #[test]
    fn together_is_the_sum_of_times_and_the_most_of_memory() {
        let mut account = Account::default();
        account.add(0, Cost { milliseconds: 1, memory: Some(5) });
        account.add(2, Cost { milliseconds: 2, memory: Some(3) });
        assert_eq!(account.stages.len(), 3);
        assert_eq!(account.total(), Cost { milliseconds: 3, memory: Some(5) });
    }
}
