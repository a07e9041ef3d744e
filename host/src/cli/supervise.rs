//! `liftlock supervise-command`: the host starts itself so, between itself and a command of the operator's.

use std::io::{self, BufReader};

use liftlock::capability::command;

use super::Exit;

/// Run one command of a run, for the run
#[derive(clap::Args)]
pub(super) struct Supervise {}

impl Supervise {
    #[expect(clippy::unused_self, reason = "has the shape of its siblings")]
    pub(super) fn run(&self) -> Exit {
        // What goes wrong here, the host sees by what it is not told.
        match command::supervise(BufReader::new(io::stdin()), io::stdout(), io::stderr()) {
            Ok(()) => Exit::Done,
            Err(_) => Exit::NeedsPerson,
        }
    }
}
