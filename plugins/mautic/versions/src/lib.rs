//! Reads which version of Mautic the files and the database are of, and what Mautic's own script (`upgrade_v3.php`) has left
//! behind: for `liftlock diagnose`.
//!
//! The database has no version. It has a ledger of migrations: with none of Mautic 3's it is of Mautic 2, with all nine of 3.0.2,
//! with some between the two, and with others behind 3.0.2.
//!
//! | mark | kind | what it is |
//! | --- | --- | --- |
//! | `script-half-done` | half-done | `mautic-2-backup-files` is in the root: the script has moved Mautic 2 there, and has not come to its end |
//! | `script-between-phases` | prepared | `m3_upgrade_pending_phase_2.txt` or `mautic-3-temp-files` is there, and Mautic 2 is live |
//! | `script-marker-left` | flag | `m3_upgrade_pending_phase_2.txt` is there, and Mautic 3 is live |
//! | `dump-in-root` | note | `m3_upgrade_db_backup.sql`, which a browser may be able to fetch |
//! | `migrations-unavailable` | note | the "134 Executed Unavailable Migrations" of Mautic 3's console |
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | what is read; default `app` and `main` |
//! | `prefix` | of the tables; default what `db_table_prefix` of the settings says, also of those in the backup |

mod at;

use liftlock_sdk::look::{Found, Look};
use liftlock_sdk::prelude::*;
use liftlock_sdk::versions::{Mark, Report, Side, Versions, report};
use mautic_migrations::installation;
use mautic_migrations::ledger::Ledger;
use mautic_settings::version::Version;

use crate::at::At;

const BACKUP: &str = "mautic-2-backup-files";
const TEMPORARY: &str = "mautic-3-temp-files";
const PENDING: &str = "m3_upgrade_pending_phase_2.txt";
const DUMP: &str = "m3_upgrade_db_backup.sql";

struct MauticVersions;

impl Versions for MauticVersions {
    fn look() -> Result<Report, Failure> {
        let name = run::param_or("root", "app");
        let root = Directory::root(&name);
        let ledger = ledger(&root);
        let in_files = match &root {
            Ok(root) => of_files(root),
            Err(failure) => Err(failure.clone()),
        };
        let place = "app/release_metadata.json or app/version.txt";
        let files = Side::new(place, in_files.map(|found| found.map(At::of_files)), "neither says a version");
        let in_database = ledger.as_ref().map(|ledger| ledger.as_ref().map(At::of_ledger)).map_err(Clone::clone);
        let database = Side::new("the ledger of migrations", in_database, "there is none");
        let executed = ledger.ok().flatten().map_or(0, |ledger| at::unavailable(&ledger));
        let marks = match &root {
            Ok(root) => marks(&name, root, files.version(), executed)?,
            Err(_) => Vec::new(),
        };
        Ok(report(files, database, &At::target(), marks))
    }
}

liftlock_sdk::export_versions!(MauticVersions);

fn ledger(root: &Result<Directory, Failure>) -> Result<Option<Ledger>, Failure> {
    let database = Database::open(&run::param_or("database", "main"))?;
    let prefix = match (run::param("prefix"), root) {
        (Some(prefix), _) => prefix,
        // As long as the settings are in the backup, that is where the prefix is.
        (None, Ok(root)) => match installation::prefix(root, "")? {
            Some(prefix) => prefix,
            None => installation::prefix(root, &format!("{BACKUP}/"))?.unwrap_or_default(),
        },
        (None, Err(failure)) => return Err(failure.clone()),
    };
    Ledger::read(&database, &prefix)
}

fn of_files(root: &Directory) -> Result<Option<Version>, Failure> {
    let text = |path: &str| -> Result<Option<String>, Failure> {
        if root.find(path)? == Found::Other { root.read_text(path).map(Some) } else { Ok(None) }
    };
    if let Some(metadata) = text("app/release_metadata.json")? {
        let json = serde_json::from_str::<serde_json::Value>(&metadata).ok();
        return Ok(json.and_then(|json| Version::parse(json.get("version")?.as_str()?)));
    }
    Ok(text("app/version.txt")?.as_deref().and_then(Version::parse))
}

/// What lies about. `root` is called `name` in the installation; `unavailable` migrations are in the ledger.
fn marks(name: &str, root: &impl Look, files: Option<&At>, unavailable: usize) -> Result<Vec<Mark>, Failure> {
    let there = |path: &str| -> Result<bool, Failure> { Ok(root.find(path)? != Found::Nothing) };
    let is_two = files.is_some_and(At::is_two);
    let mut marks = Vec::new();
    if there(BACKUP)? {
        let message = "Mautic's own script has moved Mautic 2 there, and has not come to its end";
        marks.push(Mark::new("half-done", "script-half-done", BACKUP, message));
    } else if is_two && (there(PENDING)? || there(TEMPORARY)?) {
        let place = if there(PENDING)? { PENDING } else { TEMPORARY };
        let message = "Mautic's own script has unpacked Mautic 3 and stopped; Mautic 2 is live and untouched";
        marks.push(Mark::new("prepared", "script-between-phases", place, message));
    } else if there(PENDING)? {
        let message = "Mautic's own script would begin its second phase again, over the Mautic 3 that is live";
        marks.push(Mark::new("flag", "script-marker-left", PENDING, message).file(name, PENDING));
    }
    if there(DUMP)? {
        let message = "a dump of the database lies where a browser may be able to fetch it: move it elsewhere";
        marks.push(Mark::new("note", "dump-in-root", DUMP, message));
    }
    if !is_two && unavailable > 0 {
        let message = format!(
            "Mautic's console calls {unavailable} migrations \"Executed Unavailable\", for Mautic 3 no longer ships what Mautic 2 \
             has long done: nothing is missing"
        );
        marks.push(Mark::new("note", "migrations-unavailable", "the ledger of migrations", message));
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use liftlock_sdk::look::Listing;

    use super::*;

    fn codes(paths: &[&str], files: &str, unavailable: usize) -> Vec<String> {
        let files = Version::parse(files).map(At::of_files);
        let marks = marks("app", &Listing::new(paths), files.as_ref(), unavailable).unwrap();
        marks.into_iter().map(|mark| format!("{} {}", mark.kind, mark.code)).collect()
    }

    #[test]
    fn a_script_that_has_moved_mautic_2_is_half_done_whatever_the_files_say() {
        for files in ["2.16.5", "3.0.2", ""] {
            let found = codes(&["mautic-2-backup-files/", "m3_upgrade_pending_phase_2.txt"], files, 0);
            assert_eq!(found, ["half-done script-half-done"], "{files}");
        }
    }

    #[test]
    fn between_its_phases_nothing_live_is_touched() {
        assert_eq!(codes(&["m3_upgrade_pending_phase_2.txt"], "2.16.5", 0), ["prepared script-between-phases"]);
        assert_eq!(codes(&["mautic-3-temp-files/"], "2.16.5", 0), ["prepared script-between-phases"]);
        assert_eq!(codes(&["m3_upgrade_pending_phase_2.txt"], "3.0.2", 0), ["flag script-marker-left"]);
    }

    #[test]
    fn what_is_no_fault_is_a_note() {
        assert_eq!(
            codes(&["m3_upgrade_db_backup.sql"], "3.0.2", 134),
            ["note dump-in-root", "note migrations-unavailable"]
        );
        assert!(codes(&[], "2.16.5", 134).is_empty());
    }
}
