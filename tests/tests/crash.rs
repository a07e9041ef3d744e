//! The host is killed at every point: `resume` ends in A, `undo` in B, and nothing is left behind.
//!
//! How it is done is said in `liftlock_tests::crash`. The negative controls break the host in a way that each of its rules is
//! there to prevent, and must see it: a test that cannot fail proves nothing.

use anyhow::{Result, ensure};
use liftlock_tests::crash::{Counter, Fault, Journaling, Reached, Reference, Roundcube, Sweep, Tally, Trial, Workload};
use liftlock_tests::fixture::roundcube::Size;
use liftlock_tests::numbers;

/// Points between two of a sample.
const SAMPLE: u64 = 3;

/// Killed on the way up: `resume` ends in A, and what was resumed can be undone. Every tenth first `resume` is killed too.
fn resume(trial: &Trial<'_>, n: u64, fault: Fault) -> Result<Reached> {
    if trial.killed("apply", n, fault)? == Reached::No {
        return Ok(Reached::No);
    }
    if n % 10 == 0 {
        trial.killed("resume", 1 + n * 7 % 60, fault)?;
    }
    trial.resumed()?;
    if n % 5 == 0 {
        trial.undone()?;
    }
    Ok(Reached::Yes)
}

/// Killed on the way up: `undo` ends in B, and what was undone can be applied.
fn undo(trial: &Trial<'_>, n: u64, fault: Fault) -> Result<Reached> {
    if trial.killed("apply", n, fault)? == Reached::No {
        return Ok(Reached::No);
    }
    trial.undone()?;
    if n % 10 == 0 {
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
    if trial.killed("undo --accept-data-loss", n, Fault::Kill)? == Reached::No {
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

/// Prints the numbers of each sweep, and all that is known of what went wrong.
fn green(tallies: &[Tally]) -> Result<()> {
    for tally in tallies {
        numbers(tally);
    }
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
    everywhere(&Counter::new(Journaling::Delete)?, SAMPLE)
}

#[test]
fn a_database_with_a_log_is_killed_at_every_point() -> Result<()> {
    everywhere(&Counter::new(Journaling::Log)?, SAMPLE)
}

/// The whole application: its points are the same in kind, so that a sample is enough.
#[test]
fn roundcube_in_full_size_is_killed_at_some_points() -> Result<()> {
    let workload = Roundcube::new(Size::Full)?;
    let reference = Reference::new(&workload)?;
    let some = |what| Sweep::every(&reference, 12, what);
    green(&[
        some("killed, resumed").go(|trial, n| resume(trial, n, Fault::Kill)),
        some("killed, undone").go(|trial, n| undo(trial, n, Fault::Kill)),
    ])
}

/// Each rule of the engine, broken: the sweeps must see it.
#[test]
fn a_host_that_is_broken_on_purpose_is_seen() -> Result<()> {
    let workload = Counter::new(Journaling::Delete)?;
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
        numbers(format_args!("control={mutant} red={red} of {}", resumed.points + undone.points));
        assert!(red > 0, "{mutant}: nothing was seen");
    }
    Ok(())
}
