//! One JSON object a line, for programs. `type` is "event", "progress", "log", "finding" or "note".

use std::io::Write;

use serde_json::{Value, json};

use crate::effect::Finding;
use crate::engine::Account;
use crate::engine::event::{Event, Plan};
use crate::engine::sink::{Progress, Sink};

/// Writes JSON lines.
pub struct Json<W> {
    out: W,
}

impl<W: Write + Send> Json<W> {
    /// A reporter that writes there.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    fn line(&mut self, value: &Value) {
        // A reader that has gone away must not end an upgrade.
        let _ = writeln!(self.out, "{value}").and_then(|()| self.out.flush());
    }
}

impl<W: Write + Send> Sink for Json<W> {
    fn event(&mut self, event: &Event) {
        let event = serde_json::to_value(event).unwrap_or(Value::Null);
        self.line(&json!({ "type": "event", "event": event }));
    }

    fn progress(&mut self, stage: u32, progress: &Progress) {
        self.line(&json!({
            "type": "progress", "stage": stage, "done": progress.done, "total": progress.total, "unit": progress.unit,
        }));
    }

    fn log(&mut self, stage: u32, level: &str, line: &str) {
        self.line(&json!({ "type": "log", "stage": stage, "level": level, "message": line }));
    }

    fn finding(&mut self, slot: &str, finding: &Finding) {
        self.line(&json!({ "type": "finding", "slot": slot, "finding": finding }));
    }

    fn note(&mut self, text: &str) {
        self.line(&json!({ "type": "note", "message": text }));
    }
}

/// What a run has cost, in milliseconds and bytes.
#[must_use]
pub fn account(plan: &Plan, account: &Account) -> Value {
    let stages = plan.slots.iter().zip(&account.stages);
    let stages = stages
        .map(|(slot, cost)| json!({ "slot": slot.slot, "milliseconds": cost.milliseconds, "memory": cost.memory }));
    let total = account.total();
    json!({
        "stages": stages.collect::<Vec<_>>(),
        "milliseconds": total.milliseconds,
        "memory": total.memory,
        "frozen": account.frozen,
    })
}
