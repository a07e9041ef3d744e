//! Batches: transactions whose last word is the engine's marker, fenced against other runs.

use rusqlite::{ErrorCode, OptionalExtension, Row, params};

use super::session::Session;
use crate::capability::database::MARKER_TABLE;
use crate::effect::{Fault, Marker};
use crate::io::fault;

/// Which marker to read, should there be several.
#[derive(Clone, Copy)]
enum First {
    Ours,
    Others,
}

impl Session {
    /// The marker, behind the write lock: nobody's commit is then under way.
    pub(super) fn marker(&self) -> Result<Option<Marker>, Fault> {
        self.locked(|| self.read_marker(First::Ours))
    }

    /// Begins a batch, if the marker is what the engine expects.
    pub(super) fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        self.point("sqlite.begin")?;
        self.host("BEGIN IMMEDIATE")?;
        let prepared = self.check_fence(expected).and_then(|()| self.make_marker_table());
        if prepared.is_err() {
            let _ = self.host("ROLLBACK");
        }
        prepared
    }

    /// Sets the marker and commits.
    pub(super) fn commit(&self, new: &Marker) -> Result<(), Fault> {
        if !self.in_batch() {
            return Err(Fault::new("batch-lost", format!("database {}: the batch is gone", self.name())));
        }
        self.point("sqlite.marker")?;
        let sql = "INSERT INTO liftlock_marker (run, stage, sequence, recording) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (run) DO UPDATE SET stage = ?2, sequence = ?3, recording = ?4";
        let values = params![new.run, new.stage, signed(new.sequence), signed(new.recording)];
        let set = || self.connection.prepare_cached(sql)?.execute(values);
        set().map_err(|error| self.fault("marker", &error))?;
        self.point("sqlite.commit")?;
        self.connection.execute_batch("COMMIT").map_err(|error| self.commit_fault(&error))?;
        self.point("sqlite.committed")
    }

    /// Gives the batch up, if there is one.
    pub(super) fn rollback(&self) -> Result<(), Fault> {
        if self.in_batch() { self.host("ROLLBACK") } else { Ok(()) }
    }

    /// Removes the marker. Foreign keys are off: a stage's own table may refer to ours.
    pub(super) fn forget(&self) -> Result<(), Fault> {
        self.point("sqlite.forget")?;
        self.host("PRAGMA foreign_keys = OFF")?;
        let dropped = self.host("DROP TABLE IF EXISTS liftlock_marker");
        if self.config.foreign_keys {
            self.host("PRAGMA foreign_keys = ON")?;
        }
        dropped
    }

    /// Does something while nobody can write, and changes nothing. In an open batch: as it is.
    pub(super) fn locked<T>(&self, act: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        if self.in_batch() {
            return act();
        }
        self.host("BEGIN IMMEDIATE")?;
        let done = act();
        self.host("ROLLBACK")?;
        done
    }

    /// A place where a test may kill us or fail the call.
    pub(super) fn point(&self, name: &'static str) -> Result<(), Fault> {
        fault::point(name).map_err(|error| Fault::io(format_args!("database {}", self.name()), &error))
    }

    fn check_fence(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        let found = self.read_marker(First::Others)?;
        if found.as_ref() == expected {
            return Ok(());
        }
        let say = |marker: Option<&Marker>| match marker {
            Some(marker) => format!("batch {} of run {}", marker.sequence, marker.run),
            None => "no batch".to_owned(),
        };
        let (found, expected) = (say(found.as_ref()), say(expected));
        Err(Fault::new("fenced", format!("database {}: expected {expected}, found {found}", self.name()))
            .hint("another run wrote to this database; finish or undo that one first"))
    }

    fn make_marker_table(&self) -> Result<(), Fault> {
        if self.has_marker_table()? {
            return Ok(());
        }
        // At the begin of the batch, so that no statement of a stage can take the name.
        self.host(
            "CREATE TABLE liftlock_marker (run TEXT PRIMARY KEY, stage INTEGER NOT NULL, sequence INTEGER NOT NULL, recording INTEGER NOT NULL)",
        )
    }

    fn has_marker_table(&self) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
        let exists = || self.connection.prepare_cached(sql)?.exists([MARKER_TABLE]);
        exists().map_err(|error| self.fault("marker", &error))
    }

    fn read_marker(&self, first: First) -> Result<Option<Marker>, Fault> {
        if !self.has_marker_table()? {
            return Ok(None);
        }
        let sql = match first {
            First::Ours => "SELECT run, stage, sequence, recording FROM liftlock_marker ORDER BY run <> ?1 LIMIT 1",
            First::Others => "SELECT run, stage, sequence, recording FROM liftlock_marker ORDER BY run = ?1 LIMIT 1",
        };
        let read = || self.connection.prepare_cached(sql)?.query_row([&self.config.run], to_marker).optional();
        read().map_err(|error| self.fault("marker", &error))
    }

    fn commit_fault(&self, error: &rusqlite::Error) -> Fault {
        if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            let text = format!("database {}: a deferred foreign key is violated at the end of the batch", self.name());
            return Fault::new("deferred-violation", text).hint("the stage must repair its rows before the batch ends");
        }
        self.fault("COMMIT", error)
    }
}

fn to_marker(row: &Row<'_>) -> rusqlite::Result<Marker> {
    let unsigned = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
    Ok(Marker { run: row.get(0)?, stage: row.get(1)?, sequence: unsigned(2)?, recording: unsigned(3)? })
}

fn signed(number: u64) -> i64 {
    number.cast_signed()
}
