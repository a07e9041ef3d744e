//! Snapshot and restore of a big database on a server, beside the usual tools. A database like one of Mautic, made by the server.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use liftlock::capability::database::Driver;
use liftlock::capability::database::mysql::{Credentials, Mysql, MysqlConfig, Place, Server, Tls};
use liftlock::effect::Store;
use liftlock::meter::Meter;

use super::line::{Goal, Line};
use super::native::{Timed, by_turns, is_there, peak, settle, time, turns};
use super::server::{Schema, USER};
use super::{native, places};
use crate::Result;

const LEADS: u32 = 600_000;
const HITS: u32 = 900_000;
const MAUTIC: &str = include_str!("../../src/capability/database/mysql/dump/tests/mautic.sql");

/// Loading takes the other tools half a minute.
const LOADS: usize = 3;

/// Both: a restore is of what was saved.
pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let fill = format!("SET @leads = {LEADS}, @hits = {HITS}; {MAUTIC}");
    let Some(schema) = Schema::new("liftlock_bench_dump", &fill)? else {
        eprintln!("dump: there is no server; `cargo xtask bench dump` starts one");
        return Ok(());
    };
    let directory = places::directory()?;
    settle(directory.path())?;
    save(&schema, directory.path(), tell)?;
    load(&schema, directory.path(), tell)
}

fn save(schema: &Schema, directory: &Path, tell: &mut dyn FnMut(Line)) -> Result<()> {
    let database = open(schema, directory)?;
    let (dump, many, own) = (directory.join("dump.sql.zst"), directory.join("mydumper"), directory.join("own"));
    let (dump, many) = (native::text(&dump)?, native::text(&many)?);
    let mut memory = 0;
    let with = |tools: &[&str]| tools.iter().all(|tool| is_there(tool));
    let ours: Timed<'_> = Box::new(|| {
        empty(&own)?;
        let (took, most) = peak(|| time(|| snapshot(&database, &own)))?;
        memory = memory.max(most);
        Ok(took)
    });
    let one_stream: Timed<'_> = Box::new(|| {
        let line = format!("mariadb-dump --no-defaults --single-transaction $LOGIN $SCHEMA | zstd -q -3 -f -o {dump}");
        if with(&["mariadb-dump", "zstd"]) { time(|| schema.shell(&line)) } else { Ok(f64::NAN) }
    });
    let two_threads: Timed<'_> = Box::new(|| {
        let line = format!("rm -rf {many}; mydumper $LOGIN -B $SCHEMA -c -t 2 -o {many}");
        if with(&["mydumper"]) { time(|| schema.shell(&line)) } else { Ok(f64::NAN) }
    });
    let [ours, one_stream, two_threads] = by_turns([ours, one_stream, two_threads])?;
    database.close();
    let what = format!("snapshot of {} rows on MariaDB, read back and durable; {memory} MiB of memory", LEADS + HITS);
    tell(Line::new(&what, ours).against("`mariadb-dump`, `zstd -3`, not durable", one_stream).goal(Goal::Ratio(1.0)));
    tell(Line::new(&what, ours).against("`mydumper -c -t 2`, not durable", two_threads).goal(Goal::Ratio(1.0)));
    Ok(())
}

fn load(schema: &Schema, directory: &Path, tell: &mut dyn FnMut(Line)) -> Result<()> {
    let database = open(schema, directory)?;
    let (own, many, dump) = (directory.join("own"), directory.join("mydumper"), directory.join("dump.sql"));
    let (many, dump) = (native::text(&many)?, native::text(&dump)?);
    if is_there("mariadb-dump") {
        schema.shell(&format!("mariadb-dump --no-defaults --single-transaction $LOGIN $SCHEMA > {dump}"))?;
    }
    let mut memory = 0;
    let ours: Timed<'_> = Box::new(|| {
        let (took, most) = peak(|| time(|| database.load(&own).map_err(shown)))?;
        memory = memory.max(most);
        Ok(took)
    });
    let one_stream: Timed<'_> = Box::new(|| {
        let there = is_there("mariadb-dump") && is_there("mariadb");
        let line = format!("mariadb --no-defaults $LOGIN $SCHEMA < {dump}");
        if there { time(|| schema.shell(&line)) } else { Ok(f64::NAN) }
    });
    let two_threads: Timed<'_> = Box::new(|| {
        let there = is_there("mydumper") && is_there("myloader");
        let line = format!("myloader $LOGIN -B $SCHEMA -o -t 2 -d {many}");
        if there { time(|| schema.shell(&line)) } else { Ok(f64::NAN) }
    });
    let [ours, one_stream, two_threads] = turns(LOADS, [ours, one_stream, two_threads])?;
    database.close();
    let what = format!("restore of {} rows on MariaDB, compared; {memory} MiB of memory", LEADS + HITS);
    tell(Line::new(&what, ours).against("`mariadb`", one_stream).goal(Goal::Ratio(1.0)));
    tell(Line::new(&what, ours).against("`myloader -t 2`", two_threads).goal(Goal::Ratio(0.5)));
    Ok(())
}

fn snapshot(database: &Mysql, directory: &Path) -> Result<()> {
    let info = database.snapshot(&[], directory, true).map_err(shown)?;
    if info.rows != u64::from(LEADS + HITS) {
        return Err(format!("{} rows were saved", info.rows).into());
    }
    Ok(())
}

fn open(schema: &Schema, directory: &Path) -> Result<Mysql> {
    let [spool, restore] = ["spool", "restore"].map(|name| directory.join(name));
    for directory in [&spool, &restore] {
        fs::create_dir_all(directory)?;
    }
    let config = MysqlConfig {
        name: "main".to_owned(),
        server: Server {
            place: Place::Socket(schema.socket.clone()),
            schema: schema.name.to_owned(),
            account: Credentials { user: USER.to_owned(), password: String::new() },
            stage_account: None,
            tls: Tls::Off,
        },
        foreign_keys: true,
        sql_mode: None,
        statement_time: Duration::from_mins(10),
        result_bytes: 64 << 20,
        spool_bytes: 1 << 30,
        spool,
        restore,
        stop: Arc::new(AtomicBool::new(false)),
        meter: Meter::default(),
        run: "bench".to_owned(),
    };
    Mysql::open(config).map_err(shown)
}

fn empty(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(fs::create_dir(directory)?)
}

fn shown(error: impl std::fmt::Debug) -> Box<dyn std::error::Error> {
    format!("{error:?}").into()
}
