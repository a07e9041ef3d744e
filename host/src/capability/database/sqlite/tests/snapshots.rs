//! The operator's backups, ordered by a stage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::*;
use crate::capability::database::{DatabaseGrant, Databases, SnapshotInfo, StageDatabase};
use crate::effect::{Access, Capability, Verdict};

const SETUP: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, s TEXT, g AS (upper(s)) STORED);
    INSERT INTO a (s) VALUES ('x'), ('y'), ('z'); DELETE FROM a WHERE id = 3; CREATE INDEX ai ON a (s);
    CREATE TABLE b (v); INSERT INTO b VALUES (1), ('t'), (x'ff'), (CAST(x'fe' AS TEXT)), (NULL), (0.1); DELETE FROM b WHERE v = 1;
    CREATE TABLE log (n); CREATE TRIGGER ag AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.id); END;
    CREATE TABLE k (a TEXT PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO k VALUES ('q', 1);
    CREATE VIEW va AS SELECT * FROM a;";

struct Shop {
    place: Place,
    databases: Arc<Databases>,
}

impl Shop {
    fn new(change: impl FnOnce(&mut SqliteConfig)) -> Self {
        let place = Place::with(SETUP, change);
        let driver: Arc<dyn Driver> = Arc::new(Sqlite::open(place.config.clone()).unwrap());
        let backups = place.directory.path().join("backups");
        let databases = Arc::new(Databases::new(vec![driver], backups, "run-1".to_owned()));
        Self { place, databases }
    }

    fn stage(&self, access: Access) -> StageDatabase {
        let grant = DatabaseGrant {
            slot: "migrate".to_owned(),
            databases: BTreeMap::from([("main".to_owned(), access)]),
            snapshots: BTreeSet::new(),
            read_only: false,
        };
        StageDatabase::new(Arc::clone(&self.databases), grant)
    }

    fn snapshot(&self, seq: u64, tables: &[&str]) -> SnapshotInfo {
        let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
        let prepared = self.stage(Access::Read).prepare_snapshot(seq, "main", &tables, true).unwrap();
        serde_json::from_value((prepared.act)().unwrap()).unwrap()
    }

    fn file(&self, info: &SnapshotInfo) -> PathBuf {
        let file = &info.extra.iter().find(|(name, _)| name == "file").unwrap().1;
        self.place.directory.path().join("backups").join(file)
    }

    fn load(&self, id: &str) -> Result<SnapshotInfo, CallError> {
        let mut stage = self.stage(Access::Write);
        stage.admit_snapshot(id.to_owned());
        let driver = self.databases.driver("main").unwrap();
        driver.begin(driver.marker()?.as_ref())?;
        let loaded = stage.load("main", id);
        match loaded {
            Ok(_) => driver.commit(&Marker { sequence: 50, ..marker(1) })?,
            Err(_) => driver.rollback()?,
        }
        loaded
    }

    fn dump(&self) -> Vec<Vec<Vec<Value>>> {
        let all = [
            "SELECT * FROM a",
            "SELECT rowid, typeof(v), v FROM b",
            "SELECT * FROM log",
            "SELECT * FROM k",
            "SELECT * FROM sqlite_sequence",
        ];
        all.iter().map(|sql| self.place.rows(sql)).collect()
    }
}

#[test]
fn what_is_not_granted_is_refused_with_the_line_that_would_allow_it() {
    let shop = Shop::new(|_| {});
    let stage = shop.stage(Access::Read);
    let failure = answer(stage.admit_write("main").map(drop));
    assert_eq!(failure.code, "not-granted");
    assert!(failure.message.contains("[grants.migrate] database.main = \"write\""), "{}", failure.message);
    let failure = answer(stage.query("other", "SELECT 1", &[], "01-1").map(drop));
    assert!(failure.message.contains("[grants.migrate] database.other = \"read\""), "{}", failure.message);
    assert_eq!(answer(stage.load("main", "snapshot-1").map(drop)).code, "not-granted");
    assert_eq!(answer(shop.stage(Access::Write).load("main", "snapshot-1").map(drop)).code, "not-granted");
    assert_eq!(stage.query("main", "SELECT * FROM a", &[], "01-2").unwrap().next(10).unwrap().rows, 2);
}

#[test]
fn a_check_changes_nothing_whatever_is_granted() {
    let shop = Shop::new(|_| {});
    let databases = BTreeMap::from([("main".to_owned(), Access::Write), ("gone".to_owned(), Access::Write)]);
    let grant = DatabaseGrant { slot: "s".into(), databases, snapshots: BTreeSet::new(), read_only: true };
    let stage = StageDatabase::new(Arc::clone(&shop.databases), grant);
    assert_eq!(answer(stage.admit_write("main").map(drop)).code, "read-only");
    assert_eq!(answer(stage.prepare_snapshot(1, "main", &[], true).map(drop)).code, "read-only");
    assert_eq!(answer(stage.open("gone").map(drop)).code, "no-such-database");
    assert_eq!(stage.dialect("main").unwrap(), "sqlite");
}

#[test]
fn a_snapshot_of_unknown_or_forbidden_tables_is_refused() {
    let shop = Shop::new(|_| {});
    for table in ["none", "va", "sqlite_sequence", "liftlock_marker", "a; DROP TABLE a"] {
        let refused = shop.stage(Access::Read).prepare_snapshot(1, "main", &[table.to_owned()], true).map(drop);
        assert_eq!(answer(refused).code, "no-such-table", "{table}");
    }
}

#[test]
fn a_snapshot_is_a_database_that_anybody_can_open() {
    let shop = Shop::new(|_| {});
    let info = shop.snapshot(7, &[]);
    assert_eq!((info.id.as_str(), info.tables, info.rows), ("snapshot-7", 4, 8));
    let directory = shop.file(&info);
    assert_eq!(directory.file_name().unwrap(), "run-1-7-main");
    let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["main.sqlite", "snapshot.json"]);
    let copy = Connection::open(directory.join("main.sqlite")).unwrap();
    assert_eq!(copy.query_row("SELECT count(*) FROM va", [], |row| row.get(0)), Ok(2));
    assert_eq!(shop.place.outside().query_row("SELECT count(*) FROM va", [], |row| row.get(0)), Ok(2));
}

#[test]
fn a_snapshot_of_a_database_with_a_log_and_a_marker_is_one_file_without_it() {
    let (place, _outside) = Place::with_log(MANY);
    place.batch(1, &["DELETE FROM many WHERE id > 9000"]);
    let directory = place.directory.path().join("copy");
    fs::create_dir(&directory).unwrap();
    let info = place.database.snapshot(&[], &directory, true).unwrap();
    assert_eq!((info.tables, info.rows), (1, 9_000));
    let copy = Connection::open(directory.join("main.sqlite")).unwrap();
    assert_eq!(copy.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)), Ok(1));
    assert_eq!(copy.query_row("PRAGMA journal_mode", [], |row| row.get(0)), Ok("delete".to_owned()));
}

#[test]
fn a_killed_snapshot_is_cleared_and_a_finished_one_is_done() {
    let shop = Shop::new(|_| {});
    let prepared = shop.stage(Access::Read).prepare_snapshot(3, "main", &[], true).unwrap();
    let change = prepared.change.clone();
    let site = shop.place.directory.path().join("backups/.run-1-3-main.new");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("main.sqlite"), b"half").unwrap();
    assert_eq!(shop.databases.settle(&change), Ok(Verdict::NotDone));
    assert!(!site.exists());
    let result = (prepared.act)().unwrap();
    assert_eq!(shop.databases.settle(&change), Ok(Verdict::Done(result.clone())));
    shop.databases.undo(&change).unwrap();
    assert_eq!(shop.databases.settle(&change), Ok(Verdict::Done(result)), "a backup outlives undo");
}

#[test]
fn a_stop_in_a_snapshot_leaves_nothing() {
    let shop = Shop::new(|_| {});
    shop.place.config.stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let prepared = shop.stage(Access::Read).prepare_snapshot(3, "main", &[], true).unwrap();
    assert_eq!(fault((prepared.act)()).code, "interrupted");
    assert_eq!(fs::read_dir(shop.place.directory.path().join("backups")).unwrap().count(), 0);
}

#[test]
fn a_damaged_or_unknown_snapshot_is_not_loaded() {
    let shop = Shop::new(|_| {});
    let info = shop.snapshot(1, &[]);
    for id in ["snapshot-2", "snapshot-", "snapshot-../../x", "1"] {
        assert_eq!(answer(shop.load(id)).code, "no-such-snapshot", "{id}");
    }
    let before = shop.dump();
    let file = shop.file(&info).join("main.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    bytes[4200] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(fault(shop.load("snapshot-1")).code, "snapshot-damaged");
    assert_eq!(shop.dump(), before);
}

#[test]
fn loading_puts_rows_ids_and_definitions_back_and_fires_nothing() {
    let shop = Shop::new(|_| {});
    let before = (shop.dump(), shop.place.database.objects().unwrap());
    shop.snapshot(1, &[]);
    shop.place.outside().execute_batch(
        "DROP TABLE k; UPDATE a SET s = 'changed'; INSERT INTO a (s) VALUES ('new'); DROP INDEX ai; DROP TRIGGER ag;
         ALTER TABLE b ADD COLUMN more; DELETE FROM b; CREATE TABLE other (x); INSERT INTO other VALUES (1)",
    ).unwrap();
    let info = shop.load("snapshot-1").unwrap();
    assert_eq!((info.id.as_str(), info.rows), ("snapshot-1", 8));
    assert_eq!(shop.dump(), before.0);
    let mut after = shop.place.database.objects().unwrap();
    after.retain(|object| object.name != "other");
    assert_eq!(after, before.1);
}

#[test]
fn some_tables_come_alone_and_go_back_alone() {
    let shop = Shop::new(|_| {});
    let info = shop.snapshot(1, &["a", "k"]);
    assert_eq!((info.tables, info.rows), (2, 3));
    let copy = Connection::open(shop.file(&info).join("main.sqlite")).unwrap();
    let count = "SELECT count(*) FROM sqlite_schema WHERE name IN ('b', 'log', 'va')";
    assert_eq!(copy.query_row(count, [], |row| row.get(0)), Ok(0));
    shop.place.outside().execute_batch("DELETE FROM a; DELETE FROM b").unwrap();
    shop.load("snapshot-1").unwrap();
    assert_eq!(shop.place.int("SELECT count(*) FROM a"), 2);
    assert_eq!(shop.place.int("SELECT count(*) FROM b"), 0);
}

#[test]
fn a_load_that_would_leave_orphans_is_refused_and_one_that_does_not_cascades_nothing() {
    let shop = Shop::new(|config| config.foreign_keys = true);
    shop.place
        .outside()
        .execute_batch("CREATE TABLE c (a REFERENCES a ON DELETE CASCADE); INSERT INTO c VALUES (1)")
        .unwrap();
    shop.snapshot(1, &["a"]);
    shop.load("snapshot-1").unwrap();
    assert_eq!(shop.place.int("SELECT count(*) FROM c"), 1, "putting a back deletes nothing elsewhere");
    shop.place.outside().execute_batch("INSERT INTO a (id, s) VALUES (9, 'new'); INSERT INTO c VALUES (9)").unwrap();
    let before = shop.dump();
    assert_eq!(answer(shop.load("snapshot-1")).code, "foreign-key-violation");
    assert_eq!(shop.dump(), before);
}
