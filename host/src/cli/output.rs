//! Standard output and standard error: who may write what there, and how errors look.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget};
use liftlock::effect::Fault;
use liftlock::engine::Sink;
use liftlock::engine::event::Plan;
use liftlock::report::{Human, Json};
use liftlock::upgrade::{There, Trouble};
use serde_json::{Value, json};

use super::{Exit, Format, Global};

/// The reporter for a run.
pub(super) fn sink(global: &Global, plan: Option<Plan>) -> Box<dyn Sink> {
    match global.format {
        Format::Json => Box::new(Json::new(std::io::stdout())),
        Format::Human => {
            let new_bar: fn() -> ProgressBar = || ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let new_bar = std::io::stderr().is_terminal().then_some(new_bar);
            Box::new(Human::new(anstream::stdout(), new_bar, plan, global.verbose))
        }
    }
}

/// One line on standard output. A reader that has gone away is no reason to fail.
pub(super) fn line(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// One JSON object on standard output.
pub(super) fn json(value: &Value) {
    let _ = writeln!(std::io::stdout(), "{value}");
}

/// An error: code, cause, hint, and one next command.
pub(super) struct ErrorText<'a> {
    pub(super) code: &'a str,
    /// What the application's people know it by, if that is another one.
    pub(super) application: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) next: Option<&'a str>,
}

impl<'a> ErrorText<'a> {
    /// One of ours, with nothing else to say.
    pub(super) fn new(code: &'a str, message: String) -> Self {
        Self { code, application: None, message, hint: None, next: None }
    }
}

/// Tells an error, for people on standard error, for programs on standard output.
pub(super) fn error(global: &Global, text: &ErrorText<'_>) {
    if global.format == Format::Json {
        json(&json!({
            "type": "error", "code": text.code, "application_code": text.application, "message": text.message,
            "hint": text.hint, "next": text.next,
        }));
        return;
    }
    let red: Style = AnsiColor::Red.on_default().bold();
    let mut err = anstream::stderr();
    let application = text.application.iter().map(|code| format!("{code}: ")).collect::<String>();
    let _ = writeln!(err, "{red}error[{}]{red:#}: {application}{}", text.code, text.message);
    if let Some(hint) = &text.hint {
        let _ = writeln!(err, "  hint: {hint}");
    }
    if let Some(next) = text.next {
        let _ = writeln!(err, "  next: {next}");
    }
}

/// Tells a fault of the surroundings.
pub(super) fn fault(global: &Global, fault: &Fault, next: Option<&str>) {
    let (message, hint) = (fault.message.clone(), fault.hint.clone());
    error(global, &ErrorText { hint, next, ..ErrorText::new(fault.code, message) });
}

/// Tells what is no error, and no reason to stop.
pub(super) fn warning(global: &Global, code: &str, message: &str) {
    if global.format == Format::Json {
        json(&json!({ "type": "warning", "code": code, "message": message }));
        return;
    }
    let yellow: Style = AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{yellow}warning[{code}]{yellow:#}: {message}");
}

/// Tells, in one line, that the upgrade is done already.
pub(super) fn nothing_to_do(global: &Global, there: &There) -> Exit {
    let There { run, to, committed } = there;
    let next = (!committed).then_some("liftlock commit");
    if global.format == Format::Json {
        json(&json!({ "type": "end", "result": "nothing-to-do", "run": run, "to": to, "next": next }));
    } else {
        let open = if *committed { "" } else { "; it can still be undone until `liftlock commit`" };
        line(&format!("nothing to do: the run {run} has brought this to {to}{open}"));
    }
    Exit::Done
}

/// One next command, however many errors there are: with the last.
fn next(number: usize, last: usize) -> Option<&'static str> {
    (number == last).then_some("liftlock check")
}

/// Tells why an upgrade cannot begin, and how the program ends then.
pub(super) fn trouble(global: &Global, trouble: &Trouble) -> Exit {
    match trouble {
        Trouble::Problems(problems) => {
            let last = problems.iter().count();
            for (number, problem) in (1..).zip(problems.iter()) {
                let (code, message) = (problem.code, problem.to_string());
                error(global, &ErrorText { next: next(number, last), ..ErrorText::new(code, message) });
            }
        }
        Trouble::Refused(refusals) => {
            for (number, refusal) in (1..).zip(refusals) {
                let lines = (!refusal.lines.is_empty()).then(|| {
                    format!("to allow it, write into installation.toml:\n    {}", refusal.lines.join("\n    "))
                });
                let message = format!("{}: {}", refusal.slot, refusal.message);
                let next = next(number, refusals.len());
                error(global, &ErrorText { hint: lines, next, ..ErrorText::new(refusal.code, message) });
            }
        }
        Trouble::RunOpen { run, what, next } => {
            let message = format!("the run {run} {what}");
            error(global, &ErrorText { next: Some(next), ..ErrorText::new("run-open", message) });
        }
        Trouble::NoRun => {
            let message = "there is no run of this installation yet".to_owned();
            error(global, &ErrorText { next: Some("liftlock apply"), ..ErrorText::new("no-run", message) });
        }
        Trouble::Fault(f) if f.code == "plan-changed" => fault(global, f, Some("liftlock undo")),
        Trouble::Fault(f) => fault(global, f, Some("liftlock status")),
    }
    trouble.into()
}
