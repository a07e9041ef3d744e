//! The words of an answer: why something did not work, what was noticed, what was done.

pub use crate::bindings::liftlock::run::types::{Failure, Finding, Outcome};

impl Failure {
    /// A failure. `code` is stable and in kebab case; `message` is one sentence without a full stop.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), extra: Vec::new() }
    }

    /// The same with one more fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    /// The same, with words in front of the message that say where it happened.
    #[must_use]
    pub fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same under another code. What it was called before stays as the fact `cause`.
    #[must_use]
    pub fn under(mut self, code: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.code, code.into());
        self.with("cause", cause)
    }

    /// The same, and nothing that the operator mends helps this run any more: what an earlier stage has handed over is what is
    /// wrong. The host then names `undo` as the next command, and not `resume`.
    #[must_use]
    pub fn for_good(self) -> Self {
        self.with("resume", "no")
    }

    /// Whether this is the failure of that code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

impl Finding {
    fn new(severity: &str, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: severity.to_owned(),
            code: code.into(),
            message: message.into(),
            fix: None,
            deferred: false,
            extra: Vec::new(),
        }
    }

    /// The run cannot go on like this.
    pub fn blocking(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("blocking", code, message)
    }

    /// The operator should know, and may go on.
    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("warning", code, message)
    }

    /// Good to know.
    pub fn info(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("info", code, message)
    }

    /// It cannot be known yet, because an earlier stage has not run. The host asks again just before this stage.
    pub fn deferred(message: impl Into<String>) -> Self {
        Self { deferred: true, ..Self::info("not-known-yet", message) }
    }

    /// The same with what the operator can do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// A failure of a check is a finding that blocks.
impl From<Failure> for Finding {
    fn from(failure: Failure) -> Self {
        Self { extra: failure.extra, ..Self::blocking(failure.code, failure.message) }
    }
}

impl Outcome {
    /// Something was changed. `summary` is one sentence for the operator.
    pub fn changed(summary: impl Into<String>) -> Self {
        Self::changed_if(true, summary)
    }

    /// There was nothing to do.
    pub fn unchanged(summary: impl Into<String>) -> Self {
        Self::changed_if(false, summary)
    }

    /// Either, by what was found.
    pub fn changed_if(changed: bool, summary: impl Into<String>) -> Self {
        Self { changed, summary: summary.into(), extra: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_code_keeps_the_cause() {
        let failure = Failure::new("disk-full", "no space").at("backup").under("ERR_BACKUP");
        assert_eq!(failure.code, "ERR_BACKUP");
        assert_eq!(failure.message, "backup: no space");
        assert_eq!(failure.extra, [("cause".to_owned(), "disk-full".to_owned())]);
    }

    #[test]
    fn what_is_wrong_for_good_says_so_beside_its_cause() {
        let failure = Failure::new("wrong-version", "it is 2.0").for_good().under("ERR_EXTRACT");
        let facts: Vec<_> = failure.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(facts, [("resume", "no"), ("cause", "wrong-version")]);
    }

    #[test]
    fn a_failed_check_blocks() {
        let finding = Finding::from(Failure::new("not-found", "no such table"));
        assert_eq!((finding.severity.as_str(), finding.code.as_str()), ("blocking", "not-found"));
        assert!(!finding.deferred);
    }
}
