//! The way back, and the decision that there is none any more.
//!
//! Undo puts back the databases from their restore points and then the effects, newest first. Each step is durable before
//! the next, and each may be repeated: a kill can fall anywhere. Only when everything is back is it `UndoDone`; anything
//! else is `UndoFailed`, loud, and can be tried again.

use std::fs;

use super::event::Event;
use super::run::{Ending, Engine};
use super::state::{Fate, Freeze, Phase, State};
use crate::effect::Fault;
use crate::io::fault;

impl Engine {
    /// Puts everything back.
    pub fn undo(&mut self, reason: &str) -> Ending {
        match self.backward(reason) {
            Ok(()) => Ending::PutBack,
            Err(fault) if fault.code == "interrupted" => Ending::Interrupted,
            Err(fault) => {
                let _ = self
                    .shared
                    .record(Event::UndoFailed { code: fault.code.to_owned(), message: fault.message.clone() });
                self.shared.operator().attention(fault.code, &fault.message);
                Ending::UndoFailed(fault)
            }
        }
    }

    /// What somebody else has written to in databases since the run's last change, in words: undo would lose it.
    ///
    /// # Errors
    /// Where a database cannot be read.
    pub fn foreign_writes(&self) -> Result<Vec<String>, Fault> {
        let databases = self.shared.state(|s| s.databases.clone());
        let mut written = Vec::new();
        for (name, known) in databases {
            let store = self.shared.store(&name)?;
            // The journal line of the last batch may be lost; then the marker is ahead and the stamp proves nothing.
            let ours = known.restored || known.stamp.is_empty() || store.marker()? != known.marker;
            if !ours {
                written.extend(store.written_since(&known.stamp)?);
            }
        }
        Ok(written)
    }

    /// What undo would lose now, in words; none if nothing.
    ///
    /// # Errors
    /// Where the world cannot be looked at.
    pub fn data_loss(&self) -> Result<Option<String>, Fault> {
        if self.shared.state(|s| matches!(s.phase, Phase::Undoing | Phase::PutBack | Phase::UndoFailed)) {
            return Ok(None);
        }
        let mut lost: Vec<String> =
            self.foreign_writes()?.into_iter().map(|what| format!("what was written to {what}")).collect();
        for (name, known) in self.shared.state(|s| s.databases.clone()) {
            if !known.restored && !known.stamp.is_empty() {
                let doubt = self.shared.store(&name)?.doubt(&known.stamp)?;
                lost.extend(doubt.map(|why| format!("what others may have written: {why}")));
            }
        }
        if let Some(since) = self.shared.state(|s| s.live_since) {
            for capability in self.shared.capabilities() {
                let written = capability.written_since(since)?;
                if let Some(first) = written.first {
                    lost.push(format!(
                        "{} files written since the upgrade went live, {first} among them",
                        written.count
                    ));
                }
            }
        }
        Ok((!lost.is_empty()).then(|| format!("undo would lose {}", lost.join(", and "))))
    }

    fn backward(&mut self, reason: &str) -> Result<(), Fault> {
        let phase = self.shared.state(|s| s.phase);
        if phase == Phase::PutBack {
            return self.drop_undo_data();
        }
        if phase != Phase::Undoing {
            self.shared.record(Event::UndoStarted { reason: reason.to_owned() })?;
        }
        self.shared.hold();
        if self.shared.state(State::is_touched) {
            self.shared.freeze(|| Ok(()))?;
        }
        self.restore_databases()?;
        self.undo_effects()?;
        if self.shared.state(|s| s.freeze) != Freeze::Open {
            self.shared.thaw()?;
        }
        self.drop_undo_data()?;
        self.shared.record(Event::UndoDone {})
    }

    fn restore_databases(&self) -> Result<(), Fault> {
        for (name, known) in self.shared.state(|s| s.databases.clone()) {
            if known.restored {
                continue;
            }
            self.shared.note(&format!("putting database {name} back"));
            let store = self.shared.store(&name)?;
            if self.shared.state(|s| s.in_flight().is_some_and(|effect| effect.databases.contains(&name))) {
                store.quiet()?;
            }
            store.close();
            store.restore(&known.saved)?;
            self.shared.record(Event::Restored { database: name })?;
        }
        Ok(())
    }

    fn undo_effects(&self) -> Result<(), Fault> {
        let effects = self.shared.state(|s| s.effects.clone());
        for effect in effects.iter().rev().filter(|e| matches!(e.fate, Fate::Done(_) | Fate::InFlight)) {
            self.shared.capability(&effect.change)?.undo(&effect.change)?;
            fault::point("undo.effect").map_err(|e| Fault::io("undoing an effect", &e))?;
            self.shared.record(Event::Undone { effect: effect.number })?;
        }
        // Of all that is undone by now, not only what this process has undone: after a kill a hook may run twice, but it must run.
        let undone = effects.iter().filter(|e| e.fate != Fate::NotDone);
        let verbs: Vec<_> = undone.map(|e| e.change.verb.as_str()).collect();
        self.shared.operator().after(&verbs)?;
        fault::point("undo.hooks").map_err(|e| Fault::io("the hooks of undo", &e))
    }

    /// Drops the undo data: the upgrade stays. May be called again after a kill.
    ///
    /// # Errors
    /// "not-done" if the run has not come to its end; what the file system says.
    pub fn commit(&mut self) -> Result<(), Fault> {
        match self.shared.state(|s| s.phase) {
            // Decided first: with half of its undo data gone a run must not be undone any more.
            Phase::Done => self.shared.record(Event::Committed {})?,
            Phase::Committed => {}
            _ => return Err(Fault::new("not-done", "only a run whose stages are all done can be committed")),
        }
        for name in self.shared.state(|s| s.databases.keys().cloned().collect::<Vec<_>>()) {
            self.shared.store(&name)?.forget()?;
        }
        self.drop_undo_data()
    }

    fn drop_undo_data(&self) -> Result<(), Fault> {
        for store in self.shared.stores() {
            store.close();
        }
        for capability in self.shared.capabilities() {
            capability.forget()?;
        }
        for name in ["recordings", "restore", "artifacts", "spool"] {
            let path = self.shared.directory().join(name);
            match fs::remove_dir_all(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Fault::io(format_args!("removing {}", path.display()), &e)),
            }
        }
        Ok(())
    }
}
