//! A digest that misses a difference proves nothing: each kind of difference is made once.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

struct Small {
    directory: TempDir,
}

impl Small {
    fn new() -> Self {
        let small = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(small.root().join("a/b")).unwrap();
        for name in [OsStr::new("a/file"), OsStr::new("a/new\nline"), OsStr::from_bytes(b"a/\xff")] {
            fs::write(small.root().join(name), "contents").unwrap();
            small.touch(Path::new(name), 1_000_000);
        }
        symlink("file", small.root().join("a/link")).unwrap();
        small.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, x'00');");
        small
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("data.db")
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.database()).unwrap().execute_batch(sql).unwrap();
    }

    fn touch(&self, name: &Path, seconds: u64) {
        let file = File::options().write(true).open(self.root().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.root(), &self.database()).unwrap()
    }

    /// What a change does to the digest.
    fn after(change: impl FnOnce(&Self)) -> Vec<String> {
        let small = Self::new();
        let before = small.digest();
        change(&small);
        let after = small.digest();
        assert_eq!(before == after, before.hex() == after.hex());
        before.diff(&after)
    }
}

#[test]
fn every_difference_of_a_file_is_seen() {
    let root = |small: &Small| small.root().join("a/file");
    let changes: [&dyn Fn(&Small); 8] = [
        &|small| {
            fs::write(root(small), "Contents").unwrap();
            small.touch(Path::new("a/file"), 1_000_000);
        },
        &|small| fs::set_permissions(root(small), Permissions::from_mode(0o600)).unwrap(),
        &|small| fs::set_permissions(small.root().join("a/b"), Permissions::from_mode(0o700)).unwrap(),
        &|small| fs::set_permissions(small.root(), Permissions::from_mode(0o700)).unwrap(),
        &|small| small.touch(Path::new("a/file"), 1_000_001),
        &|small| fs::remove_file(root(small)).unwrap(),
        &|small| fs::write(small.root().join("a/more"), "").unwrap(),
        &|small| {
            fs::remove_file(small.root().join("a/link")).unwrap();
            symlink("other", small.root().join("a/link")).unwrap();
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        assert_eq!(Small::after(change).len(), 1, "change {number}");
    }
}

#[test]
fn every_difference_of_a_database_is_seen() {
    for sql in [
        "UPDATE t SET v = 'y' WHERE id = 1",
        "UPDATE t SET v = '' WHERE id = 2",
        "UPDATE t SET v = CAST(x'00' AS TEXT) WHERE id = 3",
        "DELETE FROM t WHERE id = 1",
        "INSERT INTO t VALUES (4, NULL)",
        "CREATE INDEX i ON t (v)",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 1",
        "PRAGMA journal_mode = WAL",
    ] {
        assert_eq!(Small::after(|small| small.sql(sql)).len(), 1, "{sql}");
    }
    assert_eq!(Small::after(|small| small.sql("CREATE TABLE u (a)")).len(), 2);
}

#[test]
fn what_nobody_could_tell_is_not_seen() {
    let nothing = Vec::<String>::new();
    let own = |small: &Small| fs::create_dir(small.root().join(".liftlock-run")).unwrap();
    assert_eq!(Small::after(own), nothing);
    assert_eq!(Small::after(|small| small.sql("CREATE TABLE liftlock_marker (a); VACUUM")), nothing);
    assert_eq!(
        Small::after(|small| small.sql("DELETE FROM t; INSERT INTO t VALUES (3, x'00'), (1, 'x'), (2, NULL)")),
        nothing
    );
    let coming_and_going = |small: &Small| {
        fs::write(small.root().join("a/b/c"), "").unwrap();
        fs::remove_file(small.root().join("a/b/c")).unwrap();
    };
    assert_eq!(Small::after(coming_and_going), nothing);
}

#[test]
fn the_exact_digest_sees_the_database_file() {
    let small = Small::new();
    let exact = || Digest::exact(&small.root(), &small.database()).unwrap();
    let before = exact();
    small.sql("CREATE TABLE gone (a); DROP TABLE gone");
    assert_eq!(before.diff(&exact()).len(), 1);
}

#[test]
fn a_new_file_has_no_time_and_an_old_one_keeps_its_own() {
    let small = Small::new();
    let before = small.digest();
    let looks = || small.digest().without_new_times(&before);
    let was = looks();
    small.touch(Path::new("a/file"), 2_000_000);
    assert_eq!(was.diff(&looks()).len(), 1, "a file that was there before is as old as before");
    let new = |seconds| {
        fs::write(small.root().join("a/made"), "made").unwrap();
        small.touch(Path::new("a/made"), seconds);
        looks()
    };
    assert_eq!(new(3_000_000), new(4_000_000));
}

#[test]
fn files_alone_are_read_and_not_opened() {
    let small = Small::new();
    let beside = small.directory.path().join("beside");
    fs::create_dir(&beside).unwrap();
    for name in ["data.db", "data.db-wal", "data.db-shm"] {
        fs::write(beside.join(name), "no database").unwrap();
    }
    let files = || Digest::of_files(&small.root(), &beside).unwrap();
    let before = files();
    fs::write(beside.join("data.db-shm"), "another index").unwrap();
    assert_eq!(before.diff(&files()), Vec::<String>::new());
    fs::write(beside.join("data.db-wal"), "another log").unwrap();
    assert_eq!(before.diff(&files()).len(), 1);
}

#[test]
fn names_are_readable_and_reversible() {
    let small = Small::new();
    let digest = small.digest();
    for name in ["file a/new\\x0Aline", "file a/\\xFF"] {
        assert!(digest.parts.contains_key(name), "{name}: {:?}", digest.parts.keys());
    }
}

#[test]
fn a_broken_database_is_no_digest() {
    let small = Small::new();
    let mut bytes = fs::read(small.database()).unwrap();
    bytes[5000..].fill(0xaa);
    fs::write(small.database(), bytes).unwrap();
    assert!(Digest::of(&small.root(), &small.database()).is_err());
}
