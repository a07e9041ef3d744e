//! `liftlock status`.

use liftlock::bundle::Installation;
use liftlock::engine::sink::Silent;
use liftlock::engine::state::{Phase, State};
use liftlock::engine::{Account, Lock};
use liftlock::maintenance::Shown;
use liftlock::report::{self, words};
use liftlock::upgrade::{self, Trouble};
use serde_json::json;

use super::{Exit, Format, Global, output};

/// Say where the last run is, and what comes next
///
/// Also while a run is going on. Changes nothing.
#[derive(clap::Args)]
pub(super) struct Status {}

impl Status {
    #[expect(clippy::unused_self, reason = "has the shape of its siblings")]
    pub(super) fn run(&self, global: &Global) -> Exit {
        let found = Installation::load(&global.installation).map_err(Trouble::from).and_then(|installation| {
            let last = upgrade::last_run(&installation.state)?;
            Ok((installation, last))
        });
        match found {
            Err(trouble) => output::trouble(global, &trouble),
            Ok((installation, None)) => {
                none(global, &installation.name);
                Exit::Done
            }
            Ok((installation, Some((run, state, entries)))) => {
                let running = Lock::take(&installation.state).is_err_and(|fault| fault.code == "locked");
                let started = entries.first().map_or(0, |e| e.at);
                let account = Account::of(&entries);
                let loss = (state.phase == Phase::Done && !running).then(|| cost_of_undo(global)).flatten();
                let shown = Shown::of(&installation);
                tell(global, &Told { run: run.id(), state: &state, running, started, loss, account, shown });
                Exit::Done
            }
        }
    }
}

/// What undo would lose now, in words. Whatever keeps it from being known is told by `check`, not here.
fn cost_of_undo(global: &Global) -> Option<String> {
    let upgrade = global.open().ok()?;
    let engine = upgrade.reopen(|_| Box::new(Silent)).ok()?;
    let loss = engine.data_loss().ok()?;
    Some(loss.unwrap_or_else(|| "undo would lose nothing".to_owned()))
}

struct Told<'a> {
    run: &'a str,
    state: &'a State,
    running: bool,
    started: u64,
    loss: Option<String>,
    account: Account,
    shown: Option<Shown>,
}

/// What visitors are in front of, in words.
fn in_words(shown: &Shown, state: &State) -> String {
    let time = super::log::time;
    let since = state.frozen_since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
    let beat = shown.status.as_ref().map_or_else(
        || "it has no heartbeat".to_owned(),
        |status| format!("last heartbeat {}", time(status.heartbeat)),
    );
    let read = if shown.alive { "the upgrade is going on" } else { "the upgrade has stopped" };
    format!("the maintenance page is up{since}, {beat}; it says that {read}")
}

fn none(global: &Global, installation: &str) {
    match global.format {
        Format::Json => output::json(&json!({ "installation": installation, "run": null, "next": "liftlock check" })),
        Format::Human => {
            output::line(&format!("{installation}: no run yet"));
            output::line("  next: liftlock check");
        }
    }
}

fn tell(global: &Global, told: &Told<'_>) {
    let Told { run, state, running, started, loss, account, shown } = told;
    let (running, started) = (*running, *started);
    let next = if running { None } else { words::next(state) };
    let done = (state.stage as usize).min(state.plan.slots.len());
    if global.format == Format::Json {
        output::json(&json!({
            "installation": state.plan.installation,
            "run": run,
            "pipeline": state.plan.pipeline,
            "from": state.plan.from,
            "to": state.plan.to,
            "phase": format!("{:?}", state.phase).to_lowercase(),
            "running": running,
            "stage": state.plan.slots.get(done).map(|s| s.slot.clone()),
            "stages_done": done,
            "stages": state.plan.slots.len(),
            "freeze": words::freeze(state.freeze),
            "maintenance": shown.as_ref().map(|shown| json!({
                "page": shown.page,
                "run": shown.run,
                "since": state.frozen_since,
                "heartbeat": shown.status.as_ref().map(|status| status.heartbeat),
                "alive": shown.alive,
            })),
            "effects": state.effects.len(),
            "account": report::json::account(&state.plan, account),
            "undo": loss,
            "failure": state.failure.as_ref().map(|f| json!({ "code": f.2, "message": f.3 })),
            "stopped": state.stopped.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
            "next": next,
        }));
        return;
    }
    output::line(&format!("{}: {} ({run})", state.plan.installation, state.plan.title));
    output::line(&format!("  begun     {}", super::log::time(started)));
    let running = if running { " (a process is at work on it)" } else { "" };
    output::line(&format!("  state     {}{running}", words::state(state)));
    output::line(&format!("  stages    {done} of {} done, {} effects", state.plan.slots.len(), state.effects.len()));
    for line in words::account(&state.plan, account) {
        output::line(&format!("    {line}"));
    }
    output::line(&format!("  others    {}", words::freeze(state.freeze)));
    if let Some(shown) = shown {
        output::line(&format!("  visitors  {}", in_words(shown, state)));
    }
    if let Some((_, _, code, message)) = &state.failure {
        output::line(&format!("  failure   {code}: {message}"));
    }
    if let Some((code, message)) = &state.stopped {
        output::line(&format!("  stopped   {code}: {message}"));
    }
    if let Some((code, message)) = &state.undo_failure {
        output::line(&format!("  undo      {code}: {message}"));
    }
    if let Some(loss) = loss {
        output::line(&format!("  undo      {loss}"));
    }
    if let Some(next) = next {
        output::line(&format!("  next: {next}"));
    }
}
