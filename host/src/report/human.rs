//! For people: a line for each thing that counts, a bar for what takes long.

use std::io::Write;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::words;
use crate::effect::{Finding, Severity};
use crate::engine::event::{APPLICATION_CODE, Event, Plan};
use crate::engine::sink::{Progress, Sink};

/// Between two progress lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

/// Writes lines, and draws a bar if it is given one.
pub struct Human<W> {
    out: W,
    new_bar: Option<fn() -> ProgressBar>,
    bar: Option<ProgressBar>,
    plan: Option<Plan>,
    started: Instant,
    told: Instant,
    verbose: bool,
}

impl<W: Write + Send> Human<W> {
    /// A reporter that writes there. `new_bar` is for a terminal; `plan` is known where a run is resumed; `verbose` tells every
    /// effect.
    pub fn new(out: W, new_bar: Option<fn() -> ProgressBar>, plan: Option<Plan>, verbose: bool) -> Self {
        let now = Instant::now();
        Self { out, new_bar, bar: None, plan, started: now, told: now, verbose }
    }

    fn line(&mut self, style: Style, mark: &str, text: &str) {
        let text = format!("{style}{mark}{style:#} {text}");
        let out = &mut self.out;
        let mut write = || {
            // A reader that has gone away must not end an upgrade.
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn slot(&self, stage: u32) -> String {
        let Some(plan) = &self.plan else { return format!("stage {}", stage + 1) };
        let name = plan.slots.get(stage as usize).map_or("?", |s| s.slot.as_str());
        format!("[{}/{}] {name}", stage + 1, plan.slots.len())
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CARE: Style = AnsiColor::Yellow.on_default();
const PLAIN: Style = Style::new();
const DIM: Style = Style::new().dimmed();

impl<W: Write + Send> Sink for Human<W> {
    fn event(&mut self, event: &Event) {
        if let Event::RunStarted { plan } = event {
            self.plan = Some(plan.clone());
        }
        let (style, mark, quiet) = match event {
            Event::StageStarted { .. } => {
                self.started = Instant::now();
                (PLAIN, "·", false)
            }
            Event::StageApplied { .. } => (GOOD, "✓", false),
            Event::RunDone {} | Event::UndoDone {} | Event::Committed {} => (GOOD, "✓", false),
            Event::StageFailed { .. } | Event::Stopped { .. } | Event::UndoFailed { .. } => (BAD, "✗", false),
            Event::FreezeStarted { .. } | Event::UndoStarted { .. } => (CARE, "·", false),
            Event::RunStarted { .. } | Event::Frozen {} | Event::Thawed { .. } | Event::Restored { .. } => {
                (PLAIN, "·", false)
            }
            _ => (DIM, "·", true),
        };
        if quiet && !self.verbose {
            return;
        }
        self.end_bar();
        let Some(mut text) = words::event(event, |stage| self.slot(stage)) else { return };
        if matches!(event, Event::StageApplied { .. }) {
            text = format!("{text} {DIM}({:.1} s){DIM:#}", self.started.elapsed().as_secs_f64());
        }
        self.line(style, mark, &text);
    }

    fn progress(&mut self, stage: u32, progress: &Progress) {
        if let Some(new) = self.new_bar {
            let bar = self.bar.get_or_insert_with(new);
            let template = match progress.total {
                Some(_) => "  {bar:30} {human_pos}/{human_len} {msg} {per_sec} {eta}",
                None => "  {spinner} {human_pos} {msg} {per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(progress.unit.clone());
            bar.set_length(progress.total.unwrap_or(0));
            bar.set_position(progress.done);
        } else if self.told.elapsed() >= QUIET {
            self.told = Instant::now();
            let total = progress.total.map(|t| format!(" of {t}")).unwrap_or_default();
            let text = format!("{}: {}{total} {}", self.slot(stage), progress.done, progress.unit);
            self.line(DIM, "·", &text);
        }
    }

    fn log(&mut self, stage: u32, level: &str, line: &str) {
        let style = match level {
            "warning" => CARE,
            "error" => BAD,
            "debug" if !self.verbose => return,
            _ => DIM,
        };
        // What a stage says is marked as such: it must not be taken for ours.
        let text = format!("{} says: {line}", self.slot(stage));
        self.line(style, " ", &text);
    }

    fn finding(&mut self, slot: &str, finding: &Finding) {
        let (style, mark) = match finding.severity {
            Severity::Info => (DIM, "i"),
            Severity::Warning => (CARE, "!"),
            Severity::Blocking => (BAD, "✗"),
        };
        let later = if finding.deferred { " (asked again just before the stage)" } else { "" };
        let application = finding.extra.iter().find(|(name, _)| name == APPLICATION_CODE);
        let application = application.map(|(_, code)| format!("{code}: ")).unwrap_or_default();
        self.line(style, mark, &format!("{slot}: {application}{}: {}{later}", finding.code, finding.message));
        if let Some(fix) = &finding.fix {
            self.line(DIM, " ", &format!("  to mend it: {fix}"));
        }
    }

    fn note(&mut self, text: &str) {
        self.line(DIM, "·", text);
    }
}
