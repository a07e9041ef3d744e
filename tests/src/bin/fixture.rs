//! Makes an installation to try things on: `cargo xtask fixture mautic DIR`.
//!
//! Files, rows as an SQL file that any MySQL or MariaDB loads, the package and its control file, and an `installation.toml` if there
//! is a bundle. The same words make the same bytes.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use liftlock_tests::fixture::mautic::{
    Data, Files, Fixture, Ids, KeyNames, Login, PACKAGE, Settings, Size, Syntax, Template, Vendor, control,
};
use liftlock_tests::places;

/// Make an installation to try things on
#[derive(Parser)]
#[command(name = "cargo xtask fixture", bin_name = "cargo xtask fixture")]
enum Command {
    Mautic(Mautic),
}

/// Mautic 2.16.5, the package of 3.0.2 and its control file
#[derive(Args)]
struct Mautic {
    /// A new directory, or an empty one
    directory: PathBuf,
    /// A few files of each kind instead of thousands
    #[arg(long)]
    small: bool,
    /// What the content of the files is made from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    files: Changes,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Args)]
#[command(next_help_heading = "Database")]
struct Rows {
    /// Where its SQL goes [default: DIRECTORY/database.sql]
    #[arg(long, value_name = "FILE")]
    sql: Option<PathBuf>,
    /// Contacts, 10 to 1000000
    #[arg(long, default_value_t = 1000)]
    contacts: u32,
    /// In front of each table's name: mau_
    #[arg(long, default_value = "")]
    prefix: String,
    /// Ids are INT instead of INT UNSIGNED
    #[arg(long)]
    signed: bool,
    /// Keys are called as after an import by another tool
    #[arg(long)]
    foreign_names: bool,
    /// Migration 20191126093923 was begun once
    #[arg(long)]
    half_applied: bool,
    /// Properties of fields are in the form of 3.x already
    #[arg(long)]
    new_properties: bool,
    /// Two fields have properties that PHP cannot read
    #[arg(long)]
    broken_properties: bool,
    /// The ledger of migrations is missing
    #[arg(long)]
    no_ledger: bool,
    /// A migration of 2.x that was not run; may be given again
    #[arg(long, value_name = "VERSION")]
    outstanding: Vec<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Files")]
struct Changes {
    /// All that users and operator can have changed
    #[arg(long)]
    rich: bool,
    /// local.php has [ ] instead of array( )
    #[arg(long)]
    short_arrays: bool,
    /// A parameters_local.php
    #[arg(long)]
    overrides: bool,
    /// A plugin that is not the application's
    #[arg(long)]
    custom_plugin: bool,
    /// A theme that is not the application's
    #[arg(long)]
    custom_theme: bool,
    /// A file changed in a theme of the application's
    #[arg(long)]
    changed_theme: bool,
    /// Mails that wait to be sent
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    spool: u32,
    /// All files have one time, as after a careless copy
    #[arg(long)]
    one_time: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Operator")]
struct Operator {
    /// The bundle's pipeline.toml [default: the one that `cargo xtask plugins` has built]
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// The server that the SQL will be loaded into
    #[arg(long, value_name = "PATH", env = "LIFTLOCK_TEST_MYSQL_SOCKET", default_value = "/run/mysqld/mysqld.sock")]
    socket: PathBuf,
    /// The account
    #[arg(long, default_value = "mautic")]
    user: String,
    /// The schema
    #[arg(long, default_value = "mautic")]
    schema: String,
    /// Serve package and control file on the loopback until this program is ended
    #[arg(long)]
    serve: bool,
    /// The control file says that nobody is to upgrade now
    #[arg(long)]
    kill_switch: bool,
}

fn main() -> ExitCode {
    let Command::Mautic(mautic) = Command::parse();
    match mautic.make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Mautic {
    fn make(&self) -> Result<()> {
        let data = self.rows.data();
        // Before anything is written: it refuses what cannot be.
        let sql = data.sql()?;
        let directory = empty(&self.directory)?;
        let size = if self.small { Size::Small } else { Size::Full };
        let template = Fixture::new(size).seed(self.seed).prepare(&places::cache()?)?;

        let root = directory.join("www");
        template.tree(&root, &self.files.files(), &data)?;
        println!("{}: {} files", root.display(), files(&root)?);
        let file = self.rows.sql.clone().unwrap_or_else(|| directory.join("database.sql"));
        fs::write(&file, &sql).with_context(|| format!("cannot write {}", file.display()))?;
        let Operator { socket, user, schema, .. } = &self.operator;
        let (server, name) = (socket.display(), file.display());
        println!("{name}: {} contacts; load it by\n  mariadb --socket={server} {schema} < {name}", data.contacts);
        let package = directory.join(PACKAGE.trim_start_matches('/'));
        fs::write(&package, template.package()?)?;
        println!("{}: {} bytes, sha256 {}", package.display(), template.size, template.sha256);

        let vendor = if self.operator.serve { Some(Vendor::start(&template)?) } else { None };
        let origin = vendor.as_ref().map_or_else(|| "http://127.0.0.1:8000".to_owned(), |vendor| vendor.origin());
        let kill_switch = self.operator.kill_switch;
        let control_file = directory.join("m2-to-m3.json");
        fs::write(&control_file, control(&origin, kill_switch))?;
        println!("{}: the control file", control_file.display());
        let login = Login { socket: socket.clone(), user: user.clone(), schema: schema.clone() };
        let local = vendor.is_none().then_some(package);
        self.settings(&template, &directory, (origin, local), &login)?;
        if let Some(vendor) = vendor {
            vendor.set_kill_switch(kill_switch);
            println!("Serving {} and the package; end it with Ctrl-C", vendor.control_url());
            loop {
                thread::park();
            }
        }
        Ok(())
    }

    /// Writes `installation.toml`, if there is a bundle. The package is served at an origin, or a file.
    fn settings(
        &self,
        template: &Template,
        directory: &Path,
        (origin, package): (String, Option<PathBuf>),
        login: &Login,
    ) -> Result<()> {
        let pipeline = match &self.operator.pipeline {
            Some(pipeline) => pipeline.clone(),
            None => match places::pipeline("mautic") {
                Ok(pipeline) => pipeline,
                Err(missing) => {
                    println!("No installation.toml: {missing:#}");
                    return Ok(());
                }
            },
        };
        let settings = Settings { package, ..Settings::new(pipeline, origin) };
        let file = directory.join("installation.toml");
        fs::write(&file, settings.text(template, directory, login)?)?;
        println!("It is yours to try: export LIFTLOCK_INSTALLATION={}", file.display());
        Ok(())
    }
}

impl Rows {
    fn data(&self) -> Data {
        Data {
            contacts: self.contacts,
            prefix: self.prefix.clone(),
            ids: if self.signed { Ids::Signed } else { Ids::Unsigned },
            key_names: if self.foreign_names { KeyNames::Foreign } else { KeyNames::Generated },
            half_applied: self.half_applied,
            old_properties: !self.new_properties,
            broken_properties: self.broken_properties,
            ledger: !self.no_ledger,
            outstanding: self.outstanding.clone(),
        }
    }
}

impl Changes {
    fn files(&self) -> Files {
        let all = if self.rich { Files::rich() } else { Files::default() };
        Files {
            syntax: if self.short_arrays { Syntax::Short } else { Syntax::Long },
            overrides: self.overrides || all.overrides,
            custom_plugin: self.custom_plugin || all.custom_plugin,
            custom_theme: self.custom_theme || all.custom_theme,
            changed_theme: self.changed_theme || all.changed_theme,
            spooled_mails: self.spool.max(all.spooled_mails),
            one_time: self.one_time,
            ..all
        }
    }
}

fn empty(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    if fs::read_dir(directory)?.next().is_some() {
        bail!("{} is not empty; name a new directory", directory.display());
    }
    Ok(directory.canonicalize()?)
}

/// How many files there are below a directory.
fn files(directory: &Path) -> Result<u64> {
    let mut number = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        number += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_are_consistent_and_reach_the_options() {
        Command::command().debug_assert();
        let words = "fixture mautic d --contacts 50 --prefix mau_ --signed --rich --short-arrays --outstanding 1 --outstanding 2";
        let Command::Mautic(mautic) = Command::parse_from(words.split(' '));
        let expected = Data {
            contacts: 50,
            prefix: "mau_".to_owned(),
            ids: Ids::Signed,
            outstanding: vec!["1".to_owned(), "2".to_owned()],
            ..Data::default()
        };
        assert_eq!(mautic.rows.data(), expected);
        assert_eq!(mautic.files.files(), Files { syntax: Syntax::Short, ..Files::rich() });
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(empty(&directory.path().join("new")).is_ok());
        assert!(empty(directory.path()).is_err());
    }
}
