//! What the facts come to: a pure function, from what was found to a state and the one way out of it.

use std::path::PathBuf;

use crate::effect::Finding;
use crate::engine::state::Phase;
use crate::sandbox::{Mark, Report};

/// What was found.
#[derive(Debug)]
pub(super) struct Facts {
    /// The last run of the journal; or why there is no telling.
    pub(super) run: Result<Option<Run>, String>,
    /// What `[maintenance]` puts up, as far as it is there.
    pub(super) signs: Vec<PathBuf>,
    /// What the component that reads versions says; or why it says nothing.
    pub(super) report: Result<Report, String>,
    /// The pipeline's own post-conditions, which the host looks at itself.
    pub(super) conditions: Conditions,
    /// The version that the pipeline goes to.
    pub(super) to: String,
    /// Whether a stage of the pipeline has to be told that another tool has been here.
    pub(super) adopts: bool,
}

/// The post-conditions about either side of the installation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    pub(super) files: Held,
    pub(super) database: Held,
}

/// How many post-conditions hold, and how many do not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) held: usize,
    pub(super) unmet: usize,
}

/// The last run, as its journal tells it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) phase: Phase,
    /// Where it is, in words.
    pub(super) words: String,
    /// What comes next.
    pub(super) next: Option<&'static str>,
}

/// What state an installation is in, and how it gets out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// A stable code.
    pub code: String,
    /// What is the matter: one sentence without a full stop.
    pub message: String,
    /// What gets out of it.
    pub way: Way,
    /// What else there is to know about the way.
    pub hint: Option<String>,
    /// How bad it is.
    pub weight: Weight,
}

/// What gets out of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Nothing has to be done, or no command can do it.
    None,
    /// A command of ours.
    Command(&'static str),
    /// Files are taken away.
    Remove(Vec<PathBuf>),
    /// One statement is sent to a database.
    Statement {
        /// The database's name in the installation.
        database: String,
        /// The statement.
        statement: String,
    },
}

/// How bad a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// All is well.
    Well,
    /// Somebody is at work.
    Busy,
    /// Somebody has to do something.
    Broken,
    /// It cannot be told.
    Unknown,
}

pub(super) const APPLY: Way = Way::Command("liftlock apply");
pub(super) const ADOPT: Way = Way::Command("liftlock apply --adopt");

impl Facts {
    /// What brings files and database to the version of the pipeline, whatever they are. Where no stage has to be told what has
    /// happened, none minds it.
    fn brings_together(&self) -> Way {
        if self.adopts { ADOPT } else { APPLY }
    }
}

impl Held {
    /// At the version that the pipeline goes to all of them hold; before it, not one of them may be but by accident, and certainly
    /// not all but some. Beyond it they say nothing.
    fn contradict(self, against: &str) -> bool {
        match against {
            "target" => self.unmet > 0,
            "before" => self.held > 0,
            "beyond" => false,
            _ => true,
        }
    }
}

impl Conditions {
    /// How many hold, and how many there are.
    pub(super) fn counted(self) -> (usize, usize) {
        let held = self.files.held + self.database.held;
        (held, held + self.files.unmet + self.database.unmet)
    }
}

impl State {
    fn new(code: &str, message: impl Into<String>, way: Way) -> Self {
        Self { code: code.to_owned(), message: message.into(), way, hint: None, weight: Weight::Broken }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The command is refused for what was found: it gets nobody out before that is mended, and is not told.
    pub(super) fn refused(self, found: &[Finding]) -> Self {
        let Way::Command(command) = self.way else { return self };
        let reasons: Vec<_> = found.iter().map(reason).collect();
        let hint = format!("`{command}` would refuse it: {}; then `liftlock diagnose` again", reasons.join("; "));
        Self { way: Way::None, hint: Some(hint), ..self }
    }
}

fn reason(found: &Finding) -> String {
    let fix = found.fix.iter().map(|fix| format!(": {fix}")).collect::<String>();
    format!("{}{fix}", found.message)
}

/// Somebody is at work: nothing else is looked at.
pub(super) fn busy(why: String) -> State {
    State::new("run-going-on", why, Way::None).weight(Weight::Busy)
}

/// Decides. What stands in the way of other ways out comes first: an open run, then a page that would keep one from beginning.
pub(super) fn decide(facts: &Facts, file_of: impl Fn(&Mark) -> Option<PathBuf>) -> State {
    let run = match &facts.run {
        Ok(run) => run.as_ref(),
        Err(why) => return State::new("journal-unreadable", why, Way::Command("liftlock log")),
    };
    if let Some(state) = run.and_then(open_run) {
        return state;
    }
    if !facts.signs.is_empty() {
        let message = "what [maintenance] puts up is there, and no run of ours is: nobody will take it away";
        return State::new("maintenance-left", message, Way::Remove(facts.signs.clone()))
            .hint("if you have put it there yourself, leave it until you are done");
    }
    let report = match &facts.report {
        Ok(report) => report,
        Err(why) => return unknown(why.clone()),
    };
    let state = of_versions(facts, report, file_of);
    match run {
        // A run that is done keeps another from beginning until it is committed.
        Some(run) if run.phase == Phase::Done && [APPLY, ADOPT].contains(&state.way) => State {
            way: Way::Command("liftlock commit"),
            ..state
        }
        .hint(
            "somebody has changed the installation since our run: accept what it did, then `liftlock diagnose` again",
        ),
        _ => state,
    }
}

/// A run of ours that is not at its end.
fn open_run(run: &Run) -> Option<State> {
    let way = run.next.map_or(Way::None, Way::Command);
    match run.phase {
        Phase::Upgrading => {
            let message = format!("a run of ours has not come to its end: {}", run.words);
            let state = State::new("run-interrupted", message, way);
            Some(state.hint("`liftlock undo` puts everything back instead"))
        }
        Phase::Undoing => {
            Some(State::new("undo-interrupted", "a run of ours is on its way back, and was cut off", way))
        }
        Phase::UndoFailed => Some(State::new("undo-failed", run.words.clone(), way)),
        Phase::Done | Phase::PutBack | Phase::Committed => None,
    }
}

fn unknown(why: String) -> State {
    State::new("versions-unknown", why, Way::Command("liftlock check"))
        .hint("mend what cannot be read, then `liftlock diagnose` again")
        .weight(Weight::Unknown)
}

fn of_versions(facts: &Facts, report: &Report, file_of: impl Fn(&Mark) -> Option<PathBuf>) -> State {
    let said = |version: &Option<String>| version.clone().unwrap_or_else(|| "?".to_owned());
    let (files, database) = (said(&report.files.version), said(&report.database.version));
    let differ = |code: &str, message: String| {
        match report.database.against.as_str() {
        "beyond" => State::new(code, message, Way::None).hint(&format!(
            "this pipeline ends at {}, and none takes a database back: put files in place that are for a database of {database}, or \
             point [pipeline] at a bundle that does, or restore your backup of the database from the time of {files}; then \
             `liftlock diagnose` again",
            facts.to
        )),
        _ => State::new(code, message, facts.brings_together()),
    }
    };
    if let Some(mark) = of_kind(report, "half-done") {
        return differ(&mark.code, mark.message.clone());
    }
    match report.relation.as_str() {
        "files-newer" => {
            let message = format!(
                "the files are of {files}, the database is of {database}: new files were put in place, and the upgrade was not run"
            );
            return differ("upgrade-not-run", message);
        }
        "database-newer" => {
            let message = format!(
                "the database is of {database}, the files are of {files}: older files were put back, or those of another package"
            );
            return differ("database-newer", message);
        }
        "same" => {}
        _ => {
            let problem = |side: &Option<String>| side.clone();
            let why: Vec<_> =
                [problem(&report.files.problem), problem(&report.database.problem)].into_iter().flatten().collect();
            return unknown(format!("one side does not say which version it is: {}", why.join("; ")));
        }
    }
    let Conditions { files: of_files, database: of_database } = facts.conditions;
    if of_files.contradict(&report.files.against) || of_database.contradict(&report.database.against) {
        let (held, all) = facts.conditions.counted();
        let message = format!(
            "files and database are said to be of {files}, but of the pipeline's own {all} post-conditions {held} hold"
        );
        return State::new("witnesses-disagree", message, Way::Command("liftlock check"))
            .hint("the component that reads versions is wrong, or files or rows were changed by hand")
            .weight(Weight::Unknown);
    }
    if let Some(mark) = of_kind(report, "prepared") {
        return State::new(&mark.code, mark.message.clone(), APPLY);
    }
    if let Some(mark) = of_kind(report, "flag") {
        return flag(mark, file_of(mark));
    }
    State::new("all-is-well", format!("files and database are both of {files}"), Way::None).weight(Weight::Well)
}

fn of_kind<'r>(report: &'r Report, kind: &str) -> Option<&'r Mark> {
    report.marks.iter().find(|mark| mark.kind == kind)
}

/// A flag that keeps people out. What takes it away is one file or one row: for the operator to do, who sees what it is.
fn flag(mark: &Mark, file: Option<PathBuf>) -> State {
    let extra = |name: &str| mark.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let way = match (file, extra("database"), extra("statement")) {
        (Some(file), ..) => Way::Remove(vec![file]),
        (None, Some(database), Some(statement)) if is_one_change(&statement) => Way::Statement { database, statement },
        _ => Way::None,
    };
    State::new(&mark.code, mark.message.clone(), way).hint("look first whether the other tool is really not at work")
}

/// One DELETE or UPDATE, with nothing hidden in it.
fn is_one_change(statement: &str) -> bool {
    let verb = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    let hidden = ["/*", "*/", "--", "#", ";", "\\", "\n"];
    matches!(verb.as_str(), "DELETE" | "UPDATE") && !hidden.iter().any(|text| statement.contains(text))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
