//! What other tools leave behind when they are stopped, and people when they do half of what a guide says.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::fixture::tree;
use crate::site::Site;

/// Where Mautic's own script puts Mautic 2, and from where it takes Mautic 3.
pub const BACKUP: &str = "mautic-2-backup-files";
/// Where it unpacks Mautic 3.
pub const TEMPORARY: &str = "mautic-3-temp-files";
/// What says that its second phase is due.
pub const PENDING: &str = "m3_upgrade_pending_phase_2.txt";
/// What it leaves in the root beside these.
const BESIDE: [&str; 4] = ["upgrade_v3.php", "m3_upgrade_db_backup.sql", "upgrade_log.txt", PENDING];

/// Copies a package's files over those of an installation, as somebody does with a file manager: those whose paths begin with one of
/// these, or all of them.
///
/// # Errors
/// What the file system says.
pub fn upload(package: &Path, root: &Path, only: &[&str]) -> Result<()> {
    for path in tree::list(package)? {
        let (from, to) = (package.join(&path), root.join(&path));
        if !only.is_empty() && !only.iter().any(|start| path.starts_with(start)) {
            continue;
        }
        if from.is_dir() {
            fs::create_dir_all(&to)?;
        } else {
            fs::create_dir_all(to.parent().context("it is nowhere")?)?;
            fs::copy(&from, &to).with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}

/// Upgrades for good, and puts the files of before back: the database stays as it has become.
///
/// # Errors
/// If the upgrade does not succeed; what the file system says.
pub fn old_files_restored(site: &Site) -> Result<()> {
    let root = &site.installation.root;
    let aside = site.installation.directory.join("aside");
    tree::copy(root, &aside)?;
    site.succeeds("apply")?;
    site.succeeds("commit")?;
    fs::remove_dir_all(root)?;
    Ok(fs::rename(aside, root)?)
}

/// The first phase of `upgrade_v3.php`, from a shell: it ends by asking to be started again.
///
/// # Errors
/// What the file system says.
pub fn first_phase(package: &Path, root: &Path) -> Result<()> {
    tree::copy(package, &root.join(TEMPORARY))?;
    fs::write(root.join("mautic-3-update-package.zip"), b"PK")?;
    fs::write(root.join("m3_upgrade_db_backup.sql"), "-- the whole database\n")?;
    fs::write(root.join("upgrade_log.txt"), "[2020-09-01 10:00:00] STARTING MAUTIC 3 UPGRADE\n")?;
    Ok(fs::write(root.join(PENDING), "")?)
}

/// What its second phase begins with: all of Mautic 2 away, all of Mautic 3 in its place. Stops after so many entries of Mautic 2,
/// if it is told to.
///
/// # Errors
/// What the file system says.
pub fn second_phase(root: &Path, stop_after: Option<usize>) -> Result<()> {
    let (backup, temporary) = (root.join(BACKUP), root.join(TEMPORARY));
    fs::create_dir_all(&backup)?;
    let stays = |name: &OsStr| {
        let name = name.to_string_lossy();
        name == BACKUP || name == TEMPORARY || BESIDE.contains(&name.as_ref())
    };
    let all: Vec<_> = names(root)?.into_iter().filter(|name| !stays(name)).collect();
    for name in all.iter().take(stop_after.unwrap_or(usize::MAX)) {
        fs::rename(root.join(name), backup.join(name))?;
    }
    if stop_after.is_some() {
        return Ok(());
    }
    for name in names(&temporary)? {
        fs::rename(temporary.join(&name), root.join(&name))?;
    }
    if root.join(".htaccess").exists() {
        fs::rename(root.join(".htaccess"), root.join(".htaccess.m3"))?;
    }
    fs::copy(backup.join(".htaccess"), root.join(".htaccess"))?;
    fs::copy(backup.join("app/config/local.php"), root.join("app/config/local.php"))?;
    Ok(())
}

/// A part of what it does with the users' data: moves, where it says that it copies.
///
/// # Errors
/// What the file system says.
pub fn restores(root: &Path, path: &str) -> Result<()> {
    Ok(fs::rename(root.join(BACKUP).join(path), root.join(path))?)
}

fn names(directory: &Path) -> Result<Vec<std::ffi::OsString>> {
    let mut names: Vec<_> = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}
