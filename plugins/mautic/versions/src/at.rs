//! Where between Mautic 2 and what comes behind 3.0.2 a side is.

use std::cmp::Ordering;
use std::fmt;

use mautic_migrations::ledger::Ledger;
use mautic_migrations::{three, two};
use mautic_settings::version::Version;

/// What the pipeline goes to.
const TARGET: Version = Version(3, 0, 2);

/// A side's place, and how it is written.
#[derive(Debug, Clone)]
pub(crate) struct At {
    place: Place,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Two,
    Between,
    Target,
    Beyond,
}

impl At {
    pub(crate) fn target() -> Self {
        Self { place: Place::Target, text: TARGET.to_string() }
    }

    pub(crate) fn of_files(version: Version) -> Self {
        let place = match version.cmp(&TARGET) {
            _ if version < Version(3, 0, 0) => Place::Two,
            Ordering::Less => Place::Between,
            Ordering::Equal => Place::Target,
            Ordering::Greater => Place::Beyond,
        };
        Self { place, text: version.to_string() }
    }

    pub(crate) fn of_ledger(ledger: &Ledger) -> Self {
        let all = three::ALL.iter().filter(|migration| !migration.kept).count();
        let done = ledger.executed().iter().filter(|version| three::is_of_three(**version)).count();
        let later = ledger.executed().iter().any(|version| *version > three::NEWEST);
        let (place, text) = match done {
            _ if later => (Place::Beyond, format!("a version behind {TARGET}")),
            0 if ledger.has(two::NEWEST) => (Place::Two, "2.16".to_owned()),
            0 => (Place::Two, "2".to_owned()),
            done if done == all => (Place::Target, TARGET.to_string()),
            done => (Place::Between, format!("between 2.16 and {TARGET} ({done} of {all} migrations)")),
        };
        Self { place, text }
    }

    pub(crate) fn is_two(&self) -> bool {
        self.place == Place::Two
    }
}

/// Those that Mautic 3 does not ship any more.
pub(crate) fn unavailable(ledger: &Ledger) -> usize {
    let kept = |version| three::ALL.iter().any(|migration| migration.version == version);
    ledger.executed().iter().filter(|version| !kept(**version)).count()
}

/// Only the place counts: 2.16.5 of the files is as old as 2.16 of the database.
impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for At {}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(versions: &[String]) -> At {
        At::of_ledger(&Ledger::of(versions, &["version".to_owned()]))
    }

    fn of_three() -> Vec<String> {
        three::ALL.iter().map(|migration| migration.version.to_string()).collect()
    }

    #[test]
    fn a_ledger_is_of_3_0_2_with_all_nine_only() {
        assert_eq!(ledger(&of_three()), At::target());
        let mut some = of_three();
        some.pop();
        assert!(ledger(&some) < At::target() && !ledger(&some).is_two());
        assert!(ledger(&some).to_string().contains("8 of 9"), "{}", ledger(&some));
        let later = [of_three(), vec!["20201102120710".to_owned()]].concat();
        assert!(ledger(&later) > At::target());
        assert_eq!(ledger(&["20190724110039".to_owned()]).to_string(), "2.16");
        assert_eq!(unavailable(&Ledger::of(&["20150201000000".to_owned()], &[])), 1);
    }

    #[test]
    fn files_and_ledger_are_compared_by_what_they_are_between() {
        let files = |text: &str| At::of_files(Version::parse(text).unwrap());
        assert_eq!(files("2.16.5"), ledger(&["20190724110039".to_owned()]));
        assert_eq!(files("3.0.2"), ledger(&of_three()));
        assert!(files("3.0.1") < ledger(&of_three()) && files("3.1.0") > ledger(&of_three()));
    }
}
