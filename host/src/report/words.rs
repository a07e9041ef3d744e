//! Events and states in words for people.

use crate::engine::event::{EffectResult, Event, FailureKind, Plan};
use crate::engine::state::{Freeze, Phase, State, Step};
use crate::engine::{Account, Cost};

/// One line for an event, or none for those that only the engine needs. `slot` names a stage.
#[must_use]
pub fn event(event: &Event, slot: impl Fn(u32) -> String) -> Option<String> {
    Some(match event {
        Event::RunStarted { plan } => format!("run {} begins: {}", plan.run, plan.title),
        Event::StageStarted { stage, attempt: 1, .. } => format!("{} begins", slot(*stage)),
        Event::StageStarted { stage, attempt, .. } => format!("{} begins again (attempt {attempt})", slot(*stage)),
        Event::FreezeStarted { .. } => "freezing the installation".to_owned(),
        Event::Frozen {} => "the installation is frozen: nobody else writes".to_owned(),
        Event::RestorePoint { database, .. } => format!("restore point of database {database} made"),
        Event::Intent { effect, change, .. } => format!("effect {effect}: {} {}", change.verb, change.object),
        Event::Done { effect, result: EffectResult::Ok(_), .. } => format!("effect {effect} done"),
        Event::Done { effect, result: EffectResult::Failed(failure), .. } => {
            format!("effect {effect} refused: {}", failure.message)
        }
        Event::NotDone { effect, .. } => format!("effect {effect} had not happened before the crash"),
        Event::Batch { database, statements: 0, .. } => {
            format!("database {database}: a batch found again after a crash")
        }
        Event::Batch { database, statements, rows, .. } => {
            format!("database {database}: {statements} statements, {rows} rows committed")
        }
        Event::StageApplied { stage, changed: false, summary, .. } => {
            format!("{}: nothing to do ({summary})", slot(*stage))
        }
        Event::StageApplied { stage, summary, .. } => format!("{}: {summary}", slot(*stage)),
        Event::StageDone { stage, cost: Some(cost) } => format!("{} done ({})", slot(*stage), self::cost(cost)),
        Event::StageDone { stage, cost: None } => format!("{} done", slot(*stage)),
        Event::StageFailed { stage, kind, code, message, .. } => {
            format!("{} {}: {code}: {message}", slot(*stage), failed(*kind))
        }
        Event::Mended { database, .. } => {
            format!("database {database} was changed after the failure: going on with it as it is")
        }
        Event::Stopped { code, message } => format!("stopped: {code}: {message}"),
        Event::ThawStarted { .. } => "opening the installation".to_owned(),
        Event::Thawed { .. } => "the installation is open again".to_owned(),
        Event::RunDone {} => "all stages are done".to_owned(),
        Event::UndoStarted { reason } => format!("putting everything back ({reason})"),
        Event::Undone { effect } => format!("effect {effect} put back"),
        Event::Restored { database } => format!("database {database} put back"),
        Event::UndoDone {} => "everything is as it was".to_owned(),
        Event::UndoFailed { code, message } => format!("UNDO FAILED: {code}: {message}"),
        Event::Committed {} => "committed: the undo data is dropped".to_owned(),
    })
}

fn failed(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Answered => "failed",
        FailureKind::Trapped => "was ended",
        FailureKind::Checked => "cannot begin",
        FailureKind::Unverified => "does not hold",
    }
}

/// Where a run is, in a sentence.
#[must_use]
pub fn state(state: &State) -> String {
    let slot = state.slot(state.stage);
    let total = state.plan.slots.len();
    match state.phase {
        Phase::Upgrading if state.step == Step::Failed => {
            format!("stage {} of {total}, {slot}, has failed", state.stage + 1)
        }
        Phase::Upgrading if state.stopped.is_some() => {
            format!("stopped at stage {} of {total}, {slot}", state.stage + 1)
        }
        Phase::Upgrading => {
            format!("at stage {} of {total}, {slot}", (state.stage + 1).min(u32::try_from(total).unwrap_or(u32::MAX)))
        }
        Phase::Done => "done; it can still be undone".to_owned(),
        Phase::Undoing => "on its way back".to_owned(),
        Phase::PutBack => "put back: everything is as it was".to_owned(),
        Phase::UndoFailed => "undo failed: something could not be put back".to_owned(),
        Phase::Committed => "committed".to_owned(),
    }
}

/// The one command that comes next, if there is one.
#[must_use]
pub fn next(state: &State) -> Option<&'static str> {
    match state.phase {
        Phase::Upgrading => {
            let hopeless = state.stopped.as_ref().is_some_and(|(code, _)| {
                matches!(
                    code.as_str(),
                    "replay-diverged"
                        | "undetermined"
                        | "crash-loop"
                        | "recording-of-another-build"
                        | "foreign-write"
                        | "changed-before-freeze"
                        | "recording-damaged"
                )
            });
            Some(if hopeless || (state.step == Step::Failed && state.for_good) {
                "liftlock undo"
            } else {
                "liftlock resume"
            })
        }
        Phase::Done => Some("liftlock commit"),
        Phase::Undoing | Phase::UndoFailed => Some("liftlock undo"),
        Phase::PutBack => Some("liftlock apply"),
        Phase::Committed => None,
    }
}

/// Who may write now, in words.
#[must_use]
pub fn freeze(freeze: Freeze) -> &'static str {
    match freeze {
        Freeze::Open => "open (untouched)",
        Freeze::Freezing => "being frozen",
        Freeze::Frozen => "frozen",
        Freeze::Thawing => "being opened",
        Freeze::Live => "open",
    }
}

/// What a run has cost: a line for each stage that was begun, and one for all of them.
#[must_use]
pub fn account(plan: &Plan, account: &Account) -> Vec<String> {
    let named: Vec<_> = plan.slots.iter().map(|slot| slot.slot.as_str()).zip(&account.stages).collect();
    if named.is_empty() {
        return Vec::new();
    }
    const TOGETHER: &str = "together";
    let wide = named.iter().map(|(name, _)| name.len()).fold(TOGETHER.len(), usize::max);
    let mut lines: Vec<_> = named.iter().map(|(name, spent)| format!("{name:wide$}  {}", columns(spent))).collect();
    let frozen = account.frozen.map(|frozen| format!("; others waited {}", seconds(frozen))).unwrap_or_default();
    lines.push(format!("{TOGETHER:wide$}  {}{frozen}", columns(&account.total())));
    lines
}

fn columns(cost: &Cost) -> String {
    let memory = cost.memory.map(|bytes| format!("  {:>5} MiB", mebibytes(bytes))).unwrap_or_default();
    format!("{:>9}{memory}", seconds(cost.milliseconds))
}

fn cost(cost: &Cost) -> String {
    let memory = cost.memory.map(|bytes| format!(", at most {} MiB of memory", mebibytes(bytes))).unwrap_or_default();
    format!("{}{memory}", seconds(cost.milliseconds))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds(milliseconds: u64) -> String {
    format!("{:.1} s", milliseconds as f64 / 1000.0)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_in_columns_and_add_up() {
        let slots = ["a", "switch-files", "never-begun"]
            .map(|slot| crate::engine::event::PlannedStage { slot: slot.to_owned(), ..Default::default() });
        let plan = Plan { slots: slots.into(), ..Default::default() };
        let stages =
            vec![Cost { milliseconds: 1_250, memory: Some(61 << 20) }, Cost { milliseconds: 70_000, memory: None }];
        let lines = account(&plan, &Account { stages, frozen: Some(69_000) });
        assert_eq!(
            lines,
            [
                "a                 1.2 s     61 MiB",
                "switch-files     70.0 s",
                "together         71.2 s     61 MiB; others waited 69.0 s"
            ]
        );
        assert!(account(&plan, &Account::default()).is_empty());
    }
}
