//! Whether the installed files are those whose migrations are known here.

use std::collections::BTreeSet;

use liftlock_sdk::prelude::*;
use mautic_migrations::three;
use mautic_migrations::version::{Version, in_words};

/// What the names of the installed migrations say. As long as Mautic 2 is live they say nothing yet.
pub(crate) fn finding(installed: &BTreeSet<Version>) -> Option<Finding> {
    if !installed.contains(&three::NEWEST) {
        return Some(Finding::deferred("which migrations Mautic 3 brings is known when its files are live"));
    }
    let is_known = |version: &Version| three::ALL.iter().any(|migration| migration.version == *version);
    let unknown: Vec<_> = installed.iter().copied().filter(|version| !is_known(version)).collect();
    (!unknown.is_empty()).then(|| {
        let message = format!("the installed files have migrations that 3.0.2 does not have: {}", in_words(&unknown));
        Finding::blocking("migration-unknown", message).fix("upgrade with the package of Mautic 3.0.2")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> BTreeSet<Version> {
        three::ALL.iter().map(|migration| migration.version).collect()
    }

    #[test]
    fn a_package_with_other_migrations_blocks() {
        let with = all().into_iter().chain([Version::new(20200805185714)]).collect();
        let finding = finding(&with).unwrap();
        assert_eq!(finding.code, "migration-unknown");
        assert!(finding.message.ends_with("20200805185714"));
    }

    #[test]
    fn as_long_as_mautic_2_is_live_nothing_is_known() {
        let finding = finding(&BTreeSet::from([Version::new(20190724110039)])).unwrap();
        assert!(finding.deferred && finding.severity == "info");
    }

    #[test]
    fn the_eleven_are_fine() {
        assert_eq!(finding(&all()), None);
    }
}
