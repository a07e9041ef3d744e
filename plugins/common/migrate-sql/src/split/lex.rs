//! The tokens that matter for cutting: what is quoted, what is a comment, what is a word.

use liftlock_sdk::database::Dialect;

/// A piece of SQL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Blank,
    Comment,
    /// A keyword or a name without quotes.
    Word(&'a str),
    /// A quoted text or name, or any other character.
    Other,
}

/// The first token of a text that is not empty, and its length in bytes. An error says what is never closed.
pub(super) fn next(text: &str, dialect: Dialect) -> Result<(Token<'_>, usize), &'static str> {
    let is_mysql = dialect != Dialect::Sqlite;
    let Some(first) = text.chars().next() else { return Ok((Token::Blank, 0)) };
    if first.is_whitespace() {
        return Ok((Token::Blank, length_while(text, char::is_whitespace)));
    }
    if is_word(first) {
        let length = length_while(text, is_word);
        return Ok((Token::Word(&text[..length]), length));
    }
    if is_line_comment(text, is_mysql) {
        return Ok((Token::Comment, text.find('\n').unwrap_or(text.len())));
    }
    if let Some(inside) = text.strip_prefix("/*") {
        let length = 2 + inside.find("*/").ok_or("a comment")? + 2;
        return Ok((if is_mysql && is_executable(inside) { Token::Other } else { Token::Comment }, length));
    }
    let length = match first {
        '\'' | '"' => 1 + quoted(&text[1..], first, is_mysql).ok_or("a quote")?,
        '`' => 1 + quoted(&text[1..], first, false).ok_or("a quote")?,
        '[' if !is_mysql => 1 + quoted(&text[1..], ']', false).ok_or("a bracket")?,
        other => other.len_utf8(),
    };
    Ok((Token::Other, length))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn length_while(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// MySQL wants a blank behind `--` (else it is two minus signs) and knows `#`.
fn is_line_comment(text: &str, is_mysql: bool) -> bool {
    match text.strip_prefix("--") {
        Some(rest) => !is_mysql || rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c.is_control()),
        None => is_mysql && text.starts_with('#'),
    }
}

/// `/*! … */` and MariaDB's `/*M! … */` are run, not skipped.
fn is_executable(inside: &str) -> bool {
    inside.starts_with('!') || inside.starts_with("M!")
}

/// The length up to and with the closing quote. A doubled quote needs no care: it is read as two texts side by side.
fn quoted(text: &str, quote: char, backslash: bool) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some(at + c.len_utf8());
        }
        if backslash && c == '\\' {
            chars.next();
        }
    }
    None
}
