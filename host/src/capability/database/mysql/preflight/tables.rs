//! What undo could not put back, or only with room that is not there.

use std::path::Path;

use super::{Look, some_of};
use crate::capability::database::MARKER_TABLE;
use crate::effect::{Fault, Severity};

/// A row of the server's list of tables.
struct Listed {
    name: String,
    /// "BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE".
    kind: String,
    /// None if the server cannot open the table.
    engine: Option<String>,
    /// Bytes of its rows, about.
    size: u64,
}

/// All that is to be said about the tables.
pub(super) fn check(look: &mut Look<'_>) -> Result<(), Fault> {
    let tables = list(look)?;
    let named = |fits: &dyn Fn(&Listed) -> bool| -> Vec<String> {
        tables.iter().filter(|table| fits(table)).map(|table| table.name.clone()).collect()
    };

    let versioned = named(&|table| table.kind == "SYSTEM VERSIONED");
    if !versioned.is_empty() {
        let message = format!("{} have a history (system versioning), which undo cannot put back", some_of(&versioned));
        look.blocking("system-versioned", message, "ALTER TABLE … DROP SYSTEM VERSIONING, if the history may go");
    }
    let sequences = named(&|table| table.kind == "SEQUENCE");
    if !sequences.is_empty() {
        let message = format!("{} are sequences, which undo cannot put back", some_of(&sequences));
        look.blocking("sequence", message, "use AUTO_INCREMENT, or drop them if nothing uses them");
    }
    let broken = named(&|table| table.engine.is_none());
    if !broken.is_empty() {
        let message = format!("the server cannot open {}", some_of(&broken));
        look.blocking("table-unreadable", message, "find out why with CHECK TABLE and repair or drop them");
    }
    let safe: Vec<String> = look.rows("SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'")?;
    let unsafe_ones = named(&|table| table.engine.as_ref().is_some_and(|engine| !safe.contains(engine)));
    if !unsafe_ones.is_empty() {
        let message = format!(
            "{} have no transactions: a change that is cut off cannot be told, only undone by restoring the table",
            some_of(&unsafe_ones)
        );
        look.warning("no-transactions", message, "ALTER TABLE … ENGINE=InnoDB before the upgrade");
    }
    room(look, &tables);
    Ok(())
}

fn list(look: &mut Look<'_>) -> Result<Vec<Listed>, Fault> {
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, COALESCE(DATA_LENGTH, 0) FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE NOT LIKE '%VIEW' AND TABLE_NAME <> '{MARKER_TABLE}'
        ORDER BY TABLE_NAME"
    );
    let rows: Vec<(String, String, Option<String>, u64)> = look.rows(&sql)?;
    Ok(rows.into_iter().map(|(name, kind, engine, size)| Listed { name, kind, engine, size }).collect())
}

/// Each table is saved before it is touched first. Which ones that will be is not known here: at worst all of them.
fn room(look: &mut Look<'_>, tables: &[Listed]) {
    let sum = tables.iter().fold(0_u64, |sum, table| sum.saturating_add(table.size));
    let biggest = tables.iter().map(|table| table.size).max().unwrap_or(0);
    let Some((place, free)) = free_space(&look.config.restore) else { return };
    if free >= sum {
        return;
    }
    let severity = if free < biggest { Severity::Blocking } else { Severity::Warning };
    let message = format!(
        "{} has {} MiB free; the tables have {} MiB of rows, the biggest {} MiB, and each is saved before it is touched",
        place.display(),
        free >> 20,
        sum >> 20,
        biggest >> 20
    );
    look.say(severity, "disk-full", message, "make room there");
}

/// The free space of a directory, or of where it will be made.
fn free_space(directory: &Path) -> Option<(&Path, u64)> {
    let place = directory.ancestors().find(|place| place.exists())?;
    let space = rustix::fs::statvfs(place).ok()?;
    Some((place, space.f_bavail.saturating_mul(space.f_frsize)))
}
