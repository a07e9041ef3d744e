//! States of WHMCS.

use std::fs;

use anyhow::{Result, ensure};
use liftlock_tests::billing::Billing;
use liftlock_tests::fixture::whmcs::{Data, Files, OLD_VERSION, Package, STEPS, Size};
use liftlock_tests::fixture::{FLAG, PAGE, STATUS};
use liftlock_tests::half_done::{old_files_restored, upload};

use crate::{ADOPT, also, prove};

pub(crate) fn site(files: Files, version: &str) -> Result<Billing> {
    let data = Data { version: Some(version.to_owned()), ..Data::default().clients(40) };
    Billing::new(Package::Release, Size::Small, files, data)
}

fn plain() -> Result<Billing> {
    site(Files::default(), OLD_VERSION)
}

pub(crate) fn new_files(site: &Billing, only: &[&str]) -> Result<()> {
    upload(&site.template.new_tree(Package::Release), &site.installation.root, only)
}

fn setting(site: &Billing, name: &str, value: &str) -> Result<()> {
    let database = &site.installation.database;
    database.run(&format!("UPDATE tblconfiguration SET value = '{value}' WHERE setting = '{name}'"))
}

fn is_upgraded(site: &Billing) -> Result<()> {
    site.is_upgraded().map(|_| ())
}

#[test]
fn the_updater_was_killed_while_it_copied() -> Result<()> {
    let site = site(Files { custom: true, customised: false, ..Files::default() }, OLD_VERSION)?;
    setting(&site, "UpdaterStatus", "running")?;
    new_files(&site, &["init.php", "index.php", "includes", "install", "vendor"])?;
    prove(&site, "updater-killed", ADOPT, is_upgraded)
}

#[test]
fn files_were_uploaded_and_the_upgrade_was_not_run() -> Result<()> {
    let site = plain()?;
    new_files(&site, &[])?;
    prove(&site, "upgrade-not-run", ADOPT, is_upgraded)
}

#[test]
fn the_updater_was_killed_between_two_steps() -> Result<()> {
    let site = plain()?;
    new_files(&site, &[])?;
    for (step, sql) in &STEPS[..2] {
        site.installation.database.run(&format!("SET sql_mode = ''; {sql}"))?;
        setting(&site, "Version", step)?;
    }
    also(&site, "updater-killed", ADOPT, is_upgraded)
}

#[test]
fn files_of_before_were_restored() -> Result<()> {
    let site = plain()?;
    old_files_restored(&site)?;
    prove(&site, "database-newer", ADOPT, is_upgraded)
}

#[test]
fn files_of_another_package_were_put_in_place() -> Result<()> {
    let site = site(Files { version: Some("8.11.2-release.1".to_owned()), ..Files::default() }, OLD_VERSION)?;
    prove(&site, "database-newer", ADOPT, is_upgraded)
}

#[test]
fn a_patch_set_was_put_on_a_wrong_base() -> Result<()> {
    let base = "8.11.2-release.1";
    let site = site(Files { version: Some(base.to_owned()), ..Files::default() }, base)?;
    upload(&site.template.new_tree(Package::PatchSet), &site.installation.root, &[])?;
    prove(&site, "patch-set-wrong-base", ADOPT, is_upgraded)
}

#[test]
fn our_own_run_was_killed() -> Result<()> {
    let site = plain()?;
    let ended = site.host.with("LIFTLOCK_FAULT", "300:kill").run(["apply"])?;
    ensure!(ended.code.is_none(), "it was not killed: {ended:?}");
    prove(&site, "run-interrupted", "liftlock resume", is_upgraded)
}

#[test]
fn what_keeps_visitors_out_was_left() -> Result<()> {
    let site = plain()?;
    for name in [FLAG, PAGE, STATUS] {
        fs::write(site.installation.root.join(name), "We are back in a few minutes.\n")?;
    }
    prove(&site, "maintenance-left", "rm -- ", |site| site.is_before())
}

#[test]
fn the_updater_has_left_its_lock() -> Result<()> {
    let site = plain()?;
    setting(&site, "UpdaterStatus", "running")?;
    prove(&site, "updater-lock", "mariadb ", |site| {
        let rows =
            site.installation.database.cell("SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'UpdaterStatus'")?;
        ensure!(rows == "0", "the lock is there");
        Ok(())
    })
}
