//! One JSON object a line, for programs. `type` is "event", "progress", "log", "finding" or "note".

use std::io::Write;

use serde_json::{Value, json};

use crate::effect::Finding;
use crate::engine::event::Event;
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
