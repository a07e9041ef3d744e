//! Code that stays in the schema: triggers, views, routines, events. And sequences, which are put back like code.

use std::collections::BTreeMap;

use mysql_client::Row;

use super::reader::{Only, Reader, cell, text};
use super::{Program, quoted};
use crate::effect::Fault;

/// The triggers of the tables that `only` leaves, by table, in the order in which they fire.
pub(super) fn triggers(reader: &mut Reader<'_>, only: &Only) -> Result<BTreeMap<String, Vec<Program>>, Fault> {
    let only = only.on("EVENT_OBJECT_TABLE");
    // By the schema of the table: by that of the trigger, which is the same, MariaDB would look into every schema there is.
    let sql = format!(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS
            WHERE EVENT_OBJECT_SCHEMA = DATABASE(){only}
            ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING DESC, EVENT_MANIPULATION, ACTION_ORDER"
    );
    let mut tables: BTreeMap<String, Vec<Program>> = BTreeMap::new();
    for row in reader.rows(&sql)? {
        let program = program(reader, "TRIGGER", text(&row, 0))?;
        tables.entry(text(&row, 1)).or_default().push(program);
    }
    Ok(tables)
}

/// Procedures, functions and packages, by kind and name.
pub(super) fn routines(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Program>, Fault> {
    let rows = reader
        .rows("SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()")?;
    let mut routines = BTreeMap::new();
    for row in rows {
        // It becomes part of a statement: only what is known, whatever a server says.
        let kind = match text(&row, 0).as_str() {
            "PROCEDURE" => "PROCEDURE",
            "FUNCTION" => "FUNCTION",
            "PACKAGE" => "PACKAGE",
            "PACKAGE BODY" => "PACKAGE BODY",
            other => {
                let object = format!("the routine {} of kind {other}", text(&row, 1));
                return Err(reader.unreadable(&object, "its kind is not known"));
            }
        };
        let program = program(reader, kind, text(&row, 1))?;
        routines.insert(format!("{} {}", kind.to_lowercase(), program.name), program);
    }
    Ok(routines)
}

/// Events by name.
pub(super) fn events(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Program>, Fault> {
    let rows = reader.rows("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()")?;
    let program = |row: &Row| program(reader, "EVENT", text(row, 0)).map(|program| (program.name.clone(), program));
    rows.iter().map(program).collect()
}

/// A view or a sequence.
pub(super) fn plain(reader: &mut Reader<'_>, kind: &str, name: &str) -> Result<Program, Fault> {
    program(reader, kind, name.to_owned())
}

fn program(reader: &mut Reader<'_>, kind: &str, name: String) -> Result<Program, Fault> {
    let object = format!("{} {name}", kind.to_lowercase());
    let row = reader.show(&format!("SHOW CREATE {kind} {}", quoted(&name)), &object)?;
    // Where each kind has its sql_mode, its time zone, its definition, and the first of its collations.
    let (mode, zone, definition, collations) = match kind {
        "VIEW" | "SEQUENCE" => (None, None, 1, 2),
        "EVENT" => (Some(1), Some(2), 3, 4),
        _ => (Some(1), None, 2, 3),
    };
    let at = |index: Option<usize>| index.map(|index| text(&row, index)).unwrap_or_default();
    match cell(&row, definition) {
        Some(definition) if !definition.is_empty() => Ok(Program {
            name,
            definition,
            sql_mode: at(mode),
            time_zone: at(zone),
            collations: [collations, collations + 1, collations + 2].map(|index| text(&row, index)),
        }),
        _ => Err(reader.unreadable(&object, "the account may not see it")),
    }
}
