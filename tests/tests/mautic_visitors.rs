//! Visitors upload files and insert rows all the time, while Mautic 2.16 is raised to 3.0, is killed and resumed, turns round,
//! and is lowered again: nothing of theirs is lost.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::crash::link_all;
use liftlock_tests::digest::sha256_hex;
use liftlock_tests::fixture::Installation;
use liftlock_tests::fixture::mautic::{Data, Files, SPOOL, Size};
use liftlock_tests::newsletter::Newsletter;
use liftlock_tests::visitors::{
    Losses, Manners, PAGE, Present, SLOW, Story, Times, Visitors, Written, events, losses, now,
};
use liftlock_tests::{numbers, places};
use toml_edit::value;

/// Much longer than a slow visitor takes for a write.
const DRAIN: &str = "2s";
/// For visitors to do something.
const A_WHILE: Duration = Duration::from_millis(600);
/// Longer than this no run takes.
const MOST: Duration = Duration::from_mins(3);

/// Writes in flight have a time to end: one site at a time, so that the machine is not what makes them late.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A site with all that people can have, and the drain that its operator has said.
fn site(drain: &str) -> Result<Newsletter> {
    let site = Newsletter::new(Size::Small, Files::rich(), Data { contacts: 30, ..Data::default() })?;
    site.installation.configure(|settings| settings["freeze"]["drain"] = value(drain))?;
    compiled(&site)?;
    Ok(site)
}

/// Components are compiled for the first site; the others get the same code, from the place for what is kept between runs.
fn compiled(site: &Newsletter) -> Result<()> {
    static IS_KEPT: Mutex<bool> = Mutex::new(false);
    let mut is_kept = IS_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (modules, kept) = (site.installation.state.join("cache/modules"), places::cache()?.join("mautic-compiled"));
    if *is_kept {
        fs::DirBuilder::new().mode(0o700).create(&site.installation.state)?;
        return link_all(&kept, &modules);
    }
    site.succeeds("check")?;
    let _ = fs::remove_dir_all(&kept);
    link_all(&modules, &kept)?;
    *is_kept = true;
    Ok(())
}

/// Prints what must be there and is not; fails if there is anything, or a write has failed that nobody should have kept away.
fn nothing_is_lost(what: &str, story: &Story, times: &Times, losses: &Losses) -> Result<()> {
    let first =
        |test: fn(&Written) -> bool| story.written.iter().filter(|w| times.before_the_freeze(w) && test(w)).count();
    let overdue = story.written.iter().filter(|written| times.is_overdue(written)).count();
    let in_flight = first(|written| written.in_flight);
    numbers(format_args!(
        "{what}: lost_writes={} lost_rows={} of {} writes and {} rows ({} before the freeze, {in_flight} in flight then, {overdue} overdue, {} failed)",
        losses.lost_writes.len(),
        losses.lost_rows.len(),
        losses.writes,
        losses.rows,
        first(|_| true),
        story.failed.len(),
    ));
    ensure!(story.failed.is_empty(), "{what}: writes have failed: {:?}", story.failed);
    ensure!(losses.writes > 10 && losses.rows > 10, "{what}: the visitors did nothing");
    let lost: Vec<_> = losses.lost_writes.iter().chain(&losses.lost_rows).take(20).collect();
    ensure!(lost.is_empty(), "{what}: lost are {lost:?}");
    Ok(())
}

fn together(one: &Story, other: &Story) -> Story {
    let written = one.written.iter().chain(&other.written).cloned().collect();
    Story { written, failed: one.failed.iter().chain(&other.failed).cloned().collect() }
}

#[test]
fn nothing_is_lost_by_apply_and_what_was_before_the_freeze_is_not_lost_by_undo() -> Result<()> {
    let _alone = alone();
    let site = site(DRAIN)?;
    let visitors = Visitors::start(&site.installation, "a", Manners::Honour)?;
    thread::sleep(A_WHILE);
    site.succeeds("apply")?;
    thread::sleep(A_WHILE);
    for _ in 0..3 {
        // It walks through the files while they come and go.
        site.succeeds("status")?;
    }
    let first = visitors.stop()?;
    let up = Times::of(&site.installation)?;
    let in_flight = first.written.iter().filter(|written| up.before_the_freeze(written) && written.in_flight).count();
    ensure!(in_flight > 0, "no write was in flight at the freeze: the drain is not tested");
    let there = losses(&first, &Present::read(&site.installation)?, |written| !up.is_overdue(written));
    nothing_is_lost("apply", &first, &up, &there)?;

    let told = site.host.run(["undo", "--format", "json"])?.expect(4)?;
    let told = told.objects()?.into_iter().find(|object| object["code"] == "data-loss").context("no data-loss")?;
    let message = told["message"].as_str().context("no message")?.to_owned();
    let visitors = Visitors::start(&site.installation, "b", Manners::Honour)?;
    thread::sleep(A_WHILE);
    site.succeeds("undo --accept-data-loss")?;
    thread::sleep(A_WHILE);
    let all = together(&first, &visitors.stop()?);
    let down = Times::of(&site.installation)?;
    let present = Present::read(&site.installation)?;
    let must =
        |written: &Written| !up.is_overdue(written) && (up.before_the_freeze(written) || down.after_the_last(written));
    nothing_is_lost("undo", &all, &up, &losses(&all, &present, must))?;

    // What undo has told that it would lose, it may.
    let live = losses(&first, &present, |written| !up.before_the_freeze(written));
    let (files, rows) = (live.lost_writes.len(), live.lost_rows.len());
    numbers(format_args!(
        "undo, of what was written after going live: {files} of {} writes and {rows} of {} rows are gone; told: {message}",
        live.writes, live.rows
    ));
    let told: usize = message.split(' ').filter_map(|word| word.parse().ok()).max().unwrap_or(0);
    ensure!(files <= told, "{files} files are gone, {told} were told");
    ensure!(rows == 0 || message.contains("the table main."), "rows are gone that were not told of");
    ensure!(rows > 0, "undo has put no table back: is this a test?");
    Ok(())
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The host has passed a fault point of this name so often.
    Passed(&'static str, usize),
    /// At its n-th fault point, by itself.
    Point(u64),
    /// The maintenance page is there for so long.
    Page(Duration),
    /// The journal has this event.
    Event(&'static str),
}

/// Kills `apply` at a moment. False if it was done before.
fn kill(site: &Newsletter, moment: Moment) -> Result<bool> {
    let trace = site.installation.directory.join("trace");
    let mut host = site.host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy());
    if let Moment::Point(number) = moment {
        host = host.with("LIFTLOCK_FAULT", &format!("{number}:kill"));
    }
    let mut child = host.command(["apply"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (start, mut page) = (Instant::now(), None);
    let status = loop {
        let has_come = match moment {
            Moment::Point(_) => false,
            Moment::Passed(name, times) => {
                let text = fs::read_to_string(&trace).unwrap_or_default();
                text.lines().filter(|line| line.split(' ').nth(1) == Some(name)).count() >= times
            }
            Moment::Page(time) => {
                let there = site.installation.root.join(PAGE).exists();
                there && page.get_or_insert_with(Instant::now).elapsed() > time
            }
            Moment::Event(name) => {
                events(&site.installation).is_ok_and(|events| events.iter().any(|(_, event)| event == name))
            }
        };
        if has_come || start.elapsed() > MOST {
            child.kill()?;
            break child.wait()?;
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_micros(500));
    };
    ensure!(start.elapsed() < MOST, "{moment:?} did not come");
    match status.code() {
        None => Ok(true),
        Some(0) => Ok(false),
        Some(code) => bail!("apply ended with {code} before {moment:?}"),
    }
}

/// In the middle of what the switch carries: its points before that are the same, visitors or not.
fn in_the_switch() -> Result<Moment> {
    let site = site("0s")?;
    let trace = site.installation.directory.join("trace");
    site.host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy()).run(["apply"])?.expect(0)?;
    let text = fs::read_to_string(trace)?;
    let point = text.lines().filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == "files.switch.carry");
    let number: u64 = point.context("the switch carries nothing")?.0.parse()?;
    Ok(Moment::Point(number + 3))
}

#[test]
fn nothing_is_lost_where_the_run_was_killed_and_resumed_or_undone() -> Result<()> {
    let _alone = alone();
    let in_the_drain = Moment::Page(SLOW / 2);
    let cases = [
        ("unpacking", Moment::Passed("files.extract", 1), "resume"),
        ("drain", in_the_drain, "resume"),
        ("drain", in_the_drain, "undo"),
        ("switch", in_the_switch()?, "resume"),
        ("migrations", Moment::Passed("mysql.change.sent", 3), "resume"),
        ("migrations", Moment::Passed("mysql.change.sent", 3), "undo"),
        ("opening", Moment::Event("thaw-started"), "resume"),
    ];
    for (name, moment, command) in cases {
        let what = format!("killed, {name}, {command}");
        let site = site(DRAIN)?;
        let visitors = Visitors::start(&site.installation, "a", Manners::Honour)?;
        thread::sleep(A_WHILE);
        let killed = kill(&site, moment).context(what.clone())?;
        let page = site.installation.root.join(PAGE).exists();
        // Who had looked for the page before it was there is at the end of their write.
        thread::sleep(SLOW * 2);
        let paused = now();
        thread::sleep(A_WHILE);
        ensure!(site.installation.root.join(PAGE).exists() == page, "{what}: the freeze has not stayed");
        let going_on = now();
        site.succeeds(command).context(what.clone())?;
        thread::sleep(A_WHILE);
        let story = visitors.stop()?;
        let in_pause = story.written.iter().filter(|one| (paused..going_on).contains(&one.begun)).count();
        ensure!(page == (in_pause == 0), "{what}: {in_pause} writes in the pause, the page is there: {page}");
        let times = Times::of(&site.installation)?;
        let there = losses(&story, &Present::read(&site.installation)?, |written| !times.is_overdue(written));
        let what = format!("{what} (killed: {killed}, page: {page}, {in_pause} writes in the pause)");
        nothing_is_lost(&what, &story, &times, &there)?;
    }
    Ok(())
}

#[test]
fn nothing_is_lost_where_apply_turns_round() -> Result<()> {
    let _alone = alone();
    let site = site(DRAIN)?;
    let wrong = "[[slot.expect]]\ndatabase = \"main\"\nquery = \"SELECT COUNT(*) FROM webhooks\"\nequals = -1\n\n";
    change_pipeline(&site.installation, |text| {
        text.replace("[[slot]]\nname = \"build-cache\"", &format!("{wrong}[[slot]]\nname = \"build-cache\""))
    })?;
    let visitors = Visitors::start(&site.installation, "a", Manners::Honour)?;
    thread::sleep(A_WHILE);
    let ended = site.host.run(["apply"])?.expect(3)?;
    thread::sleep(A_WHILE);
    let story = visitors.stop()?;
    ensure!(site.version()? == "2.16.5", "not turned round: {}", ended.stdout);
    let times = Times::of(&site.installation)?;
    let there = losses(&story, &Present::read(&site.installation)?, |written| !times.is_overdue(written));
    nothing_is_lost("turned round behind the migrations", &story, &times, &there)
}

/// A bundle of the site's own, with another pipeline.
fn change_pipeline(installation: &Installation, change: impl FnOnce(String) -> String) -> Result<()> {
    let bundle = installation.directory.join("bundle");
    fs::create_dir(&bundle)?;
    let pipeline = places::pipeline("mautic")?;
    for entry in fs::read_dir(pipeline.parent().context("a bundle is in a directory")?)? {
        let entry = entry?;
        fs::copy(entry.path(), bundle.join(entry.file_name()))?;
    }
    let before = fs::read_to_string(&pipeline)?;
    let text = change(before.clone());
    ensure!(text != before, "the pipeline is not changed");
    fs::write(bundle.join("pipeline.toml"), &text)?;
    installation.configure(|settings| {
        settings["pipeline"]["path"] = value("bundle/pipeline.toml");
        settings["pipeline"]["sha256"] = value(sha256_hex(text.as_bytes()));
    })
}

/// Somebody does this in the root between the last look at it and the end of the drain, once: as a command of the operator's
/// that stops something.
fn at_the_freeze(site: &Newsletter, script: &str) -> Result<()> {
    let installation = &site.installation;
    let (path, once) = (installation.directory.join("edit.sh"), installation.directory.join("edited"));
    let (once, root) = (once.display(), installation.root.display());
    fs::write(&path, format!("set -e\ntest -e '{once}' && exit 0\n: > '{once}'\ncd '{root}'\n{script}"))?;
    installation.configure(|settings| {
        let words = toml_edit::Array::from_iter(["/bin/sh", &path.to_string_lossy()]);
        settings["freeze"]["stop"] = value(toml_edit::Array::from_iter([words]));
    })
}

fn text(root: &Path, path: &str) -> String {
    String::from_utf8_lossy(&fs::read(root.join(path)).unwrap_or_default()).into_owned()
}

#[test]
fn what_somebody_changes_after_it_was_compared_goes_live_and_comes_back() -> Result<()> {
    let _alone = alone();
    let site = site("0s")?;
    // One is the same in both versions, one may not be; one is new, far down; a spool and a language come late as a whole.
    let script = "echo late >> themes/goldstar/html/base.html.twig
echo late >> favicon.ico
echo late > themes/blank/html/late.twig
mkdir themes/blank/late && echo late > themes/blank/late/a
mkdir media/late && echo late > media/late/a
mkdir translations/fr && echo late > translations/fr/messages.ini
echo late > app/spool/default/late.message
echo late > media/files/late.txt
rm media/css/ours.css
";
    at_the_freeze(&site, script)?;
    let root = &site.installation.root;
    let unchanged = [text(root, "themes/goldstar/html/base.html.twig"), text(root, "favicon.ico")];
    site.succeeds("apply")?;
    let spool = SPOOL.replace("app/", "var/");
    let late = |spool: &str| {
        let paths = [
            "themes/goldstar/html/base.html.twig",
            "favicon.ico",
            "themes/blank/html/late.twig",
            "themes/blank/late/a",
            "media/late/a",
            "translations/fr/messages.ini",
            "media/files/late.txt",
            &format!("{spool}/late.message"),
        ];
        let lost: Vec<_> =
            paths.iter().filter(|path| !text(root, path).ends_with("late\n")).map(ToString::to_string).collect();
        ensure!(lost.is_empty(), "lost: {lost:?}");
        ensure!(!root.join("media/css/ours.css").exists(), "what was deleted is there again");
        ensure!(
            text(root, "themes/goldstar/html/base.html.twig") == format!("{}late\n", unchanged[0]),
            "a theme's file"
        );
        Ok(paths.len() + 1)
    };
    let live = late(&spool)?;
    ensure!(text(root, "app/release_metadata.json").contains("3.0.2"), "it is not the new version");
    site.succeeds("undo --accept-data-loss")?;
    let back = late(SPOOL)?;
    ensure!(text(root, "favicon.ico") == format!("{}late\n", unchanged[1]), "favicon.ico");
    numbers(format_args!("changed at the freeze: lost=0 of {live} in the new version, lost=0 of {back} after undo"));
    Ok(())
}

#[test]
fn a_change_of_what_was_copied_and_rewritten_stops_the_run_before_anything_is_live() -> Result<()> {
    let _alone = alone();
    let site = site("0s")?;
    at_the_freeze(&site, "echo '// late' >> app/config/local.php\n")?;
    let root = &site.installation.root;
    let mut stops = 0;
    for command in ["apply", "resume", "resume"] {
        let ended = site.host.run([command, "--format", "json"])?.expect(4)?;
        let last = ended.last()?;
        ensure!(last["code"] == "changed-before-freeze" && last["next"] == "liftlock undo", "{command}: {last}");
        ensure!(site.version()? == "2.16.5", "{command} has put something live");
        stops += 1;
    }
    site.succeeds("undo")?;
    ensure!(!root.join(PAGE).exists(), "the maintenance page is still there");
    ensure!(text(root, "app/config/local.php").ends_with("// late\n"), "the change is lost");
    site.succeeds("apply")?;
    ensure!(text(root, "app/config/local.php").ends_with("// late\n"), "the change is lost by apply");
    numbers(format_args!(
        "a setting changed at the freeze: {stops} of {stops} commands stopped, lost=0 after undo and apply"
    ));
    Ok(())
}

/// That the numbers above can be others.
#[test]
fn controls_are_red() -> Result<()> {
    let _alone = alone();
    for (control, drain, manners) in
        [("ignore-the-freeze", DRAIN, Manners::Ignore), ("no-drain", "0s", Manners::Honour)]
    {
        ensure!(harm(control, drain, manners)? > 0, "{control} does no harm: what do the other tests show?");
    }
    Ok(())
}

/// How much one upgrade of visitors with these manners is not as it has to be.
fn harm(control: &str, drain: &str, manners: Manners) -> Result<usize> {
    let site = site(drain)?;
    let visitors = Visitors::start(&site.installation, "a", manners)?;
    thread::sleep(A_WHILE);
    let ended = site.host.run(["apply", "--format", "json"])?;
    let story = visitors.stop()?;
    let there = losses(&story, &Present::read(&site.installation)?, |_| true);
    let (writes, rows, failed) = (there.lost_writes.len(), there.lost_rows.len(), story.failed.len());
    // Written while nobody was to write any more: the other tests leave these out, and say that there are none.
    let times = Times::of(&site.installation)?;
    let overdue = story.written.iter().filter(|written| times.is_overdue(written)).count();
    let stopped = ended.last()?["code"].as_str().map(str::to_owned);
    let red = writes + rows + failed + overdue + usize::from(stopped.is_some());
    numbers(format_args!(
        "control={control} red={red}: lost_writes={writes} lost_rows={rows} failed={failed} overdue={overdue}, the run {}",
        stopped.map_or_else(|| "went through".to_owned(), |code| format!("stopped: {code}"))
    ));
    // Whatever it was: the way back is open.
    if ended.code != Some(0) {
        let _ = site.host.run(["undo", "--accept-data-loss"])?;
    }
    Ok(red)
}
