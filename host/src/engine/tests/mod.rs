//! The engine with fake stages and a fake world: what must hold whatever the capabilities are.

mod commands;
mod flag;
mod freeze;
mod limits;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::apply::Touches;
use super::conversation::{Conversation, Stopped};
use super::event::{FORMAT, Plan, PlannedStage};
use super::operator::Nobody;
use super::run::{Ending, Engine, OnFailure, Slot, TalkLimits};
use super::shared::{BatchLimits, Parts};
use super::stage::{Returned, Stage, Trap};
use crate::effect::{Failure, Fault, Finding, Outcome, Store};
use world::{Things, Watcher, World};

type Work = fn(&mut Conversation, &World) -> Result<Result<Outcome, Failure>, Stopped>;

/// A stage that is a function.
struct Fake {
    world: World,
    work: Work,
}

impl Stage for Fake {
    fn check(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        Returned { talk, answer: Ok(Vec::new()) }
    }

    fn apply(&mut self, mut talk: Conversation) -> Returned<Result<Outcome, Failure>> {
        let answer = (self.work)(&mut talk, &self.world)
            .map_err(|_| Trap { code: "stopped".into(), message: "stopped by the host".into() });
        Returned { talk, answer }
    }

    fn verify(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        Returned { talk, answer: Ok(Vec::new()) }
    }

    fn expect(&mut self) -> Result<Vec<Finding>, Fault> {
        Ok(Vec::new())
    }
}

fn done() -> Result<Result<Outcome, Failure>, Stopped> {
    Ok(Ok(Outcome { changed: true, summary: "done".into(), extra: Vec::new() }))
}

fn write(talk: &mut Conversation, world: &World, key: &str, value: &str) -> Result<Result<u64, Failure>, Stopped> {
    talk.effect("disk.write", &(key, value), Touches::Files, |_| world.prepare_write(key, value))
}

fn insert(talk: &mut Conversation, world: &World, row: i64) -> Result<Result<u64, Failure>, Stopped> {
    let store: Arc<dyn Store> = Arc::new(world.clone());
    let live = || {
        world.insert(row);
        Ok(1_u64)
    };
    talk.data("database.execute", &store, &row, live, |rows| *rows)
}

fn alter(talk: &mut Conversation, world: &World, name: &str) -> Result<Result<u64, Failure>, Stopped> {
    let store: Arc<dyn Store> = Arc::new(world.clone());
    talk.effect("database.alter", &name, Touches::Database(&store), |_| Ok(world.prepare_alter(name)))
}

fn count(talk: &mut Conversation, world: &World) -> Result<usize, Stopped> {
    talk.read("database.count", &(), || Ok(world.count())).map(Result::unwrap_or_default)
}

/// Reads, data and effects in turn; what is written depends on what was read, so a wrong replay shows in the end.
fn mixed(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    for round in 0..4 {
        for step in 0..3 {
            let seen = count(talk, world)?;
            let row = i64::try_from(seen).unwrap_or_default() * 10 + step;
            let _ = insert(talk, world, row)?;
        }
        let seen = count(talk, world)?;
        let result = write(talk, world, &format!("file-{}", round % 2), &format!("{seen} rows"))?;
        assert_eq!(result, Ok(7));
        let refused = write(talk, world, "forbidden", "x")?;
        assert!(refused.is_err());
    }
    done()
}

/// Data and statements that commit by themselves in turn, the first of them before any batch.
fn altering(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    for round in 0..3 {
        let seen = count(talk, world)?;
        assert_eq!(alter(talk, world, &format!("{round} at {seen}"))?, Ok(0));
        for step in 0..3 {
            let _ = insert(talk, world, round * 10 + step)?;
        }
    }
    done()
}

/// Two transactions, one of which is given up.
fn scoped(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let store: Arc<dyn Store> = Arc::new(world.clone());
    for round in 0..3 {
        let _ = talk.begin(&store)?;
        let _ = insert(talk, world, 1000 + round)?;
        let refused = write(talk, world, "in-transaction", "x")?;
        assert_eq!(refused.map_err(|f| f.code), Err("effect-in-transaction".to_owned()));
        let _ = insert(talk, world, 2000 + round)?;
        if round == 1 {
            let _ = talk.rollback()?;
        } else {
            let _ = talk.commit()?;
        }
    }
    done()
}

fn plan(stages: usize) -> Plan {
    let slot = |index: usize| PlannedStage {
        slot: format!("stage-{index}"),
        title: String::new(),
        component: "c".into(),
        swapped: false,
        parameters: "p".into(),
        produces: BTreeMap::new(),
        inputs: BTreeMap::new(),
        after: false,
        codes: Vec::new(),
    };
    Plan {
        format: FORMAT,
        run: "run-1".into(),
        host: "0".into(),
        started: 1,
        installation: "i".into(),
        pipeline: "p".into(),
        title: "t".into(),
        pipeline_sha256: String::new(),
        from: "1".into(),
        to: "2".into(),
        packages: BTreeMap::new(),
        adopted: false,
        slots: (0..stages).map(slot).collect(),
    }
}

fn parts(world: &World, directory: &Path) -> Parts {
    Parts {
        directory: directory.to_owned(),
        capabilities: vec![Arc::new(world.clone())],
        stores: vec![Arc::new(world.clone())],
        operator: Box::new(Nobody),
        sink: Box::new(Watcher(world.clone())),
        stop: Arc::new(AtomicBool::new(false)),
        meter: crate::meter::Meter::default(),
        batch: BatchLimits { statements: 2, ..BatchLimits::default() },
    }
}

fn slots(world: &World, work: &[Work]) -> Vec<Slot> {
    let limits = TalkLimits { host_calls: 10_000, log_bytes: 1 << 10 };
    work.iter().map(|work| Slot { stage: Box::new(Fake { world: world.clone(), work: *work }), limits }).collect()
}

fn start(world: &World, directory: &Path, work: &[Work], on_failure: OnFailure) -> Engine {
    crate::io::make_private_dir(directory).unwrap();
    Engine::start(parts(world, directory), plan(work.len()), slots(world, work), on_failure).unwrap()
}

fn open(world: &World, directory: &Path, work: &[Work]) -> Engine {
    Engine::open(parts(world, directory), slots(world, work), OnFailure::Keep).unwrap()
}

fn before() -> Things {
    Things {
        disk: BTreeMap::from([("file-0".into(), "old".into())]),
        rows: vec![1, 2],
        last_id: 2,
        ..Things::default()
    }
}

#[test]
fn a_crash_at_every_moment_ends_in_after_or_before() {
    let work: [Work; 3] = [altering, mixed, scoped];
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &work, OnFailure::Keep);
    world.watch(&directory);
    assert_eq!(engine.drive(), Ending::Done);
    let (after, pictures) = (world.visible(), world.pictures());
    let mut runs = 0;
    for (picture, things) in &pictures {
        let copy = picture.with_extension("undo");
        copy_dir(picture, &copy);
        let resumed = World::of(things.clone());
        assert_eq!(open(&resumed, picture, &work).drive(), Ending::Done, "{}", picture.display());
        assert_eq!(resumed.visible(), after, "resumed from {}", picture.display());
        let undone = World::of(things.clone());
        assert_eq!(open(&undone, &copy, &work).undo("test"), Ending::PutBack);
        assert_eq!(undone.things(), before(), "undone from {}", picture.display());
        runs += 2;
    }
    assert!(pictures.len() > 50, "only {} pictures", pictures.len());
    println!("points={} runs={runs} divergences=0", pictures.len());
}

#[test]
fn a_crash_at_every_moment_of_an_undo_still_ends_in_before() {
    let work: [Work; 1] = [mixed];
    let home = tempfile::tempdir().unwrap();
    let world = World::of(before());
    let directory = home.path().join("run");
    let mut engine = start(&world, &directory, &work, OnFailure::Keep);
    assert_eq!(engine.drive(), Ending::Done);
    world.watch(&directory);
    assert_eq!(engine.undo("test"), Ending::PutBack);
    let pictures = world.pictures();
    for (picture, things) in &pictures {
        let again = World::of(things.clone());
        assert_eq!(open(&again, picture, &work).undo("test"), Ending::PutBack);
        assert_eq!(again.things(), before(), "from {}", picture.display());
    }
    assert!(pictures.len() > 10, "the pictures were not taken");
    println!("points={} runs={} divergences=0", pictures.len(), pictures.len());
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
