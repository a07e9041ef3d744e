//! Twelve broken states, made on purpose: `diagnose` names each of them, changes nothing, and the command that it prints, run word
//! for word, gets out of it. What a new run makes of it is put back by undo as it was found. Where no command can get out of it none
//! is printed, but what the operator has to bring.

mod mautic;
mod others;
mod roundcube;
mod whmcs;

use std::ops::Deref;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use liftlock_tests::host::Ended;
use liftlock_tests::numbers;
use liftlock_tests::site::Site;
use serde_json::Value;

/// How many states there are: each has a test. Some are made in another way too.
const STATES: u32 = 12;
const VARIANTS: u32 = 7;
static DONE: AtomicU32 = AtomicU32::new(0);
static NAMED: AtomicU32 = AtomicU32::new(0);
static CURED: AtomicU32 = AtomicU32::new(0);
static DIFFERENCES: AtomicU32 = AtomicU32::new(0);

/// Exit codes: all is well; somebody has to do something; it cannot be told.
const WELL: i32 = 0;
const PERSON: i32 = 4;
const UNKNOWN: i32 = 5;

/// How the commands begin that begin a run.
const BEGIN: &str = "liftlock apply";

/// The command that takes over.
const ADOPT: &str = "liftlock apply --adopt";

/// What `diagnose` says, in text and as JSON: both the same, and nothing is changed by saying it.
struct Said {
    state: String,
    next: Option<String>,
    json: Value,
    text: String,
}

fn diagnose(site: &Site, exit: i32) -> Result<Said> {
    let before = site.installation.digest()?;
    let text = site.host.run(["diagnose"])?.expect(exit)?.stdout;
    let json = site.host.run(["diagnose", "--format", "json"])?.expect(exit)?.objects()?;
    let changed = before.diff(&site.installation.digest()?);
    DIFFERENCES.fetch_add(u32::try_from(changed.len())?, Ordering::SeqCst);
    ensure!(changed.is_empty(), "diagnose has changed {changed:?}");
    let json = json.into_iter().next().context("it says nothing")?;
    let state = json["state"].as_str().context("no state")?.to_owned();
    let next = json["next"].as_str().map(str::to_owned);
    let shown = text.lines().next().and_then(|line| line.split_once(": ")).map(|(_, state)| state);
    let advised = text.lines().find_map(|line| line.trim_start().strip_prefix("next: ")).map(str::to_owned);
    ensure!(shown == Some(state.as_str()) && advised == next, "text and JSON differ:\n{text}\n{json:#}");
    Ok(Said { state, next, json, text })
}

/// Runs a command as it was printed: ours by the host, any other by a shell.
fn run(site: &Site, command: &str) -> Result<Ended> {
    let ended = match command.strip_prefix("liftlock ") {
        Some(ours) => site.host.run(ours.split(' '))?,
        None => {
            let output = Command::new("sh").args(["-c", command]).output()?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
        }
    };
    ended.expect(0).with_context(|| command.to_owned())
}

/// A state that was made: it is told by this name, and this command (its beginning) cures it.
fn prove<S: Deref<Target = Site>>(
    site: &S,
    state: &str,
    command: &str,
    is_cured: impl Fn(&S) -> Result<()>,
) -> Result<()> {
    told_and_cured(site, state, command, is_cured, 1)
}

/// The same state, come to in another way: it does not count once more.
fn also<S: Deref<Target = Site>>(
    site: &S,
    state: &str,
    command: &str,
    is_cured: impl Fn(&S) -> Result<()>,
) -> Result<()> {
    told_and_cured(site, state, command, is_cured, 0)
}

fn told_and_cured<S: Deref<Target = Site>>(
    site: &S,
    state: &str,
    command: &str,
    is_cured: impl Fn(&S) -> Result<()>,
    counts: u32,
) -> Result<()> {
    let next = named(site, state, command)?;
    NAMED.fetch_add(counts, Ordering::SeqCst);
    cured(site, state, &next, is_cured)?;
    CURED.fetch_add(counts, Ordering::SeqCst);
    done();
    Ok(())
}

fn done() {
    if DONE.fetch_add(1, Ordering::SeqCst) + 1 == STATES + VARIANTS {
        let [named, cured, differences] = [&NAMED, &CURED, &DIFFERENCES].map(|count| count.load(Ordering::SeqCst));
        numbers(format_args!(
            "states={STATES} named={named} cured={cured} (and {VARIANTS} in other ways) differences={differences}"
        ));
    }
}

/// The command that is printed.
fn named(site: &Site, state: &str, command: &str) -> Result<String> {
    let said = diagnose(site, PERSON)?;
    ensure!(said.state == state, "{} is told, and not {state}:\n{}", said.state, said.text);
    let next = said.next.context("no command")?;
    ensure!(next.starts_with(command), "{next} is told, and not {command}:\n{}", said.text);
    Ok(next)
}

/// A state that no command gets out of: none is printed, and the hint names all of this. Those that come to mind would be refused.
fn no_command(site: &Site, state: &str, words: &[&str]) -> Result<()> {
    let said = diagnose(site, PERSON)?;
    ensure!(said.state == state && said.next.is_none(), "{} and {:?} are told:\n{}", said.state, said.next, said.text);
    let hint = said.json["hint"].as_str().context("no hint")?;
    let missing: Vec<_> = words.iter().filter(|word| !hint.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not named: {hint}");
    numbers(format_args!("{state}: no command, and what to bring is named"));
    Ok(())
}

/// What a run has made of it goes back to what was found, and can be made again.
fn cured<S: Deref<Target = Site>>(
    site: &S,
    state: &str,
    next: &str,
    is_cured: impl Fn(&S) -> Result<()>,
) -> Result<()> {
    let found = site.installation.digest()?;
    cure(site, next, &is_cured)?;
    if !next.starts_with(BEGIN) {
        return Ok(());
    }
    run(site, "liftlock undo --accept-data-loss")?;
    let left = found.diff(&site.installation.digest()?);
    ensure!(left.is_empty(), "undo has left {left:?}");
    ensure!(diagnose(site, PERSON)?.state == state, "it is not what was found");
    cure(site, next, is_cured)
}

fn cure<S: Deref<Target = Site>>(site: &S, next: &str, is_cured: impl Fn(&S) -> Result<()>) -> Result<()> {
    run(site, next)?;
    is_cured(site)?;
    let after = diagnose(site, WELL)?;
    ensure!(after.state == "all-is-well" && after.json["well"] == true, "afterwards: {}", after.text);
    Ok(())
}
