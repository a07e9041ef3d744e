//! What a prober has seen, in numbers.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::{Seen, View};

/// What a visitor can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The old version, all of it.
    Old,
    /// The maintenance page.
    Maintenance,
    /// The new version, all of it.
    New,
    /// Something of each.
    Mixed,
}

/// Counts.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Of looks that saw the old version.
    pub old: usize,
    /// The maintenance page.
    pub maintenance: usize,
    /// The new version.
    pub new: usize,
    /// Anything else.
    pub mixed: usize,
    /// Of looks that took longer than the drain.
    pub overdue: usize,
    /// How long it went on.
    pub time: Duration,
    /// How long visitors were shown the maintenance page.
    pub closed: Duration,
    /// What came after what.
    pub phases: Vec<Phase>,
    /// The first that was mixed.
    pub example: Option<View>,
}

impl Seen {
    /// Counts what is the one version and what the other.
    #[must_use]
    pub fn tally(&self, old: &View, new: &View) -> Tally {
        let mut tally = Tally { overdue: self.overdue, ..Tally::default() };
        for span in &self.spans {
            let (phase, count) = match &span.view {
                View::Maintenance => (Phase::Maintenance, &mut tally.maintenance),
                view if view == old => (Phase::Old, &mut tally.old),
                view if view == new => (Phase::New, &mut tally.new),
                view => {
                    tally.example.get_or_insert_with(|| view.clone());
                    (Phase::Mixed, &mut tally.mixed)
                }
            };
            *count += span.looks;
            if phase == Phase::Maintenance {
                tally.closed += span.ended - span.begun;
            }
            if tally.phases.last() != Some(&phase) {
                tally.phases.push(phase);
            }
        }
        if let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) {
            tally.time = last.ended - first.begun;
        }
        tally
    }
}

impl Tally {
    /// All looks.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.old + self.maintenance + self.new + self.mixed + self.overdue
    }

    /// Looks in a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a few thousands")]
    pub fn rate(&self) -> f64 {
        self.looks() as f64 / self.time.as_secs_f64()
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.old += other.old;
        self.maintenance += other.maintenance;
        self.new += other.new;
        self.mixed += other.mixed;
        self.overdue += other.overdue;
        self.time += other.time;
        self.closed += other.closed;
        self.example = self.example.or(other.example);
        self
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { old, maintenance, new, mixed, overdue, .. } = self;
        let (looks, rate) = (self.looks(), self.rate());
        write!(
            f,
            "probes={looks}, old={old}, maintenance={maintenance}, new={new}, mixed={mixed}, overdue={overdue} at {rate:.0}/s"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn versions(text: &str) -> View {
        let mut words = text.split(' ').map(str::to_owned);
        View::Versions(std::array::from_fn(|_| words.next().unwrap()))
    }

    #[test]
    fn each_look_is_of_one_kind_and_long_ones_are_apart() {
        let (start, ms) = (Instant::now(), Duration::from_millis(1));
        let looks = ["1 1 1", "1 1 1", "", "", "", "2 1 1", "2 2 2"];
        let mut seen = Seen::default();
        for (at, look) in (0..).zip(looks) {
            let view = if look.is_empty() { View::Maintenance } else { versions(look) };
            seen.note(view, start + ms * at, start + ms * (at + 1), ms * 10);
        }
        seen.note(versions("2 2 1"), start, start + ms * 11, ms * 10);
        let tally = seen.tally(&versions("1 1 1"), &versions("2 2 2"));
        assert_eq!((tally.old, tally.maintenance, tally.new, tally.mixed, tally.overdue), (2, 3, 1, 1, 1));
        assert_eq!(tally.phases, [Phase::Old, Phase::Maintenance, Phase::Mixed, Phase::New]);
        assert_eq!((tally.closed, tally.time), (ms * 3, ms * 7));
        assert_eq!(tally.example, Some(versions("2 1 1")));
    }
}
