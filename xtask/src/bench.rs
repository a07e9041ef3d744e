//! `bench`: how fast it is, beside the native tools that do the same. Not a test: times depend on the machine and its mood.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::mariadb;
use crate::plugins;
use crate::process;
use crate::setup;

/// Measure, beside native tools, and write BENCHMARKS.md; with names, only measure those
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// stage, calls, rows, changes, extract, switch, dump, server-rows, upgrade or mautic; all, and the file is written, if none is named
    names: Vec<String>,
    /// Contacts of the Mautic that is upgraded: a million if all is measured, else a tenth of it
    #[arg(long)]
    contacts: Option<u32>,
}

/// Programs of their own, among the tests: whole upgrades.
const UPGRADES: [&str; 2] = ["upgrade", MAUTIC];
const MAUTIC: &str = "mautic";

/// Those that need a MariaDB server, and how it is: on a disk, with room for what is measured.
const ON_A_SERVER: [&str; 2] = ["dump", "server-rows"];
const SERVER: [&str; 4] =
    ["--on-disk", "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M", "--max-allowed-packet=64M"];

pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    let guest = setup::ready(layout)?;
    println!("{}", plugins::build(layout, &guest)?);
    let all = arguments.names.is_empty();
    let before = load();
    let mut lines = Vec::new();
    if all || arguments.names.iter().any(|name| !UPGRADES.contains(&name.as_str())) {
        let mut host = process::cargo(&layout.root, "bench");
        host.args(["-p", "liftlock", "--bench", "host", "--"]).args(&arguments.names);
        if all || arguments.names.iter().any(|name| ON_A_SERVER.contains(&name.as_str())) {
            mariadb::ready()?;
            mariadb::tools_of_the_bench();
            process::run(process::cargo(&layout.root, "build").args([
                "-p",
                "liftlock-tests",
                "--bin",
                "with-mariadb",
            ]))?;
            host = mariadb::around(layout, &SERVER, &host);
        }
        lines.extend(measure(&mut host)?);
    }
    let contacts = arguments.contacts.unwrap_or(if all { 1_000_000 } else { 100_000 });
    for name in UPGRADES.iter().filter(|name| all || arguments.names.iter().any(|wanted| wanted == **name)) {
        process::run(process::cargo(&layout.root, "build").args(["--release", "-p", "liftlock", "--bin", "liftlock"]))?;
        if *name == MAUTIC {
            mariadb::ready()?;
            mariadb::tools_of_the_bench();
        }
        let mut upgrade = process::cargo(&layout.root, "bench");
        upgrade.args(["-p", "liftlock-tests", "--bench", name]).env("LIFTLOCK_BENCH_CONTACTS", contacts.to_string());
        lines.extend(measure(upgrade.env("LIFTLOCK_TEST_BINARY", layout.target.join("release/liftlock")))?);
    }
    let missed = lines.iter().filter(|line| line.met() == Some(false)).count();
    let table = table(&lines);
    println!("\n{table}\n{} measurements, {missed} goals missed", lines.len());
    if all {
        let path = layout.root.join("BENCHMARKS.md");
        fs::write(&path, page(&table, &machine(&layout.target, &before)))?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// One measurement, as `host/benches/host/line.rs` writes it.
struct Line {
    what: String,
    liftlock: f64,
    tool: Option<(String, f64)>,
    goal: Option<Goal>,
}

enum Goal {
    Within(f64),
    Ratio(f64),
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("line\t")?.split('\t');
        let what = fields.next()?.to_owned();
        let liftlock = fields.next()?.parse().ok()?;
        let (tool, seconds) = (fields.next()?, fields.next()?);
        let tool = seconds.parse().ok().filter(|seconds: &f64| seconds.is_finite()).map(|took| (tool.to_owned(), took));
        let goal = match fields.next()?.split_once(' ') {
            Some(("within", seconds)) => Some(Goal::Within(seconds.parse().ok()?)),
            Some((_, ratio)) => Some(Goal::Ratio(ratio.parse().ok()?)),
            None => None,
        };
        Some(Self { what, liftlock, tool, goal })
    }

    fn ratio(&self) -> Option<f64> {
        self.tool.as_ref().map(|(_, native)| self.liftlock / native)
    }

    /// None without a goal, or without the tool to compare with.
    fn met(&self) -> Option<bool> {
        match self.goal {
            Some(Goal::Within(seconds)) => Some(self.liftlock <= seconds),
            Some(Goal::Ratio(most)) => self.ratio().map(|ratio| ratio <= most),
            None => None,
        }
    }

    fn row(&self) -> String {
        let (tool, native) = match &self.tool {
            Some((tool, seconds)) => (tool.as_str(), time(*seconds)),
            None => ("", String::new()),
        };
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let goal = match self.goal {
            Some(Goal::Within(seconds)) => format!("≤ {}", time(seconds)),
            Some(Goal::Ratio(ratio)) => format!("ratio ≤ {ratio}"),
            None => String::new(),
        };
        let met = match self.met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        format!("| {} | {} | {tool} | {native} | {ratio} | {goal} | {met} |", self.what, time(self.liftlock))
    }
}

/// Runs a benchmark and shows each line as it comes.
fn measure(command: &mut Command) -> Result<Vec<Line>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the benchmark")?;
    let output = child.stdout.take().context("the benchmark has no output")?;
    let mut lines = Vec::new();
    for text in BufReader::new(output).lines() {
        if let Some(line) = Line::parse(&text?) {
            println!("{}", line.row());
            lines.push(line);
        }
    }
    if !child.wait()?.success() {
        bail!("the benchmark failed");
    }
    Ok(lines)
}

fn table(lines: &[Line]) -> String {
    let head = "| what | Liftlock | compared with | it takes | ratio | goal | met |\n| --- | ---: | --- | ---: | ---: | --- | --- |";
    lines.iter().fold(head.to_owned(), |mut table, line| {
        table.push('\n');
        table + &line.row()
    })
}

/// Seconds, with three digits.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

fn page(table: &str, machine: &str) -> String {
    format!(
        "# Benchmarks\n\nMade by `cargo xtask bench`; do not edit. All is built with `--release`; each number is the median of five runs (of three where\n\
         a server's databases are loaded or upgraded), and what is compared is done by turns with it. The ratio (Liftlock to the other) says more than the times, which depend on the machine.\n\n{table}\n\n\
         \"Undoable\" and \"durable\" are part of Liftlock's time, not of the tools'. Where the others are said to be durable, `sync -f` is part of theirs.\n\n\
         ## Machine\n\n{machine}"
    )
}

/// What the numbers were measured on.
fn machine(target: &Path, before: &str) -> String {
    let first = |program: &str, arguments: &[&str]| {
        let said = process::output(Command::new(program).args(arguments)).unwrap_or_default();
        said.lines().find(|line| !line.trim().is_empty()).unwrap_or("not there").trim().to_owned()
    };
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let system = target.to_string_lossy();
    let facts = [
        ("processor", format!("{cpu}, {cores} cores")),
        ("kernel", first("uname", &["-sr"])),
        ("file system", first("stat", &["-f", "-c", "%T", &system])),
        ("load before and after", format!("{before}; {}", load())),
        ("compiler", first("rustc", &["--version"])),
        ("sqlite3", first("sqlite3", &["--version"]).split(' ').next().unwrap_or_default().to_owned()),
        ("unzip", first("unzip", &["-v"])),
        ("bsdtar", first("bsdtar", &["--version"])),
        ("zstd", first("zstd", &["--version"])),
        ("MariaDB", first("mariadb", &["--version"])),
        ("mydumper", first("mydumper", &["--version"])),
    ];
    facts.iter().fold(String::new(), |mut text, (name, fact)| {
        let _ = writeln!(text, "* {name}: {fact}");
        text
    })
}

/// The load averages: other work on the machine makes times longer.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_line_is_none() {
        for text in ["", "running 1 test", "line\tx", "line\tx\tabc\t\t\t", "line\tx\t1e0\t\t\twithin soon"] {
            assert!(Line::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_goal_is_missed_by_time_or_by_ratio() {
        let met = |text: &str| Line::parse(text).unwrap().met();
        assert_eq!(met("line\tx\t2e0\t\t\twithin 1e0"), Some(false));
        assert_eq!(met("line\tx\t2e0\tmv\t1e0\tratio 1e0"), Some(false));
        assert_eq!(met("line\tx\t2e0\tmv\t4e0\tratio 1e0"), Some(true));
        assert_eq!(met("line\tx\t2e0\tmv\tNaN\tratio 1e0"), None, "the tool was not there");
    }

    #[test]
    fn a_row_has_units_that_can_be_read() {
        let line = Line::parse("line\ta call\t6.25e-7\ta script\t1.5e-3\twithin 1e-6").unwrap();
        assert_eq!(line.row(), "| a call | 625 ns | a script | 1.50 ms | 0.00 | ≤ 1.00 µs | yes |");
    }
}
