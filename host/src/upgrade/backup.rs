//! Whether the operator's backup directory has room for what a slot will put there.

use std::path::Path;

use crate::bundle::{PlannedSlot, PortKind, Setup};
use crate::effect::{Finding, Severity};

/// A copy is compressed. Rows that shrink to less than this part of themselves are rare.
const MOST_COMPRESSION: u64 = 10;

/// Whether a slot copies this database: it puts out a snapshot, and may read it.
pub(super) fn is_wanted(setup: &Setup, database: &str) -> bool {
    let copies = |planned: &PlannedSlot| planned.slot.produces.iter().any(|port| port.kind == PortKind::Snapshot);
    setup.slots.iter().any(|planned| copies(planned) && planned.grants.databases.contains_key(database))
}

/// What is to be said of the room there; nothing if nobody knows how much there is.
pub(super) fn room(database: &str, backup: &Path, size: u64) -> Option<Finding> {
    let place = backup.ancestors().find(|place| place.exists())?;
    let space = rustix::fs::statvfs(place).ok()?;
    short(database, backup, size, space.f_bavail.saturating_mul(space.f_frsize))
}

fn short(database: &str, backup: &Path, size: u64, free: u64) -> Option<Finding> {
    if free >= size {
        return None;
    }
    let severity = if free < size / MOST_COMPRESSION { Severity::Blocking } else { Severity::Warning };
    let text = format!(
        "the backup directory {} has {} KiB free; the rows of database {database} are about {} KiB, before compression",
        backup.display(),
        free >> 10,
        size >> 10
    );
    let fix = Some("make room there, or name another directory as `backup` in installation.toml".to_owned());
    Some(Finding { severity, fix, ..Finding::blocking("backup-space-short", text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(size: u64, free: u64) -> Option<Severity> {
        short("main", Path::new("/backup"), size, free).map(|finding| finding.severity)
    }

    #[test]
    fn a_directory_that_cannot_hold_the_copy_is_refused_and_named() {
        assert_eq!(severity(100 << 20, 9 << 20), Some(Severity::Blocking));
        let finding = short("main", Path::new("/backup"), 100 << 20, 9 << 20).unwrap();
        assert_eq!(finding.code, "backup-space-short");
        let named = ["/backup has 9216 KiB free", "database main are about 102400 KiB"];
        assert!(named.iter().all(|part| finding.message.contains(part)), "{}", finding.message);
    }

    #[test]
    fn what_may_be_enough_when_compressed_is_a_warning_and_enough_is_nothing() {
        assert_eq!(severity(100 << 20, 50 << 20), Some(Severity::Warning));
        assert_eq!(severity(100 << 20, 100 << 20), None);
        assert_eq!(severity(0, 0), None);
    }

    #[test]
    fn a_directory_that_will_be_made_is_measured_where_it_will_be() {
        let home = tempfile::tempdir().unwrap();
        let backup = home.path().join("not/yet");
        assert_eq!(room("main", &backup, 0), None);
        assert_eq!(room("main", &backup, u64::MAX).map(|finding| finding.severity), Some(Severity::Blocking));
    }
}
