//! One kind of crash at each point, until a run reports that it was not reached.

use std::env;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Reached, Reference, Trial, every_point, is_left_out};

/// Copies that are worked on at the same time.
const THREADS: u64 = 2;
/// A sweep that goes this wrong has shown it.
const ENOUGH: usize = 20;
/// No workload has so many points: a host that never ends a run is wrong too.
const TOO_MANY: u64 = 20_000;

/// One sweep at a time: each uses all cores.
static TURN: Mutex<()> = Mutex::new(());

/// Which points of which workload.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    reference: &'a Reference<'a>,
    what: &'a str,
    step: u64,
    /// Only these, the step counted among them.
    among: Option<&'a [u64]>,
    mutant: Option<&'a str>,
}

/// What a sweep has found.
#[derive(Debug)]
pub struct Tally {
    /// Of what, by its workload's name.
    pub workload: String,
    what: String,
    /// Points at which the host was killed.
    pub points: u64,
    /// How often the host was started.
    pub runs: u64,
    /// Runs that ended wrong, the first ones.
    pub divergences: Vec<Divergence>,
    time: Duration,
    left_out: bool,
}

/// A run that ended wrong.
#[derive(Debug)]
pub struct Divergence {
    n: u64,
    /// What is wrong.
    pub why: String,
    story: String,
}

impl<'a> Sweep<'a> {
    /// Every point.
    #[must_use]
    pub fn all(reference: &'a Reference<'a>, what: &'a str) -> Self {
        Self { reference, what, step: 1, among: None, mutant: None }
    }

    /// Every so many points; with `LIFTLOCK_CRASH=all` every one.
    #[must_use]
    pub fn every(reference: &'a Reference<'a>, step: u64, what: &'a str) -> Self {
        Self { step: if every_point() { 1 } else { step }, ..Self::all(reference, what) }
    }

    /// The same among these points only.
    #[must_use]
    pub fn among(self, points: &'a [u64]) -> Self {
        Self { among: Some(points), ..self }
    }

    /// With a host that is broken in this way.
    #[must_use]
    pub fn mutant(self, mutant: &'a str) -> Self {
        Self { mutant: Some(mutant), ..self }
    }

    /// Does `crash` with a fresh copy for each point, and ends where it says that the point was not reached.
    #[must_use]
    pub fn go(self, crash: impl Fn(&Trial<'_>, u64) -> Result<Reached> + Sync) -> Tally {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let (next, end) = (AtomicU64::new(0), AtomicU64::new(TOO_MANY));
        let tally = Mutex::new(Tally {
            workload: self.reference.workload.name().to_owned(),
            what: self.what.to_owned(),
            points: 0,
            runs: 0,
            divergences: Vec::new(),
            time: Duration::ZERO,
            left_out: is_left_out(self.what),
        });
        if lock(&tally).left_out {
            end.store(0, Ordering::SeqCst);
        }
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    loop {
                        let n = self.nth(next.fetch_add(1, Ordering::SeqCst));
                        if n >= end.load(Ordering::SeqCst) || lock(&tally).divergences.len() >= ENOUGH {
                            return;
                        }
                        if self.one(n, &crash, &tally) == Reached::No {
                            end.fetch_min(n, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.time = start.elapsed();
        tally
    }

    /// The point that comes after so many others.
    fn nth(&self, others: u64) -> u64 {
        let place = self.step * others;
        match self.among {
            None => 1 + place,
            Some(points) => {
                usize::try_from(place).ok().and_then(|place| points.get(place)).copied().unwrap_or(TOO_MANY)
            }
        }
    }

    fn one(self, n: u64, crash: &impl Fn(&Trial<'_>, u64) -> Result<Reached>, tally: &Mutex<Tally>) -> Reached {
        let trial = match Trial::new(self.reference, self.mutant) {
            Ok(trial) => trial,
            Err(error) => {
                let divergence = Divergence { n, why: format!("{error:#}"), story: String::new() };
                lock(tally).divergences.push(divergence);
                return Reached::Yes;
            }
        };
        let ended = crash(&trial, n);
        let mut tally = lock(tally);
        tally.runs += trial.runs();
        match ended {
            Ok(Reached::No) => return Reached::No,
            Ok(Reached::Yes) => {}
            Err(error) => {
                let mut story = trial.story();
                if env::var_os("LIFTLOCK_CRASH_KEEP").is_some() {
                    story += &format!("\nkept: {}", trial.keep());
                }
                tally.divergences.push(Divergence { n, why: format!("{error:#}"), story });
            }
        }
        tally.points += 1;
        Reached::Yes
    }
}

impl Tally {
    /// Nothing has ended wrong, and something was tried, unless it was to be left out.
    #[must_use]
    pub fn is_green(&self) -> bool {
        (self.points > 0 || self.left_out) && self.divergences.is_empty()
    }

    /// How long it took.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Every divergence with all that is known of it.
    #[must_use]
    pub fn told(&self) -> String {
        self.divergences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { workload, what, points, runs, divergences, time, .. } = self;
        let (divergences, time) = (divergences.len(), time.as_secs_f64());
        write!(f, "{workload}, {what}: points={points}, runs={runs}, divergences={divergences} ({time:.0} s)")
    }
}

impl Display for Divergence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- n = {}: {}", self.n, self.why)?;
        writeln!(f, "{}", self.story)
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
