//! Ends a statement that takes too long: `KILL QUERY` from a second connection.
//!
//! The statement itself is never given up half way, as its connection would be unusable: its end is awaited. Only when the
//! server cannot be reached to be told is the connection left alone for good.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};
use tokio::runtime::Runtime;

use super::MysqlConfig;
use super::drive::drive;
use super::link::CONNECT_TIME;

/// How often the operator's wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(50);

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
    options: Opts,
    session: u32,
}

/// What the dog has seen.
const QUIET: u8 = 0;
const DEADLINE: u8 = 1;
const STOPPED: u8 = 2;

impl Killer {
    /// For a session, by the options of its own connection.
    pub(super) fn new(options: Opts, session: u32) -> Self {
        Self { options, session }
    }

    /// Waits for the limit, and kills. True if the server was told.
    async fn watch(self, limit: Limit, seen: Arc<AtomicU8>) -> bool {
        let started = Instant::now();
        loop {
            let left = limit.time.saturating_sub(started.elapsed());
            let stopped = limit.stop.as_ref().is_some_and(|stop| stop.load(Ordering::SeqCst));
            if stopped || left.is_zero() {
                seen.store(if stopped { STOPPED } else { DEADLINE }, Ordering::SeqCst);
                return self.kill().await;
            }
            tokio::time::sleep(if limit.stop.is_some() { left.min(LOOK) } else { left }).await;
        }
    }

    async fn kill(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < REACH_TIME {
            if let Ok(Ok(())) = tokio::time::timeout(CONNECT_TIME, self.send()).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        false
    }

    async fn send(&self) -> Result<(), Error> {
        let mut connection = Conn::new(self.options.clone()).await?;
        connection.query_drop(format!("KILL QUERY {}", self.session)).await?;
        connection.disconnect().await
    }
}

/// Runs something on a session under a limit.
pub(super) fn watched<T>(
    runtime: &Runtime,
    killer: &Killer,
    limit: &Limit,
    act: impl Future<Output = Result<T, Error>>,
) -> Result<T, Ended> {
    let ended = drive(runtime, async {
        let seen = Arc::new(AtomicU8::new(QUIET));
        // On the same thread: it moves only while `act` waits for the server.
        let mut dog = tokio::spawn(killer.clone().watch(limit.clone(), Arc::clone(&seen)));
        let mut act = pin!(act);
        let first = poll_fn(|context| {
            if let Poll::Ready(done) = act.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            Pin::new(&mut dog).poll(context).map(Err)
        })
        .await;
        let done = match first {
            Ok(done) => {
                if seen.load(Ordering::SeqCst) == QUIET {
                    dog.abort();
                } else {
                    // It is barking already: it must not hit what comes next.
                    let _ = dog.await;
                }
                done
            }
            Err(Ok(true)) => act.await,
            Err(_) => return Err(Ended::Unreachable),
        };
        match (done, seen.load(Ordering::SeqCst)) {
            (Ok(done), seen) if seen == QUIET || limit.counts_when_late => Ok(done),
            // A connection that is lost is worse than a deadline.
            (Err(error), seen) if seen == QUIET || !matches!(error, Error::Server(_)) => Err(Ended::Error(error)),
            (_, STOPPED) => Err(Ended::Stopped),
            _ => Err(Ended::Deadline),
        }
    });
    ended.unwrap_or_else(|error| Err(Ended::Error(error)))
}
