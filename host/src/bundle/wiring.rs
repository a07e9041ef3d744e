//! Whether the slots of a pipeline fit together: every input comes from an earlier output of the same kind, and every name
//! that is used is declared.

use std::collections::BTreeSet;

use super::pipeline::Pipeline;
use super::problem::Problem;
use super::slot::{AskedCapability, Expect, Input, Phase, Port, Slot};
use super::suggest::did_you_mean;
use super::versions::VERSIONS;

/// All that does not fit.
pub(super) fn check(pipeline: &Pipeline) -> Vec<Problem> {
    let mut check = Check { pipeline, problems: Vec::new() };
    if pipeline.slots.is_empty() {
        check.note("no-slots", "", "has no [[slot]]: there is nothing to do".to_owned(), None);
    }
    if let Some(log) = pipeline.log.as_ref().filter(|log| !pipeline.roots.contains_key(&log.root)) {
        let hint = did_you_mean(&log.root, pipeline.roots.keys().map(String::as_str));
        check.note("unknown-name", "[log] root", format!("no root is called {:?}", log.root), hint);
    }
    for (index, slot) in pipeline.slots.iter().enumerate() {
        check.phase(index, slot);
        check.inputs(index, slot);
        check.asks(slot);
        check.expectations(slot);
    }
    if let Some(versions) = &pipeline.versions {
        check.asks(versions);
    }
    check.problems
}

/// The key of a slot in messages and places.
pub(super) fn slot_key(slot: &str) -> String {
    if slot == VERSIONS { format!("[{VERSIONS}]") } else { format!("[[slot]] {slot:?}") }
}

struct Check<'p> {
    pipeline: &'p Pipeline,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn note(&mut self, code: &'static str, key: &str, message: String, hint: Option<String>) {
        self.problems.push(self.pipeline.places.problem(code, key, message).hint(hint));
    }

    fn phase(&mut self, index: usize, slot: &Slot) {
        let before = self.pipeline.slots.iter().take(index).find(|earlier| earlier.phase > slot.phase);
        if let (Some(before), Phase::Upgrade) = (before, slot.phase) {
            let message = format!("comes behind {:?}, which runs after the upgrade", before.name);
            self.note("phase-order", &slot_key(&slot.name), message, None);
        }
    }

    fn inputs(&mut self, index: usize, slot: &Slot) {
        let section = slot_key(&slot.name);
        for port in slot.consumes.iter().filter(|port| !port.optional && !slot.inputs.contains_key(&port.name)) {
            let hint = format!("write: inputs = {{ {} = \"slot.output\" }}", port.name);
            let message = format!("the input {:?} comes from nowhere", port.name);
            self.note("not-wired", &format!("{section} consumes.{}", port.name), message, Some(hint));
        }
        for (name, input) in &slot.inputs {
            let key = format!("{section} inputs.{name}");
            match slot.consumed(name) {
                Some(port) => self.source(&key, index, port, input),
                None => {
                    let hint = did_you_mean(name, slot.consumes.iter().map(|port| port.name.as_str()));
                    self.note("unknown-name", &key, format!("consumes has no {name:?}"), hint);
                }
            }
        }
    }

    /// Whether an input leads to an output that is there in time.
    fn source(&mut self, key: &str, index: usize, port: &Port, input: &Input) {
        let slots = &self.pipeline.slots;
        let Some(position) = slots.iter().position(|slot| slot.name == input.slot) else {
            let hint = did_you_mean(&input.slot, slots.iter().take(index).map(|slot| slot.name.as_str()));
            return self.note("unknown-slot", key, format!("no slot is called {:?}", input.slot), hint);
        };
        if position >= index {
            let what = if position == index { "is this slot itself" } else { "comes later" };
            let hint = Some("an input comes from an earlier slot".to_owned());
            return self.note("input-order", key, format!("the slot {:?} {what}", input.slot), hint);
        }
        let Some(source) = slots.get(position) else { return };
        match source.produced(&input.output) {
            None => {
                let hint = did_you_mean(&input.output, source.produces.iter().map(|port| port.name.as_str()));
                self.note(
                    "unknown-name",
                    key,
                    format!("the slot {:?} does not produce {:?}", source.name, input.output),
                    hint,
                );
            }
            Some(output) if output.kind != port.kind => {
                let message = format!("{input} is of kind {}, and {:?} wants {}", output.kind, port.name, port.kind);
                self.note("kind-mismatch", key, message, None);
            }
            Some(_) => {}
        }
    }

    fn asks(&mut self, slot: &Slot) {
        let mut seen = BTreeSet::new();
        for (number, ask) in slot.asks.iter().enumerate() {
            let key = format!("{} asks[{number}].object", slot_key(&slot.name));
            if !seen.insert((ask.capability, &ask.object)) {
                self.note(
                    "duplicate-ask",
                    &key,
                    format!("{} {:?} is asked for twice", ask.capability, ask.object),
                    None,
                );
            }
            match ask.capability {
                AskedCapability::Database => self.database(&key, &ask.object),
                AskedCapability::Files => self.root(&key, &ask.object),
                AskedCapability::Command => self.command(&key, &ask.object),
                AskedCapability::Network => {}
            }
        }
    }

    fn expectations(&mut self, slot: &Slot) {
        for (number, expect) in slot.expect.iter().enumerate() {
            let section = format!("{} expect[{number}]", slot_key(&slot.name));
            match expect {
                Expect::Query { database, .. } => self.database(&format!("{section}.database"), database),
                Expect::File { root, .. } => self.root(&format!("{section}.root"), root),
            }
        }
    }

    fn database(&mut self, key: &str, name: &str) {
        self.declared(key, "database", "databases", name, self.pipeline.databases.keys());
    }

    fn root(&mut self, key: &str, name: &str) {
        self.declared(key, "root", "roots", name, self.pipeline.roots.keys());
    }

    fn command(&mut self, key: &str, name: &str) {
        self.declared(key, "command", "commands", name, self.pipeline.commands.keys());
    }

    fn declared<'n>(
        &mut self,
        key: &str,
        what: &str,
        table: &str,
        name: &str,
        known: impl Iterator<Item = &'n String>,
    ) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        if known.contains(&name) {
            return;
        }
        let hint = did_you_mean(name, known).unwrap_or_else(|| format!("add [{table}.{name}]"));
        self.note("unknown-name", key, format!("no {what} is called {name:?}"), Some(hint));
    }
}
