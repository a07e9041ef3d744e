//! What there is to do so that a schema becomes what it was at the start: told by comparing two catalogs, without a server.
//!
//! Names are the trouble. Those of triggers and of foreign keys are unique in a whole schema, not in a table; what the run
//! made may bear the name of what it took away. So everything that is not as it was goes first ([`clearing`]), then the saved
//! tables are loaded, then what is missing is made ([`making`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::catalog::{Catalog, Program, Table, quoted};
use crate::capability::database::ForeignKey;

/// One statement's worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// `DROP EVENT`, `TRIGGER`, `VIEW`, `TABLE`, or a kind of routine.
    Drop(&'static str, &'a str),
    /// A foreign key of a table goes.
    DropKey(&'a str, &'a str),
    /// The character set and the collation that new tables get.
    Charset(&'a str, &'a str),
    /// A foreign key of a table comes back.
    AddKey(&'a Table, &'a ForeignKey),
    /// A trigger, a view, a routine or an event comes back.
    Make(&'static str, &'a Program),
}

impl Step<'_> {
    /// The statement; for a program the one that made it.
    pub(super) fn sql(&self, schema: &str) -> String {
        match self {
            Self::Drop(kind, name) => format!("DROP {kind} IF EXISTS {}", quoted(name)),
            Self::DropKey(table, key) => format!("ALTER TABLE {} DROP FOREIGN KEY {}", quoted(table), quoted(key)),
            Self::Charset(charset, collation) => {
                format!(
                    "ALTER DATABASE {} CHARACTER SET {} COLLATE {}",
                    quoted(schema),
                    quoted(charset),
                    quoted(collation)
                )
            }
            Self::AddKey(table, key) => format!(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}{}",
                quoted(&table.name),
                quoted(&key.name),
                list(&key.columns),
                target(key),
                list(&key.referenced_columns),
                rule(table, key, "DELETE", &key.on_delete),
                rule(table, key, "UPDATE", &key.on_update),
            ),
            Self::Make(_, program) => program.definition.clone(),
        }
    }
}

/// For people.
impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop(kind, name) => write!(f, "dropping the {} {name}", kind.to_lowercase()),
            Self::DropKey(table, key) => write!(f, "dropping the foreign key {key} of the table {table}"),
            Self::Charset(charset, _) => write!(f, "setting the character set {charset}"),
            Self::AddKey(table, key) => write!(f, "adding the foreign key {} of the table {}", key.name, table.name),
            Self::Make(kind, program) => write!(f, "making the {} {}", kind.to_lowercase(), program.name),
        }
    }
}

/// What goes: whatever was not there at the start, or not like this, and the tables that are saved. In an order in which
/// nothing fires on the way.
pub(super) fn clearing<'a>(present: &'a Catalog, start: &'a Catalog, saved: &BTreeSet<&str>) -> Vec<Step<'a>> {
    let dropped = |table: &str| saved.contains(table) || !start.tables.contains_key(table);
    let mut steps = Vec::new();
    steps.extend(others(&present.events, &start.events).map(|event| Step::Drop("EVENT", &event.name)));
    for table in kept(present, dropped) {
        let stays = in_order(table, start);
        steps.extend(table.triggers[stays..].iter().map(|trigger| Step::Drop("TRIGGER", &trigger.name)));
    }
    steps.extend(others(&present.views, &start.views).map(|view| Step::Drop("VIEW", &view.name)));
    for (routine, program) in &present.routines {
        if start.routines.get(routine) != Some(program) {
            steps.push(Step::Drop(routine_kind(routine, program), &program.name));
        }
    }
    for table in kept(present, dropped) {
        let was = keys(start, &table.name);
        let others = table.foreign_keys.iter().filter(|key| !was.contains(key));
        steps.extend(others.map(|key| Step::DropKey(&table.name, &key.name)));
    }
    steps.extend(present.tables.keys().filter(|table| dropped(table)).map(|table| Step::Drop("TABLE", table)));
    if (&present.charset, &present.collation) != (&start.charset, &start.collation) {
        steps.push(Step::Charset(&start.charset, &start.collation));
    }
    steps
}

/// What comes back when the tables are there: what was there at the start and is not there, in an order in which nothing is
/// missed, but for what programs of one kind say of each other. Triggers and events come last: nothing fires on the way.
pub(super) fn making<'a>(present: &'a Catalog, start: &'a Catalog) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for (name, table) in start.tables.iter().filter(|(name, _)| present.tables.contains_key(*name)) {
        let are = keys(present, name);
        let missing = table.foreign_keys.iter().filter(|key| !are.contains(key));
        steps.extend(missing.map(|key| Step::AddKey(table, key)));
    }
    for (routine, program) in &start.routines {
        if present.routines.get(routine) != Some(program) {
            steps.push(Step::Make(routine_kind(routine, program), program));
        }
    }
    steps.extend(others(&start.views, &present.views).map(|view| Step::Make("VIEW", view)));
    for table in start.tables.values().filter(|table| present.tables.contains_key(&table.name)) {
        let stays = in_order(table, present);
        steps.extend(table.triggers[stays..].iter().map(|trigger| Step::Make("TRIGGER", trigger)));
    }
    steps.extend(others(&start.events, &present.events).map(|event| Step::Make("EVENT", event)));
    steps
}

/// What differs, for people: nothing if the schema is what it was.
pub(super) fn differences(present: &Catalog, start: &Catalog) -> Vec<String> {
    let mut found = Vec::new();
    if (&present.charset, &present.collation) != (&start.charset, &start.collation) {
        found.push(format!("the character set is {}, was {}", present.collation, start.collation));
    }
    for (name, how) in compared(&present.tables, &start.tables, |table| (&table.definition, &table.triggers)) {
        match (how, present.tables.get(name), start.tables.get(name)) {
            (How::Other, Some(is), Some(was)) => found.extend(table_differences(is, was)),
            _ => found.push(format!("the table {name} {how}")),
        }
    }
    let programs = |programs, before, kind| {
        let all = compared(programs, before, Program::clone);
        all.iter().map(|(name, how)| format!("the {kind}{name} {how}")).collect::<Vec<_>>()
    };
    found.extend(programs(&present.views, &start.views, "view "));
    found.extend(programs(&present.routines, &start.routines, ""));
    found.extend(programs(&present.events, &start.events, "event "));
    if found.is_empty() && present != start {
        found.push("the schema is not what it was".to_owned());
    }
    found
}

fn table_differences(is: &Table, was: &Table) -> Vec<String> {
    let name = &was.name;
    let mut found = Vec::new();
    if is.definition != was.definition {
        let keys = if is.foreign_keys == was.foreign_keys { "" } else { ", in its foreign keys too" };
        found.push(format!("the table {name} is defined otherwise{keys}"));
    }
    if is.triggers != was.triggers {
        let by_name = |table: &Table| -> BTreeMap<_, _> {
            table.triggers.iter().map(|trigger| (trigger.name.clone(), trigger.clone())).collect()
        };
        let (are, were) = (by_name(is), by_name(was));
        let triggers = compared(&are, &were, Clone::clone);
        found.extend(triggers.iter().map(|(trigger, how)| format!("the trigger {trigger} on {name} {how}")));
        if triggers.is_empty() {
            found.push(format!("the triggers on {name} fire in another order"));
        }
    }
    found
}

/// How something differs from the start.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Missing,
    New,
    Other,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::New => "was not there",
            Self::Other => "is defined otherwise",
        })
    }
}

/// The names that are not the same on both sides, in one thing that counts.
fn compared<'a, T, K: PartialEq>(
    present: &'a BTreeMap<String, T>,
    start: &'a BTreeMap<String, T>,
    what: impl Fn(&'a T) -> K,
) -> BTreeMap<&'a str, How> {
    let missing = start.iter().filter_map(|(name, was)| match present.get(name) {
        None => Some((name.as_str(), How::Missing)),
        Some(is) => (what(is) != what(was)).then_some((name.as_str(), How::Other)),
    });
    let new = present.keys().filter(|name| !start.contains_key(*name)).map(|name| (name.as_str(), How::New));
    missing.chain(new).collect()
}

/// Programs of one side that the other does not have like this.
fn others<'a>(
    one: &'a BTreeMap<String, Program>,
    other: &'a BTreeMap<String, Program>,
) -> impl Iterator<Item = &'a Program> {
    one.iter().filter(|(name, program)| other.get(*name) != Some(program)).map(|(_, program)| program)
}

/// The tables that are not dropped.
fn kept(present: &Catalog, dropped: impl Fn(&str) -> bool) -> impl Iterator<Item = &Table> {
    present.tables.values().filter(move |table| !dropped(&table.name))
}

/// How many triggers of a table are the same in another catalog, from the first: one that is made later fires later.
fn in_order(table: &Table, other: &Catalog) -> usize {
    let there = other.tables.get(&table.name).map_or(&[][..], |table| &table.triggers);
    table.triggers.iter().zip(there).take_while(|(one, other)| one == other).count()
}

fn keys<'a>(catalog: &'a Catalog, table: &str) -> &'a [ForeignKey] {
    catalog.tables.get(table).map_or(&[], |table| &table.foreign_keys)
}

/// The catalog's names of routines begin with their kind: a procedure and a function may have the same.
fn routine_kind(routine: &str, program: &Program) -> &'static str {
    const KINDS: [&str; 5] = ["PACKAGE BODY", "PACKAGE", "SEQUENCE", "FUNCTION", "PROCEDURE"];
    let kind = routine.strip_suffix(&program.name).unwrap_or_default().trim_end();
    KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).unwrap_or("PROCEDURE")
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

/// The schema of the table that a foreign key refers to, if it is another one.
pub(super) fn other_schema(key: &ForeignKey) -> Option<&str> {
    key.extra.iter().find(|(name, _)| name == "schema").map(|(_, schema)| schema.as_str())
}

fn target(key: &ForeignKey) -> String {
    let schema = other_schema(key).map_or_else(String::new, |schema| format!("{}.", quoted(schema)));
    schema + &quoted(&key.references)
}

/// What becomes of a row that refers. The server's default is left out where the server leaves it out: RESTRICT on MariaDB,
/// where an ALTER TABLE that says so makes NO ACTION of it; NO ACTION on MySQL.
fn rule(table: &Table, key: &ForeignKey, event: &str, rule: &str) -> String {
    const RULES: [&str; 5] = ["CASCADE", "SET NULL", "NO ACTION", "RESTRICT", "SET DEFAULT"];
    let Some(rule) = RULES.into_iter().find(|known| known.eq_ignore_ascii_case(rule)) else { return String::new() };
    let (line, clause) = (format!("CONSTRAINT {} FOREIGN KEY", quoted(&key.name)), format!(" ON {event} {rule}"));
    let shown = |text: &str| text.trim_start().starts_with(&line) && text.contains(&clause);
    if table.definition.lines().any(shown) { clause } else { String::new() }
}
