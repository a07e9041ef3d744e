//! Schema changes: what a statement would make of its tables, and afterwards whether it did.
//!
//! The server commits such a statement by itself, so no marker can go with it. Instead the schema is its own witness: its
//! fingerprint ([`print`]) before, and the one that the statement leads to, which a trial on empty clones shows ([`scratch`]).
//! Afterwards it is the one, the other, or neither, and then a person must look. Where both are equal the statement shows
//! nothing, and may be done again, as TRUNCATE, or not, as an exchange of two columns ([`statement`] tells them apart).

mod print;
mod scratch;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use mysql_client::Row;
use serde::{Deserialize, Serialize};

use super::MysqlConfig;
use super::catalog::{Catalog, quoted};
use super::error;
use super::link::Link;
use super::sql::{Action, ObjectKind, Parsed, SchemaChange, Touched};
use crate::capability::database::Executed;
use crate::effect::{CallError, Fault, Verdict};
use crate::io::fault::point;

use print::Print;
use scratch::{Cast, Tried};
use statement::Facts;

/// What the journal has about a schema change. No values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What shows whether it happened.
    witness: Witness,
    /// The next ids of its tables before.
    next_ids: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Witness {
    /// Definitions.
    Definitions(Definitions),
    /// Rows of tables without transactions: `CHECKSUM TABLE` of each before.
    Rows(BTreeMap<String, String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Definitions {
    /// The tables and views that are looked at; none: the whole schema.
    tables: Option<BTreeSet<String>>,
    /// What they look like before.
    before: Print,
    /// What they look like afterwards. None where it could not be tried out, as where the account may make no schema.
    expected: Option<Print>,
    /// Whether the server does such a statement whole or not at all, even if it is killed.
    atomic: bool,
    /// Whether a second time is different, though the definition may not show the first.
    permutes: bool,
    /// Whether it fills the table that it makes, which its definition does not show.
    fills: bool,
}

/// Describes a change before it is sent: the definitions before, the expected ones from an empty clone, the next ids. `link`
/// is of the host's account. Changes nothing, but that a scratch schema comes and goes.
///
/// # Errors
/// The answer "sql-error" where the trial shows that the server refuses the statement.
pub(super) fn describe(
    link: &mut Link,
    config: &MysqlConfig,
    catalog: &Catalog,
    statement: &Parsed,
    touched: &Touched,
) -> Result<Record, CallError> {
    let mut next_ids = Catalog::next_ids(link, config)?;
    next_ids.retain(|table, _| touched.rows.contains(table) || touched.definitions.contains(table));
    let witness = match &statement.change {
        Some(change) => Witness::Definitions(definitions(link, config, catalog, &statement.text, change, touched)?),
        None => Witness::Rows(checksums(link, config, touched.rows.iter())?),
    };
    Ok(Record { witness, next_ids })
}

/// Whether it happened. Behind the lock: nobody is still at it. "Not done" puts the next ids back. `link` is of the host's
/// account: another might see less, and take that for a difference.
pub(super) fn settle(link: &mut Link, config: &MysqlConfig, record: &Record) -> Result<Verdict, Fault> {
    let verdict = match &record.witness {
        Witness::Definitions(definitions) => definitions.judge(&definitions.now(link, config)?),
        Witness::Rows(before) => {
            let now = checksums(link, config, before.keys())?;
            match before.iter().find(|(table, sum)| now.get(*table) != Some(sum)) {
                None => Judged::NotDone,
                Some((table, _)) => Judged::Undetermined(format!(
                    "rows of table {table}, which has no transactions, have changed, and nothing shows whether all of them"
                )),
            }
        }
    };
    Ok(match verdict {
        Judged::NotDone => {
            put_ids_back(link, config, &record.next_ids)?;
            Verdict::NotDone
        }
        Judged::Done => Verdict::Done(answer()?),
        Judged::Undetermined(why) => Verdict::Undetermined(format!("database {}: {why}", config.name)),
    })
}

/// Brings what is known of the schema up to date behind a statement that the server has answered. None if all of it must be
/// read anew: a statement about code, one that could not be tried out, or one that did something else than was expected.
pub(super) fn follow(
    link: &mut Link,
    config: &MysqlConfig,
    record: &Record,
    known: &Catalog,
) -> Result<Option<Catalog>, Fault> {
    let mut known = known.clone();
    let Witness::Definitions(definitions) = &record.witness else { return Ok(Some(known)) };
    let (Some(tables), Some(expected)) = (&definitions.tables, &definitions.expected) else { return Ok(None) };
    let now = Catalog::read_tables(link, config, Some(tables))?;
    if !expected.great_differences(&Print::of(&now)).is_empty() {
        return Ok(None);
    }
    known.replace_tables(tables, now);
    Ok(Some(known))
}

/// Drops the scratch schema that a killed trial of this run may have left. At the end of the run, and after undo.
pub(super) fn forget(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    scratch::clear(link, config)
}

fn definitions(
    link: &mut Link,
    config: &MysqlConfig,
    catalog: &Catalog,
    sql: &str,
    change: &SchemaChange,
    touched: &Touched,
) -> Result<Definitions, CallError> {
    let facts = Facts::of(sql);
    let cast = cast(&facts, change, catalog, touched);
    let mut tables = (!cast.whole).then(|| {
        let named = touched.definitions.union(&touched.rows).chain(&cast.tables).chain(&cast.views);
        named.cloned().collect::<BTreeSet<_>>()
    });
    let now = read(link, config, tables.as_ref())?;
    let before = Print::of(&now);
    let (sql_mode, atomic_server) = session(link, config)?;
    let expected = if matches!(change.action, Action::Truncate | Action::Maintain | Action::Repair) {
        Some(before.clone())
    } else if may_be_tried(&facts, change, config) {
        match scratch::try_out(config, sql, &sql_mode, &now, &cast)? {
            Tried::Expected(print) => Some(print),
            Tried::Unknown => None,
            Tried::Refused(_) if facts.parameters => None,
            Tried::Refused(failure) => return Err(failure.into()),
        }
    } else {
        None
    };
    if let (Some(tables), Some(expected)) = (&mut tables, &expected) {
        tables.extend(expected.tables().map(str::to_owned));
    }
    let touches = |name: &String| touched.definitions.contains(name) || touched.rows.contains(name);
    let transactional = now.tables.values().all(|table| table.transactional || !touches(&table.name));
    let (permutes, fills) = (facts.permutes, change.fills);
    Ok(Definitions { tables, before, expected, atomic: atomic_server && transactional, permutes, fills })
}

/// Whether it is about code that stays.
fn is_program(change: &SchemaChange) -> bool {
    use ObjectKind::{Event, Function, Procedure, Trigger, View};
    matches!(change.object, View | Trigger | Procedure | Function | Event)
}

/// An event runs, and its definition has the time when it was made. The other two keep a statement of the guest from reaching
/// the real tables by a name with a qualifier, should the guard have a hole, and with more rights than the stage has.
fn may_be_tried(facts: &Facts, change: &SchemaChange, config: &MysqlConfig) -> bool {
    let schema = config.server.schema.to_lowercase();
    let smaller = config.server.stage_account.is_some();
    change.object != ObjectKind::Event && !facts.names.contains(&schema) && !(smaller && facts.qualifies)
}

/// What a clone needs: all that the statement names, and what the views among it name; for another name also the tables whose
/// foreign keys have the old one.
fn cast(facts: &Facts, change: &SchemaChange, catalog: &Catalog, touched: &Touched) -> Cast {
    let mut names = facts.names.clone();
    let mut cast = Cast::default();
    let unseen = |cast: &Cast, names: &BTreeSet<String>, view: &str| {
        !cast.views.contains(view) && names.contains(&view.to_lowercase())
    };
    while let Some(view) = catalog.views.values().find(|view| unseen(&cast, &names, &view.name)) {
        cast.views.insert(view.name.clone());
        names.extend(statement::names(&view.definition));
    }
    let has = |name: &str| names.contains(&name.to_lowercase());
    let tables = catalog.tables.values();
    let named = tables.filter(|table| has(&table.name) || table.triggers.iter().any(|trigger| has(&trigger.name)));
    cast.tables.extend(named.map(|table| table.name.clone()));
    if facts.renames_columns || change.new_name.is_some() || is_program(change) {
        cast.tables.extend(touched.definitions.iter().cloned());
    }
    let routines = catalog.routines.iter().filter(|(_, routine)| has(&routine.name));
    cast.routines.extend(routines.map(|(kind_and_name, _)| kind_and_name.clone()));
    cast.whole = is_program(change) || !cast.routines.is_empty();
    cast
}

fn read(link: &mut Link, config: &MysqlConfig, tables: Option<&BTreeSet<String>>) -> Result<Catalog, Fault> {
    match tables {
        Some(tables) => Catalog::read_tables(link, config, Some(tables)),
        None => Catalog::read(link, config),
    }
}

/// The `sql_mode` of the stages' session, and whether the server's schema changes are atomic: MariaDB from 10.6, MySQL from 8.0.
fn session(link: &mut Link, config: &MysqlConfig) -> Result<(String, bool), Fault> {
    let rows = link
        .rows("SELECT @@SESSION.sql_mode, VERSION()")
        .map_err(|error| error::fault(&config.name, "settings", &error))?;
    let cell = |index| rows.first().and_then(|row: &Row| row.get_opt::<String, _>(index)?.ok()).unwrap_or_default();
    Ok((config.sql_mode.clone().unwrap_or_else(|| cell(0)), atomic(&cell(1))))
}

fn atomic(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version.contains("MariaDB") { (major, minor) >= (10, 6) } else { major >= 8 }
}

enum Judged {
    NotDone,
    Done,
    Undetermined(String),
}

impl Definitions {
    fn now(&self, link: &mut Link, config: &MysqlConfig) -> Result<Print, Fault> {
        Ok(Print::of(&read(link, config, self.tables.as_ref())?))
    }

    fn judge(&self, now: &Print) -> Judged {
        let shows = self.expected.as_ref().is_some_and(|expected| *expected != self.before);
        if *now == self.before {
            if self.permutes && !shows {
                let text =
                    "the statement gives a column the name of another, and the definition does not show whether it did";
                return Judged::Undetermined(text.to_owned());
            }
            return Judged::NotDone;
        }
        let changed = self.before.differences(now).join(", ");
        match &self.expected {
            Some(expected) => {
                let wrong = expected.great_differences(now).join(", ");
                if !wrong.is_empty() {
                    let text = format!("{wrong} is neither as it was nor as the statement would make it");
                    Judged::Undetermined(text)
                } else if self.fills && !self.atomic {
                    let text =
                        format!("{changed} is there, but this server may have been stopped before it was filled");
                    Judged::Undetermined(text)
                } else {
                    Judged::Done
                }
            }
            None if self.atomic => Judged::Done,
            None => Judged::Undetermined(format!(
                "{changed} differs, but this server may stop in the middle of such a statement, and it could not be tried out \
                 on a clone"
            )),
        }
    }
}

/// `CHECKSUM TABLE` of each; "NULL" for one that is not there.
fn checksums<'a>(
    link: &mut Link,
    config: &MysqlConfig,
    tables: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut sums = BTreeMap::new();
    for table in tables {
        let rows = link
            .rows(&format!("CHECKSUM TABLE {} EXTENDED", quoted(table)))
            .map_err(|error| error::fault(&config.name, &format!("checksum of table {table}"), &error))?;
        let sum = rows.first().and_then(|row| row.get_opt::<Option<String>, _>(1)?.ok()).flatten();
        sums.insert(table.clone(), sum.unwrap_or_else(|| "NULL".to_owned()));
    }
    Ok(sums)
}

fn put_ids_back(link: &mut Link, config: &MysqlConfig, before: &BTreeMap<String, u64>) -> Result<(), Fault> {
    let now = Catalog::next_ids(link, config)?;
    for (table, id) in before.iter().filter(|(table, id)| now.get(*table).is_some_and(|now| now != *id)) {
        let io = |error: std::io::Error| Fault::io(format_args!("database {}", config.name), &error);
        point("mysql.change.id-differs").map_err(io)?;
        link.run(format!("ALTER TABLE {} AUTO_INCREMENT = {id}", quoted(table)))
            .map_err(|error| error::fault(&config.name, &format!("next id of table {table}"), &error))?;
        point("mysql.change.id-put-back").map_err(io)?;
    }
    Ok(())
}

/// What the guest is told of a statement whose own answer was lost.
fn answer() -> Result<serde_json::Value, Fault> {
    let extra = vec![("settled".to_owned(), "by the definitions: the number of rows is not known".to_owned())];
    serde_json::to_value(Executed { affected: 0, last_id: None, extra })
        .map_err(|error| Fault::new("internal", format!("an answer cannot be written: {error}")))
}
