//! The host dies while visitors are in front of its maintenance page: the page says so when the lease is over, in a real browser,
//! and `resume` and `undo` each take it away.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::billing::Billing;
use liftlock_tests::browser::{Browser, Tab};
use liftlock_tests::fixture::whmcs::{Data, Files, NEW_VERSION, OLD_VERSION, Package, Size, version};
use liftlock_tests::fixture::{FLAG, PAGE, STATUS};
use liftlock_tests::http::Door;
use liftlock_tests::{numbers, places};
use serde_json::{Value, json};

const LEASE: Duration = Duration::from_secs(3);
/// Between two looks of the page at its status there is a quarter of the lease; the rest is for a machine that does much else.
const LATER: Duration = Duration::from_secs(6);
/// Visitors come in while requests are let come to their end: longer than the lease, so that the page must have been renewed.
const DRAIN: Duration = Duration::from_secs(9);
const SIGKILL: i32 = 9;

/// As long as it claims progress a page reads so.
const GOING_ON: &str = "An upgrade is going on: stage ";
const STOPPED: &str = "The upgrade has stopped. The operator knows of it.";

/// How the test is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoiler {
    /// Not at all.
    None,
    /// The page that the host writes does not look at the lease.
    PageIgnoresLease,
    /// Somebody else goes on with a dead run's heartbeat.
    StatusIsTouched,
}

/// An installation whose operator has a short lease.
fn site(drain: Duration) -> Result<Billing> {
    let site = Billing::new(Package::Release, Size::Small, Files::default(), Data::default().clients(20))?;
    let settings = &site.installation.settings;
    let text = fs::read_to_string(settings)?;
    let page = format!("page = \"{PAGE}\"\n");
    ensure!(text.contains(&page) && text.contains("drain = \"0s\""), "the fixture has other settings:\n{text}");
    let more = format!("{page}lease = \"{}s\"\nretry-after = \"1s\"\n", LEASE.as_secs());
    let drain = format!("drain = \"{}s\"", drain.as_secs());
    fs::write(settings, text.replace(&page, &more).replace("drain = \"0s\"", &drain))?;
    Ok(site)
}

/// The number of a point in the middle of what is done under maintenance.
fn point() -> Result<u64> {
    let site = site(Duration::ZERO)?;
    let trace = site.installation.directory.join("trace");
    let host = site.host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy());
    host.run(["apply"])?.expect(0)?;
    let points = fs::read_to_string(&trace)?;
    let at = |name: &str| {
        let line = points.lines().find(|line| line.ends_with(name)).with_context(|| format!("no point {name}"))?;
        Ok::<u64, anyhow::Error>(line.split(' ').next().unwrap_or_default().parse()?)
    };
    let (first, last) = (at(" maintenance.placed")?, at(" maintenance.remove")?);
    ensure!(last > first + 20, "too little is done under maintenance: {first} to {last}");
    Ok(first + (last - first) / 2)
}

/// A host that dies at a point.
struct Dying(Child);

impl Dying {
    fn apply(site: &Billing, point: u64, spoiler: Spoiler) -> Result<Self> {
        let mut host = site.host.with("LIFTLOCK_FAULT", &format!("{point}:kill"));
        if spoiler == Spoiler::PageIgnoresLease {
            host = host.with("LIFTLOCK_MUTANT", "page-ignores-lease");
        }
        let mut command = host.command(["apply"]);
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    fn is_alive(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Waits for its death.
    fn dies(&mut self) -> Result<Instant> {
        let status = self.0.wait()?;
        ensure!(status.signal() == Some(SIGKILL), "it ended by itself: {status}");
        Ok(Instant::now())
    }
}

impl Drop for Dying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who goes on with a heartbeat.
struct Toucher(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Toucher {
    fn of(status: PathBuf) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let touch = move || {
            while !flag.load(Ordering::SeqCst) {
                let _ = touch(&status);
                thread::sleep(Duration::from_millis(200));
            }
        };
        Self(over, Some(thread::spawn(touch)))
    }
}

fn touch(path: &Path) -> Result<()> {
    let mut status: Value = serde_json::from_slice(&fs::read(path)?)?;
    status["heartbeat"] = json!(jiff::Timestamp::now().as_millisecond());
    let new = path.with_extension("new");
    fs::write(&new, status.to_string())?;
    Ok(fs::rename(new, path)?)
}

impl Drop for Toucher {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

/// A site with its door, and two visitors in front of it: one with JavaScript, one without.
struct Scene {
    browser: Browser,
    with: Tab,
    without: Tab,
    site: Billing,
    died: Instant,
    _door: Door,
    _toucher: Option<Toucher>,
}

impl Scene {
    /// Visitors come while the host works; then it is killed.
    fn new(mut browser: Browser, point: u64, ahead: i64, spoiler: Spoiler) -> Result<Self> {
        let site = site(DRAIN)?;
        let installation = site.installation.clone();
        let root = installation.root.clone();
        let door =
            Door::open(&root, ahead, move || format!("WHMCS {}", version(&installation.root).unwrap_or_default()))?;
        let mut host = Dying::apply(&site, point, spoiler)?;
        let begun = Instant::now();
        // The last that is put there.
        while !root.join(PAGE).exists() {
            ensure!(host.is_alive()? && begun.elapsed() < Duration::from_secs(60), "there is no maintenance page");
            thread::sleep(Duration::from_millis(10));
        }
        let frozen = Instant::now();
        // Somewhere below: the page finds its status from there.
        let address = door.address("/clientarea/invoices/17?paid=no");
        let with = browser.open(&address, true)?;
        let without = browser.open(&address, false)?;
        browser.reads(&with, LATER, |text| text.contains(GOING_ON) && text.contains("has been closed for"))?;
        // Longer than a lease: a page that nobody renews would have given up.
        while frozen.elapsed() < LEASE + LEASE / 2 && host.is_alive()? {
            let text = browser.text(&with)?;
            ensure!(text.contains(GOING_ON), "the run is alive, and the page reads:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
        ensure!(frozen.elapsed() >= LEASE + LEASE / 2, "the run was over too soon to see a page being renewed");
        let died = host.dies()?;
        let toucher = (spoiler == Spoiler::StatusIsTouched).then(|| Toucher::of(root.join(STATUS)));
        Ok(Self { browser, with, without, site, died, _door: door, _toucher: toucher })
    }

    /// Before the lease is over progress is what is known; after it nothing is claimed. Returns how long after the death.
    fn the_page_stops(&mut self) -> Result<Duration> {
        let text = self.browser.text(&self.with)?;
        if self.died.elapsed() < LEASE / 4 {
            ensure!(text.contains(GOING_ON), "the lease is not over, and the page reads:\n{text}");
        }
        let stopped = |text: &str| text.contains(STOPPED) && !text.contains("stage") && !text.contains("going on");
        self.browser.reads(&self.with, (LEASE + LATER).saturating_sub(self.died.elapsed()), stopped)?;
        let after = self.died.elapsed();
        // It does not come back to life.
        thread::sleep(LEASE);
        ensure!(stopped(&self.browser.text(&self.with)?), "it claims progress again");
        Ok(after)
    }

    /// Without JavaScript it says up to when it is good: a moment that is over.
    fn the_page_says_up_to_when_it_was_good(&mut self) -> Result<String> {
        let text = self.browser.text(&self.without)?;
        let (_, rest) = text.split_once("If it is later than ").with_context(|| format!("it reads:\n{text}"))?;
        ensure!(!text.contains("is going on"), "it claims to know what is going on now:\n{text}");
        let (named, rest) = rest.split_once(" UTC now, ").context("no time")?;
        ensure!(rest.starts_with("the upgrade has stopped, and the operator knows of it."), "it reads:\n{text}");
        let now = jiff::Timestamp::now();
        let ago = |seconds: i64| {
            let then = now.checked_sub(jiff::SignedDuration::from_secs(seconds));
            then.unwrap_or_default().strftime("%H:%M:%S").to_string()
        };
        ensure!((0..60).any(|seconds| ago(seconds) == named), "{named} is not just over at {now}:\n{text}");
        Ok(named.to_owned())
    }

    fn status_says_what_to_do(&self) -> Result<()> {
        let told = self.site.succeeds("status --format json")?.objects()?;
        let told = told.first().context("nothing")?;
        let shown = &told["maintenance"];
        ensure!(shown["alive"] == false && shown["since"].is_u64() && told["next"] == "liftlock resume", "{told}");
        let text = self.site.succeeds("status")?.stdout;
        ensure!(
            text.contains("it says that the upgrade has stopped") && text.contains("next: liftlock resume"),
            "{text}"
        );
        Ok(())
    }

    /// Nothing of it is left, and both visitors see the application by themselves.
    fn the_site_is_open(&mut self, version: &str) -> Result<usize> {
        // Also under the name that it has while it is written.
        let left = |name: &str| name == FLAG || name.ends_with(PAGE) || name.ends_with(STATUS);
        let names = fs::read_dir(&self.site.installation.root)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let left: Vec<_> = names.collect::<Result<Vec<_>>>()?.into_iter().filter(|name| left(name)).collect();
        ensure!(left.is_empty(), "left: {left:?}");
        for tab in [self.with.clone(), self.without.clone()] {
            self.browser.reads(&tab, Duration::from_secs(15), |text| text.contains(&format!("WHMCS {version}")))?;
        }
        Ok(left.len())
    }
}

fn picture(name: &str) -> Result<PathBuf> {
    Ok(places::target()?.join("maintenance").join(format!("{name}.png")))
}

fn story(way: &str, ahead: i64, version: &str) -> Result<()> {
    let Some(browser) = Browser::start()? else { return skipped() };
    let mut scene = Scene::new(browser, point()?, ahead, Spoiler::None)?;
    let after = scene.the_page_stops()?;
    let good = scene.the_page_says_up_to_when_it_was_good()?;
    scene.status_says_what_to_do()?;
    let shot = scene.browser.screenshot(&scene.with.clone(), &picture(&format!("stopped-{way}"))?)?;
    scene.browser.screenshot(&scene.without.clone(), &picture(&format!("stopped-{way}-without-javascript"))?)?;
    scene.site.succeeds(if way == "undo" { "undo --accept-data-loss" } else { way })?;
    let left = scene.the_site_is_open(version)?;
    if way == "undo" {
        scene.site.is_before()?
    } else {
        scene.site.is_upgraded().map(|_| ())?
    }
    numbers(format_args!(
        "killed under maintenance, then {way} (server's clock {ahead} s ahead): the page says so {:.1} s after the death (lease {} s), \
         without JavaScript that it was good up to {good}; left={left}, the site is open for both; {}",
        after.as_secs_f64(),
        LEASE.as_secs(),
        shot.display()
    ));
    Ok(())
}

fn skipped() -> Result<()> {
    numbers("skipped: there is no browser (apt-get install chromium)");
    Ok(())
}

#[test]
fn a_dead_run_is_told_and_resume_opens_the_site() -> Result<()> {
    story("resume", 0, NEW_VERSION)
}

/// The server's clock is an hour behind: no heartbeat looks old by it, only that it does not move tells.
#[test]
fn a_dead_run_is_told_and_undo_opens_the_site() -> Result<()> {
    story("undo", -3600, OLD_VERSION)
}

/// The server's clock is an hour ahead: every heartbeat looks old by it, but it moves.
#[test]
fn a_run_that_is_alive_is_not_told_dead_by_a_wrong_clock() -> Result<()> {
    let Some(browser) = Browser::start()? else { return skipped() };
    let mut scene = Scene::new(browser, point()?, 3600, Spoiler::None)?;
    let after = scene.the_page_stops()?;
    scene.site.succeeds("resume")?;
    scene.the_site_is_open(NEW_VERSION)?;
    numbers(format_args!(
        "server's clock 3600 s ahead: alive while it was alive, dead {:.1} s after",
        after.as_secs_f64()
    ));
    Ok(())
}

/// Negative controls: a page that goes on claiming progress is noticed.
#[test]
fn a_page_that_claims_progress_for_a_dead_run_is_noticed() -> Result<()> {
    let point = point()?;
    let mut red = 0;
    for spoiler in [Spoiler::PageIgnoresLease, Spoiler::StatusIsTouched] {
        let Some(browser) = Browser::start()? else { return skipped() };
        let mut scene = Scene::new(browser, point, 0, spoiler)?;
        match scene.the_page_stops() {
            Ok(_) => bail!("{spoiler:?} is not noticed"),
            Err(error) => {
                ensure!(error.to_string().contains(GOING_ON), "{spoiler:?} is noticed by something else: {error}")
            }
        }
        red += 1;
    }
    numbers(format_args!("negative controls: red={red} of 2"));
    Ok(())
}
