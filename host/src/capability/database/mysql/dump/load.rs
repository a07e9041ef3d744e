//! Loading: tables dropped and made anew, rows by two connections, keys behind the rows, triggers last; then compared.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use mysql_client::{Done, Error};

use super::file::{FileEntry, damaged};
use super::infile::{Rows, Statements, interrupted, load_data};
use super::keys::{Split, split, with_next_id};
use super::read::flavor;
use super::save::died;
use super::text::{Field, Flavor, fields};
use super::{MANIFEST, Manifest, TableEntry, programs};
use crate::capability::database::mysql::MysqlConfig;
use crate::capability::database::mysql::catalog::{Catalog, Table, quoted};
use crate::capability::database::mysql::error::fault;
use crate::capability::database::mysql::link::{Account, Link};
use crate::effect::Fault;
use crate::io;

/// Connections that load at once. More do not help: they wait for the same pages.
const LOADERS: usize = 2;

/// With fewer rows it is not worth a second change of the table to build keys later.
const FEW: u64 = 10_000;

/// Seconds to wait for locks: of our own other connection, or of one that a killed run left behind.
const LOCK_WAIT: u32 = 600;

/// A warning that a value of an ENUM or SET is none of its own, as it was when it was saved.
const TRUNCATED: u16 = 1265;

/// A table that is loaded.
struct Job<'a> {
    table: &'a Table,
    entry: &'a TableEntry,
    fields: Vec<Field>,
    split: Split,
    progress: Mutex<Progress<'a>>,
}

/// How far it is.
struct Progress<'a> {
    pending: VecDeque<&'a FileEntry>,
    running: usize,
    rows: u64,
}

struct Loading<'a> {
    config: &'a MysqlConfig,
    directory: &'a Path,
    jobs: Vec<Job<'a>>,
    /// Whether the server takes a stream.
    stream: bool,
    failed: AtomicBool,
}

/// Loads what a manifest names. `stream`: whether the server is to be sent streams; it is asked, if that is not said.
pub(super) fn load(
    config: &MysqlConfig,
    directory: &Path,
    manifest: &Manifest,
    stream: Option<bool>,
) -> Result<(), Fault> {
    let _work = config.meter.begin("rows", Some(manifest.info.rows));
    let (mut first, flavor) = open(config)?;
    let stream = match stream {
        Some(stream) => stream,
        None => takes_streams(&mut first).map_err(|error| fault(&config.name, "load", &error))?,
    };
    let jobs = jobs(config, &mut first, flavor, directory, manifest)?;
    let loading = Loading { config, directory, jobs, stream, failed: AtomicBool::new(false) };
    loading.make_tables(&mut first)?;
    let files: usize = loading.jobs.iter().map(|job| job.entry.data.len()).sum();
    let mut links = vec![first];
    while links.len() < LOADERS.min(files) {
        links.push(open(config)?.0);
    }
    thread::scope(|scope| {
        let working: Vec<_> = links.iter_mut().map(|link| scope.spawn(|| loading.work(link))).collect();
        let done: Vec<_> = working.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(died()))).collect();
        let (stopped, faults): (Vec<_>, Vec<_>) =
            done.into_iter().filter_map(Result::err).partition(|fault| fault.code == "interrupted");
        faults.into_iter().chain(stopped).next().map_or(Ok(()), Err)
    })?;
    loading.make_triggers(&mut links[0])?;
    loading.compare(&mut links[0])
}

fn takes_streams(link: &mut Link) -> Result<bool, Error> {
    let rows = link.rows("SELECT @@GLOBAL.local_infile")?;
    Ok(rows.first().and_then(|row| row.get_opt::<u8, _>(0)?.ok()) == Some(1))
}

/// A connection that loads.
fn open(config: &MysqlConfig) -> Result<(Link, Flavor), Fault> {
    let mut link = Link::open(config, Account::Host)?;
    let failed = |error| fault(&config.name, "load", &error);
    let flavor = flavor(&mut link).map_err(failed)?;
    let own = match flavor.mariadb {
        true => "max_statement_time = 0, check_constraint_checks = 0, innodb_strict_mode = 0",
        false => "max_execution_time = 0",
    };
    let settings = format!(
        "SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00', \
        sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', lock_wait_timeout = {LOCK_WAIT}, \
        innodb_lock_wait_timeout = {LOCK_WAIT}, net_read_timeout = 3600, {own}"
    );
    link.run(&settings).map_err(failed)?;
    Ok((link, flavor))
}

fn jobs<'a>(
    config: &MysqlConfig,
    link: &mut Link,
    flavor: Flavor,
    directory: &Path,
    manifest: &'a Manifest,
) -> Result<Vec<Job<'a>>, Fault> {
    let strange =
        |table: &str| damaged(&directory.join(MANIFEST), format!("what it says of {table:?} is not complete"));
    let files: BTreeMap<_, _> = manifest.files.iter().map(|file| (file.name.as_str(), file)).collect();
    let referenced = referenced(config, link, manifest)?;
    let job = |(name, entry): (&String, &'a TableEntry)| {
        let table = manifest.catalog.tables.get(name).ok_or_else(|| strange(name))?;
        let file = |name: &String| files.get(name.as_str()).copied();
        let pending: Option<VecDeque<_>> = entry.data.iter().map(file).collect();
        let pending = pending.ok_or_else(|| strange(name))?;
        let split = if entry.rows < FEW {
            Split { create: with_next_id(&table.definition, entry.next_id), complete: None }
        } else {
            split(table, entry.next_id, referenced.get(name).map(Vec::as_slice).unwrap_or_default())
        };
        let progress = Mutex::new(Progress { pending, running: 0, rows: 0 });
        Ok(Job { table, entry, fields: fields(table, flavor), split, progress })
    };
    manifest.tables.iter().map(|(name, entry)| job((name, entry))).collect()
}

/// The lists of columns by which foreign keys refer to tables: of the tables that are loaded, and of those that are there.
fn referenced(
    config: &MysqlConfig,
    link: &mut Link,
    manifest: &Manifest,
) -> Result<BTreeMap<String, Vec<Vec<String>>>, Fault> {
    let mut referenced: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for key in manifest.catalog.tables.values().flat_map(|table| &table.foreign_keys) {
        referenced.entry(key.references.clone()).or_default().push(key.referenced_columns.clone());
    }
    let sql = "SELECT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
        FROM information_schema.KEY_COLUMN_USAGE
        WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()
        ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";
    let rows = link.rows(sql).map_err(|error| fault(&config.name, "foreign keys", &error))?;
    let mut lists: BTreeMap<[String; 3], Vec<String>> = BTreeMap::new();
    for row in rows {
        let text = |index| row.get_opt::<String, _>(index).and_then(Result::ok).unwrap_or_default();
        lists.entry([text(0), text(1), text(2)]).or_default().push(text(3));
    }
    for ([_, _, table], columns) in lists {
        referenced.entry(table).or_default().push(columns);
    }
    Ok(referenced)
}

impl<'a> Loading<'a> {
    fn failed(&self, what: &str, error: &Error) -> Fault {
        fault(&self.config.name, what, error)
    }

    /// A step that changes something on the server.
    fn run(&self, link: &mut Link, point: &'static str, sql: &str, table: &str) -> Result<(), Fault> {
        io::fault::point(point).map_err(|error| Fault::io("load", &error))?;
        link.run(sql).map(drop).map_err(|error| self.failed(&format!("load of the table {table}"), &error))
    }

    fn make_tables(&self, link: &mut Link) -> Result<(), Fault> {
        for Job { table, .. } in &self.jobs {
            let drop = format!("DROP TABLE IF EXISTS {}", quoted(&table.name));
            self.run(link, "mysql.load.drop", &drop, &table.name)?;
        }
        for Job { table, split, .. } in &self.jobs {
            self.run(link, "mysql.load.create", &split.create, &table.name)?;
        }
        Ok(())
    }

    /// One connection: loads files until there are no more, and completes the tables whose last it loaded.
    fn work(&self, link: &mut Link) -> Result<(), Fault> {
        let done = (|| {
            while let Some((job, file)) = self.next() {
                let rows = self.load_file(link, job, file)?;
                let mut progress = job.progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.running -= 1;
                progress.rows += rows;
                let complete = progress.running == 0 && progress.pending.is_empty();
                drop(progress);
                if let (true, Some(complete)) = (complete, &job.split.complete) {
                    self.run(link, "mysql.load.keys", complete, &job.table.name)?;
                }
            }
            Ok(())
        })();
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        done
    }

    /// A file of a table at which nobody works yet, if there is one: two connections in one table get in each other's way, and
    /// its keys can be built while another's rows are loaded. Of these the table with the most to do.
    fn next(&self) -> Option<(&Job<'a>, &'a FileEntry)> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        loop {
            let rank = |job: &&Job<'a>| {
                let progress = job.progress.lock().unwrap_or_else(PoisonError::into_inner);
                let waiting = progress.pending.len();
                (waiting > 0).then_some((std::cmp::Reverse(progress.running), waiting))
            };
            let job = self.jobs.iter().filter(|job| rank(job).is_some()).max_by_key(rank)?;
            let mut progress = job.progress.lock().unwrap_or_else(PoisonError::into_inner);
            // The other connection may have been quicker.
            if let Some(file) = progress.pending.pop_front() {
                progress.running += 1;
                return Some((job, file));
            }
        }
    }

    /// Loads one file, in one transaction.
    fn load_file(&self, link: &mut Link, job: &Job<'_>, file: &FileEntry) -> Result<u64, Fault> {
        let point = || io::fault::point("mysql.load.file").map_err(|error| Fault::io("load", &error));
        point()?;
        let rows = if self.stream && !job.fields.is_empty() {
            self.load_stream(link, job, file)?
        } else {
            self.load_statements(link, job, file)?
        };
        point()?;
        if rows != file.rows {
            let text = format!("the server took {rows} rows of {} from {}", file.rows, file.name);
            return Err(Fault::new("load-incomplete", format!("database {}: {text}", self.config.name)));
        }
        Ok(rows)
    }

    fn load_stream(&self, link: &mut Link, job: &Job<'_>, file: &FileEntry) -> Result<u64, Fault> {
        let (config, table) = (self.config, &job.table.name);
        let mut rows = Rows::open(self.directory, file, table, &job.fields, &config.stop, &config.meter)?;
        let mut why = None;
        let loaded = link.client().load(&load_data(table, &job.fields), || {
            rows.next().map_err(|fault| {
                let error = std::io::Error::other(fault.message.clone());
                why = Some(fault);
                error
            })
        });
        // Our own reason comes first: the connection only says that there was one.
        if let Some(fault) = why {
            return Err(fault);
        }
        let Done { affected, warnings, .. } =
            loaded.map_err(|error| self.failed(&format!("load of the table {table}"), &error))?;
        self.refuse_warnings(link, job, warnings)?;
        Ok(affected)
    }

    fn load_statements(&self, link: &mut Link, job: &Job<'_>, file: &FileEntry) -> Result<u64, Fault> {
        let what = format!("load of the table {}", job.table.name);
        let failed = |error| self.failed(&what, &error);
        let mut statements = Statements::open(self.directory, file, &job.table.name, &job.fields)?;
        let mut loaded = 0;
        link.run("SET NAMES binary").map_err(failed)?;
        link.run("START TRANSACTION").map_err(failed)?;
        while let Some((statement, rows)) = statements.next()? {
            if self.config.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let Done { affected, warnings, .. } = link.run(statement).map_err(failed)?;
            self.refuse_warnings(link, job, warnings)?;
            self.config.meter.add(rows);
            loaded += affected;
        }
        link.run("COMMIT").map_err(failed)?;
        link.run("SET NAMES utf8mb4").map_err(failed)?;
        Ok(loaded)
    }

    /// A warning is a value that is not what it was. Only an ENUM or SET may hold what is none of its values.
    fn refuse_warnings(&self, link: &mut Link, job: &Job<'_>, warnings: u16) -> Result<(), Fault> {
        if warnings == 0 {
            return Ok(());
        }
        let odd = job.table.columns.iter().any(|column| matches!(column.data_type.as_str(), "enum" | "set"));
        let what = format!("load of the table {}", job.table.name);
        let rows = link.rows("SHOW WARNINGS").map_err(|error| self.failed(&what, &error))?;
        for row in rows {
            let code = row.get_opt::<u16, _>(1).and_then(Result::ok).unwrap_or_default();
            if !(odd && code == TRUNCATED) {
                let message = row.get_opt::<String, _>(2).and_then(Result::ok).unwrap_or_default();
                let text = format!("database {}: {what}: the server changed a value: {message}", self.config.name);
                return Err(Fault::new("load-inexact", text));
            }
        }
        Ok(())
    }

    fn make_triggers(&self, link: &mut Link) -> Result<(), Fault> {
        for (table, trigger) in self.jobs.iter().flat_map(|job| job.table.triggers.iter().map(move |t| (job.table, t)))
        {
            io::fault::point("mysql.load.trigger").map_err(|error| Fault::io("load", &error))?;
            let what = format!("trigger {} of the table {}", trigger.name, table.name);
            let failed = |error| self.failed(&what, &error);
            let rows = link.rows("SELECT @@collation_database").map_err(failed)?;
            let collation = rows.first().and_then(|row| row.get_opt::<String, _>(0)?.ok()).unwrap_or_default();
            programs::make(link, "TRIGGER", trigger, &collation).map_err(failed)?;
        }
        Ok(())
    }

    /// What is there now must be what was saved.
    fn compare(&self, link: &mut Link) -> Result<(), Fault> {
        io::fault::point("mysql.load.loaded").map_err(|error| Fault::io("load", &error))?;
        let names: BTreeSet<_> = self.jobs.iter().map(|job| job.table.name.clone()).collect();
        let now = Catalog::read_tables(link, self.config, Some(&names))?;
        for Job { table, entry, progress, .. } in &self.jobs {
            let differs = |what: &str| {
                let text = format!("database {}: loaded, but {what} of {:?} differ", self.config.name, table.name);
                Err(Fault::new("load-inexact", text))
            };
            let made = now.tables.get(&table.name);
            if made.map(|made| &made.definition) != Some(&table.definition) {
                return differs("the definition");
            }
            if made.map(|made| &made.triggers) != Some(&table.triggers) {
                return differs("the triggers");
            }
            if progress.lock().unwrap_or_else(PoisonError::into_inner).rows != entry.rows {
                return differs("the rows");
            }
        }
        Ok(())
    }
}
