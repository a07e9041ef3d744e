//! What is read, and in which parts: a big table is shared among the connections by ranges of its key.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};

use mysql_client::{Row, Value};

use super::names::Stem;
use super::read::Reader;
use super::text::{Field, Flavor, fields, insert};
use crate::capability::database::mysql::catalog::{Catalog, Table, quoted};
use crate::effect::Fault;

/// A table with more bytes than this is read in parts. Smaller than a file: a connection that takes several after each other
/// writes them into one.
const PART: u64 = 4 << 20;

/// The most parts of one table.
const MOST_PARTS: u64 = 256;

/// A table that is read.
pub(super) struct Source<'a> {
    pub(super) table: &'a Table,
    pub(super) fields: Vec<Field>,
    /// The words before the rows of each statement.
    pub(super) insert: String,
    pub(super) stem: Stem,
    files: AtomicU32,
}

/// A part of a table's rows, read by one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The position of the table in the plan.
    pub(super) source: usize,
    /// All of them, if it is empty.
    pub(super) condition: String,
}

impl<'a> Source<'a> {
    /// The tables with these names, in their order.
    pub(super) fn all(catalog: &'a Catalog, tables: &[String], flavor: Flavor) -> Result<Vec<Self>, Fault> {
        let source = |(index, name): (usize, &String)| {
            let table = catalog.tables.get(name);
            let table = table.ok_or_else(|| Fault::new("no-such-table", format!("there is no table {name:?}")))?;
            refuse_history(table)?;
            let fields = fields(table, flavor);
            let insert = insert(name, &fields);
            let stem = Stem::new(index + 1, tables.len(), name);
            Ok(Self { table, fields, insert, stem, files: AtomicU32::new(0) })
        };
        tables.iter().enumerate().map(source).collect()
    }

    /// The name of the next file of rows.
    pub(super) fn next_file(&self) -> String {
        self.stem.data(self.files.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The query for a part.
    pub(super) fn query(&self, part: &Part) -> String {
        let selected: Vec<_> = self.fields.iter().map(|field| field.select.as_str()).collect();
        // A table may have nothing but computed columns.
        let selected = if selected.is_empty() { "1".to_owned() } else { selected.join(",") };
        format!("SELECT {selected} FROM {}{}", quoted(&self.table.name), part.condition)
    }
}

/// MariaDB's system-versioned tables hold rows that no SELECT shows and no INSERT brings back.
fn refuse_history(table: &Table) -> Result<(), Fault> {
    let versioned = |part: &&str| part.contains("WITH SYSTEM VERSIONING");
    if table.definition.rsplit(") ENGINE=").next().filter(versioned).is_none() {
        return Ok(());
    }
    let text = format!("the table {:?} is system-versioned: its history could not be put back", table.name);
    Err(Fault::new("table-not-restorable", text).hint("ALTER TABLE … DROP SYSTEM VERSIONING, or leave the table alone"))
}

/// All parts, the biggest tables first. `shared`: several connections will take from them.
pub(super) fn parts(reader: &mut Reader<'_>, sources: &[Source<'_>], shared: bool) -> Result<VecDeque<Part>, Fault> {
    let sql = "SELECT TABLE_NAME, DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
    let size = |row: &Row| Some((text(row, 0)?, text(row, 1)?.parse::<u64>().unwrap_or(0)));
    let sizes: BTreeMap<_, _> = reader.rows(sql)?.iter().filter_map(size).collect();
    let size = |source: usize| sizes.get(&sources[source].table.name).copied().unwrap_or(0);
    let mut order: Vec<_> = (0..sources.len()).collect();
    order.sort_by_key(|source| std::cmp::Reverse(size(*source)));
    let mut parts = VecDeque::new();
    for source in order {
        let count = if shared { size(source).div_ceil(PART).clamp(1, MOST_PARTS) } else { 1 };
        let ranges = match integer_key(sources[source].table) {
            Some(key) if count > 1 => ranges(reader, sources[source].table, key, count)?,
            _ => vec![String::new()],
        };
        parts.extend(ranges.into_iter().map(|condition| Part { source, condition }));
    }
    Ok(parts)
}

/// The first column of the key, if it is an integer: its smallest and biggest value are then found at once, and what is between
/// can be divided.
fn integer_key(table: &Table) -> Option<&str> {
    let first = table.key.first()?;
    let column = table.columns.iter().find(|column| column.definition.name == *first)?;
    matches!(column.data_type.as_str(), "tinyint" | "smallint" | "mediumint" | "int" | "bigint").then_some(first)
}

fn ranges(reader: &mut Reader<'_>, table: &Table, key: &str, count: u64) -> Result<Vec<String>, Fault> {
    let key = quoted(key);
    let rows = reader.rows(&format!("SELECT MIN({key}), MAX({key}) FROM {}", quoted(&table.name)))?;
    let bound = |index| text(rows.first()?, index)?.parse().ok();
    Ok(match (bound(0), bound(1)) {
        (Some(least), Some(most)) => conditions(&key, least, most, count),
        _ => vec![String::new()],
    })
}

/// Conditions that together hold for every value, each for one range. Open at both ends: nothing is left out, whatever the
/// server said about the bounds.
fn conditions(key: &str, least: i128, most: i128, count: u64) -> Vec<String> {
    let step = (most.saturating_sub(least) / i128::from(count)).max(1);
    let mut cuts: Vec<i128> =
        (1..i128::from(count)).map(|index| least.saturating_add(index.saturating_mul(step))).collect();
    cuts.retain(|cut| *cut <= most);
    let starts = std::iter::once(None).chain(cuts.iter().map(Some));
    let ends = cuts.iter().map(Some).chain(std::iter::once(None));
    let condition = |(start, end): (Option<&i128>, Option<&i128>)| match (start, end) {
        (None, None) => String::new(),
        (Some(start), None) => format!(" WHERE {key} >= {start}"),
        (None, Some(end)) => format!(" WHERE {key} < {end}"),
        (Some(start), Some(end)) => format!(" WHERE {key} >= {start} AND {key} < {end}"),
    };
    starts.zip(ends).map(condition).collect()
}

/// A value of the text protocol.
fn text(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index)? {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn ranges_of_a_key_leave_nothing_out_and_take_nothing_twice() {
        for (least, most, count) in [(1, 10, 3), (-5, 5, 4), (7, 7, 9), (1, 3, 100), (9, 1, 4)] {
            let all = conditions("k", least, most, count);
            for value in -20..=20 {
                let holds = |condition: &&String| {
                    condition.replace(" WHERE", "").split(" AND").filter(|part| !part.is_empty()).all(|part| {
                        let (_, bound) = part.split_once("= ").or_else(|| part.split_once("< ")).unwrap();
                        let bound: i128 = bound.parse().unwrap();
                        if part.contains(">=") { value >= bound } else { value < bound }
                    })
                };
                assert_eq!(all.iter().filter(holds).count(), 1, "{value} in {all:?}");
            }
        }
        let widest = conditions("k", i128::from(i64::MIN), i128::from(u64::MAX), 2);
        assert_eq!(widest.len(), 2);
        assert_eq!(conditions("k", 1, 1, 1), [""]);
    }

    #[test]
    fn bounds_that_no_column_can_have_are_survived() {
        for (least, most) in [(i128::MIN, i128::MAX), (i128::MAX, i128::MIN), (i128::MAX, i128::MAX)] {
            assert!(!conditions("k", least, most, 64).is_empty());
        }
    }
}
