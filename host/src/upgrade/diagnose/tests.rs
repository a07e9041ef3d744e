//! Facts and what they come to, as a table.

use super::*;
use crate::sandbox::Reading;

fn reading(version: &str, against: &str) -> Reading {
    let version = (!version.is_empty()).then(|| version.to_owned());
    let problem = version.is_none().then(|| "it does not say".to_owned());
    Reading { version, against: against.to_owned(), place: "a place".to_owned(), problem }
}

fn report(relation: &str, files: (&str, &str), database: (&str, &str)) -> Report {
    let (files, database) = (reading(files.0, files.1), reading(database.0, database.1));
    Report { files, database, relation: relation.to_owned(), marks: Vec::new() }
}

fn mark(kind: &str, code: &str, extra: &[(&str, &str)]) -> Mark {
    let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Mark { code: code.to_owned(), kind: kind.to_owned(), message: "why".to_owned(), place: "there".to_owned(), extra }
}

/// As they are where nobody lies.
fn facts(report: Report) -> Facts {
    let of = |reading: &Reading| if reading.against == "target" { HELD } else { UNMET };
    let conditions = Conditions { files: of(&report.files), database: of(&report.database) };
    let (run, report, to) = (Ok(None), Ok(report), "2.0".to_owned());
    Facts { run, signs: Vec::new(), report, conditions, to, adopts: true }
}

const HELD: Held = Held { held: 1, unmet: 0 };
const UNMET: Held = Held { held: 0, unmet: 1 };

fn before() -> Report {
    report("same", ("1.0", "before"), ("1.0", "before"))
}

fn after() -> Report {
    report("same", ("2.0", "target"), ("2.0", "target"))
}

fn decided(facts: &Facts) -> (String, Way, Weight) {
    let state = decide(facts, |_| None);
    (state.code, state.way, state.weight)
}

fn expect(facts: &Facts, code: &str, way: Way, weight: Weight) {
    assert_eq!(decided(facts), (code.to_owned(), way, weight));
}

fn run(phase: Phase, next: Option<&'static str>) -> Result<Option<Run>, String> {
    Ok(Some(Run { phase, words: "at stage 3".to_owned(), next }))
}

#[test]
fn what_says_nothing_is_never_well() {
    let silent = report("unknown", ("", "unknown"), ("", "unknown"));
    expect(&facts(silent), "versions-unknown", Way::Command("liftlock check"), Weight::Unknown);
    let none = Facts { report: Err("no component".to_owned()), ..facts(before()) };
    expect(&none, "versions-unknown", Way::Command("liftlock check"), Weight::Unknown);
    // A relation that the contract does not know, or a side that is not compared.
    let odd = report("equal", ("1.0", "before"), ("1.0", "before"));
    assert_eq!(decided(&facts(odd)).0, "versions-unknown");
    let odd = facts(report("same", ("1.0", "before"), ("1.0", "?")));
    assert_eq!(decided(&odd).0, "witnesses-disagree");
}

#[test]
fn a_component_that_lies_is_contradicted_by_the_pipelines_own_conditions() {
    let some = Held { held: 1, unmet: 1 };
    // Files of an older release, for the same tables.
    let between = || report("same", ("1.9", "before"), ("1.9", "target"));
    for (report, files, database) in [
        (after(), UNMET, HELD),
        (after(), HELD, some),
        (after(), UNMET, UNMET),
        (before(), UNMET, some),
        (before(), HELD, HELD),
        (between(), HELD, HELD),
        (between(), UNMET, UNMET),
    ] {
        let lie = Facts { conditions: Conditions { files, database }, ..facts(report) };
        expect(&lie, "witnesses-disagree", Way::Command("liftlock check"), Weight::Unknown);
    }
    expect(&facts(between()), "all-is-well", Way::None, Weight::Well);
}

#[test]
fn both_sides_of_one_version_are_well_before_and_behind_the_upgrade() {
    for report in [before(), after(), report("same", ("3.0", "beyond"), ("3.0", "beyond"))] {
        expect(&facts(report), "all-is-well", Way::None, Weight::Well);
    }
    let mut explained = after();
    explained.marks.push(mark("note", "explained", &[]));
    expect(&facts(explained), "all-is-well", Way::None, Weight::Well);
}

#[test]
fn sides_that_differ_are_brought_together_where_the_package_can() {
    let uploaded = report("files-newer", ("2.0", "target"), ("1.0", "before"));
    expect(&facts(uploaded.clone()), "upgrade-not-run", ADOPT, Weight::Broken);
    let unminded = Facts { adopts: false, ..facts(uploaded) };
    expect(&unminded, "upgrade-not-run", Way::Command("liftlock apply"), Weight::Broken);
    let restored = report("database-newer", ("1.0", "before"), ("2.0", "target"));
    expect(&facts(restored), "database-newer", ADOPT, Weight::Broken);
    let too_new = report("database-newer", ("1.0", "before"), ("3.0", "beyond"));
    expect(&facts(too_new.clone()), "database-newer", Way::None, Weight::Broken);
    let hint = decide(&facts(too_new), |_| None).hint.unwrap();
    assert!(["ends at 2.0", "database of 3.0", "time of 1.0"].iter().all(|words| hint.contains(words)), "{hint}");
    let too_new = report("files-newer", ("4.0", "beyond"), ("3.0", "beyond"));
    expect(&facts(too_new.clone()), "upgrade-not-run", Way::None, Weight::Broken);
    let message = decide(&facts(too_new), |_| None).message;
    assert!(message.contains("new files were put in place"), "{message}");
}

#[test]
fn a_command_that_would_be_refused_is_not_told() {
    let state = decide(&facts(report("files-newer", ("2.0", "target"), ("0.1", "before"))), |_| None);
    assert_eq!(state.way, ADOPT);
    let fix = Some("bring 1.0 first".to_owned());
    let state = state.refused(&[Finding { fix, ..Finding::blocking("too-old", "this is 0.1") }]);
    assert_eq!((state.code.as_str(), &state.way), ("upgrade-not-run", &Way::None));
    let hint = "`liftlock apply --adopt` would refuse it: this is 0.1: bring 1.0 first; then `liftlock diagnose` again";
    assert_eq!(state.hint.as_deref(), Some(hint));
}

#[test]
fn what_another_tool_has_begun_has_its_own_name() {
    let mut killed = report("files-newer", ("2.0", "target"), ("1.0", "before"));
    killed.marks.push(mark("half-done", "updater-killed", &[]));
    expect(&facts(killed.clone()), "updater-killed", ADOPT, Weight::Broken);
    killed.database.against = "beyond".to_owned();
    expect(&facts(killed), "updater-killed", Way::None, Weight::Broken);
    // Also where both sides say the same.
    let mut half = after();
    half.marks.push(mark("half-done", "script-half-done", &[]));
    expect(&facts(half), "script-half-done", ADOPT, Weight::Broken);
    let mut prepared = before();
    prepared.marks.push(mark("prepared", "script-between-phases", &[]));
    expect(&facts(prepared), "script-between-phases", APPLY, Weight::Broken);
}

#[test]
fn a_flag_is_one_file_or_one_row_and_never_more() {
    let flagged = |extra: &[(&str, &str)]| {
        let mut report = before();
        report.marks.push(mark("flag", "lock-left", extra));
        facts(report)
    };
    for statement in ["DROP TABLE a", "DELETE FROM a; DROP TABLE a", "DELETE FROM a -- b", "DELETE /*! x */ FROM a", ""]
    {
        expect(&flagged(&[("database", "main"), ("statement", statement)]), "lock-left", Way::None, Weight::Broken);
    }
    let statement = "DELETE FROM a WHERE b = 'c'".to_owned();
    let way = Way::Statement { database: "main".to_owned(), statement: statement.clone() };
    expect(&flagged(&[("database", "main"), ("statement", &statement)]), "lock-left", way, Weight::Broken);
    let state = decide(&flagged(&[("root", "app"), ("file", "x")]), |_| Some(PathBuf::from("/srv/x")));
    assert_eq!(state.way, Way::Remove(vec![PathBuf::from("/srv/x")]));
}

#[test]
fn a_run_that_is_open_comes_before_all_else() {
    let broken = || facts(report("unknown", ("", "unknown"), ("", "unknown")));
    let signs = vec![PathBuf::from("/srv/page"), PathBuf::from("/srv/status.json")];
    let resume = Some("liftlock resume");
    let open = Facts { run: run(Phase::Upgrading, resume), signs: signs.clone(), ..broken() };
    expect(&open, "run-interrupted", Way::Command("liftlock resume"), Weight::Broken);
    let back = Facts { run: run(Phase::Undoing, Some("liftlock undo")), ..broken() };
    expect(&back, "undo-interrupted", Way::Command("liftlock undo"), Weight::Broken);
    let failed = Facts { run: run(Phase::UndoFailed, Some("liftlock undo")), ..broken() };
    expect(&failed, "undo-failed", Way::Command("liftlock undo"), Weight::Broken);
    let damaged = Facts { run: Err("line 3".to_owned()), ..broken() };
    expect(&damaged, "journal-unreadable", Way::Command("liftlock log"), Weight::Broken);
    // A page explains itself only as long as a run is open.
    let left = Facts { run: run(Phase::PutBack, None), signs: signs.clone(), ..facts(before()) };
    expect(&left, "maintenance-left", Way::Remove(signs), Weight::Broken);
}

#[test]
fn a_run_that_is_done_is_well_until_somebody_changes_what_it_made() {
    let done = || run(Phase::Done, Some("liftlock commit"));
    expect(&Facts { run: done(), ..facts(after()) }, "all-is-well", Way::None, Weight::Well);
    let restored = report("database-newer", ("1.0", "before"), ("2.0", "target"));
    for adopts in [true, false] {
        let restored = Facts { run: done(), adopts, ..facts(restored.clone()) };
        expect(&restored, "database-newer", Way::Command("liftlock commit"), Weight::Broken);
    }
}
