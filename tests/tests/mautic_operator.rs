//! What operators say to Mautic's upgrade on the command line, and the file in which they look for what became of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::mautic::{Data, Files, SECRET, Size};
use liftlock_tests::host::Ended;
use liftlock_tests::newsletter::Newsletter;
use liftlock_tests::numbers;
use serde_json::Value;

const USAGE: i32 = 2;
const PUT_BACK: i32 = 3;
const PERSON: i32 = 4;
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

fn slots(site: &Newsletter) -> Result<Vec<String>> {
    let first: Value = serde_json::from_str(journal(site)?.lines().next().context("the journal is empty")?)?;
    let slots = first["event"]["plan"]["slots"].as_array().context("the plan has no slots")?;
    Ok(slots.iter().filter_map(|slot| Some(slot["slot"].as_str()?.to_owned())).collect())
}

/// The account is whole: in the original's form, begun once, and each stage is done once.
fn is_whole(site: &Newsletter, path: &Path) -> Result<usize> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let is_line = |line: &str| {
        let time = line.strip_prefix('[').and_then(|line| line.split_once("] "));
        time.is_some_and(|(time, text)| {
            let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            form == "0000-00-00 00:00:00" && !text.is_empty()
        })
    };
    let odd: Vec<_> = text.lines().filter(|line| !is_line(line)).collect();
    ensure!(odd.is_empty(), "not as the original's: {odd:?}");
    ensure!(text.matches("] STARTING MAUTIC 2.16 TO 3.0.2 AT ").count() == 1, "begun more than once:\n{text}");
    let slots = slots(site)?;
    for slot in &slots {
        let done = text.lines().filter(|line| line.contains(&format!("] {slot} done ("))).count();
        ensure!(done == 1, "{slot} is done {done} times:\n{text}");
    }
    ensure!(text.ends_with("] all stages are done\n"), "the end is missing:\n{text}");
    ensure!(!text.contains(SECRET), "the secret is in it");
    Ok(slots.len())
}

#[test]
fn the_log_in_the_root_is_whole_after_kills_and_goes_with_undo() -> Result<()> {
    let site = site()?;
    let log = site.installation.root.join("upgrade_log.txt");
    // Each time it may come further: a step that has more points than that would never be over.
    let killed = |kills: u32| site.host.with("LIFTLOCK_FAULT", &format!("{}:kill", 60 + 40 * kills));
    let mut kills = 0;
    let mut ended = killed(kills).run(["apply"])?;
    while ended.code.is_none() {
        kills += 1;
        ensure!(kills < 100, "it does not come to its end");
        ended = killed(kills).run(["resume"])?;
    }
    ended.expect(0)?;
    ensure!(kills > 0, "it was never killed");
    let stages = is_whole(&site, &log)?;
    let status: Value = serde_json::from_str(&site.succeeds("status --format json")?.stdout)?;
    let loss = status["undo"].as_str().context("status does not say what undo would lose")?.to_owned();
    ensure!(!loss.contains("upgrade_log"), "{loss}");
    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;
    ensure!(!log.exists(), "undo has left the log");
    numbers(format_args!("log: kills={kills} stages={stages} each once, 0 left by undo"));
    Ok(())
}

#[test]
fn a_log_that_is_there_stays_and_one_elsewhere_is_not_in_the_root() -> Result<()> {
    let mut site = site()?;
    let log = site.installation.root.join("upgrade_log.txt");
    fs::write(&log, "[2020-08-24 10:00:00] STARTING MAUTIC 3 UPGRADE AT 2020-08-24 10:00:00\n")?;
    site.before = site.installation.digest()?;
    let old = Digest::of_tree(&site.installation.root)?;
    site.succeeds("apply")?;
    let run = last_run(&site)?;
    let id = run.file_name().context("a run has a name")?.to_string_lossy().into_owned();
    let beside = site.installation.root.join(format!("upgrade_log-{id}.txt"));
    is_whole(&site, &beside)?;
    let touched = old.diff(&Digest::of_tree(&site.installation.root)?);
    ensure!(!touched.iter().any(|line| line.contains("upgrade_log.txt")), "the old log has changed: {touched:?}");
    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;

    edit(&site, |text| text + "\n[log]\nfile = \"elsewhere.txt\"\n")?;
    site.succeeds("apply")?;
    is_whole(&site, &site.installation.directory.join("elsewhere.txt"))?;
    let added = site.differences()?;
    ensure!(!added.iter().any(|line| line.starts_with('+') && line.contains("upgrade_log")), "{added:?}");
    site.succeeds("undo --accept-data-loss")?;
    site.is_before()?;
    numbers("log: an old one kept, one elsewhere, 0 left by undo");
    Ok(())
}

#[test]
fn nothing_is_written_into_the_root_before_the_freeze() -> Result<()> {
    let site = site()?;
    site.vendor.set_kill_switch(true);
    site.host.run(["apply", "--on-failure", "keep"])?.expect(PERSON)?;
    site.is_before()?;
    numbers("log: 0 files in the root before the freeze");
    Ok(())
}
