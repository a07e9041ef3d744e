//! The guest `counter`, with a small installation of its own: denser and faster than a real upgrade. It reads what it wrote before
//! it writes on, so that anything done twice, or not at all, shows in the end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rusqlite::Connection;

use super::{Site, Workload};
use crate::digest::sha256_hex;
use crate::fixture::Database;
use crate::mariadb::{self, Schema};
use crate::places;

/// What kind of installation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// A database with a rollback journal.
    Journal,
    /// A database with a write-ahead log, and rows of the application's in it that are not in the main file yet.
    Log,
    /// A directory stands where the last stage wants to write a file.
    Fails,
    /// A MariaDB server, with tables beside that the upgrade does not touch.
    Server,
}

/// The workload. Its database is made once: a log holds random numbers.
#[derive(Debug, Clone)]
pub struct Counter {
    variant: Variant,
    main: Vec<u8>,
    log: Option<Vec<u8>>,
    components: Vec<Vec<u8>>,
}

const FILES: [(&str, &str, u32); 7] = [
    ("gone.txt", "soon gone\n", 0o640),
    ("index.html", "<p>hello</p>\n", 0o644),
    ("notes.log", "begun\n", 0o600),
    ("old/deep/er.txt", "deep\n", 0o444),
    ("old/name.txt", "a name\n", 0o644),
    ("run.sh", "#!/bin/sh\n", 0o644),
    ("settings.ini", "[main]\n", 0o660),
];

const ROWS: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, word TEXT NOT NULL, n INTEGER NOT NULL);
    CREATE TABLE totals (id INTEGER PRIMARY KEY AUTOINCREMENT, count INTEGER NOT NULL, lines INTEGER NOT NULL);
    CREATE TABLE old (a, b);
    WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 40)
        INSERT INTO items SELECT x, 'word ' || x, x * 7 % 11 FROM i;
    INSERT INTO old SELECT id, zeroblob(100) FROM items;";

/// The same on a server, and what stands beside it: a reader of what is counted, and what nobody touches.
const ROWS_OF_SERVER: &str = "
    CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(100) NOT NULL, n INT NOT NULL);
    CREATE TABLE totals (id INT AUTO_INCREMENT PRIMARY KEY, count INT NOT NULL, `lines` INT NOT NULL);
    CREATE TABLE old (a INT, b BLOB);
    CREATE TABLE noted (item INT NOT NULL, at VARCHAR(100));
    CREATE TABLE beside (id INT AUTO_INCREMENT PRIMARY KEY, old FLOAT);
    CREATE TABLE tags (item INT, tag VARCHAR(9), FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE);
    INSERT INTO items (word, n) SELECT CONCAT('word ', seq), seq * 7 % 11 FROM seq_1_to_40;
    INSERT INTO old SELECT id, REPEAT(CHAR(0), 100) FROM items;
    INSERT INTO tags SELECT id, 'tag' FROM items WHERE id % 3 = 0;
    INSERT INTO beside (old) VALUES (1.23456789), (16777217), (NULL);
    CREATE TRIGGER note AFTER INSERT ON items FOR EACH ROW INSERT INTO noted VALUES (NEW.id, NEW.word);
    CREATE VIEW seen AS SELECT id, word FROM items;";

impl Workload for Counter {
    fn name(&self) -> &'static str {
        match self.variant {
            Variant::Journal => "counter",
            Variant::Log => "counter-wal",
            Variant::Fails => "counter-fails",
            Variant::Server => "counter-mariadb",
        }
    }

    fn fails(&self) -> bool {
        self.variant == Variant::Fails
    }

    fn install(&self, directory: &Path) -> Result<Site> {
        let site = Site::at(directory, |directory| self.database(&directory.join("data")))?;
        for (path, text, mode) in FILES {
            let path = site.root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&site.root))?;
            write(&path, text.as_bytes(), text.len())?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
        if self.fails() {
            fs::create_dir(site.root.join(LAST))?;
        }
        self.configure(&site)?;
        Ok(site)
    }
}

impl Counter {
    /// Makes the database.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(variant: Variant) -> Result<Self> {
        let components =
            SLOTS.iter().map(|(_, guest, _)| Ok(fs::read(places::guest(guest)?)?)).collect::<Result<_>>()?;
        if variant == Variant::Server {
            return Ok(Self { variant, main: Vec::new(), log: None, components });
        }
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("main.db");
        let database = Connection::open(&path)?;
        if variant != Variant::Log {
            database.execute_batch(&format!("BEGIN; {ROWS} COMMIT;"))?;
            return Ok(Self { variant, main: fs::read(&path)?, log: None, components });
        }
        database.pragma_update(None, "journal_mode", "wal")?;
        database.execute_batch(&format!("BEGIN; {ROWS} COMMIT;"))?;
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        database.execute("INSERT INTO items (word, n) VALUES ('in the log', 3)", [])?;
        // While it is open, as if the application had been killed: closing it would empty the log.
        let log = Some(fs::read(path.with_extension("db-wal"))?);
        Ok(Self { variant, main: fs::read(&path)?, log, components })
    }

    fn database(&self, directory: &Path) -> Result<Database> {
        if self.variant == Variant::Server {
            let schema = Schema::new(&mariadb::shared()?, "counter")?;
            schema.client()?.run(ROWS_OF_SERVER)?;
            return Ok(Database::Server(schema));
        }
        fs::create_dir_all(directory)?;
        let file = directory.join("main.db");
        write(&file, &self.main, 1)?;
        if let Some(log) = &self.log {
            write(&file.with_extension("db-wal"), log, 2)?;
        }
        Ok(Database::File(file))
    }

    /// The bundle beside the installation: the counter, and a second stage so that a marker has to name its stage.
    fn configure(&self, site: &Site) -> Result<()> {
        let bundle = site.directory.join("bundle");
        fs::create_dir(&bundle)?;
        let mut pipeline = PIPELINE.to_owned();
        for ((slot, guest, lines), component) in SLOTS.into_iter().zip(&self.components) {
            fs::write(bundle.join(format!("{guest}.wasm")), component)?;
            let sha256 = sha256_hex(component);
            pipeline += &format!(
                "[[slot]]\nname = {slot:?}\ncomponent = \"{guest}.wasm\"\nsha256 = {sha256:?}\n{lines}\nasks = [\n  \
                 {{ capability = \"database\", object = \"main\", access = \"write\", reason = \"counts\" }},\n  \
                 {{ capability = \"files\", object = \"app\", access = \"write\", reason = \"notes\" }},\n]\n\n"
            );
        }
        fs::write(bundle.join("pipeline.toml"), &pipeline)?;
        let grants: String = SLOTS
            .iter()
            .map(|(slot, ..)| format!("[grants.{slot}]\ndatabase.main = \"write\"\nfiles.app = \"write\"\n"))
            .collect();
        let database = match &site.database {
            Database::File(_) => "sqlite = \"data/main.db\"".to_owned(),
            Database::Server(schema) => {
                let (socket, name, user) = (schema.socket(), schema.name(), schema.user());
                format!("socket = {socket:?}\nuser = {user:?}\nschema = {name:?}")
            }
        };
        let settings = SETTINGS.replace("$PIPELINE", &sha256_hex(pipeline.as_bytes())).replace("$DATABASE", &database);
        Ok(fs::write(&site.settings, settings + &grants)?)
    }
}

/// Writes a file as old as is said.
fn write(path: &Path, bytes: &[u8], age: usize) -> Result<()> {
    fs::write(path, bytes)?;
    Ok(fs::File::open(path)?.set_modified(then(age))?)
}

/// Some time in 2020, with a part of a second.
fn then(difference: usize) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_588_118_400 + difference as u64, 123_456_789)
}

/// What the last stage writes.
const LAST: &str = "last.txt";

/// Slot, guest, other keys.
const SLOTS: [(&str, &str, &str); 2] = [
    ("count", "counter", "produces = { count = \"text\" }"),
    ("more", "ok", "params = { file = \"last.txt\", text = \"done\", table = \"more\", rows = 4, transaction = true }"),
];

const PIPELINE: &str = "format = 1
name = \"counter\"
title = \"Counts\"
from = \"1\"
to = \"2\"

[databases.main]
about = \"what is counted\"

[roots.app]
about = \"where it is noted\"

";

const SETTINGS: &str = "format = 1
name = \"counter\"
state = \"state\"
backup = \"backup\"
accept = [\"binary-log\", \"foreign-definer\", \"no-clone\", \"no-tls\", \"no-transactions\"]

[pipeline]
path = \"bundle/pipeline.toml\"
sha256 = \"$PIPELINE\"

[roots.app]
path = \"www\"

[databases.main]
$DATABASE

[freeze]
drain = \"0s\"

[maintenance]
flag = { root = \"app\", path = \"maintenance.flag\", content = \"back soon\" }

";
