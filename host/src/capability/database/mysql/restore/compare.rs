//! The end of undo: next ids are set, and everything is compared with what it was.

use std::collections::{BTreeMap, BTreeSet};

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, quoted};
use super::super::error;
use super::act::Hand;
use super::orphans::{self, Orphans};
use super::point::{Saved, Start};
use super::step;
use crate::effect::Fault;

/// Sets the next ids of tables that were put back, where loading has not.
pub(super) fn set_next_ids(
    hand: &mut Hand<'_>,
    config: &MysqlConfig,
    start: &Start,
    tables: &BTreeSet<&str>,
) -> Result<(), Fault> {
    let present = Catalog::next_ids(&mut hand.link, config)?;
    for (table, id) in wanted_ids(start, tables) {
        if present.get(table) != Some(&id) {
            hand.run(&format!("ALTER TABLE {} AUTO_INCREMENT = {id}", quoted(table)))?;
        }
    }
    Ok(())
}

/// Compares definitions, next ids, numbers of rows, and orphans. What the server refused to make is said too.
///
/// # Errors
/// "restore-failed", with every difference.
pub(super) fn expect_equal(
    hand: &mut Hand<'_>,
    config: &MysqlConfig,
    start: &Start,
    saved: &[Saved],
    refused: Vec<String>,
) -> Result<(), Fault> {
    let present = hand.catalog()?;
    let mut wrong = step::differences(&present, &start.catalog);
    let tables = saved.iter().map(|saved| saved.table.as_str()).collect();
    let ids = Catalog::next_ids(&mut hand.link, config)?;
    for (table, was) in wanted_ids(start, &tables) {
        if ids.get(table) != Some(&was) {
            wrong.push(format!(
                "the next id of the table {table} is {:?}, was {was}",
                ids.get(table).copied().unwrap_or(0)
            ));
        }
    }
    for saved in saved.iter().filter(|saved| present.tables.contains_key(&saved.table)) {
        let (rows, was) = (count_rows(hand, config, &saved.table)?, saved.manifest.info.rows);
        if rows != was {
            wrong.push(format!("the table {} has {rows} rows, had {was}", saved.table));
        }
    }
    // Where the definitions differ, a key may lead nowhere, and its count would only say so again.
    if wrong.is_empty() {
        wrong.extend(orphans_now(hand, config, start, saved)?);
    }
    wrong.extend(refused);
    if wrong.is_empty() {
        return Ok(());
    }
    let text = format!("database {} is not what it was: {}", config.name, wrong.join("; "));
    let hint = "the restore point is whole: repair what is named (or give the account the rights), then undo again";
    Err(Fault::new("restore-failed", text).hint(hint))
}

/// Foreign keys over which the number of orphans is another than at the start.
fn orphans_now(
    hand: &mut Hand<'_>,
    config: &MysqlConfig,
    start: &Start,
    saved: &[Saved],
) -> Result<Vec<String>, Fault> {
    let were: BTreeMap<_, _> =
        saved.iter().flat_map(|saved| &saved.orphans).map(|was| (name(was), was.count)).collect();
    let tables = saved.iter().map(|saved| saved.table.as_str()).collect();
    let mut wrong = Vec::new();
    for (table, key) in orphans::keys_of(&start.catalog, &tables) {
        let Some(was) = were.get(&(table, key.name.as_str())) else { continue };
        let is = orphans::count(&mut hand.link, config, table, key)?.count;
        if is != *was {
            let other = &key.references;
            wrong.push(format!("{is} rows of {table} refer to no row of {other} by {}, were {was}", key.name));
        }
    }
    Ok(wrong)
}

fn name(orphans: &Orphans) -> (&str, &str) {
    (&orphans.table, &orphans.key)
}

/// The next ids at the start, of these tables.
fn wanted_ids<'a>(start: &'a Start, tables: &'a BTreeSet<&str>) -> impl Iterator<Item = (&'a str, u64)> {
    start.next_ids.iter().map(|(table, id)| (table.as_str(), *id)).filter(|(table, _)| tables.contains(table))
}

fn count_rows(hand: &mut Hand<'_>, config: &MysqlConfig, table: &str) -> Result<u64, Fault> {
    let sql = format!("SELECT COUNT(*) FROM {}", quoted(table));
    let rows = hand.link.rows(&sql).map_err(|error| error::fault(&config.name, "counting rows", &error))?;
    let count = rows.first().and_then(|row| row.get_opt::<u64, _>(0)).and_then(Result::ok);
    count.ok_or_else(|| {
        Fault::new("database-error", format!("database {}: the rows of {table} are not counted", config.name))
    })
}
