//! Connections that all see the same moment, while others write.
//!
//! Snapshots that are opened one after the other differ by what is committed between them. So one more session locks all tables
//! for reading while they are opened. A transaction that has written to a table has locks on it until new snapshots see what it
//! did: the server's on the table's name, and InnoDB's own. (One that was prepared (XA) before the server was restarted has only
//! InnoDB's; so both are asked for.) Ours are given only when no such transaction is left, and as long as we have them nobody
//! becomes one. Of other engines there are no snapshots, with one connection or with several.
//!
//! Nothing is waited for: who has some of the locks and waits for others may be part of a deadlock, which the server would end at
//! a visitor's cost. Where a lock cannot be had at once, all are given back and tried again; a server that knows no lock without
//! waiting (MySQL), an account without the right, and a writer that does not come to its end have one connection instead. So
//! visitors are held up for as long as it takes to open the snapshots: milliseconds; and should this process be stopped just
//! then, for a second, after which the server ends the silent session. That it has not is seen before the snapshots are used.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use mysql_client::Error;

use super::plan::Source;
use super::read::Reader;
use crate::capability::database::mysql::MysqlConfig;
use crate::capability::database::mysql::catalog::quoted;
use crate::capability::database::mysql::error::code;
use crate::capability::database::mysql::link::{Account, Link};
use crate::effect::Fault;

/// How long it is tried to find all tables free.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// No waiting; locks that InnoDB has too, as it has not with autocommit; and none for a process that is stopped.
const SETTINGS: &str = "SET SESSION lock_wait_timeout = 0, innodb_lock_wait_timeout = 0, innodb_table_locks = 1, \
    autocommit = 0, wait_timeout = 1";
const SETTINGS_TAKEN: &str = "SELECT @@lock_wait_timeout = 0 AND @@innodb_lock_wait_timeout = 0 AND @@innodb_table_locks = 1 \
    AND @@autocommit = 0 AND @@wait_timeout = 1";

/// Connections that see the same moment, the first among them: so many, or only the first where that cannot be had.
pub(super) fn readers<'a>(
    config: &'a MysqlConfig,
    first: Reader<'a>,
    most: usize,
    sources: &[Source<'_>],
) -> Result<Vec<Reader<'a>>, Fault> {
    let mut readers = vec![first];
    if let Some(lock) = lock(sources) {
        // A server that has no room for more is served by one; one that is gone says so to that.
        readers.extend((1..most).map_while(|_| Reader::open(config).ok()));
        if readers.len() > 1
            && let Some(gate) = Gate::shut(config, &lock)
        {
            readers.iter_mut().try_for_each(Reader::begin)?;
            if gate.open() {
                return Ok(readers);
            }
        }
        readers.truncate(1);
    }
    readers.iter_mut().try_for_each(Reader::begin)?;
    Ok(readers)
}

/// The statement that keeps others from writing. None where there is nothing to lock, or locks are not InnoDB's.
fn lock(sources: &[Source<'_>]) -> Option<String> {
    let mut tables = sources.iter().map(|source| source.table).filter(|table| table.transactional).peekable();
    tables.peek()?;
    let read = tables.map(|table| (table.engine == "InnoDB").then(|| format!("{} READ", quoted(&table.name))));
    Some(format!("LOCK TABLES {}", read.collect::<Option<Vec<_>>>()?.join(", ")))
}

/// A session that keeps others from writing.
pub(super) struct Gate(Link);

impl Gate {
    /// Keeps everybody from writing, from now on. None if that could not be had at once, however often it was tried.
    pub(super) fn shut(config: &MysqlConfig, lock: &str) -> Option<Self> {
        let mut link = Link::open(config, Account::Host).ok()?;
        link.run(SETTINGS).ok()?;
        // Some servers take another value for one that they do not have.
        let settings = link.rows(SETTINGS_TAKEN).ok()?;
        if settings.first()?.get_opt::<u64, _>(0)?.ok()? != 1 {
            return None;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match link.run(lock) {
                Ok(_) => return Some(Self(link)),
                Err(Error::Server(error)) if error.code == code::LOCK_TIMEOUT => {}
                Err(_) => return None,
            }
            // Some of the locks may be ours.
            link.run("ROLLBACK").ok()?;
            if Instant::now() > until || config.stop.load(Ordering::Relaxed) {
                return None;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Lets everybody write again. Whether nobody could until now: a session that has ended let them before.
    pub(super) fn open(mut self) -> bool {
        self.0.run("UNLOCK TABLES").is_ok()
    }

    /// The server's number for the session.
    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}
