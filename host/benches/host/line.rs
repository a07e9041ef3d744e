//! One line of the table.

use std::fmt;

/// What was measured. Seconds for one of whatever it names.
pub struct Line {
    what: String,
    liftlock: f64,
    native: Option<(String, f64)>,
    goal: Option<Goal>,
}

/// What it should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most so many seconds.
    Within(f64),
    /// At most so many times what the native tool takes.
    Ratio(f64),
}

impl Line {
    pub fn new(what: impl Into<String>, liftlock: f64) -> Self {
        Self { what: what.into(), liftlock, native: None, goal: None }
    }

    /// The tool to compare with.
    pub fn against(mut self, tool: impl Into<String>, seconds: f64) -> Self {
        self.native = Some((tool.into(), seconds));
        self
    }

    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }
}

/// Fields between tabs: what, seconds, tool, its seconds, goal. `cargo xtask bench` reads it.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line\t{}\t{:e}\t", self.what, self.liftlock)?;
        match &self.native {
            Some((tool, seconds)) => write!(f, "{tool}\t{seconds:e}\t")?,
            None => f.write_str("\t\t")?,
        }
        match self.goal {
            Some(Goal::Within(seconds)) => write!(f, "within {seconds:e}"),
            Some(Goal::Ratio(ratio)) => write!(f, "ratio {ratio:e}"),
            None => Ok(()),
        }
    }
}
