//! States of Mautic: what its own script leaves behind, and a run of ours.

use std::fs;

use anyhow::{Result, ensure};
use liftlock_tests::fixture::mautic::{Data, Files, Size};
use liftlock_tests::half_done::{self, BACKUP, PENDING, TEMPORARY, old_files_restored, upload};
use liftlock_tests::newsletter::Newsletter;

use crate::{ADOPT, also, prove};

pub(crate) fn site() -> Result<Newsletter> {
    with(Files::rich())
}

fn with(files: Files) -> Result<Newsletter> {
    Newsletter::new(Size::Small, files, Data { contacts: 100, ..Data::default() })
}

fn first_phase(site: &Newsletter) -> Result<()> {
    half_done::first_phase(&site.template.new_tree(), &site.installation.root)
}

/// All that is true after any upgrade, and nothing of the script's is left.
fn is_upgraded(site: &Newsletter) -> Result<()> {
    site.is_upgraded()?;
    for name in [BACKUP, TEMPORARY, PENDING, "mautic-3-update-package.zip"] {
        ensure!(!site.installation.root.join(name).exists(), "{name} is still there");
    }
    Ok(())
}

#[test]
fn the_script_waits_for_its_second_phase() -> Result<()> {
    let site = site()?;
    first_phase(&site)?;
    prove(&site, "script-between-phases", "liftlock apply", is_upgraded)
}

/// Uploads that came when Mautic 3's files were live already are nowhere else.
#[test]
fn the_script_has_moved_the_files_and_stopped() -> Result<()> {
    let site = site()?;
    first_phase(&site)?;
    half_done::second_phase(&site.installation.root, None)?;
    fs::create_dir_all(site.installation.root.join("media/files"))?;
    fs::write(site.installation.root.join("media/files/since.pdf"), "%PDF")?;
    prove(&site, "script-half-done", ADOPT, |site| {
        ensure!(site.installation.root.join("media/files/since.pdf").exists(), "what came since is lost");
        is_upgraded(site)
    })
}

#[test]
fn the_script_has_stopped_among_the_files() -> Result<()> {
    let site = site()?;
    first_phase(&site)?;
    half_done::second_phase(&site.installation.root, Some(7))?;
    also(&site, "script-half-done", ADOPT, is_upgraded)
}

/// Files and database are of Mautic 3, and half of what is the users' own is still in the backup.
#[test]
fn the_script_has_migrated_and_stopped_among_the_users_data() -> Result<()> {
    let site = site()?;
    let root = &site.installation.root;
    old_files_restored(&site)?;
    first_phase(&site)?;
    half_done::second_phase(root, None)?;
    half_done::restores(root, "plugins/AcmeSyncBundle")?;
    prove(&site, "script-half-done", ADOPT, is_upgraded)
}

/// Without any script: files of Mautic 3 over those of Mautic 2.
#[test]
fn files_of_mautic_3_were_uploaded_and_nothing_was_migrated() -> Result<()> {
    // What was changed in Mautic's own files, whoever uploads has written over.
    let site = with(Files { changed_theme: false, ..Files::rich() })?;
    upload(&site.template.new_tree(), &site.installation.root, &[])?;
    also(&site, "upgrade-not-run", ADOPT, is_upgraded)
}

#[test]
fn our_own_undo_was_killed() -> Result<()> {
    let site = site()?;
    site.succeeds("apply")?;
    let undo = ["undo", "--accept-data-loss"];
    let ended = site.host.with("LIFTLOCK_FAULT", "30:kill").run(undo)?;
    ensure!(ended.code.is_none(), "it was not killed: {ended:?}");
    prove(&site, "undo-interrupted", "liftlock undo", |site| site.is_before())
}
