//! Mautic 2's own migrations: which are outstanding, and what becomes of the executed ones.
//!
//! Mautic 2.16.5 ships 136. Mautic 3 has deleted all but two of them, so its console calls the other 134 "Executed
//! Unavailable". That is as it should be, and said here in words.

use std::collections::BTreeSet;

use liftlock_sdk::prelude::*;

use crate::installed;
use crate::ledger::Ledger;
use crate::three;
use crate::version::{Version, in_words};

/// The newest migration of Mautic 2.16.5.
pub const NEWEST: Version = Version::new(20190724110039);

/// Those of the installed files that the ledger does not have, in the order in which they are run.
pub fn outstanding(installed: &BTreeSet<Version>, ledger: &Ledger) -> Vec<Version> {
    let due = installed.iter().copied().filter(|version| !ledger.has(*version) && !three::is_of_three(*version));
    due.collect()
}

/// Those that only the console of Mautic 2 can run: the two that Mautic 3 has kept are applied with its own.
pub fn for_console(outstanding: &[Version]) -> Vec<Version> {
    let is_kept = |version: &Version| three::ALL.iter().any(|migration| migration.version == *version);
    outstanding.iter().copied().filter(|version| !is_kept(version)).collect()
}

/// What the operator should know before anything is done. `installed` are the versions of the files of Mautic 2.
pub fn findings(installed: &BTreeSet<Version>, ledger: &Ledger) -> Vec<Finding> {
    let mut findings = Vec::new();
    if installed.is_empty() {
        let message = format!("there are no migrations in {}: the installation is not whole", installed::DIRECTORY);
        findings.push(
            Finding::blocking("no-migration-files", message)
                .fix(format!("put {} of the installed version back", installed::DIRECTORY)),
        );
    }
    if ledger.executed().is_empty() {
        let message = "the ledger of migrations is empty, although the database has Mautic's tables";
        let fix = "restore the table of migrations from a backup of this database";
        findings.push(Finding::blocking("ledger-empty", message).fix(fix));
        return findings;
    }
    findings.extend(future(ledger));
    findings.extend(foreign(ledger));
    findings.extend(earlier_try(ledger));
    findings.push(unavailable(ledger));
    findings
}

/// A database that a later Mautic has migrated must not be taken for one of 2.16.
fn future(ledger: &Ledger) -> Option<Finding> {
    let later = |version: &Version| *version > NEWEST && !three::is_of_three(*version);
    let later: Vec<_> = ledger.executed().iter().copied().filter(later).collect();
    (!later.is_empty()).then(|| {
        let message = format!("the database has migrations of a version behind 3.0.2: {}", in_words(&later));
        let fix = "restore the database that belongs to the files of Mautic 2";
        Finding::blocking("ledger-from-the-future", message).fix(fix)
    })
}

fn foreign(ledger: &Ledger) -> Option<Finding> {
    (!ledger.foreign().is_empty()).then(|| {
        let message = format!("{} rows of the ledger are no migrations of Mautic's and stay", ledger.foreign().len());
        Finding::info("ledger-rows-unknown", message)
    })
}

fn earlier_try(ledger: &Ledger) -> Option<Finding> {
    let done = ledger.executed().iter().filter(|version| three::is_of_three(**version)).count();
    (done > 0).then(|| {
        let message = format!(
            "an earlier upgrade has noted {done} of the 9 migrations of Mautic 3: what is really there is looked at, and the \
             rest is done"
        );
        Finding::info("upgraded-before", message)
    })
}

/// The "134 Executed Unavailable Migrations".
fn unavailable(ledger: &Ledger) -> Finding {
    let executed = ledger.executed().len();
    let gone =
        ledger.executed().iter().filter(|version| three::ALL.iter().all(|kept| kept.version != **version)).count();
    let message = format!(
        "{executed} migrations are executed; Mautic 3 will call {gone} of them \"Executed Unavailable\", for it no longer ships \
         what Mautic 2 has long done: nothing is missing"
    );
    Finding::info("executed-unavailable", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ledger of 2.16.5: 134 that Mautic 3 does not have, and the two kept ones.
    fn rows() -> Vec<String> {
        let old = (0..134).map(|at| (20150201000000_u64 + at * 1_000_000).to_string());
        old.chain(["20190704154940".to_owned(), NEWEST.to_string()]).collect()
    }

    fn ledger(rows: &[String]) -> Ledger {
        Ledger::of(rows, &["version".to_owned()])
    }

    fn installed() -> BTreeSet<Version> {
        rows().iter().filter_map(|row| Version::from_row(row)).collect()
    }

    fn codes(installed: &BTreeSet<Version>, rows: &[String]) -> Vec<String> {
        findings(installed, &ledger(rows)).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn an_empty_ledger_blocks_and_is_not_136_outstanding_migrations() {
        assert_eq!(codes(&installed(), &[]), ["ledger-empty"]);
    }

    #[test]
    fn no_files_block() {
        assert_eq!(codes(&BTreeSet::new(), &rows()), ["no-migration-files", "executed-unavailable"]);
    }

    #[test]
    fn a_database_of_a_later_mautic_blocks() {
        let rows = [rows(), vec!["20201102120710".to_owned()]].concat();
        assert_eq!(codes(&installed(), &rows), ["ledger-from-the-future", "executed-unavailable"]);
    }

    #[test]
    fn the_134_are_explained_and_no_fault() {
        let findings = findings(&installed(), &ledger(&rows()));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, "info");
        let message = &findings[0].message;
        assert!(message.starts_with("136 migrations are executed; Mautic 3 will call 134 of them"), "{message}");
    }

    #[test]
    fn an_earlier_try_is_said_and_what_it_noted_is_not_of_a_later_mautic() {
        let rows = [rows(), vec!["20181111095447".to_owned(), "20191126093923".to_owned(), "odd".to_owned()]].concat();
        assert_eq!(codes(&installed(), &rows), ["ledger-rows-unknown", "upgraded-before", "executed-unavailable"]);
    }

    #[test]
    fn outstanding_is_what_is_on_disk_and_not_in_the_ledger() {
        let all = rows();
        let missing = [all[5].clone(), all[100].clone()];
        let known: Vec<_> = all.iter().filter(|row| !missing.contains(row)).cloned().collect();
        let found: Vec<_> = outstanding(&installed(), &ledger(&known)).iter().map(Version::to_string).collect();
        assert_eq!(found, missing);
        assert_eq!(outstanding(&installed(), &ledger(&all)), []);
    }

    #[test]
    fn what_mautic_3_has_kept_needs_no_console() {
        let old = Version::new(20150201000000);
        assert_eq!(for_console(&[old, Version::new(20190704154940), NEWEST]), [old]);
    }

    #[test]
    fn migrations_of_mautic_3_are_not_outstanding_ones_of_mautic_2() {
        let both: BTreeSet<_> = installed().into_iter().chain(three::ALL.iter().map(|it| it.version)).collect();
        assert_eq!(outstanding(&both, &ledger(&rows())), []);
    }
}
