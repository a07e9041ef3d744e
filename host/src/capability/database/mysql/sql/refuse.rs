//! What no stage may name, whatever the statement is, and how names compare.

use super::token::{Class, Token};
use crate::capability::database::MARKER_TABLE;
use crate::effect::Failure;

/// Functions that wait, lock, read files, or answer from what the session remembers (which a resumed run does not have).
const FUNCTIONS: &[&str] = &[
    "BENCHMARK",
    "CONNECTION_ID",
    "FOUND_ROWS",
    "GET_LOCK",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LAST_INSERT_ID",
    "LASTVAL",
    "LOAD_FILE",
    "MASTER_GTID_WAIT",
    "MASTER_POS_WAIT",
    "NEXTVAL",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "ROW_COUNT",
    "SETVAL",
    "SLEEP",
    "SOURCE_POS_WAIT",
    "WAIT_FOR_EXECUTED_GTID_SET",
    "WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS",
    "WSREP_SYNC_WAIT_UPTO_GTID",
];

/// A refusal, with its reason: one sentence without a full stop.
pub(super) fn refused(why: impl Into<String>) -> Failure {
    Failure::new("statement-refused", why)
}

/// Refuses what no statement may hold: our table, and functions that wait, lock, or read files or the session.
pub(super) fn check_everywhere(tokens: &[Token<'_>]) -> Result<(), Failure> {
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = token.name() else { continue };
        if alike(&name, MARKER_TABLE) {
            return Err(refused(format!("{MARKER_TABLE} belongs to the host")));
        }
        let next = tokens.get(at + 1);
        // Quoted, too, and with a blank in front of the parenthesis: the servers find the function all the same.
        if next.is_some_and(|next| next.is_mark("(")) && FUNCTIONS.iter().any(|function| alike(&name, function)) {
            return Err(refused(format!(
                "{name}() is not for stages: it waits, locks, reads a file, or answers from what the session remembers"
            )));
        }
        if token.is_any(&["NEXT", "PREVIOUS"]) && next.is_some_and(|next| next.is("VALUE")) {
            return Err(refused("sequences are not for stages: no rollback puts them back"));
        }
        if token.is_any(&["OUTFILE", "DUMPFILE"]) && at > 0 && tokens[at - 1].is("INTO") {
            return Err(refused("INTO OUTFILE and INTO DUMPFILE write files"));
        }
    }
    Ok(())
}

/// Refuses any of these keywords.
pub(super) fn check_without(tokens: &[Token<'_>], words: &[&str], why: &str) -> Result<(), Failure> {
    match tokens.iter().find(|token| token.is_any(words)) {
        Some(token) => Err(refused(format!("{}: {why}", token.text.to_ascii_uppercase()))),
        None => Ok(()),
    }
}

/// Whether a server may take two names for the same. It ignores case, for some kinds of names accents too (`fünc()` calls
/// `func`): a letter beyond ASCII counts as equal to any.
pub(super) fn alike(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(&b) || !a.is_ascii() || !b.is_ascii() => {}
            _ => return false,
        }
    }
}

/// How a statement's word is shown in a refusal.
pub(super) fn show(token: Option<&Token<'_>>) -> String {
    match token {
        None => "the end".to_owned(),
        Some(token) if token.class == Class::Word => token.text.to_ascii_uppercase(),
        Some(token) if matches!(token.class, Class::Text | Class::Number) => "a literal".to_owned(),
        Some(token) => token.text.to_owned(),
    }
}
