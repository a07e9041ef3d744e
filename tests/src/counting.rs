//! An installation whose database is on a server and whose only stage counts in it: whatever is cut off, whatever dies, the
//! count must be right in the end.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use tempfile::TempDir;

use crate::digest::Digest;
use crate::fixture::small::{Slot, Small};
use crate::host::{Ended, Host};
use crate::mariadb::{Schema, Server};

/// What the guest `increments` works on, and what nobody touches.
const ROWS: &str = "
    CREATE TABLE c (id INT PRIMARY KEY, n BIGINT NOT NULL);
    INSERT INTO c VALUES (1, 0);
    CREATE TABLE steps (id INT AUTO_INCREMENT PRIMARY KEY, n BIGINT NOT NULL, word VARCHAR(20));
    INSERT INTO steps (n, word) VALUES (0, 'before'), (0, 'gone');
    DELETE FROM steps WHERE word = 'gone';
    CREATE TABLE beside (id INT AUTO_INCREMENT PRIMARY KEY, step INT, FOREIGN KEY (step) REFERENCES steps (id));
    INSERT INTO beside (step) VALUES (1);";

/// A run of it that may be cut off.
pub struct Counting {
    /// The application's tables.
    pub schema: Schema,
    before: Digest,
    host: Host,
    small: Small,
    _directory: TempDir,
}

/// How a run went that was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Course {
    /// How often the host was started.
    pub runs: u64,
    /// It could not be known whether a statement had happened: the way out was `undo`.
    pub undetermined: bool,
}

/// So often a run is resumed, at most.
const TRIES: u64 = 6;

impl Counting {
    /// Makes it on a server. `slot` is its only stage; `place` the lines of `[databases.main]`, if they are not the socket's.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn new(server: &Server, sql: &str, slot: Slot, place: Option<&str>) -> Result<Self> {
        let schema = server.schema("counting")?;
        schema.client()?.run(sql)?;
        let directory = tempfile::tempdir()?;
        let small = Small::new(directory.path())?;
        let small = match place {
            Some(place) => small.with_database(&place.replace("$SCHEMA", schema.name())),
            None => small.on_server(&schema),
        };
        small.pipeline(&[slot], "")?;
        let (host, before) = (small.host()?, Digest::of_schema(&mut schema.root()?)?);
        Ok(Self { schema, before, host, small, _directory: directory })
    }

    /// With the guest `increments`, that counts so often.
    ///
    /// # Errors
    /// As [`Counting::new`].
    pub fn increments(server: &Server, rounds: u64, place: Option<&str>) -> Result<Self> {
        let slot = Slot::guest("increments")?
            .param("rounds", rounds)
            .param("updates", 60)
            .key("produces = { count = \"text\" }");
        Self::new(server, ROWS, slot.database("write"), place)
    }

    /// The same with a host that is broken in these ways; with commas.
    #[must_use]
    pub fn broken(self, mutants: &str) -> Self {
        Self { host: self.host.with("LIFTLOCK_MUTANT", mutants), ..self }
    }

    /// The directory of the installation.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.small.directory
    }

    /// The host, pointed at it.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What is in the database.
    ///
    /// # Errors
    /// What the server says.
    pub fn digest(&self) -> Result<Digest> {
        Digest::of_schema(&mut self.schema.root()?)
    }

    /// Whether the database is as it was before.
    ///
    /// # Errors
    /// What is different.
    pub fn is_before(&self) -> Result<()> {
        same("B", &self.before, &self.digest()?)
    }

    /// Goes on until the run is at its end, and compares: with A, or after an `undo` with B.
    ///
    /// # Errors
    /// What is wrong.
    pub fn finish(&self, ended: Option<Ended>, after: &Digest) -> Result<Course> {
        let mut course = Course { runs: 1, undetermined: false };
        let mut last = ended;
        while last.as_ref().is_none_or(|ended| ended.code != Some(0)) {
            if last.as_ref().is_some_and(|ended| ended.stdout.contains("\"undetermined\"")) {
                course.undetermined = true;
                self.undo(&mut course)?;
                return Ok(course);
            }
            if course.runs > TRIES {
                let last = last.map(|ended| ended.stdout + &ended.stderr).unwrap_or_default();
                bail!("the run does not come to its end in {TRIES} tries:\n{last}");
            }
            course.runs += 1;
            let resumed = self.host.run(["resume", "--format", "json"])?;
            // It was killed before its first event was durable: there is no run.
            let none = resumed.code == Some(2) && resumed.stdout.contains("\"no-run\"");
            last = Some(if none {
                self.host.run(["apply", "--on-failure", "keep", "--format", "json"])?
            } else {
                resumed
            });
        }
        same("A", after, &self.digest()?)?;
        Ok(course)
    }

    /// Puts it back, and compares with B.
    ///
    /// # Errors
    /// What is wrong.
    pub fn undo(&self, course: &mut Course) -> Result<()> {
        course.runs += 1;
        self.host.run(["undo", "--accept-data-loss", "--format", "json"])?.expect(0)?;
        self.is_before()
    }
}

/// Compares with what it is to be.
///
/// # Errors
/// What is different.
pub fn same(name: &str, wanted: &Digest, found: &Digest) -> Result<()> {
    let differences = wanted.diff(found);
    ensure!(differences.is_empty(), "not {name}:\n{}", differences.join("\n"));
    Ok(())
}
