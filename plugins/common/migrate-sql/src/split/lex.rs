//! The tokens that matter for cutting and for looking through: what is quoted, what is a comment, what is a word.

use liftlock_sdk::database::Dialect;

/// A piece of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Blank,
    Comment,
    /// A comment that is run, not skipped: `/*!40101 … */`, and MariaDB's `/*M! … */`. What is run, without the version.
    Executable(&'a str),
    /// A keyword or a name without quotes.
    Word(&'a str),
    /// A quoted text or name, or any other character.
    Other,
}

/// A token that is neither blank nor comment, where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) text: &'a str,
    /// Its first byte.
    pub(crate) at: usize,
}

impl Piece<'_> {
    /// The byte behind its last.
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// All that counts of a statement. What is never closed is one piece up to the end.
pub(crate) fn tokens(text: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let (token, length) = next(&text[at..], dialect).unwrap_or((Token::Other, text.len() - at));
        if !matches!(token, Token::Blank | Token::Comment) {
            pieces.push(Piece { token, text: &text[at..at + length], at });
        }
        at += length;
    }
    pieces
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
        let executable = if is_mysql { executable(&inside[..length - 4]) } else { None };
        return Ok((executable.map_or(Token::Comment, Token::Executable), length));
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

/// What is run of a comment, if anything is. No server is as new as 99.99.99, which dump programs write for themselves.
fn executable(inside: &str) -> Option<&str> {
    let versioned = inside.strip_prefix('!').or_else(|| inside.strip_prefix("M!"))?;
    let run = versioned.trim_start_matches(|c: char| c.is_ascii_digit());
    (!versioned.starts_with("999999")).then_some(run)
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
