//! Reads which version of WHMCS the files and the database are of, and what updaters have left behind: for `liftlock diagnose`.
//!
//! | mark | kind | what it is |
//! | --- | --- | --- |
//! | `patch-set-wrong-base` | half-done | the manifest of a patch set lies in the root, and the database is of another version than it is for |
//! | `updater-killed` | half-done | WHMCS's updater says that it is at work, or its steps have stopped between two releases |
//! | `updater-lock` | flag | WHMCS's updater says that it is at work, and files and database agree |
//! | `maintenance-mode` | flag | the setting that shows the maintenance page to clients is on |
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `root`, `database` | what is read; default `app` and `main` |
//! | `target` | the version that the pipeline goes to |

use liftlock_sdk::prelude::*;
use liftlock_sdk::versions::{Mark, Report, Side, Versions, report};
use whmcs_installation::{HEAD, Stage as Made, Version, patch_set};

struct WhmcsVersions;

impl Versions for WhmcsVersions {
    fn look() -> Result<Report, Failure> {
        let target = run::require_param("target")?;
        let target = Version::parse(&target)
            .ok_or_else(|| Failure::new("param-wrong", format!("`target` is no version: {target}")))?;
        let (root, name) = (Directory::root(&run::param_or("root", "app")), run::param_or("database", "main"));
        let database = Database::open(&name);
        let in_files = match &root {
            Ok(root) => whmcs_installation::of_files(root),
            Err(failure) => Err(failure.clone()),
        };
        let in_database = match &database {
            Ok(database) => whmcs_installation::of_database(database),
            Err(failure) => Err(failure.clone()),
        };
        let seen = Seen {
            updater: setting(&database, "UpdaterStatus"),
            maintenance: setting(&database, "MaintenanceMode"),
            patch_set: root.ok().and_then(|root| root.read_text(patch_set::FILE).ok()),
        };
        let files = Side::new(&format!("the head of {HEAD}"), in_files, "it does not say a version at its head");
        let place = "the row Version of tblconfiguration";
        let database = Side::new(place, in_database, "there is none, or it says no version");
        let marks = seen.marks(&name, files.version(), database.version());
        Ok(report(files, database, &target, marks))
    }
}

liftlock_sdk::export_versions!(WhmcsVersions);

/// A setting in the database. One that cannot be read tells nothing.
fn setting(database: &Result<Database, Failure>, name: &str) -> Option<String> {
    const SQL: &str = "SELECT value FROM tblconfiguration WHERE setting = ? ORDER BY id";
    database.as_ref().ok()?.query_value(SQL, &[name.into()]).ok()?
}

/// What was read beside the versions.
#[derive(Default)]
struct Seen {
    updater: Option<String>,
    maintenance: Option<String>,
    patch_set: Option<String>,
}

impl Seen {
    fn marks(&self, name: &str, files: Option<&Version>, database: Option<&Version>) -> Vec<Mark> {
        let (Some(files), Some(database)) = (files, database) else { return Vec::new() };
        let mut marks = Vec::new();
        let manifest = self.patch_set.as_deref().and_then(|text| patch_set::Manifest::parse(text).ok());
        let was_put_on = |manifest: &patch_set::Manifest| manifest.version == *files && manifest.base != *database;
        if let Some(manifest) = manifest.filter(|manifest| files != database && was_put_on(manifest)) {
            let message = format!(
                "a patch set for WHMCS {} and for nothing else was put onto {database}: its files are a mixture",
                manifest.base
            );
            marks.push(Mark::new("half-done", "patch-set-wrong-base", patch_set::FILE, message));
        }
        let at_work = self.updater.as_deref().filter(|status| !matches!(*status, "" | "idle"));
        let row = |setting: &str| format!("the row {setting} of tblconfiguration");
        match at_work {
            Some(status) if files == database => {
                let message = format!("WHMCS's updater says {status:?}, and files and database are of one version");
                marks.push(
                    Mark::new("flag", "updater-lock", row("UpdaterStatus"), message)
                        .statement(name, "DELETE FROM tblconfiguration WHERE setting = 'UpdaterStatus'"),
                );
            }
            Some(status) => {
                let message = format!("WHMCS's updater says {status:?}, and has not come to its end");
                marks.push(Mark::new("half-done", "updater-killed", row("UpdaterStatus"), message));
            }
            None if files > database && database.stage() != Made::Release => {
                let message = format!("{database} is a step between two releases: an updater has stopped there");
                marks.push(Mark::new("half-done", "updater-killed", row("Version"), message));
            }
            None => {}
        }
        if self.maintenance.as_deref().is_some_and(|value| !value.is_empty()) {
            let message = "clients see the maintenance page, as a setting of WHMCS's says so";
            marks.push(
                Mark::new("flag", "maintenance-mode", row("MaintenanceMode"), message)
                    .statement(name, "UPDATE tblconfiguration SET value = '' WHERE setting = 'MaintenanceMode'"),
            );
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(seen: &Seen, files: &str, database: &str) -> Vec<String> {
        let (files, database) = (Version::parse(files), Version::parse(database));
        let marks = seen.marks("main", files.as_ref(), database.as_ref());
        marks.into_iter().map(|mark| format!("{} {}", mark.kind, mark.code)).collect()
    }

    #[test]
    fn where_a_side_says_nothing_no_mark_explains_it() {
        let seen = Seen { updater: Some("running".to_owned()), ..Seen::default() };
        assert!(marks(&seen, "", "8.12.0").is_empty() && marks(&seen, "8.12.0", "eight").is_empty());
    }

    #[test]
    fn an_updater_that_says_it_is_at_work_was_killed_or_has_left_its_lock() {
        let seen = Seen { updater: Some("running".to_owned()), ..Seen::default() };
        assert_eq!(marks(&seen, "8.13.1", "8.12.0"), ["half-done updater-killed"]);
        assert_eq!(marks(&seen, "8.12.0", "8.12.0"), ["flag updater-lock"]);
        let idle = Seen { updater: Some("idle".to_owned()), ..Seen::default() };
        assert!(marks(&idle, "8.12.0", "8.12.0").is_empty() && marks(&idle, "8.13.1", "8.12.0").is_empty());
        assert_eq!(marks(&idle, "8.13.1", "8.13.0-rc.1"), ["half-done updater-killed"]);
    }

    #[test]
    fn a_patch_set_is_wrong_only_where_the_database_is_not_its_base() {
        let patch_set = Some(r#"{"base": "8.12.0", "version": "8.12.1"}"#.to_owned());
        let seen = Seen { patch_set, ..Seen::default() };
        assert_eq!(marks(&seen, "8.12.1", "8.11.2"), ["half-done patch-set-wrong-base"]);
        assert!(marks(&seen, "8.12.1", "8.12.0").is_empty() && marks(&seen, "8.13.1", "8.13.1").is_empty());
        assert!(marks(&seen, "8.13.1", "8.12.1").is_empty(), "it was put on its own base, and lies there since");
    }

    #[test]
    fn a_maintenance_page_that_a_setting_shows_is_a_flag() {
        let seen = Seen { maintenance: Some("on".to_owned()), ..Seen::default() };
        assert_eq!(marks(&seen, "8.12.0", "8.12.0"), ["flag maintenance-mode"]);
    }
}
