//! Steps with a heading and a duration.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Runs steps one after the other and remembers how long each took.
pub(crate) struct Steps {
    start: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), done: Vec::new() }
    }

    /// Runs one step.
    ///
    /// # Errors
    /// The step's own, with its name.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("== {name}");
        let start = Instant::now();
        let result = work().with_context(|| format!("step \"{name}\" failed"))?;
        let took = start.elapsed();
        println!("== {name}: {:.1} s\n", took.as_secs_f64());
        self.done.push((name.to_owned(), took));
        Ok(result)
    }

    /// One line: what was done and how long it took.
    pub(crate) fn summary(&self) -> String {
        let each: Vec<_> = self.done.iter().map(|(name, took)| format!("{name} {:.0} s", took.as_secs_f64())).collect();
        format!("{} steps passed in {:.0} s ({})", self.done.len(), self.start.elapsed().as_secs_f64(), each.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_named_and_not_counted() {
        let mut steps = Steps::new();
        let error = steps.step("bad", || -> Result<()> { anyhow::bail!("no") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "step \"bad\" failed: no");
        steps.step("good", || Ok(())).unwrap();
        assert!(steps.summary().starts_with("1 steps passed"), "{}", steps.summary());
    }
}
