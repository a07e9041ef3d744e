//! What must be true afterwards: nothing is left of any migration, and the ledger has them all.

use liftlock_sdk::prelude::*;
use mautic_migrations::ledger::Ledger;
use mautic_migrations::three;
use mautic_migrations::version::{Version, in_words};
use mautic_migrations::work::Left;

/// A finding if the ledger lacks a migration.
pub(crate) fn ledger(ledger: &Ledger) -> Option<Finding> {
    let all = three::ALL.iter().map(|migration| migration.version);
    let missing: Vec<_> = all.filter(|version| !ledger.has(*version)).collect();
    (!missing.is_empty())
        .then(|| Finding::blocking("ledger-incomplete", format!("the ledger lacks {}", in_words(&missing))))
}

/// What is left of a migration blocks; what was left alone is said once more.
pub(crate) fn migration(version: Version, left: Left) -> Vec<Finding> {
    let due = (!left.due.is_empty())
        .then(|| Finding::blocking("not-migrated", format!("{version} has left {}", left.due.join("; "))));
    let alone = left.left_alone.into_iter().map(|what| Finding::warning("left-alone", format!("{version}: {what}")));
    due.into_iter().chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_row_of_the_ledger_blocks() {
        let all: Vec<_> = three::ALL.iter().map(|migration| migration.version.to_string()).collect();
        let columns = ["version".to_owned()];
        let finding = ledger(&Ledger::of(&all[1..], &columns)).unwrap();
        assert_eq!(
            (finding.code.as_str(), finding.message.as_str()),
            ("ledger-incomplete", "the ledger lacks 20181111095447")
        );
        assert_eq!(ledger(&Ledger::of(&all, &columns)), None);
    }

    #[test]
    fn what_is_left_blocks_and_what_was_left_alone_warns() {
        let left = Left { due: vec!["users loses online_status".to_owned()], left_alone: vec!["row 7".to_owned()] };
        let findings = migration(three::NEWEST, left);
        let said: Vec<_> = findings.iter().map(|finding| (finding.severity.as_str(), finding.code.as_str())).collect();
        assert_eq!(said, [("blocking", "not-migrated"), ("warning", "left-alone")]);
        assert_eq!(migration(three::NEWEST, Left::default()), []);
    }
}
