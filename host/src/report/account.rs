//! The whole of a run in the lines of Mautic's `upgrade_log.txt`: `[Y-m-d H:i:s] text`, in UTC.
//!
//! Stages and turns of the run, not each effect: who wants those has `liftlock log`.

use std::fmt::Write;

use super::words;
use crate::engine::event::Event;
use crate::engine::journal::Entry;
use crate::engine::state::State;
use crate::escape;

/// No line is longer.
const LINE: usize = 2000;

/// The account of a run. Its first line has the run's id.
#[must_use]
pub fn account(state: &State, entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let at = time(entry.at);
        let mut line = |words: &str| {
            let _ = writeln!(text, "[{at}] {}", escape::line(words, LINE));
        };
        match &entry.event {
            Event::RunStarted { plan } => {
                line(&format!("STARTING {} AT {at} {}", plan.title.to_uppercase(), mark(&plan.run)));
                line(&format!("Installed version: {}", plan.from));
                line(&format!("New version: {}", plan.to));
                line(&format!("Upgrade type: CLI (Liftlock {})", plan.host));
            }
            Event::Intent { .. }
            | Event::Done { .. }
            | Event::NotDone { .. }
            | Event::Batch { .. }
            | Event::Undone { .. } => {}
            event => {
                if let Some(words) = words::event(event, |stage| state.slot(stage).to_owned()) {
                    line(&words);
                }
            }
        }
    }
    text
}

/// What tells the account of one run from anything else, in its first line.
#[must_use]
pub fn mark(run: &str) -> String {
    format!("(run {run})")
}

fn time(at: u64) -> String {
    let time = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    time.map_or_else(|| at.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::{FORMAT, FailureKind, Plan};

    #[test]
    fn lines_are_as_those_of_the_original_and_nothing_ends_one_early() {
        let plan = Plan {
            format: FORMAT,
            run: "r1".into(),
            host: "1.0".into(),
            title: "Mautic 2.16 to 3.0.2".into(),
            from: "2.16".into(),
            to: "3.0.2".into(),
            ..Plan::default()
        };
        let failed = Event::StageFailed {
            stage: 0,
            kind: FailureKind::Answered,
            code: "ERR".into(),
            message: "a\n[1970-01-01 00:00:00] forged".into(),
            recording: 0,
            for_good: false,
        };
        let entries: Vec<_> = [
            (0, Event::RunStarted { plan }),
            (61_000, Event::StageStarted { stage: 0, attempt: 1, clock: 0 }),
            (62_000, failed),
        ]
        .into_iter()
        .map(|(at, event)| Entry { at, reopened: false, event })
        .collect();
        let state = State::first(&entries[0].event).unwrap();
        let text = account(&state, &entries);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "[1970-01-01 00:00:00] STARTING MAUTIC 2.16 TO 3.0.2 AT 1970-01-01 00:00:00 (run r1)");
        assert!(lines[4].starts_with("[1970-01-01 00:01:01] "), "{text}");
        assert!(lines[5].contains("ERR: a\\n[1970"), "{text}");
        assert_eq!(lines.len(), 6);
    }
}
