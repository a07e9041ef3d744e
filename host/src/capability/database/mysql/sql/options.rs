//! Options of tables, wherever they stand in a definition: files elsewhere, other servers, engines without transactions.

use super::reader::Reader;
use super::refuse::{alike, refused, show};
use super::token::{Class, Token};
use crate::effect::Failure;

/// The engine that tables may have.
const ENGINE: &str = "InnoDB";

/// Pairs of keywords that no definition of a table may hold.
const PAIRS: &[(&str, &[&str], &str)] = &[
    ("DATA", &["DIRECTORY"], "the server chooses where its files are"),
    ("INDEX", &["DIRECTORY"], "the server chooses where its files are"),
    ("EXCHANGE", &["PARTITION"], "it cannot be told from nothing done, when done twice"),
    ("CONVERT", &["PARTITION", "TABLE"], "a table and a partition change places"),
    ("DISCARD", &["TABLESPACE", "PARTITION"], "its files are not in the restore point"),
    ("IMPORT", &["TABLESPACE", "PARTITION"], "its files are not in the restore point"),
    ("SYSTEM", &["VERSIONING"], "its history is not in the restore point"),
    ("START", &["TRANSACTION"], "a stage does not begin transactions in SQL"),
];

/// Options that are refused with whatever value.
const OPTIONS: &[(&str, &str)] = &[
    ("CONNECTION", "it leads to another server"),
    ("TABLESPACE", "the server chooses where its files are"),
    ("SECONDARY_ENGINE", "only InnoDB is undone"),
    ("SEQUENCE", "sequences are not for stages, no rollback puts them back"),
];

/// Refuses options that reach out of the database or take away what undo needs. The tokens are those behind the name of the
/// table.
pub(super) fn check(tokens: &[Token<'_>]) -> Result<(), Failure> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match (token.class, token.text) {
            (Class::Mark, "(") => depth += 1,
            (Class::Mark, ")") => depth = depth.saturating_sub(1),
            _ => {}
        }
        let Some(next) = tokens.get(at + 1) else { break };
        if let Some((_, _, why)) = PAIRS.iter().find(|(first, seconds, _)| token.is(first) && next.is_any(seconds)) {
            return Err(refused(format!("{} {}: {why}", show(Some(token)), show(Some(next)))));
        }
        if token.is("SYSTEM_TIME") {
            return Err(refused("SYSTEM_TIME: its history is not in the restore point"));
        }
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        check_union(&tokens[at..])?;
        if let Some((option, why)) = OPTIONS.iter().find(|(option, _)| token.is(option))
            && is_option(before, next, depth)
        {
            return Err(refused(format!("{option}: {why} (a column of that name must be quoted)")));
        }
        if token.is("ENGINE") && is_option(before, next, depth) {
            check_engine(tokens.get(at + 1 + usize::from(next.is_mark("="))))?;
        }
    }
    Ok(())
}

/// What `ALTER DATABASE` may do: the character set that new tables get. The database is ours, so it has no name here.
pub(super) fn check_database(mut reader: Reader<'_, '_>) -> Result<(), Failure> {
    if reader.is_at_end() {
        return Err(refused("ALTER DATABASE: the character set is missing"));
    }
    while !reader.is_at_end() {
        reader.eat(&["DEFAULT"]);
        let known = reader.eat(&["CHARACTER", "SET"]) || reader.eat_any(&["CHARSET", "COLLATE"]);
        reader.eat_mark("=");
        let value = reader.next().is_some_and(|token| matches!(token.class, Class::Word | Class::Name | Class::Text));
        if !known || !value {
            let why = "ALTER DATABASE: only CHARACTER SET and COLLATE, without the name of the database";
            return Err(refused(why));
        }
    }
    Ok(())
}

/// `UNION=(…)` of a MERGE table, not the UNION of two SELECTs.
fn check_union(tokens: &[Token<'_>]) -> Result<(), Failure> {
    let mut reader = Reader::new(tokens);
    if !reader.eat(&["UNION"]) {
        return Ok(());
    }
    let is_option = reader.eat_mark("=") || {
        let is_list = reader.sees_mark("(");
        while reader.eat_mark("(") {}
        is_list && !reader.sees_any(&["SELECT", "VALUES", "TABLE", "WITH"])
    };
    match is_option {
        true => Err(refused("UNION=(…): only InnoDB is undone")),
        false => Ok(()),
    }
}

/// Whether a word with that meaning is an option here, and not the name of a column or index. An option has a value behind
/// it, with or without `=`.
fn is_option(before: Option<&Token<'_>>, next: &Token<'_>, depth: usize) -> bool {
    // Reserved: a partition cannot be called so to hide what is behind it. The others start a clause of ALTER TABLE.
    const BEFORE_NAMES: &[&str] = &["ADD", "ALTER", "BY", "CHANGE", "COLUMN", "DROP", "EXISTS", "INDEX", "KEY", "TO"];
    const BEFORE_NAMES_OUTSIDE: &[&str] = &["AFTER", "MODIFY"];
    if next.is_mark("=") {
        return true;
    }
    let has_value = next.name().is_some() || matches!(next.class, Class::Text | Class::Number);
    let starts_column = depth > 0 && before.is_none_or(|before| before.is_mark(",") || before.is_mark("("));
    let is_name = before.is_some_and(|before| {
        before.is_any(BEFORE_NAMES) || before.is_mark(".") || (depth == 0 && before.is_any(BEFORE_NAMES_OUTSIDE))
    });
    has_value && !starts_column && !is_name
}

fn check_engine(value: Option<&Token<'_>>) -> Result<(), Failure> {
    let name = value.and_then(Token::name);
    let text = value.filter(|token| token.class == Class::Text).map(|token| token.text.trim_matches(['\'', '"']));
    match name.as_deref().or(text) {
        Some(engine) if alike(engine, ENGINE) => Ok(()),
        _ => {
            let engine = show(value);
            Err(refused(format!("ENGINE {engine}: only {ENGINE} is undone (a column of that name must be quoted)")))
        }
    }
}
