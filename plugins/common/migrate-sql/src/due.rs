//! Which files are due.

use liftlock_sdk::failure::Failure;
use numbered_sql::compare;

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
}
