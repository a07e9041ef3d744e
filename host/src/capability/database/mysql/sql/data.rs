//! Statements that change rows.

use super::SetsOff;
use super::read::verb_behind_with;
use super::reader::Reader;
use super::refuse::{check_without, refused, show};
use super::token::Token;
use crate::effect::Failure;

/// How they start.
pub(super) const VERBS: &[&str] = &["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"];

/// Refuses what does more than change rows, and tells what it can set off at foreign keys.
pub(super) fn check(tokens: &[Token<'_>]) -> Result<SetsOff, Failure> {
    let mut reader = Reader::new(tokens);
    let verb = match reader.eat(&["WITH"]) {
        true => verb_behind_with(reader.clone())?.filter(|verb| verb.is_any(&["UPDATE", "DELETE"])),
        false => reader.next(),
    };
    let verb = verb.ok_or_else(|| refused("WITH here must lead to UPDATE or DELETE; what only reads is for query"))?;
    let into = place_of_into(tokens, verb);
    for (at, token) in tokens.iter().enumerate() {
        if token.is("INTO") && Some(at) != into {
            return Err(refused("INTO: rows go into the table that is named first, and nowhere else"));
        }
    }
    check_without(tokens, &["DELAYED"], "rows are written when the statement says so")?;
    check_without(tokens, &["PROCEDURE"], "a change runs no procedures")?;
    check_returning(tokens)?;
    if Reader::new(tokens).eat(&["DELETE", "HISTORY", "FROM"]) {
        return Err(refused("DELETE HISTORY takes rows that no snapshot has"));
    }
    Ok(sets_off(tokens, verb))
}

/// Where INTO belongs: behind INSERT or REPLACE and their modifiers.
fn place_of_into(tokens: &[Token<'_>], verb: &Token<'_>) -> Option<usize> {
    let mut reader = Reader::new(tokens);
    reader.next().filter(|_| verb.is_any(&["INSERT", "REPLACE"]))?;
    while reader.eat_any(&["LOW_PRIORITY", "HIGH_PRIORITY", "IGNORE"]) {}
    reader.sees("INTO").then_some(reader.at)
}

/// In parentheses, RETURNING is part of MySQL's JSON_VALUE.
fn check_returning(tokens: &[Token<'_>]) -> Result<(), Failure> {
    let mut reader = Reader::new(tokens);
    while !reader.is_at_end() {
        if reader.sees("RETURNING") {
            return Err(refused(format!("{} gives rows: read them with query", show(reader.peek()))));
        }
        if !reader.eat_parenthesis()? {
            reader.next();
        }
    }
    Ok(())
}

fn sets_off(tokens: &[Token<'_>], verb: &Token<'_>) -> SetsOff {
    if verb.is("REPLACE") {
        return SetsOff::BOTH;
    }
    let updates_duplicates = tokens.windows(2).any(|pair| pair[0].is("KEY") && pair[1].is("UPDATE"));
    SetsOff { on_delete: verb.is("DELETE"), on_update: verb.is("UPDATE") || updates_duplicates }
}
