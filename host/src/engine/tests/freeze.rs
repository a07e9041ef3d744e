//! Others stay out until all that was done has been verified, or is put back; and they are told how far it is.

use std::sync::{Arc, Mutex};

use super::*;
use crate::effect::Stamps;
use crate::engine::{Operator, Standing, Way};

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Doorkeeper(Arc<Mutex<Vec<String>>>);

impl Doorkeeper {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn note_standing(&self, what: &str, standing: Standing) {
        let way = if standing.way == Way::Back { " back" } else { "" };
        assert!(standing.since > 0);
        self.note(format!("{what} {}/{}{way}", standing.stage, standing.stages));
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Operator for Doorkeeper {
    fn freeze(&self, standing: Standing) -> Result<(), Fault> {
        self.note_standing("freeze", standing);
        Ok(())
    }

    fn hold(&self, standing: Standing) {
        self.note_standing("hold", standing);
    }

    fn thaw(&self, _: &Stamps) -> Result<Stamps, Fault> {
        self.note("thaw");
        Ok(Stamps::new())
    }

    fn after(&self, _: &[&str]) -> Result<(), Fault> {
        Ok(())
    }

    fn attention(&self, _: &str, _: &str) {
        self.note("attention");
    }
}

/// What it did does not hold.
struct Unverified(Fake);

impl Stage for Unverified {
    fn check(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        self.0.check(talk)
    }

    fn apply(&mut self, talk: Conversation) -> Returned<Result<Outcome, Failure>> {
        self.0.apply(talk)
    }

    fn verify(&mut self, talk: Conversation) -> Returned<Vec<Finding>> {
        Returned { talk, answer: Ok(vec![Finding::blocking("broken", "it is not there")]) }
    }

    fn expect(&mut self) -> Result<Vec<Finding>, Fault> {
        self.0.expect()
    }
}

/// A run of two stages, the second of which is not verified, and the doorkeeper who has seen it.
fn unverified(directory: &Path) -> (World, Doorkeeper) {
    let (world, keeper) = (World::of(before()), Doorkeeper::default());
    let mut slots = slots(&world, &[mixed]);
    let stage = Unverified(Fake { world: world.clone(), work: mixed });
    slots.push(Slot { stage: Box::new(stage), limits: slots[0].limits });
    crate::io::make_private_dir(directory).unwrap();
    let parts = Parts { operator: Box::new(keeper.clone()), ..parts(&world, directory) };
    let mut engine = Engine::start(parts, plan(2), slots, OnFailure::Keep).unwrap();
    assert_eq!(engine.drive(), Ending::Failed);
    (world, keeper)
}

fn go_on(world: &World, keeper: &Doorkeeper, directory: &Path) -> Engine {
    let parts = Parts { operator: Box::new(keeper.clone()), ..parts(world, directory) };
    Engine::open(parts, slots(world, &[mixed, mixed]), OnFailure::Keep).unwrap()
}

#[test]
fn what_is_not_verified_is_not_opened_and_a_resumed_run_takes_the_freeze_over() {
    let home = tempfile::tempdir().unwrap();
    let (world, keeper) = unverified(home.path());
    assert_eq!(keeper.told(), ["freeze 1/2", "hold 2/2", "attention"]);
    assert_eq!(go_on(&world, &keeper, home.path()).drive(), Ending::Done);
    let told = keeper.told();
    assert_eq!((told.first().unwrap().as_str(), told.last().unwrap().as_str()), ("hold 2/2", "thaw"), "{told:?}");
    assert_eq!(told.iter().filter(|what| *what == "thaw").count(), 1);
}

#[test]
fn on_the_way_back_it_is_opened_when_all_is_back() {
    let home = tempfile::tempdir().unwrap();
    let (world, keeper) = unverified(home.path());
    keeper.told();
    assert_eq!(go_on(&world, &keeper, home.path()).undo("test"), Ending::PutBack);
    assert_eq!(keeper.told(), ["hold 2/2 back", "thaw"]);
    assert_eq!(world.things(), before());
}
