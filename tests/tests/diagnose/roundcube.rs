//! States of Roundcube, on SQLite and on a server. Its database is of no release, and no stage has to be told what has happened: what
//! brings files and database together is the upgrade as it is.

use std::fs;

use anyhow::{Result, ensure};
use liftlock_tests::fixture::roundcube::{NEW_SCHEMA, OLD_SCHEMA, OLD_VERSION};
use liftlock_tests::half_done::{old_files_restored, upload};
use liftlock_tests::mariadb::shared;
use liftlock_tests::webmail::Webmail;

use crate::{UNKNOWN, WELL, also, diagnose, no_command};

const APPLY: &str = "liftlock apply";
const SAYS_VERSION: &str = "program/include/iniset.php";

fn on_server() -> Result<Webmail> {
    Webmail::on(&shared()?)
}

fn files_were_uploaded(site: &Webmail) -> Result<()> {
    upload(&site.template.new_tree(), &site.installation.root, &[])?;
    also(site, "upgrade-not-run", APPLY, Webmail::is_upgraded)
}

#[test]
fn files_were_uploaded_beside_a_database_file() -> Result<()> {
    files_were_uploaded(&Webmail::new()?)
}

#[test]
fn files_were_uploaded_beside_a_server() -> Result<()> {
    files_were_uploaded(&on_server()?)
}

#[test]
fn files_of_before_were_restored() -> Result<()> {
    let site = Webmail::new()?;
    old_files_restored(&site)?;
    also(&site, "database-newer", APPLY, Webmail::is_upgraded)
}

#[test]
fn our_own_run_was_killed() -> Result<()> {
    let site = on_server()?;
    let ended = site.host.with("LIFTLOCK_FAULT", "100:kill").run(["apply"])?;
    ensure!(ended.code.is_none(), "it was not killed: {ended:?}");
    also(&site, "run-interrupted", "liftlock resume", Webmail::is_upgraded)
}

fn all_is_well(site: &Webmail, version: &str) -> Result<()> {
    let said = diagnose(site, WELL)?;
    ensure!(said.state == "all-is-well" && said.text.contains(version), "{}", said.text);
    Ok(())
}

/// Releases that have the same tables as the pipeline's are as well as any other.
#[test]
fn all_is_well_before_and_after_and_where_a_release_has_no_new_tables() -> Result<()> {
    for site in [Webmail::new()?, on_server()?] {
        all_is_well(&site, &format!("both of {OLD_VERSION} ({OLD_SCHEMA})"))?;
        site.succeeds("apply")?;
        let version = site.version()?;
        all_is_well(&site, &format!("both of {version} ({NEW_SCHEMA})"))?;
        let path = site.installation.root.join(SAYS_VERSION);
        let text = fs::read_to_string(&path)?;
        for release in ["1.6.0", "1.6.9"] {
            fs::write(&path, text.replace(&version, release))?;
            all_is_well(&site, &format!("both of {release} ({NEW_SCHEMA})"))?;
        }
    }
    Ok(())
}

#[test]
fn a_database_from_the_future_needs_files_that_are_for_it() -> Result<()> {
    let site = Webmail::new()?;
    let later = "2030010100";
    site.sql(&format!("UPDATE system SET value = '{later}' WHERE name = 'roundcube-version'"))?;
    no_command(&site, "database-newer", &["ends at 1.6.5", later, OLD_VERSION])?;
    fs::write(site.installation.root.join(format!("SQL/sqlite/{later}.sql")), "-- nothing\n")?;
    all_is_well(&site, later)
}

#[test]
fn a_side_that_says_nothing_is_never_well() -> Result<()> {
    let site = Webmail::new()?;
    let unknown = |words: &str| -> Result<()> {
        let said = diagnose(&site, UNKNOWN)?;
        ensure!(said.state == "versions-unknown" && said.text.contains(words), "{words}: {}", said.text);
        Ok(())
    };
    site.sql("ALTER TABLE system RENAME TO elsewhere")?;
    unknown(OLD_VERSION)?;
    site.sql("ALTER TABLE elsewhere RENAME TO system")?;
    let root = &site.installation.root;
    fs::rename(root.join("SQL"), root.join("LQS"))?;
    unknown(&format!("release {OLD_VERSION}"))?;
    fs::create_dir_all(root.join("SQL/sqlite"))?;
    unknown("there are no SQL files")?;
    fs::remove_dir_all(root.join("SQL"))?;
    fs::rename(root.join("LQS"), root.join("SQL"))?;
    let text = fs::read(root.join(SAYS_VERSION))?;
    fs::write(root.join(SAYS_VERSION), "<?php\n")?;
    unknown(OLD_SCHEMA)?;
    fs::write(root.join(SAYS_VERSION), text)?;
    all_is_well(&site, OLD_VERSION)
}
