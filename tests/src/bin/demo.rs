//! The demonstration: Roundcube 1.4 is checked, upgraded, looked at and put back, byte for byte.
//!
//! `cargo xtask demo` builds what it needs and starts it. It runs the same commands that an operator would. With the argument
//! `mariadb` the database is on a server that is started for it, and is compared row for row and definition for definition.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a terminal")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use liftlock_tests::fixture::Installation;
use liftlock_tests::fixture::roundcube::{Fixture, Options, PACKAGE, Size, Template, database_version, version};
use liftlock_tests::host::Host;
use liftlock_tests::http;
use liftlock_tests::mariadb;
use liftlock_tests::places;

const USERS: u32 = 300;

fn main() -> ExitCode {
    match demonstrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demonstration stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate() -> Result<()> {
    let template = Fixture::new(Size::Full).prepare(&places::cache()?)?;
    let server = http::Server::start([(PACKAGE, template.package()?)])?;
    let directory = empty(places::target()?.join("demo"))?;
    let mut options = Options::new(places::pipeline("roundcube")?, server.origin()).users(USERS);
    let mariadb = env::args().any(|word| word == "mariadb").then(mariadb::Server::start).transpose()?;
    if let Some(mariadb) = &mariadb {
        let version = mariadb.client()?.cell("SELECT VERSION()")?;
        println!("A MariaDB {version} of its own, on the socket {}", mariadb.socket().display());
        options = options.on(mariadb.schema("roundcube")?);
    }
    let site = template.installation(&directory, &options)?;
    println!("A webmail with {USERS} users, their settings, a skin and a plugin of their own: {}", shown(&directory));
    println!("Before: {}", state(&site)?);
    let before = site.exact_digest()?;

    let host = Host::new(&site.settings)?;
    run(&host, "check")?;
    run(&host, "apply")?;
    println!("\nAfter: {}", state(&site)?);
    if version(&site.root)? != template.version {
        bail!("the new version should be {}", template.version);
    }
    run(&host, "status")?;
    run(&host, "diagnose")?;
    // It is open again: undo would lose what users have written since. Here nobody has.
    run(&host, "undo")?;
    println!("\nPut back: {}", state(&site)?);

    let differences = before.diff(&site.exact_digest()?);
    if !differences.is_empty() {
        bail!("it is not what it was:\n{}", differences.join("\n"));
    }
    let compared = before.len();
    if mariadb.is_some() {
        println!("Compared {compared} files, tables, definitions and next ids: the same.\nThe server ends here.");
        return Ok(());
    }
    println!("Compared {compared} files, tables and definitions, and the database file: the same, byte for byte.");
    leave_it_usable(&template, &site, &server.origin())
}

/// The server ends with us: from here on the package is a file beside the installation.
fn leave_it_usable(template: &Template, site: &Installation, origin: &str) -> Result<()> {
    let package = site.directory.join(PACKAGE.trim_start_matches('/'));
    fs::write(&package, template.package()?)?;
    let settings = fs::read_to_string(&site.settings)?;
    let (served, local) = (format!("url = \"{origin}{PACKAGE}\""), format!("file = \"{}\"", package.display()));
    if !settings.contains(&served) {
        bail!("{} does not name {served}", site.settings.display());
    }
    fs::write(&site.settings, settings.replace(&served, &local))?;
    println!("\nIt is yours to try: export LIFTLOCK_INSTALLATION={}", shown(&site.settings));
    Ok(())
}

/// Runs a command of the host on our terminal, its line before it.
fn run(host: &Host, command: &str) -> Result<()> {
    println!("\n$ liftlock {command} --installation {}", shown(&host.settings));
    let start = Instant::now();
    let status = host.command(command.split(' ')).status().context("cannot start the host")?;
    println!("({:.2} s)", start.elapsed().as_secs_f64());
    if !status.success() {
        bail!("`liftlock {command}` ended with {status}; all of it is still in {}", shown(&host.settings));
    }
    Ok(())
}

fn state(site: &Installation) -> Result<String> {
    let (files, database) = (version(&site.root)?, database_version(&site.database)?);
    Ok(format!("files of version {files}, database at migration {database}"))
}

fn empty(directory: PathBuf) -> Result<PathBuf> {
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// From here, if it is below.
fn shown(path: &Path) -> String {
    let here = env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
