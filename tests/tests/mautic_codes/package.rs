//! Faults of the package: where it comes from, and what is in it.

use anyhow::{Context, Result};
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::disk::{Immutable, SmallDisk};
use liftlock_tests::fixture::mautic::{CONTROL, PACKAGE};
use liftlock_tests::http::Misbehaviour;
use liftlock_tests::trial::{Fault, Met, Trial};
use toml_edit::value;

use super::{USUAL, prove};

#[test]
fn err_download_upgrade_package_failed() -> Result<()> {
    let usual = Fault { slot: "download-package", cure: well, ..USUAL };
    let gone = Fault {
        what: "404",
        words: &[PACKAGE, "404"],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::NotFound),
        ..usual
    };
    let page = Fault {
        what: "a page in the place of the package",
        words: &[PACKAGE, "bytes"],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::Page),
        ..usual
    };
    let cut = Fault {
        what: "the server breaks off each time",
        met: Met::Stopped,
        words: &["network-unavailable", PACKAGE],
        make: |trial| badly(trial, PACKAGE, Misbehaviour::Truncated { after: 10 }),
        ..usual
    };
    let killed = Fault {
        what: "the kill switch",
        words: &["/m3-status"],
        make: |trial| {
            trial.site.vendor.set_kill_switch(true);
            Ok(())
        },
        ..usual
    };
    let no_control = Fault {
        what: "the control file is a page",
        words: &[],
        make: |trial| badly(trial, CONTROL, Misbehaviour::Page),
        ..usual
    };
    prove("ERR_DOWNLOAD_UPGRADE_PACKAGE_FAILED", &[gone, page, cut, killed, no_control])
}

pub(super) fn badly(trial: &Trial, path: &str, how: Misbehaviour) -> Result<()> {
    trial.site.vendor.misbehave(path, Some(how));
    Ok(())
}

pub(super) fn well(trial: &Trial) -> Result<()> {
    trial.site.vendor.misbehave(PACKAGE, None);
    trial.site.vendor.set_kill_switch(false);
    Ok(())
}

#[test]
fn err_extract_upgrade_package_failed() -> Result<()> {
    let cut = Fault {
        what: "the operator has pinned a zip that is cut short",
        slot: "extract-package",
        met: Met::ForGood,
        words: &["the archive", "damaged"],
        make: |trial| offer(trial, |package| package[..package.len() / 2].to_vec()),
        cure: |trial| offer(trial, |package| package),
        ..USUAL
    };
    let page = Fault {
        what: "the operator has pinned a page",
        words: &["web page"],
        make: |trial| offer(trial, |_| b"<!DOCTYPE html><title>404 Not Found</title>".to_vec()),
        ..cut
    };
    let read_only = Fault {
        what: "nothing can be made in the root any more",
        slot: "extract-package",
        met: Met::Stopped,
        words: &["not-permitted", "Operation not permitted"],
        make: |trial| {
            let root = trial.root("");
            trial.when_asked_for(PACKAGE, move || Immutable::new(&root));
            Ok(())
        },
        ..USUAL
    };
    let full = Fault {
        what: "the disk is full",
        slot: "extract-package",
        met: Met::Stopped,
        words: &["disk-full", "No space left on device"],
        site: Trial::on_small_disk,
        make: |trial| {
            let disk = trial.disk.as_ref().context("it has no disk")?.path().to_owned();
            trial.when_asked_for(CONTROL, move || SmallDisk::fill_at(&disk));
            Ok(())
        },
        cure: |trial| trial.disk.as_ref().context("it has no disk")?.remount("nr_inodes=1000000"),
        ..USUAL
    };
    prove("ERR_EXTRACT_UPGRADE_PACKAGE_FAILED", &[cut, page, read_only, full])
}

/// The vendor has this, and the operator has pinned it.
fn offer(trial: &Trial, spoil: fn(Vec<u8>) -> Vec<u8>) -> Result<()> {
    let package = spoil(trial.site.template.package()?);
    trial.site.installation.configure(|document| {
        document["artifacts"]["package"]["sha256"] = value(sha256_hex(&package));
        document["artifacts"]["package"]["size"] = value(i64::try_from(package.len()).unwrap_or(i64::MAX));
    })?;
    trial.site.vendor.put(PACKAGE, package);
    Ok(())
}
