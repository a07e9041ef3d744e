//! The application's own flag in a row of a database of the run: on as long as others are kept out, and in the end what it was.

use std::fs;

use super::super::journal::{JOURNAL, Journal};
use super::super::state::{Freeze, State};
use super::*;
use crate::bundle::FlagRow;
use crate::effect::{Setting, Stamps};
use crate::engine::event::Event;
use crate::engine::{Operator, Standing};
use crate::maintenance::FlagInRow;

/// What is broken on purpose.
#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// What the row said before the first freeze is forgotten.
    Before,
    /// Our own write at the thaw is not told.
    Stamp,
}

/// The operator's side of a run in which nothing but the row keeps others out.
struct Flagged {
    row: FlagInRow,
    directory: std::path::PathBuf,
    broken: Broken,
}

impl Operator for Flagged {
    fn freeze(&self, _: Standing) -> Result<(), Fault> {
        if self.broken == Broken::Before {
            let _ = fs::remove_file(self.directory.join("restore/flag.json"));
        }
        self.row.place()
    }

    fn hold(&self, _: Standing) {}

    fn thaw(&self, stamps: &Stamps) -> Result<Stamps, Fault> {
        let none = Stamps::new();
        self.row.remove(if self.broken == Broken::Stamp { &none } else { stamps })
    }

    fn after(&self, _: &[&str]) -> Result<(), Fault> {
        Ok(())
    }

    fn attention(&self, _: &str, _: &str) {}
}

const ON: &str = "on";
const WORK: [Work; 2] = [small, small];

/// One change of each kind.
fn small(talk: &mut Conversation, world: &World) -> Result<Result<Outcome, Failure>, Stopped> {
    let _ = alter(talk, world, "once")?;
    let _ = insert(talk, world, 10)?;
    let _ = write(talk, world, "file-0", "new")?;
    done()
}

fn flagged(world: &World, directory: &Path, broken: Broken) -> Parts {
    let setting = Setting {
        table: "settings".into(),
        column: "value".into(),
        row: BTreeMap::from([("name".into(), "Closed".into())]),
    };
    let flag = FlagRow { database: "main".into(), setting, value: ON.into() };
    let row = FlagInRow::new(&flag, vec![Arc::new(world.clone())], directory);
    let operator = Flagged { row, directory: directory.to_owned(), broken };
    Parts { operator: Box::new(operator), ..parts(world, directory) }
}

/// A run that is begun, or gone on with where it is there.
fn engine(world: &World, directory: &Path, broken: Broken) -> Engine {
    let parts = flagged(world, directory, broken);
    if directory.exists() {
        return Engine::open(parts, slots(world, &WORK), OnFailure::Keep).unwrap();
    }
    crate::io::make_private_dir(directory).unwrap();
    Engine::start(parts, plan(WORK.len()), slots(world, &WORK), OnFailure::Keep).unwrap()
}

/// A run that goes through, and is looked at at each moment of it and of what comes behind.
fn gone_through(world: &World, directory: &Path) -> Engine {
    let mut engine = engine(world, directory, Broken::Nothing);
    world.watch(directory);
    assert_eq!(engine.drive(), Ending::Done);
    engine
}

fn site(flag: &str) -> Things {
    Things { flag: flag.into(), ..before() }
}

/// Crashes at each moment of `apply`, or of the `undo` behind it. How many moments, and in how many the end was wrong.
fn crashed(flag: &str, broken: Broken, in_undo: bool) -> (usize, usize) {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(site(flag));
    let directory = home.path().join("run");
    let mut first = engine(&world, &directory, Broken::Nothing);
    if !in_undo {
        world.watch(&directory);
    }
    assert_eq!(first.drive(), Ending::Done);
    let after = world.visible();
    assert_eq!(after.flag, flag);
    if in_undo {
        world.watch(&directory);
        assert_eq!(first.undo("test"), Ending::PutBack);
    }
    let pictures = world.pictures();
    let mut wrong = 0;
    for (picture, things) in &pictures {
        let copy = picture.with_extension("undo");
        copy_dir(picture, &copy);
        let undone = World::of(things.clone());
        assert_eq!(engine(&undone, &copy, broken).undo("test"), Ending::PutBack);
        wrong += usize::from(undone.things() != site(flag));
        assert!(!copy.join("restore").exists());
        if !in_undo {
            let resumed = World::of(things.clone());
            assert_eq!(engine(&resumed, picture, broken).drive(), Ending::Done, "{}", picture.display());
            wrong += usize::from(resumed.visible() != after);
        }
    }
    (pictures.len(), wrong)
}

#[test]
fn wherever_it_crashes_the_flag_ends_as_it_was() {
    for flag in ["", ON] {
        for in_undo in [false, true] {
            let (points, divergences) = crashed(flag, Broken::Nothing, in_undo);
            println!("flag={flag:?} undo={in_undo} points={points} divergences={divergences}");
            assert!(points >= 15 && divergences == 0, "{divergences} of {points} divergences");
        }
    }
    for in_undo in [false, true] {
        let (points, divergences) = crashed("", Broken::Before, in_undo);
        println!("control: before is forgotten, undo={in_undo} red={divergences} of {points}");
        assert!(divergences > 0, "nobody has seen that it is forgotten");
    }
}

#[test]
fn it_is_on_as_long_as_the_installation_is_frozen() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(site(""));
    let directory = home.path().join("run");
    assert_eq!(gone_through(&world, &directory).undo("test"), Ending::PutBack);
    let (mut frozen, mut open) = (0, 0);
    for (picture, things) in world.pictures() {
        let entries = Journal::read(&picture.join(JOURNAL)).unwrap();
        let state = State::fold(entries.iter().map(|entry| &entry.event)).unwrap().unwrap();
        match state.freeze {
            Freeze::Frozen => assert_eq!(things.flag, ON, "{}", picture.display()),
            Freeze::Open | Freeze::Live => assert_eq!(things.flag, "", "{}", picture.display()),
            Freeze::Freezing | Freeze::Thawing => continue,
        }
        frozen += usize::from(state.freeze == Freeze::Frozen);
        open += usize::from(state.freeze != Freeze::Frozen);
    }
    println!("on in {frozen} of {frozen} moments under the freeze, off in {open} of {open} others");
    assert!(frozen > 20 && open > 2, "{frozen} and {open}");
}

#[test]
fn our_own_write_at_the_thaw_is_nobody_elses() {
    let loss = |broken, foreign: bool| {
        let home = tempfile::tempdir().unwrap();
        let world = World::of(site(""));
        let directory = home.path().join("run");
        let mut engine = engine(&world, &directory, broken);
        assert_eq!(engine.drive(), Ending::Done);
        if foreign {
            world.foreign_write();
        }
        engine.data_loss().unwrap()
    };
    assert_eq!(loss(Broken::Nothing, false), None);
    assert!(loss(Broken::Nothing, true).is_some(), "somebody else's write is not seen");
    assert!(loss(Broken::Stamp, false).is_some(), "nothing is renewed, and nobody sees it");
}

/// After a kill between the write and its event nobody can tell what others have written since: then it is said that they may have.
#[test]
fn a_thaw_that_was_cut_off_hides_nothing() {
    let home = tempfile::tempdir().unwrap();
    let world = World::of(site(""));
    let directory = home.path().join("run");
    gone_through(&world, &directory);
    let mut cut_off = 0;
    for (picture, things) in world.pictures() {
        let entries = Journal::read(&picture.join(JOURNAL)).unwrap();
        let is_thaw = matches!(entries.last().map(|entry| &entry.event), Some(Event::ThawStarted { .. }));
        if !is_thaw || things.flag == ON {
            continue;
        }
        let again = World::of(things);
        again.foreign_write();
        let mut engine = engine(&again, &picture, Broken::Nothing);
        assert_eq!(engine.drive(), Ending::Done);
        assert!(engine.data_loss().unwrap().is_some(), "{}", picture.display());
        cut_off += 1;
    }
    assert!(cut_off > 0);
}

#[test]
fn a_journal_of_before_this_is_read() {
    let event: Event = serde_json::from_str(r#"{"event":"thawed"}"#).unwrap();
    assert_eq!(event, Event::Thawed { stamps: Stamps::new() });
    assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"event":"thawed"}"#);
}
