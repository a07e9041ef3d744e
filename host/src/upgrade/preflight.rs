//! What the host itself looks at before an upgrade, whatever the stages look at.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::bundle::{Flag, Installation, Setup};
use crate::effect::{CallError, Fault, Finding, Severity, Store};
use crate::maintenance::{self, Signs, Status, run_of_page};

/// All that is to be said about the installation.
pub(super) fn check(setup: &Setup) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, root) in &setup.installation.roots {
        root_is_there(name, &root.path, root.owner.is_some(), &mut found);
    }
    for (name, database) in &setup.databases {
        if let Some(file) = database.place.file() {
            database_is_there(setup, name, file, &mut found);
        }
    }
    freeze_is_possible(setup, &mut found);
    found.extend(super::commands::check(setup));
    found
}

fn root_is_there(name: &str, path: &Path, has_owner: bool, found: &mut Vec<Finding>) {
    let Ok(meta) = fs::metadata(path) else {
        let text = format!("the root {name} ({}) is not there or cannot be read", path.display());
        found.push(Finding::blocking("root-missing", text));
        return;
    };
    if !meta.is_dir() {
        found.push(Finding::blocking("root-missing", format!("the root {name} ({}) is no directory", path.display())));
        return;
    }
    let me = rustix::process::geteuid();
    if me.is_root() && meta.uid() != 0 && !has_owner {
        let text = format!(
            "{name} belongs to user {}, and this runs as root: new entries get the owner of what they replace",
            meta.uid()
        );
        found.push(warning(
            "runs-as-root",
            text,
            Some(format!("[roots.{name}] owner = \"{}:{}\"", meta.uid(), meta.gid())),
        ));
    }
    if rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_err() {
        let text = format!("the root {name} ({}) cannot be written to", path.display());
        found.push(Finding::blocking("root-not-writable", text));
    }
}

/// A server says itself what there is to say. Of a file, a restore point is a whole copy, and a backup may be another; the migration needs room beside.
fn database_is_there(setup: &Setup, name: &str, path: &Path, found: &mut Vec<Finding>) {
    let Ok(meta) = fs::metadata(path) else {
        let text = format!("the database {name} ({}) is not there or cannot be read", path.display());
        found.push(Finding::blocking("database-missing", text));
        return;
    };
    let needed = meta.len().saturating_mul(2);
    let state = &setup.installation.state;
    if let Ok(space) = rustix::fs::statvfs(state.as_path()) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if free < needed {
            let text = format!(
                "{} has {} MiB free; the restore point of database {name} needs up to {} MiB",
                state.display(),
                free >> 20,
                needed >> 20
            );
            found.push(Finding::blocking("disk-full", text));
        }
    }
}

fn freeze_is_possible(setup: &Setup, found: &mut Vec<Finding>) {
    let installation = &setup.installation;
    if installation.maintenance.is_empty() && installation.freeze.stop.is_empty() {
        let text =
            "there is no [maintenance], and [freeze] is empty: nothing keeps visitors, cron and workers from writing \
                    during the upgrade"
                .to_owned();
        let fix = "name a page or a flag in [maintenance], or stop commands in [freeze]".to_owned();
        found.push(warning("no-freeze", text, Some(fix)));
    }
    for path in Signs::new(installation, "").paths().iter().filter(|path| path.symlink_metadata().is_ok()) {
        let left = run_of_page(path).or_else(|| Status::read(path).map(|status| status.run));
        let whose = left.map(|run| format!(", left by run {run}")).unwrap_or_default();
        let text = format!("the maintenance file {} is there already{whose}", path.display());
        let fix = Some("take it away, if nobody is at work here".to_owned());
        found.push(Finding { fix, ..Finding::blocking("freeze-file-exists", text) });
    }
    if setup.installation.hooks.after_switch.is_empty() {
        let text =
            "no [hooks] after-switch: PHP may serve old compiled code for some seconds after the switch".to_owned();
        found.push(Finding { severity: Severity::Info, ..warning("no-reload", text, None) });
    }
}

/// Whether the application's flag can be turned on, if it is a row of this database, and is not on already.
pub(super) fn flag(installation: &Installation, store: &dyn Store) -> Result<Option<Finding>, Fault> {
    let Some(Flag::Row(flag)) = &installation.maintenance.flag else { return Ok(None) };
    if flag.database != store.name() {
        return Ok(None);
    }
    match maintenance::is_on(flag, store) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let text =
                format!("the maintenance flag is on already ({}): it stays on when the run is over", flag.setting);
            let fix = "turn it off first, if visitors are to come in again then".to_owned();
            Ok(Some(warning("maintenance-on", text, Some(fix))))
        }
        Err(CallError::Answer(failure)) => {
            let fix = Some("correct [maintenance] flag in installation.toml".to_owned());
            Ok(Some(Finding { fix, ..Finding::blocking(&failure.code, failure.message) }))
        }
        Err(CallError::Fault(fault)) => Err(fault),
    }
}

fn warning(code: &str, message: String, fix: Option<String>) -> Finding {
    Finding { severity: Severity::Warning, fix, ..Finding::blocking(code, message) }
}
