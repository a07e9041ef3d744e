//! Programs that nobody watches, in the middle of it all.

use std::sync::atomic::{AtomicI32, Ordering};

use super::*;
use crate::engine::state::State;

fn command(talk: &mut Conversation, world: &World, code: i32) -> Result<Result<i32, Failure>, Stopped> {
    let store: Arc<dyn Store> = Arc::new(world.clone());
    let touches = std::slice::from_ref(&store);
    let prepare = |_| Ok(world.prepare_command(code));
    talk.attempt("command.run", &"command", Touches::Command(touches), prepare, |code: &i32| *code == 0)
}

/// The command is what touches the database first; what comes after it depends on it.
fn first(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let seen = count(talk, world)?;
    assert_eq!(command(talk, world, 0)?, Ok(0));
    let rows = count(talk, world)?;
    let _ = write(talk, world, "file-0", &format!("{seen} rows before, {rows} after"))?;
    let row = i64::try_from(count(talk, world)?).unwrap_or_default();
    let _ = insert(talk, world, row)?;
    done()
}

#[test]
fn a_crash_at_every_moment_of_a_command_ends_in_after_or_before() {
    let work: [Work; 3] = [first, mixed, altering];
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &work, OnFailure::Keep);
    world.watch(&directory);
    assert_eq!(engine.drive(), Ending::Done);
    let (after, pictures) = (world.visible(), world.pictures());
    let mut again = 0;
    for (picture, things) in &pictures {
        let copy = picture.with_extension("undo");
        copy_dir(picture, &copy);
        let resumed = World::of(things.clone());
        let mut engine = open(&resumed, picture, &work);
        again += u32::from(engine.state(in_flight));
        assert_eq!(engine.drive(), Ending::Done, "{}", picture.display());
        assert_eq!(resumed.visible(), after, "resumed from {}", picture.display());
        let undone = World::of(things.clone());
        assert_eq!(open(&undone, &copy, &work).undo("test"), Ending::PutBack);
        assert_eq!(undone.things(), before(), "undone from {}", picture.display());
    }
    assert!(again > 4, "the command was cut off {again} times");
    println!("points={} cut off={again} divergences=0", pictures.len());
}

fn in_flight(state: &State) -> bool {
    state.in_flight().is_some_and(|effect| effect.change.verb == "run")
}

/// The run itself has changed the database before: what it was like just before the command is not known any more.
fn later(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = insert(talk, world, 5)?;
    assert_eq!(command(talk, world, 0)?, Ok(0));
    done()
}

#[test]
fn a_command_that_was_cut_off_behind_other_changes_stops_the_run_and_undo_is_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &[later], OnFailure::Keep);
    world.watch(&directory);
    assert_eq!(engine.drive(), Ending::Done);
    let after = world.visible();
    let mut undetermined = 0;
    for (picture, things) in &world.pictures() {
        let resumed = World::of(things.clone());
        let mut engine = open(&resumed, picture, &[later]);
        let cut_off = engine.state(in_flight);
        match engine.drive() {
            Ending::Done => assert_eq!((cut_off, resumed.visible()), (false, after.clone())),
            Ending::Stopped(fault) => {
                assert_eq!((cut_off, fault.code), (true, "undetermined"));
                undetermined += 1;
                assert_eq!(engine.undo("test"), Ending::PutBack);
                assert_eq!(resumed.things(), before());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(undetermined > 4);
}

static CODE: AtomicI32 = AtomicI32::new(0);

fn gives_up(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = write(talk, world, "file-1", "before the command")?;
    match command(talk, world, CODE.load(Ordering::SeqCst))? {
        Ok(0) => done(),
        other => Ok(Err(Failure::new("ERR_BUILD", format!("{other:?}")))),
    }
}

#[test]
fn a_command_that_failed_is_run_again_by_resume_wherever_the_host_died() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    CODE.store(1, Ordering::SeqCst);
    let mut engine = start(&world, &directory, &[gives_up], OnFailure::Keep);
    world.watch(&directory);
    assert_eq!(engine.drive(), Ending::Failed);
    let mut failed_again = 0;
    for (picture, things) in &world.pictures() {
        let resumed = World::of(things.clone());
        CODE.store(1, Ordering::SeqCst);
        let mut engine = open(&resumed, picture, &[gives_up]);
        assert_eq!(engine.drive(), Ending::Failed, "{}", picture.display());
        drop(engine);
        // The operator mends it.
        CODE.store(0, Ordering::SeqCst);
        let mut engine = open(&resumed, picture, &[gives_up]);
        assert_eq!(engine.drive(), Ending::Done, "{}", picture.display());
        assert_eq!(engine.undo("test"), Ending::PutBack);
        assert_eq!(resumed.things(), before());
        failed_again += 1;
    }
    assert!(failed_again > 10);
}
