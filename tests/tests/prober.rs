//! Whatever happens to an upgrade, a visitor sees the old version, the maintenance page, or the new version: never some of each.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::crash::{Mautic, Roundcube, Site, Whmcs, Workload, link_all};
use liftlock_tests::fixture::Database;
use liftlock_tests::fixture::roundcube;
use liftlock_tests::fixture::whmcs::Package;
use liftlock_tests::host::Host;
use liftlock_tests::mariadb::{Schema, shared};
use liftlock_tests::prober::{Look, Phase, Prober, Tally, View};
use liftlock_tests::{numbers, places};
use tempfile::TempDir;
use toml_edit::value;

/// For looks that began before the page was there: each takes a millisecond, on a machine that may be busy.
const DRAIN: Duration = Duration::from_millis(250);
/// To see what is there before and after a command, and between a kill and what mends it.
const A_WHILE: Duration = Duration::from_millis(100);
/// Kills of `apply`, spread over all kinds of its points; half of them are resumed, half undone.
const KILLS: usize = 8;
/// Kills of `undo`.
const KILLS_OF_UNDO: usize = 3;

/// What is seen between two versions.
const CLOSED: &[Phase] = &[Phase::Maintenance];
const THERE_AND_BACK: [Phase; 3] = [Phase::Maintenance, Phase::New, Phase::Maintenance];

const APPLY: &str = "apply";
const UNDO: &str = "undo --accept-data-loss";

/// A prober wants the machine for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is upgraded, and what says which version it is: a file that goes live early, one that goes live late, a row.
struct Application {
    workload: Box<dyn Workload>,
    files: [&'static str; 2],
    row: &'static str,
    /// The row by which it keeps visitors out itself, if it is not the page that does.
    flag: Option<&'static str>,
}

/// One installation of it.
struct Copy {
    site: Site,
    host: Host,
    look: Look,
    schema: Schema,
    _directory: TempDir,
}

/// What an undisturbed run is like.
struct Course {
    old: View,
    new: View,
    /// Numbers of the points at which `apply` is killed, with their names, and those of `undo`.
    apply: Vec<(u64, String)>,
    undo: Vec<(u64, String)>,
    /// The point of `apply` behind which the site is open.
    opened: u64,
}

impl Application {
    fn whmcs(package: Package) -> Result<Self> {
        let files = match package {
            Package::Release => ["dl.php", "vendor/composer/src/part0/Piece0.php"],
            Package::PatchSet => ["clientarea.php", "init.php"],
        };
        let row = "SELECT value FROM tblconfiguration WHERE setting = 'Version'";
        Ok(Self { workload: Box::new(Whmcs::new(package, &shared()?)?), files, row, flag: None })
    }

    /// The same where nothing but WHMCS's own maintenance mode keeps visitors out.
    fn whmcs_by_flag() -> Result<Self> {
        let workload = Whmcs::new(Package::Release, &shared()?)?.flag_in_row();
        let flag = Some("SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'MaintenanceMode' AND value = 'on'");
        Ok(Self { workload: Box::new(workload), flag, ..Self::whmcs(Package::Release)? })
    }

    fn mautic() -> Result<Self> {
        let files = ["app/bundles/CoreBundle/Bundle.php", "vendor/symfony/console/src/0/Abstract0.php"];
        Ok(Self {
            workload: Box::new(Mautic::new(&shared()?)?),
            files,
            row: "SELECT COUNT(*) FROM migrations",
            flag: None,
        })
    }

    fn roundcube() -> Result<Self> {
        let files = ["index.php", "program/lib/Roundcube/bootstrap.php"];
        let row = "SELECT value FROM `system` WHERE name = 'roundcube-version'";
        let workload = Roundcube::new(roundcube::Size::Small)?.on(&shared()?);
        Ok(Self { workload: Box::new(workload), files, row, flag: None })
    }

    fn name(&self) -> &'static str {
        self.workload.name()
    }

    /// Where its compiled code is kept between installations.
    fn compiled(&self) -> Result<PathBuf> {
        Ok(places::cache()?.join("probed-compiled").join(self.name()))
    }

    fn copy(&self) -> Result<Copy> {
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let copy = Copy::new(self.workload.install(&directory.path().join("site"))?, directory, self)?;
        let compiled = self.compiled()?;
        if compiled.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&copy.site.state)?;
            link_all(&compiled, &copy.modules())?;
        }
        Ok(copy)
    }
}

impl Copy {
    fn new(site: Site, directory: TempDir, application: &Application) -> Result<Self> {
        let Database::Server(schema) = site.database.clone() else { bail!("no prober asks a file") };
        let look = Look::new(&site.root, application.files, application.row);
        let look = application.flag.map_or(look.clone(), |query| look.by_flag(query));
        site.configure(|settings| settings["freeze"]["drain"] = value(format!("{}ms", DRAIN.as_millis())))?;
        Ok(Self { host: Host::new(&site.settings)?, look, schema, site, _directory: directory })
    }

    fn modules(&self) -> PathBuf {
        self.site.state.join("cache/modules")
    }

    fn view(&self) -> Result<View> {
        Ok(self.look.at(&mut self.schema.client()?))
    }

    /// A command that must work, with a prober on.
    fn probed(&self, look: &Look, command: &str, course: &Course) -> Result<Tally> {
        let prober = Prober::start(look.clone(), &self.schema, DRAIN)?;
        thread::sleep(A_WHILE);
        let ended = self.host.run(command.split(' '))?;
        thread::sleep(A_WHILE);
        let seen = prober.stop()?;
        ended.expect(0).with_context(|| command.to_owned())?;
        Ok(seen.tally(&course.old, &course.new))
    }

    /// A command that is killed at one of its points, and another that mends it, with a prober on all the time.
    fn mended(&self, command: &str, point: u64, by: &str, course: &Course) -> Result<Tally> {
        let prober = Prober::start(self.look.clone(), &self.schema, DRAIN)?;
        thread::sleep(A_WHILE);
        let host = self.host.with("LIFTLOCK_FAULT", &format!("{point}:kill"));
        let killed = host.run(command.split(' '))?;
        ensure!(killed.code.is_none(), "{command} was not killed at {point}: {:?}", killed.code);
        thread::sleep(A_WHILE);
        self.host.run(by.split(' '))?.expect(0).with_context(|| by.to_owned())?;
        thread::sleep(A_WHILE);
        Ok(prober.stop()?.tally(&course.old, &course.new))
    }

    /// Runs a command. Points of it, a few, spread over it: of each kind that it passes the one in the middle.
    fn points(&self, command: &str, few: usize) -> Result<Vec<(u64, String)>> {
        let trace = self.site.directory.join("trace");
        let _ = fs::remove_file(&trace);
        let host = self.host.with("LIFTLOCK_FAULT_TRACE", &trace.to_string_lossy());
        host.run(command.split(' '))?.expect(0).with_context(|| command.to_owned())?;
        Ok(spread(&fs::read_to_string(&trace)?, few))
    }

    /// The number of the point behind which the run that was traced last has let visitors in again.
    fn opened(&self) -> Result<u64> {
        let trace = fs::read_to_string(self.site.directory.join("trace"))?;
        let opens = |line: &str| line.strip_suffix(" maintenance.page-removed")?.parse().ok();
        trace.lines().find_map(opens).context("the site is never opened")
    }
}

/// Of the lines `number name` those in the middle of their names, and of these a few.
fn spread(trace: &str, few: usize) -> Vec<(u64, String)> {
    let lines: Vec<(u64, &str)> = trace
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(number, name)| Some((number.parse().ok()?, name)))
        .collect();
    let mut middle: Vec<(u64, &str)> = Vec::new();
    for (_, name) in &lines {
        if middle.iter().all(|(_, known)| known != name) {
            let of_name: Vec<_> = lines.iter().filter(|(_, other)| other == name).collect();
            middle.push(*of_name[of_name.len() / 2]);
        }
    }
    middle.sort_unstable();
    (0..few).map(|n| middle[(2 * n + 1) * middle.len() / (2 * few)]).map(|(n, name)| (n, name.to_owned())).collect()
}

/// What versions there are, and where a run can be killed. The compiled code stays.
fn course(application: &Application) -> Result<Course> {
    let _ = fs::remove_dir_all(application.compiled()?);
    let copy = application.copy()?;
    let old = copy.view()?;
    let apply = copy.points(APPLY, KILLS)?;
    let opened = copy.opened()?;
    let new = copy.view()?;
    let (View::Versions(here), View::Versions(there)) = (&old, &new) else { bail!("the page is there") };
    ensure!(here.iter().zip(there).all(|(old, new)| old != new), "not all of it tells the versions apart: {new:?}");
    link_all(&copy.modules(), &application.compiled()?)?;
    let undo = copy.points(UNDO, KILLS_OF_UNDO)?;
    ensure!(copy.view()? == old, "undo has not put it back");
    Ok(Course { old, new, apply, undo, opened })
}

/// Nothing was mixed, and it went from here to there, by way of these and nothing else, or stayed where it was.
fn clean(what: &str, tally: &Tally, from: Phase, between: &[Phase], to: Phase) -> Result<()> {
    ensure!(tally.mixed == 0, "{what}: {tally}, the first: {:?}", tally.example);
    let phases = tally.phases.as_slice();
    let way = [&[from], between, &[to]].concat();
    ensure!(phases == way || from == to && phases == [from], "{what}: seen were {phases:?}");
    Ok(())
}

fn is_watched(application: &Application) -> Result<()> {
    let _alone = alone();
    let (name, course) = (application.name(), course(application)?);
    let copy = application.copy()?;
    let up = copy.probed(&copy.look, APPLY, &course)?;
    clean(name, &up, Phase::Old, CLOSED, Phase::New)?;
    let down = copy.probed(&copy.look, UNDO, &course)?;
    clean(name, &down, Phase::New, CLOSED, Phase::Old)?;
    let (closed_up, closed_down) = (up.closed.as_millis(), down.closed.as_millis());
    let drain = DRAIN.as_millis();
    numbers(format_args!("{name}, up and down: {}", up.and(down)));
    numbers(format_args!(
        "{name}, maintenance window: apply {closed_up} ms, undo {closed_down} ms, of each {drain} ms are the drain"
    ));

    let mut all = Tally::default();
    for (n, (point, at)) in course.apply.iter().enumerate() {
        let (by, to) = if n % 2 == 0 { ("resume", Phase::New) } else { (UNDO, Phase::Old) };
        let tally = application.copy()?.mended(APPLY, *point, by, &course)?;
        // What is undone after a death that came when the site was open has been there before it goes back.
        let between = if to == Phase::Old && *point >= course.opened { &THERE_AND_BACK } else { CLOSED };
        clean(&format!("{name}, apply killed at {at}, then {by}"), &tally, Phase::Old, between, to)?;
        all = all.and(tally);
    }
    for (point, at) in &course.undo {
        let copy = application.copy()?;
        copy.host.run([APPLY])?.expect(0)?;
        let tally = copy.mended(UNDO, *point, UNDO, &course)?;
        clean(&format!("{name}, undo killed at {at}, then {UNDO}"), &tally, Phase::New, CLOSED, Phase::Old)?;
        all = all.and(tally);
    }
    let at: Vec<_> = course.apply.iter().chain(&course.undo).map(|(_, name)| name.as_str()).collect();
    numbers(format_args!("{name}, killed {} times and mended: {all}; killed at {}", at.len(), at.join(", ")));

    // That these numbers can be others.
    let copy = application.copy()?;
    let red = copy.probed(&copy.look.clone().ignoring(), APPLY, &course)?;
    numbers(format_args!("{name}, control=ignore-the-freeze: {red}"));
    ensure!(red.mixed > 0, "who does not look for the page sees no mix: what do the other numbers show?");
    Ok(())
}

#[test]
fn nobody_sees_a_mix_of_two_versions_of_whmcs() -> Result<()> {
    is_watched(&Application::whmcs(Package::Release)?)
}

/// On the way up only: `undo` puts the table of the flag back, which is away meanwhile, and nothing but the page keeps visitors out
/// then.
#[test]
fn nobody_sees_a_mix_on_the_way_up_where_whmcs_itself_keeps_visitors_out() -> Result<()> {
    let _alone = alone();
    let application = Application::whmcs_by_flag()?;
    let course = course(&application)?;
    let copy = application.copy()?;
    let up = copy.probed(&copy.look, APPLY, &course)?;
    clean("by the flag", &up, Phase::Old, CLOSED, Phase::New)?;
    numbers(format_args!("whmcs, kept out by its own flag, up: {up}"));
    let mut all = Tally::default();
    for (point, at) in &course.apply {
        let tally = application.copy()?.mended(APPLY, *point, "resume", &course)?;
        clean(&format!("by the flag, apply killed at {at}, then resume"), &tally, Phase::Old, CLOSED, Phase::New)?;
        all = all.and(tally);
    }
    numbers(format_args!("whmcs, kept out by its own flag, killed {} times and resumed: {all}", course.apply.len()));
    let copy = application.copy()?;
    let red = copy.probed(&copy.look.clone().ignoring(), APPLY, &course)?;
    numbers(format_args!("whmcs, kept out by its own flag, control=ignore-the-flag: {red}"));
    ensure!(red.mixed > 0, "who does not look at the flag sees no mix: what do the other numbers show?");
    Ok(())
}

#[test]
fn nobody_sees_a_mix_where_whmcs_is_patched_file_by_file() -> Result<()> {
    is_watched(&Application::whmcs(Package::PatchSet)?)
}

#[test]
fn nobody_sees_a_mix_of_two_versions_of_mautic() -> Result<()> {
    is_watched(&Application::mautic()?)
}

#[test]
fn nobody_sees_a_mix_of_two_versions_of_roundcube() -> Result<()> {
    is_watched(&Application::roundcube()?)
}
