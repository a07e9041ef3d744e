//! The whole upgrade of a Roundcube, by the host and by a careful shell script (`upgrade.sh`): `cargo xtask bench`.
//!
//! One line for each goes to standard output, as `host/benches/host/line.rs` has them. `LIFTLOCK_TEST_BINARY` names the host.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use liftlock_tests::bench::{self, are_there, median};
use liftlock_tests::fixture::Installation;
use liftlock_tests::fixture::roundcube::{
    Fixture, NEW_SCHEMA, OLD_SCHEMA, Options, PACKAGE, Size, Template, database_version, version,
};
use liftlock_tests::host::Host;
use liftlock_tests::http::Server;
use liftlock_tests::places;
use tempfile::TempDir;

const RUNS: usize = 5;
const USERS: u32 = 2000;
const TOOLS: [&str; 4] = ["sqlite3", "zstd", "curl", "unzip"];

fn main() -> ExitCode {
    bench::main(measure)
}

fn measure() -> Result<()> {
    let template = Fixture::new(Size::Full).prepare(&places::cache()?)?;
    let server = Server::start([(PACKAGE, template.package()?)])?;
    let mut bench = Bench { template, server, kept: Vec::new() };
    let script = are_there(&TOOLS);
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..RUNS {
        let site = bench.site()?;
        let (apply, undo) = bench.checked(&site)?;
        let site = bench.site()?;
        let first = bench.by_host(&site)?;
        let site = bench.site()?;
        let script = if script { bench.by_script(&site)? } else { f64::NAN };
        for (times, time) in times.iter_mut().zip([apply, undo, first, script]) {
            times.push(time);
        }
    }
    let [apply, undo, first, script] = times.map(median);
    let what = format!("the whole upgrade of a Roundcube with {USERS} users");
    println!("line\t{what}, after `check`\t{apply:e}\ta careful shell script\t{script:e}\tratio 1");
    println!("line\t{what}, compiling its stages\t{first:e}\ta careful shell script\t{script:e}\t");
    println!("line\tthe same, undone to the byte\t{undo:e}\t\t\t");
    Ok(())
}

struct Bench {
    template: Template,
    server: Server,
    /// To the end: a file system that has just deleted thousands of files is slow to make new ones.
    kept: Vec<TempDir>,
}

impl Bench {
    /// An installation of its own, all of it on disk.
    fn site(&mut self) -> Result<Installation> {
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let options = Options::new(places::pipeline("roundcube")?, self.server.origin()).users(USERS);
        let site = self.template.installation(directory.path(), &options)?;
        rustix::fs::syncfs(std::fs::File::open(directory.path())?)?;
        self.kept.push(directory);
        Ok(site)
    }

    /// Seconds for `apply` after a `check`, as an operator does it, and for `undo`.
    fn checked(&self, site: &Installation) -> Result<(f64, f64)> {
        Host::new(&site.settings)?.run(["check"])?.expect(0)?;
        let apply = self.by_host(site)?;
        let start = Instant::now();
        Host::new(&site.settings)?.run(["undo"])?.expect(0)?;
        Ok((apply, start.elapsed().as_secs_f64()))
    }

    fn by_host(&self, site: &Installation) -> Result<f64> {
        let host = Host::new(&site.settings)?;
        let start = Instant::now();
        host.run(["apply"])?.expect(0)?;
        let seconds = start.elapsed().as_secs_f64();
        self.is_new(site)?;
        Ok(seconds)
    }

    fn by_script(&self, site: &Installation) -> Result<f64> {
        let (directory, url) = (site.directory.as_os_str(), format!("{}{PACKAGE}", self.server.origin()));
        let variables = [
            ("SITE", directory),
            ("URL", url.as_ref()),
            ("SHA256", self.template.sha256.as_ref()),
            ("OLD", OLD_SCHEMA.as_ref()),
            ("NEW", NEW_SCHEMA.as_ref()),
        ];
        let (seconds, _) = bench::script("sh", "upgrade.sh", &variables)?;
        self.is_new(site)?;
        Ok(seconds)
    }

    fn is_new(&self, site: &Installation) -> Result<()> {
        let (version, schema) = (version(&site.root)?, database_version(&site.database)?);
        if version != self.template.version || schema != NEW_SCHEMA {
            bail!("it is at version {version} and migration {schema}");
        }
        Ok(())
    }
}
