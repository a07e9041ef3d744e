//! `liftlock:run/context`: the run, as the stage sees it.

use crate::sandbox::bindings::liftlock::run::{context, types};
use crate::sandbox::guest::{Answer, Guest, answer, trap};

impl context::Host for Guest {
    fn param(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.talk.count().map_err(trap)?;
        Ok(self.params.get(&name).cloned())
    }

    fn input(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        self.talk.input(&name).map_err(trap)
    }

    fn set_output(&mut self, name: String, value: String) -> Answer<(), types::Failure> {
        answer(self.talk.set_output(&name, &value))
    }

    fn progress(&mut self, done: u64, total: Option<u64>, unit: String) -> wasmtime::Result<()> {
        self.talk.progress(done, total, &unit).map_err(trap)
    }

    fn log(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        self.talk.log(&level, &message).map_err(trap)
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        self.talk.now().map_err(trap)
    }

    fn random(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.talk.random(length).map_err(trap)
    }
}
