//! What is no state to be cured: all is well, what is only asked about, somebody at work, and what cannot be told. Where facts are
//! hidden nobody says that all is well.

use std::fs::{self, File};

use anyhow::{Context, Result, ensure};
use liftlock_tests::billing::Billing;
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::fixture::whmcs::{Data, Files, NEW_VERSION, OLD_VERSION, Package, Size};
use liftlock_tests::half_done::upload;
use liftlock_tests::{numbers, places};
use rustix::fs::{FlockOperation, flock};
use toml_edit::DocumentMut;

use crate::whmcs::{new_files, site};
use crate::{ADOPT, UNKNOWN, WELL, diagnose, mautic, no_command};

/// Exit codes: refused by policy; a run is going on.
const REFUSED: i32 = 77;
const BUSY: i32 = 75;

fn plain() -> Result<Billing> {
    site(Files::default(), OLD_VERSION)
}

fn edit(site: &Billing, change: impl FnOnce(String) -> String) -> Result<()> {
    let path = &site.installation.settings;
    Ok(fs::write(path, change(fs::read_to_string(path)?))?)
}

#[test]
fn all_is_well_before_and_after_and_the_134_are_explained() -> Result<()> {
    let site = mautic::site()?;
    ensure!(diagnose(&site, WELL)?.state == "all-is-well");
    site.succeeds("apply")?;
    let said = diagnose(&site, WELL)?;
    ensure!(said.state == "all-is-well" && said.next.is_none(), "{}", said.text);
    let facts = said.json["facts"].as_array().context("no facts")?;
    let found = facts.iter().find(|fact| fact["about"] == "migrations-unavailable").context("nobody speaks of them")?;
    ensure!(found["found"].to_string().contains("134 migrations"), "{found}");
    Ok(())
}

/// The component that reads versions is swapped for one that says nothing, or what is not so. The site is as broken as can be.
#[test]
fn where_facts_are_hidden_nobody_says_that_all_is_well() -> Result<()> {
    let site = plain()?;
    new_files(&site, &[])?;
    let component = places::guest("says-versions")?;
    let digest = sha256_hex(&fs::read(&component)?);
    let written = fs::read_to_string(&site.installation.settings)?;
    let lies = [
        ("", "versions-unknown"),
        ("failure = \"no idea\"", "versions-unknown"),
        ("version = \"8\"\nrelation = \"well\"", "versions-unknown"),
        ("version = \"8.12.0\"\nagainst = \"before\"", "witnesses-disagree"),
        ("version = \"8.13.1\"\nagainst = \"target\"", "witnesses-disagree"),
        ("version = \"8.13.1\"", "witnesses-disagree"),
    ];
    for (lie, state) in lies {
        let text = format!(
            "{written}\n[swap.versions]\ncomponent = {component:?}\nsha256 = \"{digest}\"\n[swap.versions.grants]\nfiles.app = \"read\"\ndatabase.main = \"read\"\n[params.versions]\n{lie}\n"
        );
        edit(&site, |_| text)?;
        let said = diagnose(&site, UNKNOWN)?;
        ensure!(said.state == state && said.json["well"] == false, "{lie}: {}", said.text);
    }
    edit(&site, |_| written)?;
    numbers(format_args!("facts hidden in {} ways: all-is-well=0", lies.len()));
    Ok(())
}

#[test]
fn what_cannot_be_read_is_a_fact_and_no_error() -> Result<()> {
    let site = plain()?;
    site.installation.database.run("RENAME TABLE tblconfiguration TO elsewhere")?;
    let said = diagnose(&site, UNKNOWN)?;
    ensure!(said.state == "versions-unknown" && said.text.contains(OLD_VERSION), "{}", said.text);
    site.installation.database.run("RENAME TABLE elsewhere TO tblconfiguration")?;
    let init = site.installation.root.join("init.php");
    let whole = fs::read(&init)?;
    fs::write(&init, "<?php\n")?;
    let said = diagnose(&site, UNKNOWN)?;
    ensure!(said.state == "versions-unknown" && said.text.contains(OLD_VERSION), "{}", said.text);
    fs::write(&init, whole)?;
    edit(&site, |text| text.replace("socket = \"", "socket = \"/nowhere"))?;
    let said = diagnose(&site, UNKNOWN)?;
    ensure!(said.state == "versions-unknown" && said.text.contains(OLD_VERSION), "{}", said.text);
    Ok(())
}

#[test]
fn what_may_not_be_read_is_refused_with_the_lines_that_would_allow_it() -> Result<()> {
    let site = plain()?;
    let mut document: DocumentMut = fs::read_to_string(&site.installation.settings)?.parse()?;
    let granted = document["grants"].as_table_mut().and_then(|grants| grants.remove("versions"));
    ensure!(granted.is_some(), "nothing was granted");
    edit(&site, |_| document.to_string())?;
    let said = site.fails("diagnose", REFUSED)?;
    let hint = said.first().and_then(|error| error["hint"].as_str()).context("it has no hint")?;
    let lines: Vec<&str> = hint.lines().skip(1).map(str::trim).collect();
    ensure!(lines.contains(&"[grants.versions]"), "{hint}");
    edit(&site, |text| format!("{text}\n{}\n", lines.join("\n")))?;
    ensure!(diagnose(&site, WELL)?.state == "all-is-well");
    Ok(())
}

#[test]
fn somebody_at_work_is_told_and_not_disturbed() -> Result<()> {
    let site = plain()?;
    site.succeeds("check")?;
    let lock = File::options().write(true).open(site.installation.state.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    let said = diagnose(&site, BUSY)?;
    ensure!(said.state == "run-going-on" && said.next.is_none(), "{}", said.text);
    drop(lock);
    ensure!(diagnose(&site, WELL)?.state == "all-is-well");
    Ok(())
}

/// What the package cannot finish is refused, before anything is touched; `diagnose` knows it before.
fn refused(site: &Billing, code: &str) -> Result<()> {
    let found = site.installation.digest()?;
    let said = site.fails("apply --adopt", UNKNOWN)?;
    let told = said.iter().any(|object| object["finding"]["code"] == code);
    ensure!(told, "{code} is not told: {said:#?}");
    let changed = found.diff(&site.installation.digest()?);
    ensure!(changed.is_empty(), "changed: {changed:?}");
    Ok(())
}

fn of(files: &str, database: &str) -> Result<Billing> {
    site(Files { version: Some(files.to_owned()), ..Files::default() }, database)
}

#[test]
fn a_database_newer_than_the_package_needs_files_that_are_for_it() -> Result<()> {
    let newest = "8.14.0-release.1";
    let site = of(NEW_VERSION, newest)?;
    no_command(&site, "database-newer", &["ends at 8.13.1", newest, NEW_VERSION])?;
    refused(&site, "newer-than-target")?;
    let init = site.installation.root.join("init.php");
    fs::write(&init, fs::read_to_string(&init)?.replace(NEW_VERSION, newest))?;
    ensure!(diagnose(&site, WELL)?.state == "all-is-well", "the hint does not help");
    Ok(())
}

#[test]
fn a_database_older_than_the_package_knows_needs_an_older_release() -> Result<()> {
    let oldest = "7.10.3-release.1";
    let site = of(NEW_VERSION, oldest)?;
    no_command(&site, "upgrade-not-run", &[ADOPT, oldest, "8.0.0-release.1 and newer", "an older release first"])?;
    refused(&site, "too-old")
}

/// With the patch set's own bundle. With that of the full release there is a command: see `whmcs.rs`.
#[test]
fn a_patch_set_on_a_wrong_base_needs_the_full_release() -> Result<()> {
    let base = "8.11.2-release.1";
    let data = Data { version: Some(base.to_owned()), ..Data::default().clients(40) };
    let files = Files { version: Some(base.to_owned()), ..Files::default() };
    let site = Billing::new(Package::PatchSet, Size::Small, files, data)?;
    upload(&site.template.new_tree(Package::PatchSet), &site.installation.root, &[])?;
    no_command(&site, "patch-set-wrong-base", &[ADOPT, "8.12.0", base, "the full release"])?;
    refused(&site, "wrong-base")
}
