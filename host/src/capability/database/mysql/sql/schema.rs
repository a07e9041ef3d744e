//! Statements that change definitions. Each commits by itself, so one statement is about one object: lists are split.

use std::collections::BTreeMap;
use std::ops::Range;

use super::read::check_reads_only;
use super::reader::Reader;
use super::refuse::{alike, refused, show};
use super::token::Token;
use super::{check_single, options, program};
use crate::effect::Failure;

/// How they start.
pub(super) const VERBS: &[&str] = &["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "OPTIMIZE", "ANALYZE", "REPAIR"];

/// What is done to a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Action {
    /// CREATE.
    Create,
    /// ALTER, RENAME of columns and indexes included.
    Alter,
    /// DROP.
    Drop,
    /// RENAME TABLE.
    Rename,
    /// TRUNCATE.
    Truncate,
    /// OPTIMIZE and ANALYZE: neither rows nor definition change.
    Maintain,
    /// REPAIR: rows may get lost.
    Repair,
}

/// What kind of object a definition is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ObjectKind {
    /// A table.
    Table,
    /// An index by CREATE INDEX or DROP INDEX: a part of its table.
    Index,
    /// The database itself: its character set.
    Database,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// A procedure.
    Procedure,
    /// A function.
    Function,
    /// An event.
    Event,
}

/// A change of one definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SchemaChange {
    /// What is done.
    pub(in super::super) action: Action,
    /// To what kind of object.
    pub(in super::super) object: ObjectKind,
    /// Its name as it stands in the statement; empty for the database.
    pub(in super::super) name: String,
    /// The table of an index or trigger. DROP TRIGGER does not name it.
    pub(in super::super) table: Option<String>,
    /// The name that it gets.
    pub(in super::super) new_name: Option<String>,
    /// Whether it gives new names to several columns or indexes, so that done twice it may be as if never done.
    pub(in super::super) permutes: bool,
    /// Whether it also writes rows: CREATE TABLE … SELECT.
    pub(in super::super) fills: bool,
}

impl SchemaChange {
    pub(super) fn new(action: Action, object: ObjectKind, name: String) -> Self {
        Self { action, object, name, table: None, new_name: None, permutes: false, fills: false }
    }

    /// See [`super::Parsed::targets`].
    pub(super) fn targets(&self) -> Vec<&str> {
        let name = Some(&self.name).filter(|name| !name.is_empty());
        [name, self.table.as_ref(), self.new_name.as_ref()].into_iter().flatten().map(String::as_str).collect()
    }
}

/// A statement and what it changes.
pub(super) type Change<'a> = (Vec<Token<'a>>, SchemaChange);

/// Tells what is changed, one statement for each object.
pub(super) fn read<'a>(tokens: &[Token<'a>], define: bool) -> Result<Vec<Change<'a>>, Failure> {
    if let Some(change) = program::read(tokens, define)? {
        return Ok(change);
    }
    check_single(tokens)?;
    let mut reader = Reader::new(tokens);
    let verb = reader.next();
    match verb {
        Some(verb) if verb.is("CREATE") => Ok(vec![(tokens.to_vec(), create(reader)?)]),
        Some(verb) if verb.is("ALTER") => Ok(vec![(tokens.to_vec(), alter(reader)?)]),
        Some(verb) if verb.is("DROP") => drop_object(reader, tokens),
        Some(verb) if verb.is("RENAME") => rename(reader, tokens),
        Some(verb) if verb.is("TRUNCATE") => truncate(reader, tokens),
        Some(verb) => maintain(verb, reader, tokens),
        None => Err(refused("there is no statement")),
    }
}

/// The statements that do to each object of a list what one statement does to all.
pub(super) fn split<'a>(
    tokens: &[Token<'a>],
    list: Vec<(Range<usize>, String)>,
    change: impl Fn(String) -> SchemaChange,
) -> Vec<Change<'a>> {
    let (Some(start), Some(end)) = (list.first().map(|(at, _)| at.start), list.last().map(|(at, _)| at.end)) else {
        return Vec::new();
    };
    list.into_iter().map(|(at, name)| (part(tokens, start, at, end), change(name))).collect()
}

/// The statement with one part of its list, which reaches from `start` to `end`.
fn part<'a>(tokens: &[Token<'a>], start: usize, at: Range<usize>, end: usize) -> Vec<Token<'a>> {
    let mut part = [&tokens[..start], &tokens[at], &tokens[end..]].concat();
    part[start].apart = true;
    part
}

fn create(mut reader: Reader<'_, '_>) -> Result<SchemaChange, Failure> {
    let replaces = reader.eat(&["OR", "REPLACE"]);
    if reader.sees("TEMPORARY") {
        return Err(refused("temporary tables are not for stages: a resumed run does not have them"));
    }
    if replaces {
        return Err(refused("CREATE OR REPLACE is two changes in one statement: DROP first, then CREATE"));
    }
    if reader.eat(&["TABLE"]) {
        reader.eat(&["IF", "NOT", "EXISTS"]);
        let mut change = SchemaChange::new(Action::Create, ObjectKind::Table, reader.name()?);
        options::check(reader.rest())?;
        check_reads_only(reader.rest())?;
        change.fills = reader.rest().iter().any(|token| token.is_any(&["SELECT", "VALUES", "TABLE", "WITH"]));
        return Ok(change);
    }
    let start = reader.at;
    reader.eat_any(&["ONLINE", "OFFLINE"]);
    reader.eat_any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
    if reader.eat(&["INDEX"]) {
        reader.eat(&["IF", "NOT", "EXISTS"]);
        return index(Action::Create, reader);
    }
    reader.at = start;
    Err(refused(format!("CREATE {} is not for stages", show(reader.peek()))))
}

fn alter(mut reader: Reader<'_, '_>) -> Result<SchemaChange, Failure> {
    if reader.eat_any(&["DATABASE", "SCHEMA"]) {
        options::check_database(reader)?;
        return Ok(SchemaChange::new(Action::Alter, ObjectKind::Database, String::new()));
    }
    reader.eat_any(&["ONLINE", "OFFLINE"]);
    reader.eat(&["IGNORE"]);
    if !reader.eat(&["TABLE"]) {
        return Err(refused(format!("ALTER {} is not for stages", show(reader.peek()))));
    }
    reader.eat(&["IF", "EXISTS"]);
    let mut change = SchemaChange::new(Action::Alter, ObjectKind::Table, reader.name()?);
    options::check(reader.rest())?;
    let mut renamed = 0;
    while !reader.is_at_end() {
        if reader.eat_parenthesis()? {
            continue;
        }
        let is_change = reader.sees("CHANGE");
        let is_rename = reader.sees("RENAME");
        reader.next();
        if is_change {
            reader.eat(&["COLUMN"]);
            reader.eat(&["IF", "EXISTS"]);
            renamed += u32::from(!alike(&reader.name()?, &reader.name()?));
        } else if is_rename && reader.eat_any(&["COLUMN", "INDEX", "KEY"]) {
            reader.eat(&["IF", "EXISTS"]);
            renamed += 1;
        } else if is_rename {
            let _ = reader.eat_any(&["TO", "AS"]) || reader.eat_mark("=");
            change.new_name = Some(reader.name()?);
        }
    }
    change.permutes = renamed > 1;
    Ok(change)
}

fn drop_object<'a>(mut reader: Reader<'_, 'a>, tokens: &[Token<'a>]) -> Result<Vec<Change<'a>>, Failure> {
    if reader.eat_any(&["TABLE", "TABLES"]) {
        reader.eat(&["IF", "EXISTS"]);
        let list = reader.names()?;
        check_tail(reader, &["RESTRICT", "CASCADE"])?;
        return Ok(split(tokens, list, |name| SchemaChange::new(Action::Drop, ObjectKind::Table, name)));
    }
    if reader.eat(&["INDEX"]) {
        reader.eat(&["IF", "EXISTS"]);
        return Ok(vec![(tokens.to_vec(), index(Action::Drop, reader)?)]);
    }
    Err(refused(format!("DROP {} is not for stages", show(reader.peek()))))
}

fn index(action: Action, mut reader: Reader<'_, '_>) -> Result<SchemaChange, Failure> {
    let mut change = SchemaChange::new(action, ObjectKind::Index, reader.name()?);
    if reader.eat(&["USING"]) {
        reader.next();
    }
    if !reader.eat(&["ON"]) {
        return Err(refused("the table of the index is missing"));
    }
    change.table = Some(reader.name()?);
    options::check(reader.rest())?;
    Ok(change)
}

fn truncate<'a>(mut reader: Reader<'_, 'a>, tokens: &[Token<'a>]) -> Result<Vec<Change<'a>>, Failure> {
    reader.eat(&["TABLE"]);
    let change = SchemaChange::new(Action::Truncate, ObjectKind::Table, reader.name()?);
    check_tail(reader, &[])?;
    Ok(vec![(tokens.to_vec(), change)])
}

fn maintain<'a>(
    verb: &Token<'a>,
    mut reader: Reader<'_, 'a>,
    tokens: &[Token<'a>],
) -> Result<Vec<Change<'a>>, Failure> {
    reader.eat_any(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
    if !reader.eat_any(&["TABLE", "TABLES"]) {
        return Err(refused(format!("{} {} is not for stages", show(Some(verb)), show(reader.peek()))));
    }
    let list = reader.names()?;
    if reader.rest().iter().any(|token| token.is("USE_FRM")) {
        return Err(refused("REPAIR TABLE … USE_FRM is not for stages"));
    }
    let action = if verb.is("REPAIR") { Action::Repair } else { Action::Maintain };
    Ok(split(tokens, list, |name| SchemaChange::new(action, ObjectKind::Table, name)))
}

/// RENAME TABLE, step by step: what comes out is the same, unless tables swap their names. That cannot be told from nothing
/// done, and is refused.
fn rename<'a>(mut reader: Reader<'_, 'a>, tokens: &[Token<'a>]) -> Result<Vec<Change<'a>>, Failure> {
    if !reader.eat_any(&["TABLE", "TABLES"]) {
        return Err(refused(format!("RENAME {} is not for stages", show(reader.peek()))));
    }
    reader.eat(&["IF", "EXISTS"]);
    let start = reader.at;
    let mut pairs = Vec::new();
    loop {
        let from = reader.at;
        let old = reader.name()?;
        eat_wait(&mut reader);
        if !reader.eat(&["TO"]) {
            return Err(refused("RENAME TABLE: TO is missing"));
        }
        let new = reader.name()?;
        pairs.push((from..reader.at, old, new));
        if !reader.eat_mark(",") {
            break;
        }
    }
    check_tail(reader, &[])?;
    check_no_cycle(&pairs)?;
    let one = |(at, old, new): (Range<usize>, String, String)| {
        let mut change = SchemaChange::new(Action::Rename, ObjectKind::Table, old);
        change.new_name = Some(new);
        (part(tokens, start, at, tokens.len()), change)
    };
    Ok(pairs.into_iter().map(one).collect())
}

fn check_no_cycle(pairs: &[(Range<usize>, String, String)]) -> Result<(), Failure> {
    // Where each table that was there at the start is in the end.
    let mut moved: BTreeMap<String, String> = BTreeMap::new();
    for (_, old, new) in pairs {
        let (old, new) = (old.to_lowercase(), new.to_lowercase());
        let first = moved.iter().find(|(_, now)| **now == old).map_or(old, |(first, _)| first.clone());
        moved.insert(first, new);
    }
    for first in moved.keys() {
        let mut at = first;
        for _ in 0..moved.len() {
            let Some(next) = moved.get(at) else { break };
            if next == first {
                let why = format!("RENAME TABLE: {first} takes part in an exchange of names; rename in single steps");
                return Err(refused(why));
            }
            at = next;
        }
    }
    Ok(())
}

/// Refuses what is not known behind the names.
fn check_tail(mut reader: Reader<'_, '_>, words: &[&str]) -> Result<(), Failure> {
    reader.eat_any(words);
    eat_wait(&mut reader);
    match reader.is_at_end() {
        true => Ok(()),
        false => Err(refused(format!("{} does not belong here", show(reader.peek())))),
    }
}

/// MariaDB's own way to say how long a lock is waited for.
fn eat_wait(reader: &mut Reader<'_, '_>) {
    if reader.eat(&["WAIT"]) {
        reader.next();
    } else {
        reader.eat(&["NOWAIT"]);
    }
}
