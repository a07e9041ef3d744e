//! Statements that only read.

use super::reader::Reader;
use super::refuse::{check_without, refused, show};
use super::token::Token;
use crate::effect::Failure;

/// How they start. A parenthesis may stand in front.
pub(super) const VERBS: &[&str] = &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"];

/// What a statement starts with that gives rows out of tables.
const SELECTS: &[&str] = &["SELECT", "VALUES", "TABLE"];

/// What `SHOW` may show: definitions and settings. Not accounts, sessions, logs, or what the session remembers.
const SHOWS: &[&[&str]] = &[
    &["COLUMNS"],
    &["FIELDS"],
    &["INDEX"],
    &["INDEXES"],
    &["KEYS"],
    &["TABLES"],
    &["TABLE", "STATUS"],
    &["TRIGGERS"],
    &["CREATE", "TABLE"],
    &["CREATE", "VIEW"],
    &["VARIABLES"],
    &["COLLATION"],
    &["CHARACTER", "SET"],
    &["CHARSET"],
    &["ENGINES"],
];

/// Refuses all but what reads.
pub(super) fn check(tokens: &[Token<'_>]) -> Result<(), Failure> {
    check_reads_only(tokens)?;
    let mut reader = Reader::new(tokens);
    if reader.eat(&["SHOW"]) {
        return check_show(reader);
    }
    if reader.eat_any(&["DESCRIBE", "DESC", "EXPLAIN"]) {
        return check_explain(reader);
    }
    check_select(reader)
}

/// Refuses SELECTs that write, lock or go through a sequence, wherever they stand.
pub(super) fn check_reads_only(tokens: &[Token<'_>]) -> Result<(), Failure> {
    check_without(tokens, &["INTO"], "a query gives its rows to the stage and to nothing else")?;
    check_without(tokens, &["PROCEDURE"], "a query runs no procedures")?;
    for pair in tokens.windows(2) {
        let locks = pair[0].is("FOR") && pair[1].is_any(&["UPDATE", "SHARE"]);
        if locks || (pair[0].is("LOCK") && pair[1].is("IN")) {
            return Err(refused("a query takes no locks: leave out FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE"));
        }
    }
    Ok(())
}

/// The verb behind `WITH … AS (…), …`: the first keyword outside of parentheses that can be one.
pub(super) fn verb_behind_with<'t, 'a>(mut reader: Reader<'t, 'a>) -> Result<Option<&'t Token<'a>>, Failure> {
    const VERBS: &[&str] = &["SELECT", "VALUES", "TABLE", "UPDATE", "DELETE", "INSERT", "REPLACE"];
    loop {
        let is_query = reader.sees_mark("(") && !is_part_of_with(&reader)?;
        if is_query || reader.sees_any(VERBS) {
            return Ok(reader.peek());
        }
        if !reader.eat_parenthesis()? && reader.next().is_none() {
            return Ok(None);
        }
    }
}

/// Whether the parenthesis here holds columns or stands behind AS, and so is not the statement itself.
fn is_part_of_with(reader: &Reader<'_, '_>) -> Result<bool, Failure> {
    let mut behind = reader.clone();
    behind.eat_parenthesis()?;
    Ok(behind.sees("AS") || reader.is_behind("AS"))
}

fn check_select(mut reader: Reader<'_, '_>) -> Result<(), Failure> {
    while reader.eat_mark("(") {}
    if reader.sees_any(SELECTS) {
        return Ok(());
    }
    if reader.eat(&["WITH"]) {
        return match verb_behind_with(reader)? {
            Some(verb) if verb.is_mark("(") || verb.is_any(SELECTS) => Ok(()),
            other => Err(refused(format!("a query only reads: {} behind WITH is for execute", show(other)))),
        };
    }
    Err(refused(format!("a query only reads: {} is not for it", show(reader.peek()))))
}

fn check_show(mut reader: Reader<'_, '_>) -> Result<(), Failure> {
    while reader.eat_any(&["FULL", "EXTENDED", "GLOBAL", "SESSION", "LOCAL", "STORAGE"]) {}
    let Some(shown) = SHOWS.iter().find(|phrase| reader.eat(phrase)) else {
        return Err(refused(format!("SHOW {} is not for stages", show(reader.peek()))));
    };
    // FROM names a table, and the second one a schema; in front of a list of tables already the first does.
    let most = usize::from(!matches!(shown[0], "TABLES" | "TABLE" | "TRIGGERS"));
    let filter = reader.rest().iter().position(|token| token.is_any(&["LIKE", "WHERE"]));
    let places = &reader.rest()[..filter.unwrap_or(reader.rest().len())];
    if places.iter().filter(|token| token.is_any(&["FROM", "IN"])).count() > most {
        return Err(Failure::new("other-schema", "SHOW is for this database only: leave out the name of a schema"));
    }
    Ok(())
}

fn check_explain(mut reader: Reader<'_, '_>) -> Result<(), Failure> {
    loop {
        if reader.eat(&["FORMAT"]) {
            reader.eat_mark("=");
            reader.next();
        } else if !reader.eat_any(&["EXTENDED", "PARTITIONS", "ANALYZE"]) {
            break;
        }
    }
    if reader.sees_any(SELECTS) || reader.sees("WITH") || reader.sees_mark("(") {
        return check_select(reader);
    }
    if reader.sees_any(&["INSERT", "REPLACE", "UPDATE", "DELETE", "FOR", "ALTER", "CREATE"]) {
        return Err(refused(format!("EXPLAIN {} is not for stages: only that of a SELECT", show(reader.peek()))));
    }
    // The columns of a table: a name, then perhaps a column or a pattern.
    reader.name()?;
    reader.next();
    match reader.is_at_end() {
        true => Ok(()),
        false => Err(refused(format!("{} does not belong to DESCRIBE", show(reader.peek())))),
    }
}
