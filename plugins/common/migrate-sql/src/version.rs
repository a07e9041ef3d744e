//! The order of versions, and which files are due.

use std::cmp::Ordering;

use liftlock_sdk::failure::Failure;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The versions to apply, in their order.
    pub(crate) files: Vec<String>,
    /// The version that the database is at afterwards.
    pub(crate) target: String,
}

/// The files behind `ledger` up to `target`. `versions` is sorted.
pub(crate) fn due(versions: &[String], ledger: &str, target: Option<&str>) -> Result<Due, Failure> {
    let newest = versions.last().ok_or_else(|| Failure::new("no-files", "the directory has no SQL files"))?;
    let target = target.unwrap_or(newest);
    if !versions.iter().any(|version| version == target) {
        return Err(Failure::new("no-target", format!("there is no SQL file for version {target}")));
    }
    if compare(ledger, target).is_gt() {
        let message = format!("the database is at version {ledger}, newer than {target}, which the package brings");
        return Err(Failure::new("ledger-from-the-future", message));
    }
    let is_due = |version: &&String| compare(version, ledger).is_gt() && compare(version, target).is_le();
    Ok(Due { files: versions.iter().filter(is_due).cloned().collect(), target: target.to_owned() })
}

/// Compares names as people read them: runs of digits by their value, everything else byte by byte.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    // Equal but for leading zeros: the bytes decide, so that the order is total.
    parts(one).cmp(parts(other)).then_with(|| one.cmp(other))
}

/// A run of digits or of other bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Without leading zeros: the longer is the greater.
    Number(usize, &'a [u8]),
    Other(&'a [u8]),
}

fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).map(|run| {
        if !run[0].is_ascii_digit() {
            return Part::Other(run);
        }
        let zeros = run.iter().take_while(|digit| **digit == b'0').count();
        Part::Number(run.len() - zeros, &run[zeros..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_ledger_from_the_future_is_refused() {
        let files = versions(&["2020020100", "2022081200"]);
        assert_eq!(due(&files, "2023010100", None).unwrap_err().code, "ledger-from-the-future");
        assert_eq!(due(&files, "2022081200", Some("2020020100")).unwrap_err().code, "ledger-from-the-future");
    }

    #[test]
    fn a_target_without_a_file_is_refused() {
        assert_eq!(due(&versions(&["1", "2"]), "1", Some("3")).unwrap_err().code, "no-target");
        assert_eq!(due(&[], "1", None).unwrap_err().code, "no-files");
    }

    #[test]
    fn only_what_is_behind_the_ledger_is_due() {
        let files = versions(&["1", "2", "9", "10", "11"]);
        let expected = Due { files: versions(&["9", "10"]), target: "10".to_owned() };
        assert_eq!(due(&files, "2", Some("10")), Ok(expected));
        assert_eq!(due(&files, "11", None), Ok(Due { files: Vec::new(), target: "11".to_owned() }));
        // A ledger between two files, as after a release without migrations.
        assert_eq!(due(&files, "9.5", None).unwrap().files, ["10", "11"]);
    }

    #[test]
    fn digits_count_by_their_value() {
        let mut names = versions(&["v10", "v9", "1.10.0", "1.9", "01", "1", "2022081200", "20220812001"]);
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(names, ["01", "1", "1.9", "1.10.0", "2022081200", "20220812001", "v9", "v10"]);
        assert_eq!(compare("a", "a"), Ordering::Equal);
    }
}
