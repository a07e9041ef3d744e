//! Ends a statement that takes too long: `KILL QUERY` from a second connection.
//!
//! The statement itself is never given up half way, as its connection would be unusable: its end is awaited. Only when the
//! server cannot be reached to be told is the connection left alone for good.
//!
//! The client asks, whenever it waits for the server, whether to go on waiting (`mysql_client::Watch`): no second thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use mysql_client::{Client, Error, Options, Watch};

use super::MysqlConfig;
use super::link::CONNECT_TIME;

/// The pause between two tries to reach the server.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How long to try to reach the server before the connection is given up.
const REACH_TIME: Duration = Duration::from_secs(30);

/// How long one statement may go on.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    time: Duration,
    /// Set when the operator wants to stop, if that ends it too.
    stop: Option<Arc<AtomicBool>>,
    /// Whether it still counts when it worked after it was to be killed: a change has happened then, a read has no end yet.
    counts_when_late: bool,
}

impl Limit {
    /// A read of a guest: to its deadline, or until the operator wants to stop.
    pub(super) fn of_read(config: &MysqlConfig) -> Self {
        Self { time: config.statement_time, stop: Some(Arc::clone(&config.stop)), counts_when_late: false }
    }

    /// A change of a guest: to its deadline.
    pub(super) fn of_change(config: &MysqlConfig) -> Self {
        Self { time: config.statement_time, stop: None, counts_when_late: true }
    }

    /// What nobody wants any more.
    pub(super) fn at_most(time: Duration) -> Self {
        Self { time, stop: None, counts_when_late: false }
    }
}

/// How a watched statement ended that did not work.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself.
    Error(Error),
    /// It was killed at its deadline.
    Deadline,
    /// It was killed because the operator wants to stop.
    Stopped,
    /// It should have been killed, but the server cannot be reached. The connection must not be used again.
    Unreachable,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Who can kill the statements of one session: the account that runs them may.
#[derive(Clone)]
pub(super) struct Killer {
    options: Arc<Options>,
    session: u32,
}

/// What the dog has seen.
const QUIET: u8 = 0;
const DEADLINE: u8 = 1;
const STOPPED: u8 = 2;
const UNREACHABLE: u8 = 3;

impl Killer {
    /// For a session, by the options of its own connection.
    pub(super) fn new(options: Options, session: u32) -> Self {
        Self { options: Arc::new(options), session }
    }

    /// Does something on the session under a limit.
    pub(super) fn watched<T>(
        &self,
        client: &mut Client,
        limit: &Limit,
        act: impl FnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Ended> {
        let seen = Arc::new(AtomicU8::new(QUIET));
        let mut dog = Dog::new(self.clone(), limit.clone(), Arc::clone(&seen));
        client.watch(Some(Box::new(move || dog.look())));
        let done = act(client);
        client.watch(None);
        match (done, seen.load(Ordering::Relaxed)) {
            (Ok(done), seen) if seen == QUIET || limit.counts_when_late => Ok(done),
            (Err(_), UNREACHABLE) => Err(Ended::Unreachable),
            // A connection that is lost is worse than a deadline.
            (Err(error), seen) if seen == QUIET || !matches!(error, Error::Server(_)) => Err(Ended::Error(error)),
            (_, STOPPED) => Err(Ended::Stopped),
            _ => Err(Ended::Deadline),
        }
    }

    fn kill(&self) -> Result<(), Error> {
        let mut client = Client::connect(&self.options, Some(at_most(CONNECT_TIME)))?;
        client.run(format!("KILL QUERY {}", self.session)).map(drop)
    }
}

/// Looks at the clock, and kills.
struct Dog {
    killer: Killer,
    limit: Limit,
    seen: Arc<AtomicU8>,
    began: Instant,
    /// Since when it tries to reach the server, and when it does so next.
    barking: Option<(Instant, Instant)>,
    /// The server was told.
    told: bool,
}

impl Dog {
    fn new(killer: Killer, limit: Limit, seen: Arc<AtomicU8>) -> Self {
        Self { killer, limit, seen, began: Instant::now(), barking: None, told: false }
    }

    fn look(&mut self) -> io::Result<()> {
        if self.told {
            return Ok(());
        }
        let now = Instant::now();
        let (since, next) = match self.barking {
            Some(barking) => barking,
            None => {
                let stopped = self.limit.stop.as_ref().is_some_and(|stop| stop.load(Ordering::SeqCst));
                if !stopped && now - self.began < self.limit.time {
                    return Ok(());
                }
                self.seen.store(if stopped { STOPPED } else { DEADLINE }, Ordering::Relaxed);
                (now, now)
            }
        };
        self.barking = Some((since, next));
        if now < next {
            return Ok(());
        }
        self.told = self.killer.kill().is_ok();
        if !self.told && since.elapsed() > REACH_TIME {
            self.seen.store(UNREACHABLE, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server cannot be reached"));
        }
        self.barking = Some((since, Instant::now() + TRY_AGAIN));
        Ok(())
    }
}

/// Gives a connection up that takes longer than this.
pub(super) fn at_most(time: Duration) -> Watch {
    let began = Instant::now();
    Box::new(move || match began.elapsed() > time {
        true => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer")),
        false => Ok(()),
    })
}
