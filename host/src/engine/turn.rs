//! One stage's turn: check, apply (or replay), verify.

use std::collections::BTreeMap;
use std::fs;

use super::apply::Apply;
use super::conversation::{Conversation, Stop};
use super::cost::Turn;
use super::event::{APPLICATION_CODE, Event, FailureKind, Output, application_code};
use super::run::Engine;
use super::shared::now;
use super::stage::{Returned, Trap};
use super::state::{Fate, Step};
use crate::effect::{Extra, Failure, Fault, Finding, Outcome, Severity};
use crate::io::fault;

/// Starts of one stage without a trace before it counts as a crash loop.
const CRASH_LOOP: u32 = 4;
/// How often a batch that the server lost is tried again in the same process.
const BATCH_TRIES: u32 = 3;

/// How a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StageEnd {
    Done,
    Failed,
}

impl Engine {
    pub(super) fn one_stage(&mut self, stage: u32) -> Result<StageEnd, Fault> {
        let turn = Turn::begins();
        let after = self.shared.state(|s| s.plan.slots.get(stage as usize).is_some_and(|p| p.after));
        if after {
            self.shared.thaw()?;
        }
        if self.shared.state(|s| s.step.clone()) != Step::Applied {
            let fresh = self.shared.state(|s| s.step != Step::Applying);
            if fresh && let Some(end) = self.check_before(stage)? {
                return Ok(end);
            }
            for tries in 1.. {
                match self.apply_stage(stage) {
                    Err(fault) if fault.code == "batch-lost" && tries < BATCH_TRIES => {
                        self.shared.note("the database gave a batch up; it is done again");
                    }
                    Ok(StageEnd::Done) => break,
                    other => return other,
                }
            }
        }
        self.verify_stage(stage, &turn)
    }

    fn check_before(&mut self, stage: u32) -> Result<Option<StageEnd>, Fault> {
        let talk = Conversation::look(self.context(stage));
        let Returned { talk, answer } = self.slot(stage)?.stage.check(talk);
        let findings = self.looked(talk, answer)?;
        match findings {
            Ok(findings) => match self.first_blocking(stage, &findings) {
                None => Ok(None),
                Some(f) => self.failed(stage, FailureKind::Checked, &f.into(), None).map(Some),
            },
            Err(failure) => self.failed(stage, FailureKind::Trapped, &failure, None).map(Some),
        }
    }

    fn apply_stage(&mut self, stage: u32) -> Result<StageEnd, Fault> {
        self.reconcile()?;
        let (attempt, deaths, clock) = self.shared.state(|s| (s.attempts + 1, s.deaths, s.clock));
        if deaths >= CRASH_LOOP {
            let text = format!(
                "the stage {} died {deaths} times in the same place",
                self.shared.state(|s| s.slot(stage).to_owned())
            );
            self.shared.record(Event::Stopped { code: "crash-loop".into(), message: text.clone() })?;
            return Err(Fault::new("crash-loop", text).hint("put the installation back with `liftlock undo`"));
        }
        let clock = if attempt == 1 { now() } else { clock };
        self.shared.record(Event::StageStarted { stage, attempt, clock })?;
        let recording = self.recording(stage)?;
        if recording.is_replaying() {
            self.shared.note("replaying what is already done");
        }
        let talk = Conversation::apply(self.context(stage), Apply::new(self.shared.clone(), stage, recording));
        let Returned { talk, answer } = self.slot(stage)?.stage.apply(talk);
        let (apply, stop, outputs, dropped) = talk.finish();
        let apply = apply.ok_or_else(|| Fault::new("host-bug", "the conversation came back without its recording"))?;
        if dropped > 0 {
            let line = format!("{dropped} log lines dropped: the limit is log-bytes");
            self.shared.sink().log(stage, "warning", &line);
        }
        match (stop, answer) {
            (Some(Stop::Fault(fault)), _) => {
                apply.stop(false)?;
                Err(fault)
            }
            (Some(Stop::Interrupted), _) => {
                apply.stop(true)?;
                Err(interrupted())
            }
            (Some(Stop::Limit { code, message }), _) => {
                let length = apply.fail()?;
                self.failed(stage, FailureKind::Trapped, &Failure::new(code, message), Some(length))
            }
            (None, Err(trap)) => {
                let length = apply.fail()?;
                self.failed(stage, FailureKind::Trapped, &Failure::new(&trap.code, trap.message), Some(length))
            }
            (None, Ok(Err(failure))) => {
                let length = apply.fail()?;
                self.failed(stage, FailureKind::Answered, &failure, Some(length))
            }
            (None, Ok(Ok(outcome))) => {
                apply.finish()?;
                self.applied(stage, &outcome, outputs)
            }
        }
    }

    fn applied(&self, stage: u32, outcome: &Outcome, outputs: BTreeMap<String, Output>) -> Result<StageEnd, Fault> {
        let missing = self.shared.state(|s| {
            let planned = s.plan.slots.get(stage as usize)?;
            planned.produces.keys().find(|name| !outputs.contains_key(*name)).cloned()
        });
        if let Some(name) = missing {
            let text = format!("the stage says that it is done, but has not put out {name}");
            let length = self.shared.state(|s| s.position.recording);
            return self.failed(stage, FailureKind::Unverified, &Failure::new("output-missing", text), Some(length));
        }
        let verbs = self.shared.state(|s| {
            let mine = s.effects.iter().filter(|e| e.stage == stage && matches!(e.fate, Fate::Done(_)));
            mine.map(|e| e.change.verb.clone()).collect::<Vec<_>>()
        });
        // Before the event: after a kill a hook may run twice, but it must run.
        self.shared.operator().after(&verbs.iter().map(String::as_str).collect::<Vec<_>>())?;
        fault::point("stage.hooks").map_err(|e| Fault::io("the hooks of a stage", &e))?;
        self.shared.record(Event::StageApplied {
            stage,
            changed: outcome.changed,
            summary: crate::escape::line(&outcome.summary, 500),
            outputs,
        })?;
        Ok(StageEnd::Done)
    }

    fn verify_stage(&mut self, stage: u32, turn: &Turn) -> Result<StageEnd, Fault> {
        let talk = Conversation::look(self.context(stage));
        let Returned { talk, answer } = self.slot(stage)?.stage.verify(talk);
        let mut findings = match self.looked(talk, answer)? {
            Ok(findings) => findings,
            Err(failure) => return self.failed(stage, FailureKind::Unverified, &failure, None),
        };
        findings.extend(self.slot(stage)?.stage.expect()?);
        if let Some(f) = self.first_blocking(stage, &findings) {
            return self.failed(stage, FailureKind::Unverified, &f.into(), None);
        }
        self.shared.record(Event::StageDone { stage, cost: Some(turn.ends()) })?;
        self.drop_finished_recordings();
        Ok(StageEnd::Done)
    }

    /// They are as secret as the backup, and not needed any more. What cannot be removed goes with the run's undo data.
    pub(super) fn drop_finished_recordings(&self) {
        for stage in 0..self.shared.state(|s| s.stage) {
            let _ = fs::remove_file(self.shared.recording_path(stage));
        }
    }

    /// The findings of a look, or why it was ended.
    fn looked(
        &self,
        talk: Conversation,
        answer: Result<Vec<Finding>, Trap>,
    ) -> Result<Result<Vec<Finding>, Failure>, Fault> {
        let stage = talk.context().index;
        for (level, line) in talk.logged() {
            self.shared.sink().log(stage, level, line);
        }
        let (_, stop, ..) = talk.finish();
        Ok(match (stop, answer) {
            (Some(Stop::Fault(fault)), _) => return Err(fault),
            (Some(Stop::Interrupted), _) => return Err(interrupted()),
            (Some(Stop::Limit { code, message }), _) => Err(Failure::new(code, message)),
            (None, Err(trap)) => Err(Failure::new(&trap.code, trap.message)),
            (None, Ok(findings)) => Ok(findings),
        })
    }

    fn first_blocking(&self, stage: u32, findings: &[Finding]) -> Option<Finding> {
        let (slot, codes) = self.shared.state(|s| {
            let planned = s.plan.slots.get(stage as usize);
            (s.slot(stage).to_owned(), planned.map(|p| p.codes.clone()).unwrap_or_default())
        });
        for finding in findings {
            self.shared.sink().finding(&slot, &of_application(finding.clone(), &codes));
        }
        findings.iter().find(|f| f.severity == Severity::Blocking).cloned()
    }

    fn failed(
        &self,
        stage: u32,
        kind: FailureKind,
        failure: &Failure,
        recording: Option<u64>,
    ) -> Result<StageEnd, Fault> {
        // After a verify the recording is complete and stays; the position in the state is its last durable point.
        let known = || self.shared.state(|s| s.position.recording);
        self.shared.record(Event::StageFailed {
            stage,
            kind,
            code: crate::escape::line(&failure.code, 100),
            message: crate::escape::line(&with_cause(failure), 2000),
            recording: recording.unwrap_or_else(known),
            for_good: fact(&failure.extra, "resume") == Some("no"),
        })?;
        Ok(StageEnd::Failed)
    }
}

/// A finding that blocks, with the application's own code beside its own.
pub(crate) fn of_application(mut finding: Finding, codes: &[String]) -> Finding {
    if finding.severity == Severity::Blocking
        && let Some(own) = application_code(codes, &finding.code)
    {
        finding.extra.push((APPLICATION_CODE.to_owned(), own.to_owned()));
    }
    finding
}

/// The message, with what the database says of the statement that it refused. A statement's shape has no values.
fn with_cause(failure: &Failure) -> String {
    let known = [("SQLSTATE", "sqlstate"), ("error", "code"), ("in:", "statement")];
    let facts = known.into_iter().filter_map(|(name, key)| Some(format!("{name} {}", fact(&failure.extra, key)?)));
    match facts.collect::<Vec<_>>().join(", ") {
        facts if facts.is_empty() => failure.message.clone(),
        facts => format!("{} ({facts})", failure.message),
    }
}

fn fact<'a>(extra: &'a Extra, name: &str) -> Option<&'a str> {
    extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn interrupted() -> Fault {
    Fault::new("interrupted", "stopped by the operator at a safe point")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_statement_is_told_with_its_state_and_shape() {
        let mut failure = Failure::new("ERR_MIGRATIONS", "adding a column: Duplicate column name 'secret'");
        assert_eq!(with_cause(&failure), failure.message);
        let facts = [("cause", "sql-error"), ("sqlstate", "42S21"), ("code", "1060"), ("statement", "ALTER TABLE w …")];
        failure.extra = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(
            with_cause(&failure),
            "adding a column: Duplicate column name 'secret' (SQLSTATE 42S21, error 1060, in: ALTER TABLE w …)"
        );
    }

    #[test]
    fn only_what_blocks_under_another_code_gets_that_of_the_application() {
        let codes = ["ERR_GENERAL".to_owned(), "ERR_SPECIAL".to_owned()];
        let own = |severity, code: &str, codes: &[String]| {
            let finding = of_application(Finding { severity, ..Finding::blocking(code, "x") }, codes);
            finding.extra.into_iter().find(|(name, _)| name == APPLICATION_CODE).map(|(_, value)| value)
        };
        assert_eq!(own(Severity::Blocking, "no-ledger", &[]), None);
        assert_eq!(own(Severity::Blocking, "ERR_SPECIAL", &codes), None);
        assert_eq!(own(Severity::Warning, "no-ledger", &codes), None);
        assert_eq!(own(Severity::Blocking, "no-ledger", &codes).as_deref(), Some("ERR_GENERAL"));
    }
}
