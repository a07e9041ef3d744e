//! Failures, limits and refusals.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::event::Event;
use super::super::journal::Journal;
use super::super::state::{Freeze, State};
use super::*;
use crate::effect::Stamps;

static TRIES: AtomicU32 = AtomicU32::new(0);

fn fails_once(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = insert(talk, world, 5)?;
    let _ = insert(talk, world, 6)?;
    let mended = talk.read("look", &(), || Ok(TRIES.fetch_add(1, Ordering::SeqCst) > 0))?;
    if mended == Ok(false) {
        return Ok(Err(Failure::new("ERR_BROKEN", "not mended yet")));
    }
    let _ = insert(talk, world, 7)?;
    done()
}

#[test]
fn after_a_failure_resume_asks_anew_from_the_last_successful_effect_on() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &[fails_once], OnFailure::Keep);
    assert_eq!(engine.drive(), Ending::Failed);
    assert_eq!(world.visible().rows, [1, 2, 5, 6], "what succeeded before the failure stays");
    drop(engine);
    assert_eq!(open(&world, &directory, &[fails_once]).drive(), Ending::Done);
    assert_eq!(world.visible().rows, [1, 2, 5, 6, 7]);
}

fn always_fails(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = insert(talk, world, 5)?;
    let _ = write(talk, world, "new", "x")?;
    Ok(Err(Failure::new("ERR_BROKEN", "for ever")))
}

#[test]
fn a_failure_is_put_back() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let mut engine = start(&world, &home.path().join("run"), &[mixed, always_fails], OnFailure::PutBack);
    assert_eq!(engine.drive(), Ending::PutBack);
    assert_eq!(world.things(), before());
}

fn floods(talk: &mut Conversation, _: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    loop {
        talk.now()?;
    }
}

#[test]
fn a_flood_of_calls_is_ended() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let mut engine = start(&world, &home.path().join("run"), &[floods], OnFailure::Keep);
    assert_eq!(engine.drive(), Ending::Failed);
    assert_eq!(engine.state(|s| s.failure.clone()).map(|f| f.2).as_deref(), Some("host-call-limit"));
}

fn dies(talk: &mut Conversation, _: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    Err(talk.end(super::super::conversation::Stop::Fault(Fault::new("io-error", "the disk is gone"))))
}

#[test]
fn a_fault_is_no_answer_and_the_run_stops() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let mut engine = start(&world, &home.path().join("run"), &[mixed, dies], OnFailure::PutBack);
    assert!(matches!(engine.drive(), Ending::Stopped(fault) if fault.code == "io-error"));
    assert_eq!(engine.undo("operator"), Ending::PutBack);
    assert_eq!(world.things(), before());
}

#[test]
fn another_writer_during_the_freeze_stops_the_run() {
    fn twice(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
        let _ = insert(talk, world, 5)?;
        let _ = write(talk, world, "closes the batch", "x")?;
        world.foreign_write();
        let _ = insert(talk, world, 6)?;
        done()
    }
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let mut engine = start(&world, &home.path().join("run"), &[twice], OnFailure::PutBack);
    assert!(matches!(engine.drive(), Ending::Stopped(fault) if fault.code == "foreign-write"));
}

#[test]
fn a_torn_last_line_is_cut_and_a_broken_line_before_it_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    assert_eq!(start(&world, &directory, &[mixed], OnFailure::Keep).drive(), Ending::Done);
    let path = directory.join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    let lines = Journal::read(&path).unwrap().len();
    fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    assert_eq!(Journal::read(&path).unwrap().len(), lines - 1);
    let mut changed = whole.clone();
    let middle = whole.len() / 2;
    changed[middle] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert_eq!(Journal::read(&path).unwrap_err().code, "journal-damaged");
}

#[test]
fn a_journal_of_another_format_is_refused_whatever_else_is_in_it() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    assert_eq!(start(&world, &directory, &[mixed], OnFailure::Keep).drive(), Ending::Done);
    let path = directory.join("journal.jsonl");
    let ours = format!("\"format\":{FORMAT},");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&ours));
    for format in [FORMAT - 1, FORMAT + 1] {
        let other = text.replacen(&ours, &format!("\"format\":{format},\"what-we-do-not-know\":1,"), 1);
        fs::write(&path, other.replace("\"stage-started\"", "\"what-we-do-not-know\"")).unwrap();
        let fault = Journal::read(&path).unwrap_err();
        assert_eq!(fault.code, "journal-of-another-version");
        assert!(fault.hint.is_some_and(|hint| hint.contains("Liftlock")));
    }
}

#[test]
fn another_component_or_host_version_is_not_replayed() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &[fails_always], OnFailure::Keep);
    assert_eq!(engine.drive(), Ending::Failed);
    let path = directory.join("recordings/00.recording");
    let mut recording = fs::read(&path).unwrap();
    recording[0] ^= 1;
    fs::write(&path, recording).unwrap();
    let ending = open(&world, &directory, &[fails_always]).drive();
    assert!(matches!(ending, Ending::Stopped(fault) if fault.code == "recording-of-another-build"));
}

fn fails_always(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = insert(talk, world, 5)?;
    Ok(Err(Failure::new("ERR_BROKEN", "for ever")))
}

fn not_deterministic(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = insert(talk, world, i64::from(TURN.fetch_add(1, Ordering::SeqCst)))?;
    Ok(Err(Failure::new("ERR_BROKEN", "for ever")))
}

static TURN: AtomicU32 = AtomicU32::new(0);

#[test]
fn a_stage_that_is_not_deterministic_is_stopped() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    assert_eq!(start(&world, &directory, &[not_deterministic], OnFailure::Keep).drive(), Ending::Failed);
    let ending = open(&world, &directory, &[not_deterministic]).drive();
    assert!(matches!(ending, Ending::Stopped(fault) if fault.code == "replay-diverged"));
}

fn panics(_: &mut Conversation, _: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    panic!("as a kill would end it");
}

#[test]
fn a_crash_loop_ends_with_the_advice_to_undo() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &[panics], OnFailure::PutBack);
    for deaths in 1.. {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.drive()));
        match ended {
            Err(_) => assert!(deaths <= 4, "it may not die for ever"),
            Ok(ending) => {
                assert!(matches!(ending, Ending::Stopped(fault) if fault.code == "crash-loop"));
                assert_eq!(deaths, 5);
                break;
            }
        }
        engine = open(&world, &directory, &[panics]);
    }
}

/// Were it not so, the change would be lost by `resume`.
#[test]
fn a_change_before_the_freeze_stops_every_resume_until_it_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("run");
    let world = World::of(before());
    world.change_what_was_copied(true);
    let stopped = |engine: &mut Engine| {
        assert!(matches!(engine.drive(), Ending::Stopped(fault) if fault.code == "changed-before-freeze"));
        assert_eq!(engine.state(|s| s.freeze), Freeze::Freezing, "it does not count as frozen");
        assert_eq!(world.things(), before(), "nothing is touched");
    };
    stopped(&mut start(&world, &directory, &[mixed], OnFailure::PutBack));
    stopped(&mut open(&world, &directory, &[mixed]));
    let undone = home.path().join("undone");
    copy_dir(&directory, &undone);
    assert_eq!(open(&world, &undone, &[mixed]).undo("operator"), Ending::PutBack);
    world.change_what_was_copied(false);
    assert_eq!(open(&world, &directory, &[mixed]).drive(), Ending::Done);
}

#[test]
fn of_a_thaw_that_was_killed_and_begun_again_the_first_time_counts() {
    let thaw = |since| Event::ThawStarted { since };
    let events = [
        Event::RunStarted { plan: plan(0) },
        Event::FreezeStarted { since: 0 },
        Event::Frozen {},
        thaw(5),
        thaw(9),
        Event::Thawed { stamps: Stamps::new() },
    ];
    let state = State::fold(&events).unwrap().unwrap();
    assert_eq!((state.freeze, state.live_since), (Freeze::Live, Some(5)));
}
