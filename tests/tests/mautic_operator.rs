//! What operators say to Mautic's upgrade on the command line.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use liftlock_tests::fixture::mautic::{Data, Files, Size};
use liftlock_tests::host::Ended;
use liftlock_tests::newsletter::Newsletter;
use liftlock_tests::numbers;
use serde_json::Value;

const USAGE: i32 = 2;
const PUT_BACK: i32 = 3;
const FOUND: i32 = 5;

fn site() -> Result<Newsletter> {
    Newsletter::new(Size::Small, Files::rich(), Data::default())
}

fn edit(site: &Newsletter, change: impl FnOnce(String) -> String) -> Result<()> {
    let settings = &site.installation.settings;
    Ok(fs::write(settings, change(fs::read_to_string(settings)?))?)
}

/// The command that the output names as the next one, as its words.
fn next(ended: &Ended) -> Result<Vec<String>> {
    let all = [&ended.stdout, &ended.stderr].into_iter().flat_map(|text| text.lines());
    let mut next = all.filter_map(|line| line.trim().strip_prefix("next: liftlock "));
    let command = next.next().with_context(|| format!("no next command: {ended:?}"))?;
    ensure!(next.next().is_none(), "more than one next command: {ended:?}");
    Ok(command.split(' ').map(str::to_owned).collect())
}

fn runs(site: &Newsletter) -> usize {
    fs::read_dir(site.installation.state.join("runs")).map_or(0, Iterator::count)
}

#[test]
fn warnings_stop_apply_until_each_is_accepted() -> Result<()> {
    let site = site()?;
    edit(&site, |text| text.lines().filter(|line| !line.starts_with("accept = ")).collect::<Vec<_>>().join("\n"))?;
    let stopped = site.host.run(["apply"])?.expect(FOUND)?;
    ensure!(stopped.stderr.contains("error[warnings-not-accepted]"), "{}", stopped.stderr);
    let command = next(&stopped)?;
    let codes: Vec<_> = command.iter().skip(1).filter(|word| *word != "--accept").cloned().collect();
    ensure!(codes.contains(&"custom-plugins".to_owned()), "{codes:?}");
    ensure!(codes.iter().all(|code| stopped.stdout.contains(&format!(": {code}: "))), "not told: {codes:?}");
    ensure!(next(&site.host.run(["check"])?.expect(0)?)? == command, "check and apply differ");
    // All but one are not enough, and nothing else can be accepted.
    let all_but_one: Vec<&str> = command.iter().take(command.len() - 2).map(String::as_str).collect();
    let said = site.host.run(all_but_one.iter().chain(&["--format", "json"]))?.expect(FOUND)?;
    let last: Value = serde_json::from_str(said.stdout.lines().last().context("nothing is said")?)?;
    ensure!(last["code"] == "warnings-not-accepted", "{last}");
    ensure!(last["next"].as_str() == Some(&format!("liftlock {}", command.join(" "))), "{last}");
    let wrong = site.host.run(["apply", "--accept", "custom-plugin"])?.expect(USAGE)?;
    ensure!(wrong.stderr.contains("did you mean \"custom-plugins\"?"), "{}", wrong.stderr);
    fs::write(site.installation.root.join("maintenance.flag"), "of somebody else")?;
    let blocking = site.host.run(["apply", "--accept", "freeze-file-exists"])?.expect(USAGE)?;
    ensure!(blocking.stderr.contains("cannot be accepted"), "{}", blocking.stderr);
    fs::remove_file(site.installation.root.join("maintenance.flag"))?;
    ensure!(runs(&site) == 0, "a run has begun");
    site.is_before()?;
    site.host.run(&command)?.expect(0)?;
    let conditions = site.is_upgraded()?;
    numbers(format_args!("warnings: kinds={} stopped=2 refused=2, {conditions} conditions hold", codes.len()));
    Ok(())
}

#[test]
fn a_package_of_ones_own_is_taken_and_remembered_and_still_pinned() -> Result<()> {
    let site = site()?;
    let package = site.installation.directory.join("own = package.zip");
    fs::write(&package, b"something else")?;
    let own = package.to_str().context("a path is text")?;
    let refused = site.host.run(["apply", "--package", own])?.expect(PUT_BACK)?;
    ensure!(refused.stderr.contains("ERR_DOWNLOAD_UPGRADE_PACKAGE_FAILED"), "{}", refused.stderr);
    site.is_before()?;
    for (wrong, code) in [("nowhere.zip", "package-missing"), ("packag=nowhere.zip", "package-missing")] {
        let ended = site.host.run(["apply", "--package", wrong])?.expect(USAGE)?;
        ensure!(ended.stderr.contains(code), "{}", ended.stderr);
    }
    fs::write(&package, site.template.package()?)?;
    let asked = site.vendor.requests();
    // Killed before the package is taken, so that it is resume that takes it.
    let named = format!("package={own}");
    let killed = site.host.with("LIFTLOCK_FAULT", "12:kill").run(["apply", "--package", &named])?;
    ensure!(killed.code.is_none(), "it was not killed: {killed:?}");
    ensure!(!journal(&site)?.contains("\"kind\":\"artifact\""), "it was killed too late");
    site.succeeds("resume")?;
    let conditions = site.is_upgraded()?;
    let requests = site.vendor.requests() - asked;
    ensure!(requests == 0, "{requests} requests for a package that is here");
    numbers(format_args!("own package: requests={requests} refused=3, {conditions} conditions hold"));
    Ok(())
}

fn last_run(site: &Newsletter) -> Result<PathBuf> {
    let mut runs =
        fs::read_dir(site.installation.state.join("runs"))?.map(|run| Ok(run?.path())).collect::<Result<Vec<_>>>()?;
    runs.sort();
    runs.pop().context("there is no run")
}

fn journal(site: &Newsletter) -> Result<String> {
    Ok(fs::read_to_string(last_run(site)?.join("journal.jsonl"))?)
}
