//! Memory, tables and instances of a guest.

use wasmtime::{ResourceLimiter, Result};

/// A limiter that remembers what was asked too much: a refused `memory.grow` ends the guest, for an answer of -1 would be
/// something that a replay may see otherwise.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: usize,
    used: usize,
    /// What was refused.
    pub(super) refused: Option<String>,
}

const TABLE_ELEMENTS: usize = 100_000;
/// A component made of many modules has that many instances: interpreters do.
const INSTANCES: usize = 100;

impl Limiter {
    pub(super) fn new(memory: u64) -> Self {
        Self { memory: usize::try_from(memory).unwrap_or(usize::MAX), used: 0, refused: None }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let total = self.used.saturating_sub(current).saturating_add(desired);
        if total > self.memory {
            let text =
                format!("the stage wanted {} MiB of memory; its limit is {} MiB", total >> 20, self.memory >> 20);
            self.refused = Some(text.clone());
            return Err(wasmtime::Error::msg(text));
        }
        self.used = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.refused = Some(format!("memory for the stage: {error}"));
        Err(error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        if desired > TABLE_ELEMENTS {
            let text = format!("the stage wanted a table of {desired} elements; the limit is {TABLE_ELEMENTS}");
            self.refused = Some(text.clone());
            return Err(wasmtime::Error::msg(text));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        INSTANCES
    }
}
