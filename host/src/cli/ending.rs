//! How a run ended, told at the end of `apply`, `resume` and `undo`.

use liftlock::engine::event::FailureKind;
use liftlock::engine::{Ending, Engine};
use liftlock::report::{json, words};
use serde_json::json;

use super::output::{self, ErrorText};
use super::{Exit, Format, Global};

/// Tells it, and decides the exit code. Policy refusals of a stage keep their own code.
pub(super) fn tell(global: &Global, engine: &Engine, ending: &Ending) -> Exit {
    let (next, failure, slot, for_good) = engine.state(|s| {
        let failure = s.failure.clone();
        let slot = failure.as_ref().map(|f| s.slot(f.0).to_owned()).unwrap_or_default();
        (words::next(s), failure, slot, s.for_good)
    });
    let application = |code: &str| {
        engine.state(|s| {
            let stage = failure.as_ref().map_or(s.stage, |f| f.0);
            s.application_code(stage, code).map(str::to_owned)
        })
    };
    let exit = match &failure {
        // A failure that was found before anything was touched, by a check or by policy, says so in its exit code.
        Some((_, FailureKind::Checked, ..)) if *ending == Ending::PutBack => Exit::Found,
        Some((_, _, code, _)) if *ending == Ending::PutBack && is_refusal(code) => Exit::Refused,
        _ => ending.into(),
    };
    match ending {
        Ending::Done => {
            account(global, engine);
            said(global, "done", "the upgrade is done; look at the application, then commit, or undo", next)
        }
        Ending::PutBack => match &failure {
            Some((_, _, code, message)) => {
                let message = format!("{slot}: {message}; everything is as it was");
                let hint = Some("mend it, then begin again; `liftlock log` tells the whole of it".to_owned());
                output::error(global, &ErrorText { code, application: application(code), message, hint, next });
            }
            // The event has said it to people already.
            None if global.format == Format::Human => {}
            None => said(global, "put-back", "everything is as it was", None),
        },
        Ending::Failed => {
            let unknown = (0, FailureKind::Answered, String::new(), String::new());
            let (_, _, code, message) = failure.as_ref().unwrap_or(&unknown);
            let message = format!("{slot}: {message}");
            let hint = match for_good {
                true => {
                    "what an earlier stage has handed over is what is wrong: put everything back, mend it, begin again"
                }
                false => "mend it and resume, or put everything back with `liftlock undo`",
            };
            let (application, hint) = (application(code), Some(hint.to_owned()));
            output::error(global, &ErrorText { code, application, message, hint, next });
        }
        Ending::Stopped(fault) => {
            let (code, hint) = (fault.code, fault.hint.clone());
            let slot = engine.state(|s| s.slot(s.stage).to_owned());
            let message = if slot == "?" { fault.message.clone() } else { format!("{slot}: {}", fault.message) };
            output::error(global, &ErrorText { code, application: application(code), message, hint, next });
        }
        Ending::UndoFailed(fault) => {
            output::fault(global, fault, Some("liftlock undo"));
        }
        Ending::Interrupted => {
            let message = "stopped at a safe point".to_owned();
            output::error(global, &ErrorText { next, ..ErrorText::new("interrupted", message) });
        }
    }
    exit
}

fn is_refusal(code: &str) -> bool {
    matches!(code, "unpinned-package" | "not-granted" | "private-address")
}

/// What it has cost. That it cannot be read is no reason to end in another way.
fn account(global: &Global, engine: &Engine) {
    let Ok(account) = engine.account() else { return };
    if global.format == Format::Json {
        let account = engine.state(|s| json::account(&s.plan, &account));
        output::json(&json!({ "type": "account", "account": account }));
        return;
    }
    for line in engine.state(|s| words::account(&s.plan, &account)) {
        output::line(&format!("  {line}"));
    }
}

fn said(global: &Global, result: &str, text: &str, next: Option<&str>) {
    if global.format == Format::Json {
        output::json(&json!({ "type": "end", "result": result, "next": next }));
        return;
    }
    output::line(text);
    if let Some(next) = next {
        output::line(&format!("  next: {next}"));
    }
}
