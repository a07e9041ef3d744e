//! `liftlock:command/command`.

use std::sync::Arc;

use crate::capability::command::Ended;
use crate::effect::{CallError, Store};
use crate::engine::Touches;
use crate::sandbox::bindings::liftlock::command::command;
use crate::sandbox::bindings::liftlock::run::types::Failure;
use crate::sandbox::guest::{Answer, Guest, answer, store, trap};

impl Guest {
    /// The databases that a command reaches, as the engine knows them.
    fn reached(&self, databases: &[String]) -> Result<Vec<Arc<dyn Store>>, CallError> {
        let found = databases.iter().map(|name| {
            let missing = || CallError::answer("no-such-database", format!("the installation has no database {name}"));
            self.drivers.driver(name).map(store).ok_or_else(missing)
        });
        found.collect()
    }

    /// What a command wrote goes to the operator too.
    fn tell(&mut self, ended: &Ended) -> wasmtime::Result<()> {
        ended.output.lines().try_for_each(|line| self.talk.log("info", line)).map_err(trap)
    }
}

impl command::Host for Guest {
    fn is_there(&mut self, name: String) -> wasmtime::Result<bool> {
        let commands = &self.commands;
        let called = self.talk.read("command.is-there", &name, || Ok(commands.is_there(&name)));
        Ok(called.map_err(trap)?.unwrap_or_default())
    }

    fn run(&mut self, name: String) -> Answer<command::Ended, Failure> {
        let commands = &self.commands;
        let admitted = commands.admit(&name).and_then(|known| match self.open_cursors {
            0 => Ok((known.is_look(), self.reached(&known.databases)?)),
            _ if known.is_look() => Ok((true, Vec::new())),
            _ => Err(CallError::answer("cursor-open", "read the open cursors to their end, or drop them, first")),
        });
        let called = match admitted {
            Err(refused) => self.talk.read("command.refused", &name, || Err::<Ended, _>(refused)),
            Ok((true, _)) => self.talk.read("command.look", &name, || commands.look(&name)),
            Ok((false, databases)) => self.talk.attempt(
                "command.run",
                &name,
                Touches::Command(&databases),
                |effect| commands.prepare(effect, &name),
                |ended: &Ended| ended.exit_code == 0,
            ),
        };
        let ended: Result<Ended, Failure> = answer(called)?;
        if let Ok(ended) = &ended {
            self.tell(ended)?;
        }
        Ok(ended.map(|ended| command::Ended { exit_code: ended.exit_code, output: ended.output, extra: ended.extra }))
    }
}
