//! `DROP TABLE a, b` and `RENAME TABLE a TO b, c TO d`: one statement for each. The server does them in this order too, and
//! stops at the first that fails.

use crate::split::{Piece, Token};

/// What may follow the last name.
const TAIL: [&str; 4] = ["RESTRICT", "CASCADE", "WAIT", "NOWAIT"];

/// The statements that do the same, if this is one for several objects.
pub(super) fn parts(text: &str, tokens: &[Piece<'_>]) -> Option<Vec<String>> {
    let is = |at: usize, words: &[&str]| {
        let word = tokens.get(at).map(|piece| piece.token);
        matches!(word, Some(Token::Word(word)) if words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
    };
    let is_drop = is(0, &["DROP"]) && is(1, &["TABLE", "TABLES", "VIEW"]);
    let is_rename = is(0, &["RENAME"]) && is(1, &["TABLE", "TABLES"]);
    if !is_drop && !is_rename {
        return None;
    }
    let names = if is(2, &["IF"]) && is(3, &["EXISTS"]) { 4 } else { 2 };
    // A table may be called `cascade`, but not behind another name.
    let follows_a_name = |at: usize| at > names && !matches!(tokens[at - 1].text, "," | ".");
    let tail =
        (names..tokens.len()).find(|at| is_drop && follows_a_name(*at) && is(*at, &TAIL)).unwrap_or(tokens.len());
    let slice = |pieces: &[Piece<'_>]| match (pieces.first(), pieces.last()) {
        (Some(first), Some(last)) => &text[first.at..last.end()],
        _ => "",
    };
    let objects: Vec<_> = tokens[names..tail].split(|piece| piece.text == ",").map(slice).collect();
    if objects.len() < 2 {
        return None;
    }
    let (head, tail) = (slice(&tokens[..names]), slice(&tokens[tail..]));
    Some(objects.iter().map(|object| format!("{head} {object} {tail}").trim_end().to_owned()).collect())
}
