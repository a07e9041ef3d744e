//! The host is killed at every point: `resume` ends in A, `undo` in B, and nothing is left behind.
//!
//! How it is done is said in `liftlock_tests::crash`. The negative controls break the host in a way that each of its rules is
//! there to prevent, and must see it: a test that cannot fail proves nothing.

#![allow(clippy::print_stdout, reason = "the sweeps behind a line of numbers")]

use std::time::Duration;

use anyhow::{Result, ensure};
use liftlock_tests::crash::{
    Counter, Fault, Mautic, Reached, Reference, Roundcube, Sweep, Tally, Trial, Variant, Whmcs, Workload,
};
use liftlock_tests::fixture::roundcube::Size;
use liftlock_tests::fixture::whmcs::Package;
use liftlock_tests::{mariadb, numbers};

/// Points between two of a sample.
const SAMPLE: u64 = 3;

/// The same of what is done less often on a server, and of a real upgrade there, of which each run takes seconds.
const SAMPLE_OF_SERVER: u64 = 19;
const SAMPLE_OF_UPGRADE: u64 = 13;
const SAMPLE_OF_MAUTIC: u64 = 7;
const SAMPLE_OF_WHMCS: u64 = 5;

/// Points of an upgrade on a server that have nothing to do with the server, beside all those that have.
const OTHERS: usize = 150;

const UNDO: &str = "undo --accept-data-loss";

/// Killed on the way up: `resume` ends in A, and what was resumed can be undone. Every tenth first `resume` is killed too.
fn resume(trial: &Trial<'_>, n: u64, fault: Fault) -> Result<Reached> {
    if trial.killed("apply", n, fault)? == Reached::No {
        return Ok(Reached::No);
    }
    if n.is_multiple_of(10) {
        trial.killed("resume", 1 + n * 7 % 60, fault)?;
    }
    trial.resumed()?;
    if n.is_multiple_of(5) {
        trial.undone()?;
    }
    Ok(Reached::Yes)
}

/// Killed on the way up: `undo` ends in B, and what was undone can be applied. Every tenth first `undo` is killed too.
fn undo(trial: &Trial<'_>, n: u64, fault: Fault) -> Result<Reached> {
    if trial.killed("apply", n, fault)? == Reached::No {
        return Ok(Reached::No);
    }
    if n % 10 == 5 {
        trial.killed(UNDO, 1 + n * 7 % 60, fault)?;
    }
    trial.undone()?;
    if n.is_multiple_of(10) {
        trial.applied()?;
    }
    Ok(Reached::Yes)
}

/// Killed on the way up at one point, then `resume` at each.
fn resume_killed(trial: &Trial<'_>, first: u64, n: u64) -> Result<Reached> {
    trial.killed("apply", first, Fault::Kill)?;
    if trial.killed("resume", n, Fault::Kill)? == Reached::No {
        return Ok(Reached::No);
    }
    trial.resumed()?;
    Ok(Reached::Yes)
}

/// Killed on the way up at one point, or not at all, then `undo` at each.
fn undo_killed(trial: &Trial<'_>, first: Option<u64>, n: u64) -> Result<Reached> {
    match first {
        Some(first) => drop(trial.killed("apply", first, Fault::Kill)?),
        None => trial.applied()?,
    }
    if trial.killed(UNDO, n, Fault::Kill)? == Reached::No {
        return Ok(Reached::No);
    }
    trial.undone()?;
    Ok(Reached::Yes)
}

fn commit_killed(trial: &Trial<'_>, n: u64) -> Result<Reached> {
    trial.applied()?;
    if trial.killed("commit", n, Fault::Kill)? == Reached::No {
        return Ok(Reached::No);
    }
    trial.committed()?;
    Ok(Reached::Yes)
}

/// All of it with one workload. `sample` is for what is done with every so many points only.
fn everywhere(workload: &dyn Workload, sample: u64) -> Result<()> {
    let reference = Reference::new(workload)?;
    let points = reference.points;
    let all = |what| Sweep::all(&reference, what);
    let some = |what| Sweep::every(&reference, sample, what);
    green(&[
        all("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        all("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
        some("power cut, resumed").go(|trial, n| resume(trial, n, Fault::Cut)),
        some("power cut, undone").go(|trial, n| undo(trial, n, Fault::Cut)),
        all("undo killed").go(|trial, n| undo_killed(trial, None, n)),
        some("undo of half a run killed").go(|trial, n| undo_killed(trial, Some(points * 3 / 4), n)),
        some("resume of half a run killed").go(|trial, n| resume_killed(trial, points / 2, n)),
        some("late resume killed").go(|trial, n| resume_killed(trial, points * 7 / 8, n)),
        all("commit killed").go(commit_killed),
    ])
}

/// Prints the sweeps and a line of numbers for all of them; fails with all that is known of what went wrong.
fn green(tallies: &[Tally]) -> Result<()> {
    for tally in tallies {
        println!("{tally}");
    }
    let workload = tallies.first().map(|tally| tally.workload.as_str()).unwrap_or_default();
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (points, runs) = (sum(|tally| tally.points), sum(|tally| tally.runs));
    let divergences = sum(|tally| tally.divergences.len() as u64);
    let seconds = tallies.iter().map(Tally::time).sum::<Duration>().as_secs();
    let sweeps = tallies.len();
    numbers(format_args!(
        "{workload}: points={points}, runs={runs}, divergences={divergences} ({sweeps} sweeps, {seconds} s)"
    ));
    let told: String = tallies.iter().map(Tally::told).collect();
    ensure!(tallies.iter().all(Tally::is_green), "{told}");
    Ok(())
}

#[test]
fn roundcube_is_killed_at_every_point() -> Result<()> {
    everywhere(&Roundcube::new(Size::Small)?, SAMPLE)
}

#[test]
fn the_counter_is_killed_at_every_point() -> Result<()> {
    everywhere(&Counter::new(Variant::Journal)?, SAMPLE)
}

#[test]
fn a_database_with_a_log_is_killed_at_every_point() -> Result<()> {
    everywhere(&Counter::new(Variant::Log)?, SAMPLE)
}

/// All of a real upgrade on a server, a zoo of tables beside it. Most points are many of a kind: only with `LIFTLOCK_CRASH=all`
/// each of them is taken, which is a matter of half an hour.
#[test]
fn roundcube_on_a_server_is_killed_at_some_points() -> Result<()> {
    let workload = Roundcube::new(Size::Small)?.on(&mariadb::shared()?);
    let reference = Reference::new(&workload)?;
    let points = reference.points_on_the_server(OTHERS);
    println!("{} of {} points are looked at", points.len(), reference.points);
    let some = |what| Sweep::every(&reference, SAMPLE_OF_UPGRADE, what);
    green(&[
        some("killed, resumed").among(&points).go(|trial, n| resume(trial, n, Fault::Kill)),
        some("killed, undone").among(&points).go(|trial, n| undo(trial, n, Fault::Kill)),
        some("undo killed").go(|trial, n| undo_killed(trial, None, n)),
    ])
}

/// The other upgrade on a server, with commands' places, carried data and migrations that look before they act.
#[test]
fn mautic_is_killed_at_some_points() -> Result<()> {
    let workload = Mautic::new(&mariadb::shared()?)?;
    let reference = Reference::new(&workload)?;
    let points = reference.points_on_the_server(OTHERS);
    println!("{} of {} points are looked at", points.len(), reference.points);
    let some = |what| Sweep::every(&reference, SAMPLE_OF_MAUTIC, what).among(&points);
    green(&[
        some("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        some("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
    ])
}

/// The third one: steps that set the version as they are done, and a patch set whose files are replaced one by one. The release has
/// its flag in a row of the table with the version.
#[test]
fn whmcs_is_killed_at_some_points() -> Result<()> {
    let workload = |package| Whmcs::new(package, &mariadb::shared()?);
    for workload in [workload(Package::Release)?.flag_in_row(), workload(Package::PatchSet)?] {
        let reference = Reference::new(&workload)?;
        let points = reference.points_on_the_server(OTHERS);
        println!("{} of {} points are looked at", points.len(), reference.points);
        let some = |what| Sweep::every(&reference, SAMPLE_OF_WHMCS, what).among(&points);
        green(&[
            some("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
            some("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
        ])?;
    }
    Ok(())
}

/// Where the flag is a row: before it is kept, before and after it is turned on and off. Red is a host that forgets what it was.
#[test]
fn whmcs_is_killed_around_its_flag_in_a_row() -> Result<()> {
    let workload = Whmcs::new(Package::Release, &mariadb::shared()?)?.flag_in_row();
    let reference = Reference::new(&workload)?;
    let points = reference.points_at(&["maintenance.", "mysql.setting"]);
    let all = |what| Sweep::all(&reference, what).among(&points);
    green(&[
        all("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        all("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
        Sweep::every(&reference, SAMPLE_OF_UPGRADE, "undo killed").go(|trial, n| undo_killed(trial, None, n)),
    ])?;
    let on = reference.points_at(&["maintenance.flag-on"]);
    ensure!(on.len() == 1, "the flag is turned on {} times", on.len());
    let mutant = "flag-kept-anew";
    let resumed =
        Sweep::all(&reference, "resumed").among(&on).mutant(mutant).go(|trial, n| resume(trial, n, Fault::Kill));
    let red = resumed.divergences.len();
    numbers(format_args!("flag in a row: control={mutant} red={red} of {} points", resumed.points));
    ensure!(red > 0, "{mutant}: nothing was seen");
    Ok(())
}

#[test]
fn a_database_on_a_server_is_killed_at_many_points() -> Result<()> {
    let workload = Counter::new(Variant::Server)?;
    let reference = Reference::new(&workload)?;
    let points = reference.points;
    let some = |what| Sweep::every(&reference, SAMPLE, what);
    let few = |what| Sweep::every(&reference, SAMPLE_OF_SERVER, what);
    green(&[
        some("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        some("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
        few("power cut, resumed").go(|trial, n| resume(trial, n, Fault::Cut)),
        few("undo killed").go(|trial, n| undo_killed(trial, None, n)),
        few("late resume killed").go(|trial, n| resume_killed(trial, points * 7 / 8, n)),
        few("commit killed").go(commit_killed),
    ])
}

/// The rule that makes a batch exact, broken: it must show on a server too.
#[test]
fn a_host_that_is_broken_on_purpose_is_seen_on_a_server() -> Result<()> {
    let workload = Counter::new(Variant::Server)?;
    let reference = Reference::new(&workload)?;
    let mutant = "recording-not-cut";
    let resumed =
        Sweep::every(&reference, SAMPLE, "resumed").mutant(mutant).go(|trial, n| resume(trial, n, Fault::Kill));
    let red = resumed.divergences.len();
    numbers(format_args!("on a server: control={mutant} red={red} of {} points", resumed.points));
    ensure!(red > 0, "{mutant}: nothing was seen");
    Ok(())
}

/// A stage fails, so that `apply` turns round by itself. A is B: nothing but `undo` can be the end.
#[test]
fn an_upgrade_that_fails_is_killed_at_every_point() -> Result<()> {
    let workload = Counter::new(Variant::Fails)?;
    let reference = Reference::new(&workload)?;
    let killed = |trial: &Trial<'_>, n| trial.killed("apply", n, Fault::Kill);
    green(&[
        Sweep::all(&reference, "killed, undone").go(|trial, n| {
            let reached = killed(trial, n)?;
            trial.undone().map(|()| reached)
        }),
        Sweep::every(&reference, SAMPLE, "killed, resumed, undone").go(|trial, n| {
            let reached = killed(trial, n)?;
            trial.resumed_in_vain()?;
            trial.undone().map(|()| reached)
        }),
    ])
}

/// The whole application: its points are the same in kind, so that a sample is enough. On a disk.
#[test]
fn roundcube_in_full_size_is_killed_at_some_points() -> Result<()> {
    let workload = Roundcube::new(Size::Full)?;
    let reference = Reference::on_disk(&workload)?;
    let some = |what| Sweep::every(&reference, 20, what);
    green(&[
        some("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        some("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
    ])
}

/// Each rule of the engine, broken: the sweeps must see it.
#[test]
fn a_host_that_is_broken_on_purpose_is_seen() -> Result<()> {
    let workload = Counter::new(Variant::Journal)?;
    let reference = Reference::new(&workload)?;
    for (mutant, fault) in [
        ("recording-not-synced", Fault::Cut),
        ("done-before-act", Fault::Kill),
        ("recording-not-cut", Fault::Kill),
        ("old-bytes-not-saved", Fault::Kill),
    ] {
        let sweep = |what| Sweep::every(&reference, SAMPLE, what).mutant(mutant);
        let resumed = sweep("resumed").go(|trial, n| resume(trial, n, fault));
        let undone = sweep("undone").go(|trial, n| undo(trial, n, fault));
        let red = resumed.divergences.len() + undone.divergences.len();
        for first in resumed.divergences.first().into_iter().chain(undone.divergences.first()) {
            println!("control={mutant}: {}", first.why);
        }
        numbers(format_args!("control={mutant} red={red} of {} points", resumed.points + undone.points));
        assert!(red > 0, "{mutant}: nothing was seen");
    }
    Ok(())
}
