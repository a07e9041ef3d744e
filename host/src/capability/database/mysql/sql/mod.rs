//! SQL from a guest: refused, or told apart by tokens, and rendered anew so that the server sees what the guard saw.
//!
//! It is a wall by allow-list, not a parser: [`token`] reads exactly as the servers do or refuses; the leading tokens must be
//! those of a known kind of statement ([`read`], [`data`], [`schema`], [`program`] with [`body`]); [`options`], [`refuse`] and
//! [`survey`] look at every token for what no statement may hold. What a statement may change is no matter of grammar either:
//! any table whose name occurs as a token may change, and what [`closure`] finds from there.

mod body;
mod closure;
mod data;
mod options;
mod program;
mod read;
mod reader;
mod refuse;
mod schema;
mod survey;
#[cfg(test)]
mod tests;
mod token;

use std::collections::BTreeSet;

use super::catalog::Catalog;
use crate::effect::Failure;
use reader::Reader;
use refuse::{refused, show};
use survey::Survey;
use token::Token;

pub(super) use schema::{Action, ObjectKind, SchemaChange};

/// Where a statement is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// In `query`: it only reads.
    Query,
    /// In `execute`. `define`: programs that stay are allowed.
    Execute { define: bool },
}

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// SELECT, SHOW and the like.
    Read,
    /// Rows change: part of a transaction, if its tables are transactional.
    Data,
    /// Commits by itself.
    Schema,
}

/// A statement that is not refused outright.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    /// The text to send: without comments.
    pub(super) text: String,
    /// Its kind.
    pub(super) kind: Kind,
    /// What a statement of kind [`Kind::Schema`] is about; none for the other kinds.
    pub(super) change: Option<SchemaChange>,
    /// What a data change can set off at foreign keys.
    sets_off: SetsOff,
    /// The names in it.
    survey: Survey,
}

impl Parsed {
    /// The names of the objects whose definition a schema change is about: the object itself, its new name, the table of an
    /// index or trigger. As they stand in the statement, perhaps in another case than the catalog has them.
    pub(super) fn targets(&self) -> Vec<&str> {
        self.change.as_ref().map(SchemaChange::targets).unwrap_or_default()
    }
}

/// Which rules of foreign keys a change of rows can set off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct SetsOff {
    on_delete: bool,
    on_update: bool,
}

impl SetsOff {
    const BOTH: Self = Self { on_delete: true, on_update: true };
}

/// What a statement may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Tables whose rows may change or go.
    pub(super) rows: BTreeSet<String>,
    /// Tables whose definition may change, theirs included whose foreign keys name them.
    pub(super) definitions: BTreeSet<String>,
    /// Whether it commits by itself, or changes a table that has no transactions.
    pub(super) commits_itself: bool,
}

/// Refuses what no stage may do, and tells the kind. A statement that names several objects is split.
///
/// # Errors
/// "statement-refused", "several-statements"; "not-granted" for programs that stay.
pub(super) fn parse(sql: &str, used: Use) -> Result<Vec<Parsed>, Failure> {
    let tokens = token::tokens(sql)?;
    let end = tokens.iter().rposition(|token| !token.is_mark(";")).map_or(0, |last| last + 1);
    let tokens = &tokens[..end];
    refuse::check_everywhere(tokens)?;
    let first = Reader::new(tokens);
    match used {
        _ if tokens.is_empty() => Err(refused("there is no statement")),
        Use::Query => {
            check_single(tokens)?;
            read::check(tokens)?;
            Ok(vec![parsed(tokens, Kind::Read, None, SetsOff::default())?])
        }
        Use::Execute { .. } if first.sees_any(data::VERBS) => {
            check_single(tokens)?;
            let sets_off = data::check(tokens)?;
            Ok(vec![parsed(tokens, Kind::Data, None, sets_off)?])
        }
        Use::Execute { define } if first.sees_any(schema::VERBS) => schema::read(tokens, define)?
            .into_iter()
            .map(|(tokens, change)| parsed(&tokens, Kind::Schema, Some(change), SetsOff::default()))
            .collect(),
        Use::Execute { .. } if first.sees_mark("(") || first.sees_any(read::VERBS) => {
            Err(refused(format!("{} only reads: it is for query, not for execute", show(first.peek()))))
        }
        Use::Execute { .. } => Err(refused(format!("{} is not for stages", show(first.peek())))),
    }
}

/// Refuses what reaches out of the schema or runs programs, as the catalog shows it, and tells what may change.
///
/// `schemas`: all that the account sees, behind ours, which is the first (as the server writes it: `DATABASE()`). The answer
/// depends on the names in the text and on the catalog only, so it may be kept while the catalog stands.
///
/// # Errors
/// "other-schema"; "not-granted" for a routine; "statement-refused" for our own schema's name.
pub(super) fn touched(
    statement: &Parsed,
    used: Use,
    catalog: &Catalog,
    schemas: &[String],
) -> Result<Touched, Failure> {
    survey::check_schemas(&statement.survey, schemas)?;
    closure::check_routines(&statement.survey, used, catalog)?;
    closure::touched(statement, catalog, schemas)
}

/// The statement with `?` for each literal, at most `most` bytes: fit for journals and messages.
pub(super) fn shape(sql: &str, most: usize) -> String {
    token::shape(sql, most)
}

fn parsed(
    tokens: &[Token<'_>],
    kind: Kind,
    change: Option<SchemaChange>,
    sets_off: SetsOff,
) -> Result<Parsed, Failure> {
    let survey = Survey::of(tokens, kind)?;
    Ok(Parsed { text: token::render(tokens), kind, change, sets_off, survey })
}

/// One statement: semicolons are for the bodies of programs, which look at them themselves.
fn check_single(tokens: &[Token<'_>]) -> Result<(), Failure> {
    match tokens.iter().any(|token| token.is_mark(";")) {
        true => Err(Failure::new("several-statements", "one call is one statement")),
        false => Ok(()),
    }
}

/// The refusal of a program that stays, with the line that would allow it.
fn not_granted(what: &str) -> Failure {
    let grant = "database.<name> = \"define\"";
    let mut failure = Failure::new("not-granted", format!("{what} needs a wider grant; to allow it: {grant}"));
    failure.extra.push(("grant".to_owned(), grant.to_owned()));
    failure
}
