//! Programs that stay in the schema: views, triggers, procedures, functions, events. Only with the grant "define".
//!
//! The header is read exactly, so that it is certain where the body starts; see [`body`](super::body) for what is in it.

use super::read::check_reads_only;
use super::reader::Reader;
use super::refuse::{refused, show};
use super::schema::{Action, Change, ObjectKind, SchemaChange, split};
use super::token::{Class, Token};
use super::{body, check_single, not_granted};
use crate::effect::Failure;

const KINDS: &[(&str, ObjectKind)] = &[
    ("VIEW", ObjectKind::View),
    ("TRIGGER", ObjectKind::Trigger),
    ("PROCEDURE", ObjectKind::Procedure),
    ("FUNCTION", ObjectKind::Function),
    ("EVENT", ObjectKind::Event),
];

/// What CREATE, ALTER or DROP of a program changes; none if the statement is about something else.
pub(super) fn read<'a>(tokens: &[Token<'a>], define: bool) -> Result<Option<Vec<Change<'a>>>, Failure> {
    let mut reader = Reader::new(tokens);
    let action = match reader.next() {
        Some(verb) if verb.is("CREATE") => Action::Create,
        Some(verb) if verb.is("ALTER") => Action::Alter,
        Some(verb) if verb.is("DROP") => Action::Drop,
        _ => return Ok(None),
    };
    reader.eat(&["OR", "REPLACE"]);
    let definer = skip_header(&mut reader);
    let Some((word, kind)) = KINDS.iter().find(|(word, _)| reader.sees(word)) else { return Ok(None) };
    if !define {
        return Err(not_granted(&format!("{} {word}", show(tokens.first()))));
    }
    definer?;
    reader.next();
    let _ = reader.eat(&["IF", "NOT", "EXISTS"]) || reader.eat(&["IF", "EXISTS"]);
    if action == Action::Drop {
        check_single(tokens)?;
        let list = reader.names()?;
        reader.eat_any(&["RESTRICT", "CASCADE"]);
        check_end(&reader)?;
        return Ok(Some(split(tokens, list, |name| SchemaChange::new(action, *kind, name))));
    }
    let mut change = SchemaChange::new(action, *kind, reader.name()?);
    match kind {
        ObjectKind::View => check_view(tokens, reader)?,
        ObjectKind::Trigger => change.table = Some(check_trigger(reader)?),
        ObjectKind::Event => change.new_name = check_event(reader)?,
        _ if action == Action::Alter => {
            skip_characteristics(&mut reader)?;
            check_end(&reader)?;
        }
        _ => check_routine(reader, *kind)?,
    }
    Ok(Some(vec![(tokens.to_vec(), change)]))
}

/// Goes behind what may stand in front of the kind. The only definer is the account itself: another one would leave a program
/// behind that runs with rights which the stage does not have.
fn skip_header(reader: &mut Reader<'_, '_>) -> Result<(), Failure> {
    let mut definer = Ok(());
    loop {
        if reader.eat(&["ALGORITHM"]) {
            reader.eat_mark("=");
            reader.next();
        } else if reader.eat(&["DEFINER"]) {
            reader.eat_mark("=");
            if !reader.sees("CURRENT_USER") {
                definer = Err(refused("DEFINER: only CURRENT_USER, or leave it out"));
            }
            reader.next();
            let _ = reader.eat_mark("(") && reader.eat_mark(")");
        } else if reader.eat(&["SQL", "SECURITY"]) {
            reader.next();
        } else if !reader.eat(&["AGGREGATE"]) {
            return definer;
        }
    }
}

fn check_view(tokens: &[Token<'_>], mut reader: Reader<'_, '_>) -> Result<(), Failure> {
    check_single(tokens)?;
    reader.eat_parenthesis()?;
    match reader.eat(&["AS"]) {
        true => check_reads_only(reader.rest()),
        false => Err(refused(format!("a view is made AS SELECT, not {}", show(reader.peek())))),
    }
}

/// The table of the trigger.
fn check_trigger(mut reader: Reader<'_, '_>) -> Result<String, Failure> {
    while !reader.sees("ON") {
        // The events: BEFORE INSERT; in MariaDB also several with OR, and UPDATE OF columns.
        match reader.next() {
            Some(token) if token.name().is_some() || token.is_mark(",") => {}
            other => return Err(refused(format!("{} does not belong into the head of a trigger", show(other)))),
        }
    }
    reader.next();
    let table = reader.name()?;
    if !reader.eat(&["FOR", "EACH", "ROW"]) {
        return Err(refused("FOR EACH ROW is missing"));
    }
    if reader.eat_any(&["FOLLOWS", "PRECEDES"]) {
        reader.name()?;
    }
    body::check(reader.rest(), Vec::new())?;
    Ok(table)
}

/// The new name of the event, if it gets one.
fn check_event(mut reader: Reader<'_, '_>) -> Result<Option<String>, Failure> {
    let mut new_name = None;
    loop {
        if reader.eat(&["DO"]) {
            body::check(reader.rest(), Vec::new())?;
            return Ok(new_name);
        }
        if reader.eat(&["RENAME", "TO"]) {
            new_name = Some(reader.name()?);
        } else if !reader.eat_parenthesis()? {
            match reader.next() {
                None => return Ok(new_name),
                Some(token) if token.is_mark(";") => return Err(refused("the body of the event is missing")),
                Some(_) => {}
            }
        }
    }
}

fn check_routine(mut reader: Reader<'_, '_>, kind: ObjectKind) -> Result<(), Failure> {
    let start = reader.at;
    if !reader.eat_parenthesis()? {
        return Err(refused("a routine is SQL with its parameters in parentheses; libraries are not for stages"));
    }
    let parameters = parameters(reader.since(start));
    if kind == ObjectKind::Function {
        skip_returns(&mut reader)?;
    }
    skip_characteristics(&mut reader)?;
    body::check(reader.rest(), parameters)
}

/// The names of `(IN a INT, OUT b DECIMAL(5, 2))`.
fn parameters(tokens: &[Token<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut is_start = false;
    for token in tokens {
        match (token.class, token.text) {
            (Class::Mark, "(") => {
                depth += 1;
                is_start = depth == 1;
            }
            (Class::Mark, ")") => depth = depth.saturating_sub(1),
            (Class::Mark, ",") => is_start = depth == 1,
            _ if token.is_any(&["IN", "OUT", "INOUT"]) => {}
            _ => {
                names.extend(token.name().filter(|_| is_start).map(|name| name.into_owned()));
                is_start = false;
            }
        }
    }
    names
}

fn skip_returns(reader: &mut Reader<'_, '_>) -> Result<(), Failure> {
    const OF_TYPES: &[&str] =
        &["ASCII", "BINARY", "BYTE", "PRECISION", "SIGNED", "UNICODE", "UNSIGNED", "VARCHAR", "VARYING", "ZEROFILL"];
    if !reader.eat(&["RETURNS"]) {
        return Err(refused("RETURNS is missing"));
    }
    reader.name()?;
    reader.eat_parenthesis()?;
    loop {
        if reader.eat(&["CHARACTER", "SET"]) || reader.eat_any(&["CHARSET", "COLLATE"]) {
            reader.next();
        } else if reader.eat_any(OF_TYPES) {
            reader.eat_parenthesis()?;
        } else {
            return Ok(());
        }
    }
}

fn skip_characteristics(reader: &mut Reader<'_, '_>) -> Result<(), Failure> {
    const PHRASES: &[&[&str]] = &[
        &["LANGUAGE", "SQL"],
        &["DETERMINISTIC"],
        &["NOT", "DETERMINISTIC"],
        &["CONTAINS", "SQL"],
        &["NO", "SQL"],
        &["READS", "SQL", "DATA"],
        &["MODIFIES", "SQL", "DATA"],
        &["SQL", "SECURITY", "DEFINER"],
        &["SQL", "SECURITY", "INVOKER"],
    ];
    loop {
        if reader.eat(&["COMMENT"]) {
            if !reader.next().is_some_and(|text| text.class == Class::Text) {
                return Err(refused("the text of COMMENT is missing"));
            }
        } else if !PHRASES.iter().any(|phrase| reader.eat(phrase)) {
            return Ok(());
        }
    }
}

fn check_end(reader: &Reader<'_, '_>) -> Result<(), Failure> {
    match reader.peek() {
        None => Ok(()),
        Some(token) if token.is_mark(";") => Err(Failure::new("several-statements", "one call is one statement")),
        other => Err(refused(format!("{} does not belong here", show(other)))),
    }
}
