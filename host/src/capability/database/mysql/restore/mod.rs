//! The restore point: every definition at the start, each table before it is touched first; and the way back.
//!
//! [`begin`] writes down all definitions. [`before_touch`] saves each table that a statement may change or drop, once: what it
//! is later is the run's own work. A table that the run makes is not saved, and neither are tables of which only the definition
//! may change (as of those whose foreign keys follow a renamed table): their rows stay, and their definitions are written down.
//!
//! [`put_back`] has its order from two things. Restoring beside and renaming is not possible, as names of foreign keys are
//! unique in a schema; so everything is verified *before* the first table is dropped ([`point`]). And what differs is found by
//! comparing what is there with what was there ([`step`]), never from a list of what the run did; so it may be killed
//! anywhere and done again from its beginning, in whatever state the schema is. It ends with a comparison of everything: undo
//! that leaves a foreign key which refers to a table of another name reports a failure, not a success.

mod act;
mod compare;
mod orphans;
mod point;
mod sealed;
mod step;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::act::Hand;
use self::orphans::Orphans;
use self::point::{Point, Saved, Start};
use super::MysqlConfig;
use super::batch;
use super::catalog::Catalog;
use super::dump;
use super::error;
use super::link::{Account, Link};
use super::sql::Touched;
use crate::effect::Fault;
use crate::io::fault;
use crate::meter::Meter;

/// Tables that are saved, or put back, at the same time. Each is read and loaded over several connections, but its keys are
/// built one after the other.
const AT_ONCE: usize = 2;

/// What the journal has about a restore point.
#[derive(Serialize, Deserialize)]
struct Record {
    /// SHA-256 of the page with the definitions.
    catalog: String,
}

/// Makes the definitions durable. Returns the record for [`put_back`].
///
/// # Errors
/// "definition-unreadable"; what the file system says.
pub(super) fn begin(link: &mut Link, config: &MysqlConfig) -> Result<Value, Fault> {
    at("mysql.restore.begin", config)?;
    let start = Start { catalog: Catalog::read(link, config)?, next_ids: Catalog::next_ids(link, config)? };
    let record = Record { catalog: Point::of(config).create(&start)? };
    at("mysql.restore.begun", config)?;
    serde_json::to_value(record).map_err(|error| Fault::new("internal", error.to_string()))
}

/// Makes durable what is not yet saved of the tables that a statement touches. Called before the statement is sent, under
/// freeze. When it has returned for a table, it need not be called for it again in this run, whatever the table's fate.
///
/// # Errors
/// "foreign-write" where a table is not what it was, though the run has not touched it; what [`dump::save`] says.
pub(super) fn before_touch(config: &MysqlConfig, catalog: &Catalog, touched: &Touched) -> Result<(), Fault> {
    let point = Point::of(config);
    point.expect()?;
    let mut tables = Vec::new();
    for table in &touched.rows {
        if point.wants(table)? {
            tables.push(table.as_str());
        }
    }
    if tables.is_empty() {
        return Ok(());
    }
    let (start, _) = point.start()?;
    for table in &tables {
        expect_untouched(config, catalog, &start, table)?;
    }
    // Counting keeps one processor of the server busy, writing all the others.
    let orphans = thread::scope(|scope| {
        let counting = scope.spawn(|| count_orphans(config, &point, &start, &tables));
        let written = each(config, &tables, config.stop.clone(), |dumper, table| point.write(dumper, &start, table));
        let counted = counting.join();
        written.and(counted.unwrap_or_else(|_| Err(Fault::new("internal", "counting orphans ended early"))))
    })?;
    tables.iter().try_for_each(|table| point.seal(table, &orphans))
}

/// Puts the whole schema back and compares every definition. The locks are held by `link`, which has no transaction open
/// afterwards. May be called again after a failure or a kill.
///
/// # Errors
/// "restore-point-damaged", before anything is changed; "restore-failed" with all that is not what it was; "interrupted"
/// between two tables; what the server says.
pub(super) fn put_back(link: &mut Link, config: &MysqlConfig, saved: &Value) -> Result<(), Fault> {
    at("mysql.restore.verify", config)?;
    let point = Point::of(config);
    let record: Record = serde_json::from_value(saved.clone()).map_err(|error| point.damaged(&error.to_string()))?;
    let (start, saved) = point.verify(&record.catalog)?;
    at("mysql.restore.verified", config)?;
    // An open transaction of ours would keep our other connections from its tables; and without `link` there are no locks.
    let held = |link: &mut Link| {
        link.run("ROLLBACK").map(drop).map_err(|error| error::fault(&config.name, "the locks", &error))
    };
    held(link)?;
    let mut hand = Hand::open(config)?;
    let tables: BTreeSet<_> = saved.iter().map(|saved| saved.table.as_str()).collect();
    let present = hand.catalog()?;
    hand.clear(&step::clearing(&present, &start.catalog, &tables))?;
    at("mysql.restore.cleared", config)?;
    held(link)?;
    load(config, &saved)?;
    at("mysql.restore.loaded", config)?;
    held(link)?;
    // Again, for what loading made in another way than it was.
    let present = hand.catalog()?;
    hand.clear(&step::clearing(&present, &start.catalog, &BTreeSet::new()))?;
    let present = hand.catalog()?;
    let refused = hand.make(step::making(&present, &start.catalog))?;
    compare::set_next_ids(&mut hand, config, &start, &tables)?;
    at("mysql.restore.made", config)?;
    compare::expect_equal(&mut hand, config, &start, &saved, refused)?;
    at("mysql.restore.compared", config)?;
    batch::drop_table(link, config)?;
    at("mysql.restore.done", config)
}

/// A table that the run has not touched is as it was, but for foreign keys and triggers: they are written down.
fn expect_untouched(config: &MysqlConfig, present: &Catalog, start: &Start, table: &str) -> Result<(), Fault> {
    let (was, is) = (start.catalog.tables.get(table), present.tables.get(table));
    if was.map(|table| &table.columns) == is.map(|table| &table.columns) {
        return Ok(());
    }
    let text = format!("somebody else has changed the table {}.{table} since the run began", config.name);
    Err(Fault::new("foreign-write", text))
}

/// Counts the orphans over each foreign key of these tables whose other side is untouched too. A key whose other side is saved
/// was counted when that was.
fn count_orphans(
    config: &MysqlConfig,
    point: &Point<'_>,
    start: &Start,
    tables: &[&str],
) -> Result<Vec<Orphans>, Fault> {
    let tables = tables.iter().copied().collect();
    let mut link = None;
    let mut counts = Vec::new();
    for (table, key) in orphans::keys_of(&start.catalog, &tables) {
        if point.is_saved(table)? || point.is_saved(&key.references)? {
            continue;
        }
        let link = match &mut link {
            Some(link) => link,
            none => none.insert(Link::open(config, Account::Host)?),
        };
        counts.push(orphans::count(link, config, table, key)?);
    }
    Ok(counts)
}

/// Loads the saved tables, the biggest first: then the others fit beside it.
fn load(config: &MysqlConfig, saved: &[Saved]) -> Result<(), Fault> {
    let mut tables: Vec<_> = saved.iter().collect();
    tables.sort_by_key(|saved| Reverse(saved.manifest.info.bytes));
    // Half a table helps nobody: a stop is heard between two.
    each(config, &tables, Arc::default(), |loader, saved| {
        if config.stop.load(Ordering::Relaxed) {
            let text = format!("database {}: stopped while it is put back; it is not whole", config.name);
            return Err(Fault::new("interrupted", text).hint("run `liftlock undo` again"));
        }
        // Triggers are made with the other programs: one at a time, as the server takes a schema's collation for theirs.
        let mut manifest = saved.manifest.clone();
        manifest.catalog.tables.values_mut().for_each(|table| table.triggers.clear());
        dump::load(loader, &saved.rows, &manifest)?;
        at("mysql.restore.load", config)
    })
}

/// Does something with each of some tables, several at once. One table shows its own progress, several are counted.
fn each<T: Sync>(
    config: &MysqlConfig,
    tables: &[T],
    stop: Arc<AtomicBool>,
    act: impl Fn(&MysqlConfig, &T) -> Result<(), Fault> + Sync,
) -> Result<(), Fault> {
    let mut own = MysqlConfig { stop, ..config.clone() };
    if let [table] = tables {
        return act(&own, table);
    }
    own.meter = Meter::default();
    let _work = config.meter.begin("tables", Some(tables.len() as u64));
    let (next, first) = (AtomicUsize::new(0), Mutex::new(None));
    let failed = || first.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failed().is_some() {
                return;
            }
            match act(&own, table) {
                Ok(()) => config.meter.add(1),
                Err(fault) => _ = failed().get_or_insert(fault),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(tables.len()) {
            scope.spawn(work);
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn at(step: &'static str, config: &MysqlConfig) -> Result<(), Fault> {
    fault::point(step).map_err(|error| Fault::io(format_args!("database {}", config.name), &error))
}
