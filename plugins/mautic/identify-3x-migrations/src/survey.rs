//! One migration, as it was found.

use liftlock_sdk::prelude::*;
use mautic_migrations::version::Version;
use mautic_migrations::work::Left;

/// A migration with what is left of it.
#[derive(Debug)]
pub(crate) struct Surveyed {
    /// Which.
    pub(crate) version: Version,
    /// What it does, in words.
    pub(crate) about: &'static str,
    /// Whether the ledger has it.
    pub(crate) is_noted: bool,
    /// What is left.
    pub(crate) left: Left,
    /// What its plan says.
    pub(crate) findings: Vec<Finding>,
}

impl Surveyed {
    /// Whether it is run: something is left, or only its row in the ledger.
    pub(crate) fn is_due(&self) -> bool {
        !self.is_noted || !self.left.due.is_empty()
    }

    /// What the operator should know.
    pub(crate) fn findings(self) -> Vec<Finding> {
        let Self { version, about, is_noted, left, mut findings } = self;
        for what in left.left_alone {
            findings.push(Finding::warning("left-alone", format!("{version}: {what}")));
        }
        let due = left.due.join("; ");
        match (is_noted, due.is_empty()) {
            (true, true) => {}
            (true, false) => {
                let message = format!("{version} is noted as executed, and was not done whole: it will do {due}");
                findings.push(Finding::warning("noted-but-not-done", message));
            }
            (false, true) => {
                findings.push(Finding::info("due", format!("{version} ({about}): done already, and will be noted")));
            }
            (false, false) => findings.push(Finding::info("due", format!("{version} ({about}): {due}"))),
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(is_noted: bool, due: &[&str]) -> Surveyed {
        let due = due.iter().map(|what| (*what).to_owned()).collect();
        Surveyed {
            version: Version::new(20200211095409),
            about: "users loses online_status",
            is_noted,
            left: Left { due, left_alone: Vec::new() },
            findings: Vec::new(),
        }
    }

    fn said(surveyed: Surveyed) -> Vec<(String, String)> {
        surveyed.findings().into_iter().map(|finding| (finding.code, finding.message)).collect()
    }

    #[test]
    fn noted_and_not_done_is_due_and_a_warning() {
        assert!(surveyed(true, &["a", "b"]).is_due());
        let [(code, message)] = &said(surveyed(true, &["a", "b"]))[..] else { panic!() };
        assert_eq!(code, "noted-but-not-done");
        assert!(message.ends_with("it will do a; b"), "{message}");
    }

    #[test]
    fn done_and_not_noted_is_due_for_its_row() {
        assert!(surveyed(false, &[]).is_due());
        assert!(said(surveyed(false, &[]))[0].1.ends_with("done already, and will be noted"));
    }

    #[test]
    fn done_and_noted_is_not_due_and_not_worth_a_word() {
        assert!(!surveyed(true, &[]).is_due());
        assert_eq!(said(surveyed(true, &[])), []);
    }

    #[test]
    fn what_stays_as_it_is_warns() {
        let mut surveyed = surveyed(true, &[]);
        surveyed.left.left_alone.push("the row 7".to_owned());
        assert_eq!(said(surveyed), [("left-alone".to_owned(), "20200211095409: the row 7".to_owned())]);
    }
}
