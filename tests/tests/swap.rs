//! Another vendor's component in a slot: it keeps the slot's contract, asks for no more, and inherits no grant.
//!
//! The component is built outside the repository, from nothing of it but `wit/` (`fixtures/outside`).

use std::fs;

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::webmail::Webmail;
use liftlock_tests::{numbers, places};

/// Put back, or a run that is kept: needs a person.
const PERSON: i32 = 4;
/// Refused before anything ran.
const REFUSED: i32 = 77;

/// A Roundcube whose operator prefers another backup, with these lines below `[swap.backup-database]`.
fn swapped(component: &str, lines: &str) -> Result<(Webmail, String)> {
    let site = Webmail::new()?;
    let path = places::outside(component)?;
    let digest = sha256_hex(&fs::read(&path)?);
    let lines = lines.replace("<digest>", &digest);
    site.edit(|text| format!("{text}\n[swap.backup-database]\ncomponent = {path:?}\n{lines}\n"))?;
    Ok((site, digest))
}

const PINNED: &str = "sha256 = \"<digest>\"\n";
const GRANTED: &str = "sha256 = \"<digest>\"\ngrants = { database = { main = \"read\" } }\n";

#[test]
fn swap_without_a_digest() -> Result<()> {
    let (site, digest) = swapped("acme-backup", "")?;
    site.fails("apply", REFUSED, "swap-not-pinned", &["[swap.backup-database]", &digest])?;
    site.is_as_it_was()
}

#[test]
fn swap_with_another_digest() -> Result<()> {
    let pinned = "0".repeat(64);
    let (site, digest) = swapped("acme-backup", &format!("sha256 = \"{pinned}\"\n"))?;
    site.fails("apply", REFUSED, "swap-changed", &["[swap.backup-database]", &pinned, &digest])?;
    site.is_as_it_was()
}

/// The vendor's own component has its grant in `[grants.backup-database]`; the swapped one has not.
#[test]
fn swap_inherits_no_grant() -> Result<()> {
    let (site, digest) = swapped("acme-backup", PINNED)?;
    let told = site.fails("apply", REFUSED, "not-granted", &["backup-database", "database main"])?;
    site.is_as_it_was()?;
    let hint = told["hint"].as_str().context("it has no hint")?;
    let lines: Vec<&str> = hint.lines().skip(1).map(str::trim).collect();
    ensure!(lines.contains(&"[swap.backup-database.grants]"), "{hint}");
    ensure!(hint.contains("acme-backup 2.3.0") && hint.contains(&digest), "for which component? {hint}");
    site.edit(|text| format!("{text}\n{}\n", lines.join("\n")))?;
    site.succeeds("apply")?;
    site.is_upgraded()
}

#[test]
fn swap_with_other_outputs() -> Result<()> {
    let (site, _) = swapped("acme-backup-deaf", GRANTED)?;
    site.fails("apply", REFUSED, "contract-mismatch", &["backup-database", "acme-backup-deaf.wasm", "backup-file"])?;
    site.is_as_it_was()
}

/// Even if the operator would grant it.
#[test]
fn swap_that_asks_for_more() -> Result<()> {
    let (site, _) = swapped("acme-backup-greedy", &GRANTED.replace("read", "write"))?;
    site.fails("apply", REFUSED, "swap-asks-more", &["backup-database", "write", "database main"])?;
    site.is_as_it_was()
}

/// The vendor's own component in a slot that it does not fit.
#[test]
fn swap_of_another_slot() -> Result<()> {
    let site = Webmail::new()?;
    let path = places::pipeline("roundcube")?.with_file_name("cleanup.wasm");
    let digest = sha256_hex(&fs::read(&path)?);
    let lines = format!("[swap.backup-database]\ncomponent = {path:?}\nsha256 = {digest:?}\n");
    site.edit(|text| format!("{text}\n{lines}"))?;
    site.fails("apply", REFUSED, "contract-mismatch", &["backup-database", "cleanup.wasm", "no output"])?;
    site.is_as_it_was()
}

#[test]
fn swap_in_the_middle_of_a_run() -> Result<()> {
    let site = Webmail::new()?;
    site.sql("CREATE TABLE collected_addresses (mine INTEGER)")?;
    site.fails("apply --on-failure keep", PERSON, "ROUNDCUBE_MIGRATION_FAILED", &[])?;
    let path = places::outside("acme-backup")?;
    let lines = GRANTED.replace("<digest>", &sha256_hex(&fs::read(&path)?));
    site.edit(|text| format!("{text}\n[swap.backup-database]\ncomponent = {path:?}\n{lines}\n"))?;
    let told = site.fails("resume", PERSON, "plan-changed", &["backup-database"])?;
    ensure!(told["next"] == "liftlock undo", "{told}");
    site.succeeds("undo")?;
    Ok(())
}

#[test]
fn swapped_component_does_the_work() -> Result<()> {
    let (site, digest) = swapped("acme-backup", &format!("{GRANTED}[params.backup-database]\nlabel = \"weekly\"\n"))?;
    site.succeeds("check")?;
    site.succeeds("apply")?;
    site.is_upgraded()?;
    let log = site.succeeds("log")?;
    let events = log.objects()?;
    let event = |name: &str| events.iter().map(|line| &line["event"]).find(|event| event["event"] == name);
    let slot = &event("run-started").context("no run-started")?["plan"]["slots"][0];
    ensure!(slot["swapped"] == true && slot["component"] == digest, "the journal does not name it: {slot}");
    let summary = &event("stage-applied").context("no stage-applied")?["summary"];
    ensure!(summary.as_str().is_some_and(|text| text.starts_with("Acme weekly: 15 tables")), "{summary}");
    let backups = fs::read_dir(&site.installation.backup)?.count();
    ensure!(backups > 0, "it has made no backup");
    site.succeeds("undo --accept-data-loss")?;
    site.is_as_it_was()?;
    numbers("a stage built outside the repository upgrades; 7 swaps that must not are refused by name");
    Ok(())
}
