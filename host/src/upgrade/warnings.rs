//! Warnings, and which of them the operator has accepted: by code, for good in `accept` of `installation.toml`, or for once on
//! the command line.
//!
//! Only what is known before the run is asked about. A warning that turns up later (a deferred one, or one of `verify`) is told
//! and goes into no decision: to stop a frozen installation for it would cost more than it warns of.

use std::collections::BTreeSet;

use super::Found;
use crate::bundle::did_you_mean;
use crate::effect::{Finding, Severity};

/// The code by which a stage asks whether the operator has accepted the licence of what it installs.
pub const LICENCE: &str = "eula";

/// The codes of the warnings that are not accepted, each once, in the order in which they were found.
#[must_use]
pub fn unaccepted(found: &[Found], accepted: &BTreeSet<String>) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for (_, finding) in found.iter().filter(|(_, finding)| is_asked_about(finding)) {
        if !accepted.contains(&finding.code) && !codes.contains(&finding.code) {
            codes.push(finding.code.clone());
        }
    }
    codes
}

/// What is wrong with accepting this code on the command line, in words, and a hint: nothing that was found has it, or what has
/// it cannot be accepted. (In `installation.toml` a code may stand for what is there on another day.)
#[must_use]
pub fn not_acceptable(found: &[Found], code: &str) -> Option<(String, Option<String>)> {
    let of_code: Vec<_> = found.iter().map(|(_, finding)| finding).filter(|finding| finding.code == code).collect();
    if of_code.iter().any(|finding| finding.severity == Severity::Blocking) {
        return Some((format!("{code} is no warning: it blocks, and cannot be accepted"), None));
    }
    if of_code.is_empty() {
        let warnings = found.iter().map(|(_, finding)| finding).filter(|finding| is_asked_about(finding));
        let hint = did_you_mean(code, warnings.map(|finding| finding.code.as_str()));
        return Some((format!("nothing that was found has the code {code:?}"), hint));
    }
    None
}

fn is_asked_about(finding: &Finding) -> bool {
    finding.severity == Severity::Warning && !finding.deferred
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(severity: Severity, code: &str) -> Found {
        ("slot".into(), Finding { severity, ..Finding::blocking(code, "") })
    }

    fn some() -> Vec<Found> {
        let deferred = Finding { severity: Severity::Warning, deferred: true, ..Finding::blocking("later", "") };
        vec![
            found(Severity::Warning, "no-freeze"),
            found(Severity::Warning, "custom-plugins"),
            found(Severity::Warning, "no-freeze"),
            found(Severity::Blocking, "disk-full"),
            found(Severity::Info, "due"),
            ("slot".into(), deferred),
        ]
    }

    #[test]
    fn each_warning_that_is_not_accepted_is_named_once() {
        assert_eq!(unaccepted(&some(), &BTreeSet::new()), ["no-freeze", "custom-plugins"]);
        assert_eq!(unaccepted(&some(), &BTreeSet::from(["no-freeze".into(), "other".into()])), ["custom-plugins"]);
    }

    #[test]
    fn what_blocks_cannot_be_accepted() {
        let (text, hint) = not_acceptable(&some(), "disk-full").unwrap();
        assert!(text.contains("blocks") && hint.is_none(), "{text}");
    }

    #[test]
    fn a_code_that_nothing_has_is_an_error_with_the_likely_one() {
        let (text, hint) = not_acceptable(&some(), "custom-plugin").unwrap();
        assert!(text.contains("\"custom-plugin\""), "{text}");
        assert_eq!(hint.as_deref(), Some("did you mean \"custom-plugins\"?"));
    }

    #[test]
    fn warnings_are_acceptable_and_what_needs_no_accepting_does_no_harm() {
        for code in ["no-freeze", "due", "later"] {
            assert_eq!(not_acceptable(&some(), code), None);
        }
    }
}
