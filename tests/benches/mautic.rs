//! The whole upgrade of a Mautic, by the host and by a careful shell script (`mautic.sh`): `cargo xtask bench mautic`.
//!
//! One line for each goes to standard output, as `host/benches/host/line.rs` has them. `LIFTLOCK_TEST_BINARY` names the host,
//! `LIFTLOCK_BENCH_CONTACTS` says how many contacts there are. Each run has a server of its own, on a disk, with a copy of the same data.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use liftlock_tests::bench::{self, are_there, median};
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::fixture::mautic::{
    Data, Files, Fixture, Login, NEW_VERSION, PACKAGE, Settings, Size, Template, Vendor,
};
use liftlock_tests::host::{Ended, Host};
use liftlock_tests::mariadb::{self, Server};
use liftlock_tests::places;
use serde_json::Value;
use tempfile::TempDir;

const RUNS: usize = 3;
const TOOLS: [&str; 6] = ["mariadb-dump", "mariadb", "zstd", "curl", "unzip", "bash"];

/// The server has room for what is measured.
const SERVER: [&str; 3] = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M", "--max-allowed-packet=64M"];
/// Account and schema.
const NAME: &str = "mautic";

fn main() -> ExitCode {
    bench::main(measure)
}

fn measure() -> Result<()> {
    let contacts = std::env::var("LIFTLOCK_BENCH_CONTACTS").map_or(Ok(100_000), |number| number.parse())?;
    let bench = Bench::new(Data { contacts, ..Data::default() })?;
    let script = are_there(&TOOLS);
    let (mut ours, mut theirs, mut undone, mut accounts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let site = bench.site()?;
        let (apply, account) = site.by_host()?;
        eprintln!("Liftlock {apply:.1} s: {account}");
        let end = site.end()?;
        let start = Instant::now();
        site.host()?.run(["undo", "--accept-data-loss"])?.expect(0)?;
        undone.push(start.elapsed().as_secs_f64());
        ours.push(apply);
        accounts.push(account);
        drop(site);
        if !script {
            theirs.push(f64::NAN);
            continue;
        }
        let site = bench.site()?;
        theirs.push(site.by_script(&bench)?);
        let other = site.end()?;
        let difference = end.iter().zip(&other).find(|(ours, theirs)| ours != theirs);
        ensure!(difference.is_none() && end.len() == other.len(), "the ends differ: {difference:?}");
    }
    let what = format!("the whole upgrade of a Mautic with {} contacts", thousands(contacts));
    let (ours, theirs, undone) = (median(ours), median(theirs), median(undone));
    println!("line\t{what}\t{ours:e}\ta careful shell script\t{theirs:e}\tratio 1");
    for (stage, seconds, memory) in stages(&accounts)? {
        // What is over in a moment would make the table long.
        if seconds * 100.0 >= ours {
            println!("line\tof it `{stage}`, with at most {memory} MiB of memory\t{seconds:e}\t\t\t");
        }
    }
    println!("line\tof it nobody else could write\t{:e}\t\t\t", median(frozen(&accounts)?));
    println!("line\tthe same, undone to the row\t{undone:e}\t\t\t");
    Ok(())
}

struct Bench {
    template: Template,
    vendor: Vendor,
    server: mariadb::Options,
}

impl Bench {
    /// The server's data are loaded once, and kept.
    fn new(data: Data) -> Result<Self> {
        let template = Fixture::new(Size::Full).prepare(&places::cache()?)?;
        let vendor = Vendor::start(&template)?;
        let sql = data.sql()?;
        let kept = format!("mautic-{}-{}", data.contacts, &sha256_hex(sql.as_bytes())[..12]);
        let server =
            SERVER.iter().fold(mariadb::Options::new().on_disk(), |server, argument| server.argument(*argument));
        let server = server.kept(&kept, |server| {
            server.run(&format!(
                "CREATE DATABASE {NAME}; CREATE USER {NAME}@localhost; GRANT ALL ON {NAME}.* TO {NAME}@localhost;
                 GRANT ALL ON `liftlock\\_%`.* TO {NAME}@localhost"
            ))?;
            server.run(&format!("USE {NAME};\n{sql}"))
        })?;
        Ok(Self { template, vendor, server })
    }

    /// An installation of its own, all of it on disk, and what a `check` leaves warm.
    fn site(&self) -> Result<Site> {
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let server = self.server.start()?;
        let path = directory.path();
        self.template.tree(&path.join("www"), &Files::default(), &Data::default())?;
        let login = Login { socket: server.socket().to_owned(), user: NAME.to_owned(), schema: NAME.to_owned() };
        let settings = Settings::new(places::pipeline("mautic")?, self.vendor.origin());
        fs::write(path.join("installation.toml"), settings.text(&self.template, path, &login)?)?;
        rustix::fs::syncfs(fs::File::open(path)?)?;
        let site = Site { server, directory };
        site.host()?.run(["check"])?.expect(0)?;
        Ok(site)
    }
}

struct Site {
    server: Server,
    directory: TempDir,
}

impl Site {
    fn host(&self) -> Result<Host> {
        Host::new(&self.directory.path().join("installation.toml"))
    }

    /// Seconds, and what the host says that it has cost.
    fn by_host(&self) -> Result<(f64, Value)> {
        let start = Instant::now();
        let ended = self.host()?.run(["apply", "--format", "json"])?.expect(0)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok((seconds, account(&ended)?))
    }

    fn by_script(&self, bench: &Bench) -> Result<f64> {
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/mautic.sql");
        let url = format!("{}{PACKAGE}", bench.vendor.origin());
        let variables = [
            ("SITE", self.directory.path().as_os_str()),
            ("URL", url.as_ref()),
            ("SHA256", bench.template.sha256.as_ref()),
            ("SOCKET", self.server.socket().as_os_str()),
            ("ACCOUNT", NAME.as_ref()),
            ("SCHEMA", NAME.as_ref()),
            ("MIGRATIONS", migrations.as_os_str()),
        ];
        let (seconds, said) = bench::script("bash", "mautic.sh", &variables)?;
        eprintln!("the script {seconds:.1} s: {said}");
        Ok(seconds)
    }

    /// What there is now, in words to compare: it is the same however it was reached.
    fn end(&self) -> Result<Vec<String>> {
        let root = self.directory.path().join("www");
        let metadata = fs::read_to_string(root.join("app/release_metadata.json"))?;
        ensure!(metadata.contains(NEW_VERSION), "the files are not of version {NEW_VERSION}");
        for kept in [
            "media/files/0a1b2c3d.pdf",
            "var/logs/mautic_prod-2020-04-29.php",
            "var/spool",
            "shop",
            "translations/de_AT",
        ] {
            ensure!(root.join(kept).exists(), "{kept} is not there");
        }
        ensure!(!root.join("maintenance.flag").exists() && !root.join("app/version.txt").exists(), "something is left");
        let settings = fs::read_to_string(root.join("app/config/local.php"))?;
        ensure!(settings.contains("'theme' => 'blank'") && settings.contains("/var/cache'"), "the settings are old");
        let mut end = Vec::new();
        for sql in ENDS {
            end.extend(
                self.server.rows(sql)?.iter().map(|row| row.iter().map(mariadb::text).collect::<Vec<_>>().join(" ")),
            );
        }
        Ok(end)
    }
}

/// The tables that the migrations change, but for `webhooks`, whose secret is random, and the order of the ledger; and all definitions.
const ENDS: [&str; 4] = [
    "CHECKSUM TABLE mautic.companies_leads, mautic.users, mautic.lead_devices, mautic.categories, mautic.lead_donotcontact,
     mautic.form_fields, mautic.lead_fields",
    "SELECT version FROM mautic.migrations ORDER BY version",
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, IS_NULLABLE, COLLATION_NAME FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = 'mautic' AND TABLE_NAME <> 'liftlock_marker' ORDER BY TABLE_NAME, ORDINAL_POSITION",
    "SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = 'mautic' AND TABLE_NAME <> 'liftlock_marker' ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
];

fn account(ended: &Ended) -> Result<Value> {
    let lines = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let account = lines.into_iter().find(|line| line["type"] == "account");
    Ok(account.context("the host says nothing of what it has cost")?["account"].take())
}

/// Each stage, its seconds and its mebibytes.
fn stages(accounts: &[Value]) -> Result<Vec<(String, f64, u64)>> {
    let first = accounts.first().and_then(|account| account["stages"].as_array()).context("no stages")?;
    let stages = first.iter().enumerate().map(|(index, stage)| {
        let seconds = accounts.iter().map(|account| seconds(&account["stages"][index]["milliseconds"]));
        let memory = accounts.iter().filter_map(|account| account["stages"][index]["memory"].as_u64()).max();
        let name = stage["slot"].as_str().context("a stage without a name")?;
        Ok((name.to_owned(), median(seconds.collect::<Result<_>>()?), memory.unwrap_or(0).div_ceil(1 << 20)))
    });
    stages.collect()
}

fn frozen(accounts: &[Value]) -> Result<Vec<f64>> {
    accounts.iter().map(|account| seconds(&account["frozen"])).collect()
}

fn seconds(milliseconds: &Value) -> Result<f64> {
    Ok(milliseconds.as_f64().context("no time")? / 1000.0)
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
