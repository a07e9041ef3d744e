//! `status.json`: how far the run is and when it last was alive, in numbers.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::{Standing, Way};
use crate::io::open_plain;

/// The form of the file. What has another number in `liftlock` is not ours to understand.
const FORM: u32 = 1;
/// Ours is much shorter.
const LONGEST: u64 = 16 << 10;

/// What the run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// On its way to the new version.
    Forward,
    /// On its way back to the old one.
    Back,
    /// Nothing: it waits for the operator.
    Stopped,
}

/// The status beside a maintenance page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// That it is ours, and its form.
    liftlock: u32,
    /// The run that it belongs to.
    pub run: String,
    /// What it is doing.
    pub doing: Doing,
    /// The stage that is going on, from 1.
    pub stage: u32,
    /// How many there are.
    pub stages: u32,
    /// Since when others have been kept out, in milliseconds since 1970.
    pub since: u64,
    /// The last sign of life, in milliseconds since 1970.
    pub heartbeat: u64,
    /// For so many milliseconds a sign of life is good.
    pub lease: u64,
}

impl Status {
    pub(super) fn new(run: &str, standing: Standing, stopped: bool, heartbeat: u64, lease: u64) -> Self {
        let doing = match standing.way {
            _ if stopped => Doing::Stopped,
            Way::Forward => Doing::Forward,
            Way::Back => Doing::Back,
        };
        let Standing { since, stage, stages, .. } = standing;
        Self { liftlock: FORM, run: run.to_owned(), doing, stage, stages, since, heartbeat, lease }
    }

    /// Reads one. None if there is none, or it is not ours.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        open_plain(path).ok()??.take(LONGEST).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok().filter(|status: &Self| status.liftlock == FORM)
    }

    /// Whether the run that it tells of may be believed to be at work: what the page says at this moment.
    #[must_use]
    pub fn is_alive(&self, now: u64) -> bool {
        self.doing != Doing::Stopped && now.saturating_sub(self.heartbeat) <= self.lease
    }

    /// Up to when it is good, in milliseconds since 1970.
    #[must_use]
    pub(super) fn good_until(&self) -> u64 {
        self.heartbeat.saturating_add(self.lease)
    }
}
