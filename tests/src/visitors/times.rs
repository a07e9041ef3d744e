//! When a run kept others away.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Written;
use crate::fixture::Installation;

/// What the journal of the last run says of the freeze: milliseconds since 1970.
#[derive(Debug, Default)]
pub struct Times {
    /// When it was frozen first, drain and all.
    pub frozen: Option<u64>,
    /// When it was opened first.
    pub opened: Option<u64>,
    /// When it was opened last.
    pub opened_last: Option<u64>,
}

impl Times {
    /// Of the last run.
    ///
    /// # Errors
    /// If there is none, or its journal cannot be read.
    pub fn of(installation: &Installation) -> Result<Self> {
        let mut times = Self::default();
        for (at, event) in events(installation)? {
            match event.as_str() {
                "frozen" => _ = times.frozen.get_or_insert(at),
                "thaw-started" => {
                    times.opened.get_or_insert(at);
                    times.opened_last = Some(at);
                }
                _ => {}
            }
        }
        Ok(times)
    }

    /// It was begun before others were kept away.
    #[must_use]
    pub fn before_the_freeze(&self, written: &Written) -> bool {
        self.opened.is_none_or(|opened| written.begun < opened)
    }

    /// It came to its end later than the drain allows: the operator has promised that none does.
    #[must_use]
    pub fn is_overdue(&self, written: &Written) -> bool {
        self.before_the_freeze(written) && self.frozen.is_some_and(|frozen| written.done > frozen)
    }

    /// It was begun after the site was opened last.
    #[must_use]
    pub fn after_the_last(&self, written: &Written) -> bool {
        self.opened_last.is_some_and(|opened| written.begun >= opened)
    }
}

/// When each event was, of the last run.
///
/// # Errors
/// If there is none, or its journal cannot be read.
pub fn events(installation: &Installation) -> Result<Vec<(u64, String)>> {
    let mut runs: Vec<_> = fs::read_dir(installation.state.join("runs"))?.collect::<Result<_, _>>()?;
    runs.sort_by_key(fs::DirEntry::file_name);
    let run = runs.last().context("there is no run")?;
    let text = fs::read_to_string(run.path().join("journal.jsonl"))?;
    let event = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        Some((line["at"].as_u64()?, line["event"]["event"].as_str()?.to_owned()))
    };
    Ok(text.lines().filter_map(event).collect())
}
