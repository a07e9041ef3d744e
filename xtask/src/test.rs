//! `test`: everything that must pass, in the order in which it fails soonest.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::guest::Guest;
use crate::layout::Layout;
use crate::mariadb;
use crate::plugins;
use crate::process;
use crate::setup;
use crate::steps::Steps;
use crate::tidy;

/// Run all checks and tests; with names, only those end-to-end suites (tests/tests/<name>)
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// End-to-end suites; all, and all other checks, if none is named
    suites: Vec<String>,
}

/// One set of packages and features for every call, so that nothing is built twice.
const WORKSPACE: [&str; 3] = ["--workspace", "--features", "liftlock/faults"];
const WARNINGS_ARE_ERRORS: [&str; 3] = ["--", "-D", "warnings"];

/// How a suite's line of numbers starts.
const NUMBERS: &str = "numbers: ";

pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::new();
    let guest = steps.step("setup", || setup::all(layout))?;
    if arguments.suites.is_empty() {
        steps.step("format", || format(layout))?;
        steps.step("tidy", || tidy::check(layout))?;
        steps.step("clippy", || clippy(layout))?;
        build(layout, &guest, &mut steps)?;
        steps.step("unit tests", || unit_tests(layout))?;
        for suite in suites(layout)? {
            steps.step(&suite, || run_suite(layout, &suite))?;
        }
    } else {
        build(layout, &guest, &mut steps)?;
        for suite in &arguments.suites {
            steps.step(suite, || run_suite(layout, suite))?;
        }
    }
    println!("{}", steps.summary());
    Ok(())
}

fn format(layout: &Layout) -> Result<()> {
    for workspace in workspaces(layout) {
        process::run(process::cargo(&workspace, "fmt").args(["--all", "--check"]))?;
    }
    Ok(())
}

fn clippy(layout: &Layout) -> Result<()> {
    let host = |extra: &[&str]| {
        let mut command = process::cargo(&layout.root, "clippy");
        command.args(["--workspace", "--all-targets"]).args(extra).args(WARNINGS_ARE_ERRORS);
        process::run(&mut command)
    };
    host(&["--features", "liftlock/faults"])?;
    host(&[])?;
    for guests in guest_workspaces(layout) {
        let mut command = process::cargo(&guests, "clippy");
        // For the host: Debian's compiler has no clippy, and the contract's bindings compile anywhere.
        command.env("CARGO_TARGET_DIR", layout.guest_host_target());
        process::run(command.args(["--workspace", "--all-targets"]).args(WARNINGS_ARE_ERRORS))?;
    }
    Ok(())
}

fn build(layout: &Layout, guest: &Guest, steps: &mut Steps) -> Result<()> {
    steps.step("plugins", || {
        println!("{}", plugins::build(layout, guest)?);
        Ok(())
    })?;
    steps.step("build", || process::run(process::cargo(&layout.root, "build").args(WORKSPACE).arg("--all-targets")))
}

/// The host, with fault points, and the programs of the tests.
///
/// # Errors
/// If they do not build.
pub(crate) fn build_host(layout: &Layout) -> Result<()> {
    process::run(process::cargo(&layout.root, "build").args(WORKSPACE))
}

fn unit_tests(layout: &Layout) -> Result<()> {
    let mut host = process::cargo(&layout.root, "test");
    host.args(WORKSPACE).args(["--lib", "--bins"]);
    let mut passed = passed(&process::output(&mut mariadb::around(layout, &[], &host))?);
    for guests in guest_workspaces(layout) {
        let mut command = process::cargo(&guests, "test");
        command.env("CARGO_TARGET_DIR", layout.guest_host_target());
        passed += self::passed(&process::output(command.args(["--workspace", "--lib"]))?);
    }
    println!("{passed} passed");
    Ok(())
}

/// Adds up what each test binary says of itself.
fn passed(output: &str) -> u64 {
    let counts = output.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    counts.filter_map(|count| count.parse::<u64>().ok()).sum()
}

/// The end-to-end suites, by name.
fn suites(layout: &Layout) -> Result<Vec<String>> {
    let directory = layout.root.join("tests/tests");
    let mut names = Vec::new();
    if directory.is_dir() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file() {
                names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Runs a suite and shows its line of numbers; all that it printed, if it fails.
fn run_suite(layout: &Layout, suite: &str) -> Result<()> {
    let mut command = process::cargo(&layout.root, "test");
    command.args(WORKSPACE).args(["--test", suite, "--", "--nocapture"]);
    let output = process::output(&mut mariadb::around(layout, &[], &command))?;
    let lines = numbers(&output);
    if lines.is_empty() {
        bail!("the suite printed no line of numbers (liftlock_tests::numbers)");
    }
    for line in lines {
        println!("{line}");
    }
    println!("{} passed", passed(&output));
    Ok(())
}

/// A test's own line may stand behind what the harness prints before it.
fn numbers(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.split_once(NUMBERS).map(|(_, numbers)| numbers)).collect()
}

fn guest_workspaces(layout: &Layout) -> Vec<PathBuf> {
    let all = [layout.plugins(), layout.test_guests()];
    all.into_iter().filter(|workspace| workspace.join("Cargo.toml").is_file()).collect()
}

fn workspaces(layout: &Layout) -> Vec<PathBuf> {
    let mut all = vec![layout.root.clone()];
    all.extend(guest_workspaces(layout));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_failed_is_not_counted() {
        let output = "test result: ok. 3 passed; 0 failed\nx\ntest result: FAILED. 5 passed; 1 failed\n\
                      test result: ok. 39 passed; 0 failed\n";
        assert_eq!(passed(output), 42);
    }

    #[test]
    fn numbers_are_found_behind_the_harness() {
        let output = "running 1 test\ntest kill ... numbers: 40 kill points, 0 divergences\nok\n";
        assert_eq!(numbers(output), ["40 kill points, 0 divergences"]);
    }
}
