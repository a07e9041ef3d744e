//! Locks that die with their session: one for the run, one for the schema. An orphan of this run that is idle is killed, one
//! that works is waited for.
//!
//! The lock on the state directory keeps a second live host of this run away. So whoever has the run's lock on the server is
//! a session that outlived its host: its client was killed, or the network was cut. It may still commit what it had been
//! sent, and nothing may be judged before it has ended. The schema's lock is for other runs, perhaps of another machine.
//!
//! Galera has no such locks: the preflight refuses it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use mysql_client::{Error, Row};
use sha2::{Digest, Sha256};

use super::link::{Account, Link};
use super::{MysqlConfig, batch, error};
use crate::effect::Fault;
use crate::io::fault;

/// How long the server waits for a lock before we look again who has it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a session that was closed just now may take to go away.
const GOING_AWAY: Duration = Duration::from_secs(3);

/// How long an orphan is waited for of which nothing can be seen.
const UNSEEN: Duration = Duration::from_secs(15);

/// What is waited for, as the operator sees it behind a number.
const WAITING: &str = "seconds: a session of the killed run is still at work on the server";

/// There is no such session.
const NO_SESSION: u16 = 1094;

/// The session is another account's.
const NOT_OWNER: u16 = 1095;

/// What the holder of a lock is doing.
enum Holder {
    /// Nothing: KILL was sent to it.
    Killed,
    /// It works, or ends.
    Working,
    /// Our accounts may not see it.
    Unseen,
}

/// Takes both locks for this session, or waits for the orphan that has them.
///
/// # Errors
/// "installation-busy" if another run is at work on the schema; "interrupted" if the operator stops the waiting;
/// "orphan-unseen" if somebody else must end the orphan.
pub(super) fn take(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    batch::point(config, "mysql.lock")?;
    take_run(link, config)?;
    take_schema(link, config)?;
    batch::point(config, "mysql.locked")
}

fn take_run(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    let name = lock_name("run", &config.run);
    if get(link, config, &name, Duration::ZERO)? || fault::mutant("lock-not-waited") {
        return Ok(());
    }
    let began = Instant::now();
    let _work = config.meter.begin(WAITING, None);
    let mut shown = 0;
    let mut seen = began;
    loop {
        if config.stop.load(Ordering::Relaxed) {
            let text = format!("database {}: stopped while waiting for a session of the killed run", config.name);
            return Err(Fault::new("interrupted", text));
        }
        if let Some(id) = holder(link, config, &name)? {
            match settle(link, config, id)? {
                Holder::Killed | Holder::Working => seen = Instant::now(),
                Holder::Unseen if seen.elapsed() > UNSEEN => return Err(unseen(config, id)),
                Holder::Unseen => {}
            }
        }
        if get(link, config, &name, LOOK_AGAIN)? {
            return Ok(());
        }
        let seconds = began.elapsed().as_secs();
        config.meter.add(seconds.saturating_sub(shown));
        shown = seconds;
    }
}

fn take_schema(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    // Lower case: some servers do not tell apart "App" and "app".
    let name = lock_name("schema", &config.server.schema.to_lowercase());
    let broken = fault::mutant("lock-not-waited");
    if get(link, config, &name, if broken { Duration::ZERO } else { GOING_AWAY })? || broken {
        return Ok(());
    }
    let from = match holder(link, config, &name)? {
        Some(id) => match session(link, config, id)? {
            Some(found) => format!(" (session {id} on the server, from {})", found.host),
            None => format!(" (session {id} on the server)"),
        },
        None => String::new(),
    };
    let text = format!("another run is at work on database {}{from}", config.name);
    Err(Fault::new("installation-busy", text).hint(
        "wait until it has ended; if it was killed, `liftlock resume` or `liftlock undo` it where it was started",
    ))
}

/// Ends an idle orphan, by whichever of our accounts can see it. A command that comes late, or a COMMIT that the orphan was
/// sent before, is no danger: its lock is free only when it has ended.
fn settle(link: &mut Link, config: &MysqlConfig, id: u64) -> Result<Holder, Fault> {
    let settled = settle_by(link, config, id)?;
    if config.server.stage_account.is_none() || !matches!(settled, Holder::Unseen) {
        return Ok(settled);
    }
    for account in [Account::Host, Account::Stage] {
        let settled = settle_by(&mut Link::open(config, account)?, config, id)?;
        if !matches!(settled, Holder::Unseen) {
            return Ok(settled);
        }
    }
    Ok(Holder::Unseen)
}

fn settle_by(link: &mut Link, config: &MysqlConfig, id: u64) -> Result<Holder, Fault> {
    match session(link, config, id)? {
        None => return Ok(Holder::Unseen),
        Some(found) if !found.idle => return Ok(Holder::Working),
        Some(_) => {}
    }
    match link.run(format!("KILL CONNECTION {id}")) {
        Err(Error::Server(error)) if error.code == NOT_OWNER => Ok(Holder::Unseen),
        Err(Error::Server(error)) if error.code == NO_SESSION => Ok(Holder::Killed),
        Err(error) => Err(error::fault(&config.name, "KILL", &error)),
        Ok(_) => Ok(Holder::Killed),
    }
}

fn unseen(config: &MysqlConfig, id: u64) -> Fault {
    let text = format!("database {}: session {id} of the killed run is still there and cannot be seen", config.name);
    Fault::new("orphan-unseen", text)
        .hint(format!("have it ended (`KILL {id}` as the server's administrator), then go on"))
}

/// A session of somebody, as the server lists it.
struct Session {
    host: String,
    idle: bool,
}

fn session(link: &mut Link, config: &MysqlConfig, id: u64) -> Result<Option<Session>, Fault> {
    let sql = format!("SELECT HOST, COMMAND FROM information_schema.PROCESSLIST WHERE ID = {id}");
    let rows = link.rows(&sql).map_err(|error| error::fault(&config.name, "looking for a session", &error))?;
    let session = rows.first().map(|row| Session {
        host: row.get_opt(0).and_then(Result::ok).unwrap_or_default(),
        idle: row.get_opt::<String, _>(1).and_then(Result::ok).is_some_and(|command| command == "Sleep"),
    });
    Ok(session)
}

/// The session that has a lock.
fn holder(link: &mut Link, config: &MysqlConfig, name: &str) -> Result<Option<u64>, Fault> {
    let rows = link.rows(&format!("SELECT IS_USED_LOCK('{name}')"));
    Ok(number(&rows.map_err(|error| error::fault(&config.name, "lock", &error))?))
}

/// Whether the lock is ours now. Waits as long as `patience`, in whole seconds.
fn get(link: &mut Link, config: &MysqlConfig, name: &str, patience: Duration) -> Result<bool, Fault> {
    let rows = link.rows(&format!("SELECT GET_LOCK('{name}', {})", patience.as_secs()));
    match number(&rows.map_err(|error| error::fault(&config.name, "lock", &error))?) {
        Some(taken) => Ok(taken == 1),
        None => Err(Fault::new("database-error", format!("database {}: the server gives no lock", config.name))),
    }
}

/// The number in the only row; none if it is NULL.
fn number(rows: &[Row]) -> Option<u64> {
    rows.first()?.get_opt::<Option<u64>, _>(0)?.ok()?
}

/// At most 64 characters; no name of a run or schema is seen by others on the server.
fn lock_name(kind: &str, what: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(what.as_bytes()));
    format!("liftlock.{kind}.{digest:.40}")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::testing::server;
    use super::*;
    use crate::effect::Marker;

    const T: [&str; 2] = ["CREATE TABLE t (id INT PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 0)"];

    #[test]
    fn another_run_on_the_same_schema_is_refused() {
        let Some(server) = server() else { return };
        let schema = server.schema(&[]);
        let config = schema.config();
        let mut first = schema.link();
        take(&mut first, &config).unwrap();
        let other = MysqlConfig { run: "run-of-somebody-else".to_owned(), ..config.clone() };
        let fault = take(&mut schema.link(), &other).unwrap_err();
        assert_eq!(fault.code, "installation-busy");
        assert!(fault.message.contains(&format!("session {} on the server, from localhost", first.id())), "{fault}");
        // And it did the first no harm.
        first.run("DO 0").unwrap();
        drop(first);
        take(&mut schema.link(), &other).unwrap();
    }

    #[test]
    fn the_operator_can_stop_the_waiting() {
        let Some(server) = server() else { return };
        let schema = server.schema(&[]);
        let config = schema.config();
        let mut orphan = schema.link();
        take(&mut orphan, &config).unwrap();
        let busy = thread::spawn(move || orphan.run("DO SLEEP(3)"));
        thread::sleep(Duration::from_millis(200));
        config.stop.store(true, Ordering::Relaxed);
        assert_eq!(take(&mut schema.link(), &config).unwrap_err().code, "interrupted");
        busy.join().unwrap().unwrap();
    }

    #[test]
    fn an_idle_orphan_is_ended_and_its_batch_with_it() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let config = schema.config();
        let mut orphan = schema.link();
        take(&mut orphan, &config).unwrap();
        batch::begin(&mut orphan, &config, None).unwrap();
        orphan.run("UPDATE t SET n = 1").unwrap();

        let mut link = schema.link();
        take(&mut link, &config).unwrap();
        assert_eq!(batch::marker(&mut link, &config).unwrap(), None);
        assert_eq!(schema.rows("SELECT n FROM t"), [["0"]]);
        let late = Marker { run: config.run.clone(), stage: 0, sequence: 1, recording: 1 };
        assert_eq!(batch::commit(&mut orphan, &config, &late).unwrap_err().code, "batch-lost", "a late COMMIT");
        take(&mut link, &config).unwrap();
    }

    #[test]
    fn a_working_orphan_is_waited_for_and_seen_to_be() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let config = schema.config();
        let mut orphan = schema.link();
        take(&mut orphan, &config).unwrap();
        let working = thread::spawn(move || orphan.run("UPDATE t SET n = 7 + SLEEP(2.5)").map(|_| orphan));
        thread::sleep(Duration::from_millis(200));

        let began = Instant::now();
        let meter = config.meter.clone();
        let watching = thread::spawn(move || {
            thread::sleep(Duration::from_millis(1800));
            meter.read()
        });
        take(&mut schema.link(), &config).unwrap();
        assert!(began.elapsed() > Duration::from_secs(2));
        let shown = watching.join().unwrap().unwrap();
        assert_eq!((shown.done, shown.unit), (1, WAITING));
        assert_eq!(config.meter.read(), None);
        assert!(working.join().unwrap().is_ok(), "its statement was not cut off");
        assert_eq!(schema.rows("SELECT n FROM t"), [["7"]]);
    }

    #[test]
    fn an_orphan_of_our_other_account_is_ended_by_that_account() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let (stage, _kept) = schema.account(&["SELECT, UPDATE ON schema.*"]);
        let (mut config, _kept_too) = schema.account(&["SELECT ON schema.*"]);
        config.server.stage_account = Some(stage.server.account.clone());
        let mut orphan = Link::open(&config, Account::Stage).unwrap();
        take(&mut orphan, &config).unwrap();
        take(&mut Link::open(&config, Account::Host).unwrap(), &config).unwrap();
        orphan.run("DO 0").unwrap_err();
    }

    #[test]
    fn names_of_locks_are_short_and_tell_nothing() {
        let name = lock_name("schema", "a schema with a very long name, of a customer that nobody should know about");
        assert!(name.len() <= 64 && !name.contains("customer"), "{name}");
        assert_ne!(lock_name("run", "x"), lock_name("schema", "x"));
        assert_ne!(lock_name("run", "x"), lock_name("run", "y"));
    }
}
