//! A schema of a MySQL or MariaDB server as parts of a digest.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use super::{MARKER, hex};
use crate::mariadb::{Client, Value, text};

/// So that every byte comes as it is stored, whatever its character set, and times do not depend on the server's zone.
const SESSION: &str = "SET NAMES utf8mb4, character_set_results = NULL, time_zone = '+00:00'";

/// Views, triggers, events and routines: kind and name.
const PROGRAMS: &str = "
    SELECT 'VIEW', table_name FROM information_schema.views WHERE table_schema = DATABASE()
    UNION ALL SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE()
    UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()";

/// What stands for the schema's own name in definitions: the same application in another schema is equal.
const OWN_NAME: &str = "<schema>";

/// A part for the schema itself, for each definition, each table's next id and the rows of each table.
pub(super) fn parts(client: &mut Client) -> Result<BTreeMap<String, String>> {
    client.run(SESSION)?;
    let mut parts = BTreeMap::new();
    let schema = client.rows(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata
         WHERE schema_name = DATABASE()",
    )?;
    parts.insert("schema".to_owned(), schema.concat().iter().map(text).collect::<Vec<_>>().join(" "));
    for (name, about) in tables(client)? {
        add_table(client, &name, about, &mut parts).with_context(|| format!("the table {name}"))?;
    }
    for row in client.rows(PROGRAMS)? {
        let [kind, name] = [0, 1].map(|column| row.get(column).map(text).unwrap_or_default());
        let shown = client.rows(&format!("SHOW CREATE {kind} {}", quoted(&name)))?.concat();
        parts.insert(format!("{} {name}", kind.to_lowercase()), definition(&kind, &shown));
    }
    // The order in which the triggers of a table fire.
    let order = "SELECT CONCAT(event_object_table, ' ', action_timing, ' ', event_manipulation),
            GROUP_CONCAT(trigger_name ORDER BY action_order SEPARATOR ', ')
        FROM information_schema.triggers WHERE trigger_schema = DATABASE() GROUP BY 1";
    for row in client.rows(order)? {
        let [on, names] = [0, 1].map(|column| row.get(column).map(text).unwrap_or_default());
        parts.insert(format!("triggers of {on}"), names);
    }
    let name = client.cell("SELECT DATABASE()")?;
    for part in parts.values_mut() {
        *part = part.replace(&name, OWN_NAME);
    }
    Ok(parts)
}

/// Tables (and sequences, which are tables too), each with its next id and with what no definition says of how it is stored.
fn tables(client: &mut Client) -> Result<Vec<(String, [String; 2])>> {
    let sql = "SELECT table_name, CONCAT_WS(' ', engine, row_format, table_collation), auto_increment
        FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'VIEW' ORDER BY table_name";
    let rows = client.rows(sql)?;
    let tables = rows.iter().map(|row| {
        let [name, stored, next] = [0, 1, 2].map(|column| row.get(column).map(text).unwrap_or_default());
        (name, [stored, next])
    });
    Ok(tables.filter(|(name, _)| name != MARKER).collect())
}

fn add_table(
    client: &mut Client,
    name: &str,
    [stored, next]: [String; 2],
    parts: &mut BTreeMap<String, String>,
) -> Result<()> {
    let shown = client.rows(&format!("SHOW CREATE TABLE {}", quoted(name)))?.concat();
    parts.insert(format!("table {name}"), format!("{}\n{stored}", without_next(&definition("TABLE", &shown))));
    parts.insert(format!("next id of {name}"), next);
    parts.insert(format!("rows of {name}"), rows(client, name)?);
    Ok(())
}

/// What `SHOW CREATE` says, but for when a trigger was made.
fn definition(kind: &str, shown: &[Value]) -> String {
    let columns = if kind == "TRIGGER" { 6 } else { shown.len() };
    shown.iter().take(columns).map(text).collect::<Vec<_>>().join("\n")
}

/// The definition without the table's next id, which is a part of its own.
fn without_next(definition: &str) -> String {
    const NEXT: &str = " AUTO_INCREMENT=";
    let options = definition.rfind("\n) ENGINE=").unwrap_or(definition.len());
    let (columns, options) = definition.split_at(options);
    match options.split_once(NEXT) {
        // Right behind the engine; anything later is somebody's comment.
        Some((engine, rest)) if !engine.contains('\'') => {
            format!("{columns}{engine}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => definition.to_owned(),
    }
}

/// Number and digest of a table's rows, whatever their order: the bytes of each value, invisible columns too.
fn rows(client: &mut Client, table: &str) -> Result<String> {
    let columns = client.rows(&format!(
        "SELECT column_name, data_type FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = {} ORDER BY ordinal_position",
        Value::from(table).as_sql(false)
    ))?;
    let columns = columns.iter().map(|column| {
        let [name, kind] = [0, 1].map(|field| column.get(field).map(text).unwrap_or_default());
        // As text a FLOAT has six digits; as a double all that it has.
        if kind == "float" { format!("{} * 1e0", quoted(&name)) } else { quoted(&name) }
    });
    let sql = format!("SELECT {} FROM {}", columns.collect::<Vec<_>>().join(", "), quoted(table));
    let mut digests = Vec::new();
    client.each(&sql, |row| digests.push(digest(&row)))?;
    digests.sort_unstable();
    let all = digests.iter().fold(Sha256::new(), |hash, digest| hash.chain_update(digest));
    Ok(format!("{} rows, sha256 {}", digests.len(), hex(&all.finalize())))
}

fn digest(row: &[Value]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for value in row {
        let (kind, bytes) = match value {
            Value::NULL => (0, Vec::new()),
            Value::Bytes(bytes) => (1, bytes.clone()),
            other => (2, text(other).into_bytes()),
        };
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
