//! Connections that see the same moment, while others write without a pause.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::moment::{self, Gate};
use super::super::plan::Source;
use super::super::read::Reader;
use super::*;
use crate::capability::database::mysql::testing::texts;

/// Money that is moved between all of these, one at a time: what there is of it in all of them together is always the same.
const TABLES: &[&str] = &[
    "CREATE TABLE a (id INT PRIMARY KEY, n INT NOT NULL)",
    "CREATE TABLE b (id INT PRIMARY KEY, n INT NOT NULL) PARTITION BY HASH (id) PARTITIONS 3",
    "CREATE TABLE p (id INT PRIMARY KEY)",
    "CREATE TABLE c (id INT PRIMARY KEY, n INT NOT NULL, FOREIGN KEY (id) REFERENCES p (id) ON DELETE CASCADE)",
    "CREATE TABLE rest (id INT PRIMARY KEY, n INT NOT NULL)",
    "INSERT INTO a SELECT seq, 100 FROM seq_1_to_8",
    "INSERT INTO b SELECT * FROM a",
    "INSERT INTO rest SELECT * FROM a",
    "INSERT INTO p SELECT id FROM a",
    "INSERT INTO c SELECT * FROM a",
];
const ALL: &str = "SELECT 'a', id, n FROM a UNION ALL SELECT 'b', id, n FROM b UNION ALL SELECT 'c', id, n FROM c \
    UNION ALL SELECT 'rest', id, n FROM rest UNION ALL SELECT 'p', id, 0 FROM p ORDER BY 1, 2";
const MONEY: i64 = 4 * 8 * 100;
const WRITERS: u64 = 4;
const ROUNDS: usize = 60;

/// Moves money until it is told to stop.
fn write(schema: &TestSchema, writer: u64, stop: &AtomicBool, written: &AtomicU64) {
    let mut link = schema.link();
    let mut random = writer;
    let mut next = |most: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % most
    };
    while !stop.load(Ordering::Relaxed) {
        let (one, other) = (next(8) + 1, next(8) + 1);
        let (from, into) = [("a", "b"), ("b", "rest"), ("c", "a"), ("rest", "c")][next(4) as usize];
        let statements = match next(4) {
            // By the foreign key, a row of the other table goes with this one.
            0 => vec![
                format!("UPDATE rest, c SET rest.n = rest.n + c.n WHERE rest.id = {one} AND c.id = {other}"),
                format!("DELETE FROM p WHERE id = {other}"),
                format!("INSERT INTO p VALUES ({other})"),
                format!("INSERT INTO c VALUES ({other}, 0)"),
            ],
            1 => vec![format!(
                "UPDATE {from}, {into} SET {from}.n = {from}.n - 1, {into}.n = {into}.n + 1 WHERE {from}.id = {one} AND {into}.id = {other}"
            )],
            _ => vec![
                format!("UPDATE {from} SET n = n - 1 WHERE id = {one}"),
                format!("UPDATE {into} SET n = n + 1 WHERE id = {other}"),
            ],
        };
        link.run("START TRANSACTION").unwrap();
        let done = statements.iter().all(|sql| link.run(sql).is_ok());
        // Writers get in each other's way, and a row may be gone: then it is as if nothing had been tried.
        link.run(if done { "COMMIT" } else { "ROLLBACK" }).unwrap();
        written.fetch_add(u64::from(done), Ordering::Relaxed);
        thread::sleep(Duration::from_micros(next(4000)));
    }
}

/// What each of the readers sees.
fn seen(readers: &mut [Reader<'_>]) -> Vec<Vec<Vec<String>>> {
    let all = |reader: &mut Reader<'_>| reader.rows(ALL).unwrap().into_iter().map(texts).collect();
    readers.iter_mut().map(all).collect()
}

fn money(rows: &[Vec<String>]) -> i64 {
    rows.iter().map(|row| row[2].parse::<i64>().unwrap()).sum()
}

#[test]
fn all_connections_see_the_same_moment_while_others_write() {
    let Some(server) = server().filter(|_| is_mariadb()) else { return };
    let schema = server.schema(TABLES);
    let (config, catalog) = (schema.config(), catalog(&schema));
    let tables: Vec<_> = catalog.tables.keys().cloned().collect();
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut at_once, mut apart, mut longest) = (0, 0, Duration::ZERO);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (schema, stop, written) = (&schema, &stop, &written);
            scope.spawn(move || write(schema, writer, stop, written));
        }
        for _ in 0..ROUNDS {
            let first = Reader::open(&config).unwrap();
            let sources = Source::all(&catalog, &tables, first.flavor).unwrap();
            let began = Instant::now();
            let mut readers = moment::readers(&config, first, 3, &sources).unwrap();
            longest = longest.max(began.elapsed());
            at_once += usize::from(readers.len() == 3);
            let seen = seen(&mut readers);
            assert!(seen.iter().all(|rows| *rows == seen[0] && money(rows) == MONEY), "{seen:?}");
            // The same without the lock: it is the lock that does it.
            let mut readers: Vec<_> = (0..3).map(|_| Reader::open(&config).unwrap()).collect();
            readers.iter_mut().for_each(|reader| reader.begin().unwrap());
            let seen = self::seen(&mut readers);
            assert!(seen.iter().all(|rows| money(rows) == MONEY));
            apart += usize::from(seen.iter().any(|rows| *rows != seen[0]));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let written = written.load(Ordering::Relaxed);
    println!(
        "{written} transactions of {WRITERS} writers; {at_once} of {ROUNDS} times several connections, found within \
        {longest:?}, all of which saw the same; without the lock {apart} of {ROUNDS} times they did not"
    );
    assert!(at_once > ROUNDS / 2 && apart > 0 && written > 100);
}

#[test]
fn a_live_snapshot_of_several_connections_is_of_one_moment() {
    let Some(server) = server().filter(|_| is_mariadb()) else { return };
    let schema = server.schema(TABLES);
    let config = schema.config();
    let tables: Vec<_> = catalog(&schema).tables.into_keys().collect();
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut together = 0;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (schema, stop, written) = (&schema, &stop, &written);
            scope.spawn(move || write(schema, writer, stop, written));
        }
        let other = server.schema(&[]);
        for round in 0..10 {
            let directory = schema.directory().join(round.to_string());
            fs::create_dir(&directory).unwrap();
            let info = save(&config, &catalog(&schema), &tables, false, &directory, Quiet::Live).unwrap();
            together += usize::from(info.extra.contains(&("consistency".to_owned(), "one-moment".to_owned())));
            load(&other.config(), &directory, &verify(&directory).unwrap()).unwrap();
            let rows = other.rows(ALL);
            assert_eq!(money(&rows), MONEY, "{rows:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("{together} of 10 snapshots by several connections, {} transactions meanwhile", written.into_inner());
    assert!(together > 0);
}

#[test]
fn what_cannot_be_locked_at_once_is_read_by_one_connection() {
    let Some(server) = server() else { return };
    let schema =
        server.schema(&["CREATE TABLE a (n INT)", "CREATE TABLE b (n INT)", "CREATE TABLE m (n INT) ENGINE=MyISAM"]);
    let config = schema.config();
    let (small, _kept) = schema.account(&["SELECT ON schema.*"]);
    let connections = |config: &MysqlConfig, tables: &[&str]| {
        let catalog = catalog(&schema);
        let tables: Vec<_> = tables.iter().map(|table| (*table).to_owned()).collect();
        let first = Reader::open(config).unwrap();
        let sources = Source::all(&catalog, &tables, first.flavor).unwrap();
        moment::readers(config, first, 2, &sources).unwrap().len()
    };
    let most = if is_mariadb() { 2 } else { 1 };
    assert_eq!(connections(&config, &["a", "b", "m"]), most);
    assert_eq!((connections(&config, &["m"]), connections(&small, &["a"])), (1, 1));
    // Somebody who takes his time. Others are not held up meanwhile: not at the table that is locked first, either.
    let mut slow = schema.link();
    slow.run("START TRANSACTION").unwrap();
    slow.run("INSERT INTO b VALUES (1)").unwrap();
    let held_up = thread::scope(|scope| {
        let reading = scope.spawn(|| connections(&config, &["a", "b"]));
        let (mut longest, mut visitor) = (Duration::ZERO, schema.link());
        while !reading.is_finished() {
            let began = Instant::now();
            visitor.run("INSERT INTO a VALUES (1)").unwrap();
            longest = longest.max(began.elapsed());
        }
        assert_eq!(reading.join().unwrap(), 1);
        longest
    });
    println!("a visitor was held up for at most {held_up:?}");
    assert!(held_up < Duration::from_millis(900), "{held_up:?}");
    slow.run("COMMIT").unwrap();
    assert_eq!(connections(&config, &["a", "b"]), most);
}

#[test]
fn a_lock_that_was_lost_is_noticed() {
    let Some(server) = server().filter(|_| is_mariadb()) else { return };
    let schema = server.schema(&["CREATE TABLE a (n INT)"]);
    let shut = || Gate::shut(&schema.config(), "LOCK TABLES a READ").unwrap();
    let gate = shut();
    let mut visitor = schema.link();
    visitor.run("SET innodb_lock_wait_timeout = 5").unwrap();
    let writing = thread::spawn(move || visitor.run("INSERT INTO a VALUES (1)").unwrap());
    thread::sleep(Duration::from_millis(100));
    assert!(!writing.is_finished() && gate.open(), "nobody writes while it is shut");
    writing.join().unwrap();
    let gate = shut();
    schema.run(&format!("KILL {}", gate.id()));
    assert!(!gate.open());
    // A host that is stopped holds nobody up for long.
    let gate = shut();
    let began = Instant::now();
    schema.run("INSERT INTO a VALUES (1)");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(!gate.open());
}
