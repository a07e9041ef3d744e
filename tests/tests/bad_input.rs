//! Bad input and bad surroundings: each is a clear error with a code and one next command, and nothing has changed.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::disk::SmallDisk;
use liftlock_tests::numbers;
use liftlock_tests::webmail::Webmail;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use toml_edit::value;

/// A file or the command line is wrong.
const USAGE: i32 = 2;
/// Put back.
const PUT_BACK: i32 = 3;
/// Needs a person.
const PERSON: i32 = 4;
/// Checks found it.
const FOUND: i32 = 5;
/// Another run holds the installation.
const BUSY: i32 = 75;
/// Refused by policy.
const REFUSED: i32 = 77;
/// Interrupted, resumable.
const INTERRUPTED: i32 = 130;

/// How many mistakes are told below: with the last one the line of numbers is printed.
const MISTAKES: u32 = 35;

static TOLD: AtomicU32 = AtomicU32::new(0);

/// [`Webmail::fails`], counted.
fn fails(site: &Webmail, command: &str, exit: i32, code: &str, words: &[&str]) -> Result<Value> {
    let told = site.fails(command, exit, code, words)?;
    if TOLD.fetch_add(1, Ordering::SeqCst) + 1 == MISTAKES {
        numbers(format_args!("{MISTAKES} mistakes and faults, each told by its code, its place and one next command"));
    }
    Ok(told)
}

#[test]
fn broken_toml() -> Result<()> {
    let site = Webmail::new()?;
    site.edit(|text| text.replace("[roots.app]", "[roots.app"))?;
    let place = format!("installation.toml:{}", site.line("[roots.app")?);
    fails(&site, "apply", USAGE, "toml-syntax", &[&place])?;
    site.is_as_it_was()
}

#[test]
fn no_file_at_all() -> Result<()> {
    let site = Webmail::new()?;
    fs::remove_file(&site.installation.settings)?;
    fails(&site, "apply", USAGE, "unreadable", &["installation.toml"])?;
    site.is_as_it_was()
}

#[test]
fn unknown_keys_are_told_all_at_once_with_what_was_meant() -> Result<()> {
    let site = Webmail::new()?;
    site.edit(|text| format!("bakcup = \"/backup\"\n{text}\n[limits.default]\nguest-tiem = \"1s\"\n"))?;
    let place = format!("installation.toml:{}", site.line("guest-tiem")?);
    fails(&site, "apply", USAGE, "unknown-key", &[&place, "guest-tiem", "guest-time"])?;
    let both = site.run("apply")?;
    ensure!(both.stdout.contains("bakcup") && both.stdout.contains("guest-tiem"), "{}", both.stdout);
    site.is_as_it_was()
}

#[test]
fn unknown_slot() -> Result<()> {
    let site = Webmail::new()?;
    site.edit(|text| text.replace("[grants.migrate-sql]", "[grants.migrate-slq]"))?;
    fails(&site, "apply", USAGE, "unknown-slot", &["migrate-slq", "migrate-sql"])?;
    site.is_as_it_was()
}

#[test]
fn people_are_told_one_next_command() -> Result<()> {
    let site = Webmail::new()?;
    site.edit(|text| format!("bakcup = 1\nnaem = 2\n{text}"))?;
    let ended = site.host.run(["apply"])?.expect(USAGE)?;
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error[")).count();
    let next = ended.stderr.lines().filter(|line| line.trim_start().starts_with("next: liftlock ")).count();
    ensure!((errors, next) == (2, 1), "{}", ended.stderr);
    Ok(())
}

#[test]
fn missing_component() -> Result<()> {
    let site = Webmail::new()?;
    fs::remove_file(site.own_bundle()?.join("migrate-sql.wasm"))?;
    fails(&site, "apply", USAGE, "component-missing", &["migrate-sql.wasm", "pipeline.toml:"])?;
    site.is_as_it_was()
}

/// Whatever has become of the vendor's files, and of the grants.
#[test]
fn undo_needs_no_component() -> Result<()> {
    let site = Webmail::new()?;
    let bundle = site.own_bundle()?;
    site.succeeds("apply")?;
    fs::remove_file(bundle.join("migrate-sql.wasm"))?;
    site.installation.configure(|document| {
        document.remove("grants");
    })?;
    site.succeeds("undo --accept-data-loss")?;
    site.is_as_it_was()
}

#[test]
fn component_with_another_digest() -> Result<()> {
    let site = Webmail::new()?;
    let component = site.own_bundle()?.join("migrate-sql.wasm");
    let pinned = sha256_hex(&fs::read(&component)?);
    OpenOptions::new().append(true).open(&component)?.write_all(b"more")?;
    let found = sha256_hex(&fs::read(&component)?);
    fails(&site, "apply", REFUSED, "component-changed", &["migrate-sql", &pinned, &found])?;
    site.is_as_it_was()
}

#[test]
fn pipeline_with_another_digest() -> Result<()> {
    let site = Webmail::new()?;
    let pipeline = site.own_bundle()?.join("pipeline.toml");
    OpenOptions::new().append(true).open(&pipeline)?.write_all(b"\n# harmless?\n")?;
    let found = sha256_hex(&fs::read(&pipeline)?);
    let place = format!("installation.toml:{}", site.line("sha256")?);
    fails(&site, "apply", REFUSED, "pipeline-changed", &[&place, &found])?;
    site.pin_bundle()?;
    site.succeeds("check")?;
    site.is_as_it_was()
}

/// The refusal prints the line, and the line is right.
#[test]
fn missing_grant() -> Result<()> {
    let site = Webmail::new()?;
    site.installation.configure(|document| {
        document["grants"].as_table_mut().map(|grants| grants.remove("migrate-sql"));
    })?;
    let told = fails(&site, "apply", REFUSED, "not-granted", &["migrate-sql", "database main"])?;
    site.is_as_it_was()?;
    let hint = told["hint"].as_str().context("it has no hint")?;
    let lines: Vec<&str> = hint.lines().skip(1).map(str::trim).collect();
    ensure!(lines.contains(&"[grants.migrate-sql]"), "{hint}");
    site.edit(|text| format!("{text}\n{}\n", lines.join("\n")))?;
    site.succeeds("apply")?;
    site.is_upgraded()
}

#[test]
fn installation_that_is_not_there() -> Result<()> {
    let site = Webmail::new()?;
    let elsewhere = site.installation.directory.join("elsewhere");
    fs::rename(&site.installation.root, &elsewhere)?;
    fails(&site, "apply", FOUND, "root-missing", &["app", "www"])?;
    fs::rename(&elsewhere, &site.installation.root)?;
    site.is_as_it_was()
}

#[test]
fn state_that_others_can_enter() -> Result<()> {
    let site = Webmail::new()?;
    fs::create_dir(&site.installation.state)?;
    fs::set_permissions(&site.installation.state, Permissions::from_mode(0o755))?;
    fails(&site, "apply", PERSON, "state-not-private", &["chmod 700"])?;
    site.is_as_it_was()
}

#[test]
fn maintenance_file_of_somebody_else() -> Result<()> {
    let site = Webmail::new()?;
    let page = site.installation.root.join("maintenance.flag");
    fs::write(&page, "the administrator is at work")?;
    fails(&site, "apply", FOUND, "freeze-file-exists", &["maintenance.flag"])?;
    fs::remove_file(&page)?;
    site.is_as_it_was()
}

#[test]
fn commands_without_a_run() -> Result<()> {
    let site = Webmail::new()?;
    for command in ["resume", "undo", "commit", "log"] {
        fails(&site, command, USAGE, "no-run", &[])?;
    }
    site.is_as_it_was()
}

#[test]
fn package_that_is_cut_short() -> Result<()> {
    let site = Webmail::with_package(|package| package[..package.len() / 2].to_vec())?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_DOWNLOAD_FAILED", &["download-package", "bytes"])?;
    site.is_as_it_was()
}

#[test]
fn package_that_is_an_error_page() -> Result<()> {
    let page = b"<!DOCTYPE html><title>404 Not Found</title>".to_vec();
    let site = Webmail::with_package(|_| page.clone())?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_DOWNLOAD_FAILED", &["download-package"])?;
    site.is_as_it_was()?;
    // Even if the operator has pinned it.
    site.installation.configure(|document| {
        document["artifacts"]["package"]["sha256"] = value(sha256_hex(&page));
        document["artifacts"]["package"]["size"] = value(page.len() as i64);
    })?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_EXTRACT_FAILED", &["web page"])?;
    site.is_as_it_was()
}

#[test]
fn package_that_the_server_has_not() -> Result<()> {
    let site = Webmail::new()?;
    site.edit(|text| text.replace("/roundcube.zip", "/roundcube-of-yesterday.zip"))?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_DOWNLOAD_FAILED", &["404"])?;
    site.is_as_it_was()
}

#[test]
fn package_of_another_application() -> Result<()> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("wordpress/index.php", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"<?php")?;
    let package = zip.finish()?.into_inner();
    let site = Webmail::with_package(|_| package.clone())?;
    site.installation.configure(|document| {
        document["artifacts"]["package"]["sha256"] = value(sha256_hex(&package));
        document["artifacts"]["package"]["size"] = value(package.len() as i64);
    })?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_WRONG_PACKAGE", &["extract-package"])?;
    site.is_as_it_was()
}

#[test]
fn ledger_from_the_future() -> Result<()> {
    let mut site = Webmail::new()?;
    site.sql("UPDATE system SET value = '2099010100' WHERE name = 'roundcube-version'")?;
    site.before = site.installation.exact_digest()?;
    fails(&site, "apply", FOUND, "ROUNDCUBE_DATABASE_TOO_NEW", &["migrate-sql", "2099010100"])?;
    site.is_as_it_was()
}

/// A table that a migration is going to make.
const IN_THE_WAY: &str = "CREATE TABLE collected_addresses (mine INTEGER)";

#[test]
fn failing_migration_is_put_back() -> Result<()> {
    let mut site = Webmail::new()?;
    site.sql(IN_THE_WAY)?;
    site.before = site.installation.exact_digest()?;
    fails(&site, "apply", PUT_BACK, "ROUNDCUBE_MIGRATION_FAILED", &["collected_addresses"])?;
    site.is_as_it_was()
}

#[test]
fn failing_migration_is_mended_and_resumed() -> Result<()> {
    let site = Webmail::new()?;
    site.sql(IN_THE_WAY)?;
    let told = fails(&site, "apply --on-failure keep", PERSON, "ROUNDCUBE_MIGRATION_FAILED", &["collected_addresses"])?;
    ensure!(told["next"] == "liftlock resume", "{told}");
    // Nothing is mended yet.
    fails(&site, "resume", PERSON, "ROUNDCUBE_MIGRATION_FAILED", &["collected_addresses"])?;
    site.sql("DROP TABLE collected_addresses")?;
    site.succeeds("resume")?;
    site.is_upgraded()
}

#[test]
fn failing_migration_is_kept_and_undone() -> Result<()> {
    let mut site = Webmail::new()?;
    site.sql(IN_THE_WAY)?;
    site.before = site.installation.exact_digest()?;
    fails(&site, "apply --on-failure keep", PERSON, "ROUNDCUBE_MIGRATION_FAILED", &[])?;
    site.succeeds("undo")?;
    site.is_as_it_was()
}

#[test]
fn disk_full_at_the_backup() -> Result<()> {
    let site = Webmail::new()?;
    // Bytes there are, but no room for another file.
    let disk = SmallDisk::mount(&site.installation.backup, "size=64m,nr_inodes=1")?;
    let told = fails(&site, "apply", PERSON, "disk-full", &["backup", "ROUNDCUBE_BACKUP_FAILED"])?;
    ensure!(told["next"] == "liftlock resume", "{told}");
    site.is_as_it_was()?;
    disk.remount("nr_inodes=1000")?;
    site.succeeds("resume")?;
    site.is_upgraded()
}

#[test]
fn disk_too_small_for_the_backup() -> Result<()> {
    let site = Webmail::new()?;
    let disk = SmallDisk::mount(&site.installation.backup, "size=4k")?;
    fails(&site, "apply", FOUND, "backup-space-short", &["backup", "database main"])?;
    site.is_as_it_was()?;
    disk.remount("size=64m")?;
    site.succeeds("check")?;
    site.is_as_it_was()
}

#[test]
fn disk_full_for_the_restore_point() -> Result<()> {
    let site = Webmail::new()?;
    let _disk = SmallDisk::mount(&site.installation.state, "size=64k")?;
    fails(&site, "apply", FOUND, "disk-full", &["state", "restore point"])?;
    site.is_as_it_was()
}

/// `apply` in the background, which takes some seconds: it lets requests come to their end.
fn slow_apply(site: &Webmail) -> Result<Child> {
    site.installation.configure(|document| document["freeze"]["drain"] = value("4s"))?;
    let mut command = site.host.command(["apply", "--format", "json"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let page = site.installation.root.join("maintenance.flag");
    let until = Instant::now() + Duration::from_secs(60);
    while !page.exists() {
        ensure!(Instant::now() < until, "it does not freeze the installation");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

#[test]
fn two_at_once() -> Result<()> {
    let site = Webmail::new()?;
    let mut first = slow_apply(&site)?;
    fails(&site, "apply", BUSY, "locked", &[])?;
    fails(&site, "undo", BUSY, "locked", &[])?;
    site.succeeds("status")?;
    ensure!(first.wait()?.success(), "the first must not be disturbed");
    site.is_upgraded()
}

#[test]
fn interrupted() -> Result<()> {
    let site = Webmail::new()?;
    let mut child = slow_apply(&site)?;
    kill_process(Pid::from_child(&child), Signal::INT)?;
    let status = child.wait()?;
    ensure!(status.code() == Some(INTERRUPTED), "{status}");
    site.installation.configure(|document| document["freeze"]["drain"] = value("0s"))?;
    site.succeeds("resume")?;
    site.is_upgraded()
}

#[test]
fn killed() -> Result<()> {
    let site = Webmail::new()?;
    let mut child = slow_apply(&site)?;
    child.kill()?;
    child.wait()?;
    fails(&site, "apply", PERSON, "run-open", &[])?;
    site.installation.configure(|document| document["freeze"]["drain"] = value("0s"))?;
    site.succeeds("resume")?;
    site.is_upgraded()
}

fn journal(site: &Webmail) -> Result<PathBuf> {
    let run = fs::read_dir(site.installation.state.join("runs"))?.next().context("there is no run")??;
    Ok(run.path().join("journal.jsonl"))
}

#[test]
fn journal_with_a_damaged_line() -> Result<()> {
    let site = Webmail::new()?;
    site.sql(IN_THE_WAY)?;
    fails(&site, "apply --on-failure keep", PERSON, "ROUNDCUBE_MIGRATION_FAILED", &[])?;
    let journal = journal(&site)?;
    let good = fs::read(&journal)?;
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&journal, &bad)?;
    let before = site.installation.exact_digest()?;
    for command in ["resume", "undo", "status"] {
        fails(&site, command, PERSON, "journal-damaged", &["journal.jsonl"])?;
    }
    ensure!(before.diff(&site.installation.exact_digest()?).is_empty(), "something has changed");
    fs::write(&journal, &good)?;
    site.succeeds("undo")?;
    Ok(())
}

#[test]
fn journal_that_is_cut_short() -> Result<()> {
    let site = Webmail::new()?;
    let mut child = slow_apply(&site)?;
    child.kill()?;
    child.wait()?;
    let journal = journal(&site)?;
    let whole = fs::read(&journal)?;
    fs::write(&journal, &whole[..whole.len() - 7])?;
    site.installation.configure(|document| document["freeze"]["drain"] = value("0s"))?;
    site.succeeds("resume")?;
    site.is_upgraded()
}
