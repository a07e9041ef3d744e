//! The host's side of each interface of `wit/`, one file an interface. Each call is: look the handle up, hand the rest to the
//! conversation, turn the answer into the contract's types.

mod command;
mod context;
mod database;
mod files;
mod network;
mod rows;

use super::bindings::liftlock::run::types;
use crate::effect::{Failure, Finding, Outcome, Severity};

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message, extra: failure.extra }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self { code: failure.code, message: failure.message, extra: failure.extra }
    }
}

impl From<types::Outcome> for Outcome {
    fn from(outcome: types::Outcome) -> Self {
        Self { changed: outcome.changed, summary: outcome.summary, extra: outcome.extra }
    }
}

impl From<types::Finding> for Finding {
    fn from(finding: types::Finding) -> Self {
        let line = |text: &str| crate::escape::line(text, 2000);
        Self {
            severity: match finding.severity.as_str() {
                "info" => Severity::Info,
                "warning" => Severity::Warning,
                _ => Severity::Blocking,
            },
            code: line(&finding.code),
            message: line(&finding.message),
            fix: finding.fix.as_deref().map(line),
            deferred: finding.deferred,
            extra: finding.extra,
        }
    }
}

impl types::Host for super::guest::Guest {}
