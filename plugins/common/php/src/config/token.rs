//! PHP's tokens, without losing a byte.

use std::ops::Range;

use super::quoted::{self, Unclear};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A byte order mark, `<?php`, and blanks before it.
    Open,
    /// `?>` and what follows it, which is blank.
    Close,
    Space,
    Comment,
    /// `$name`
    Variable,
    /// A keyword, constant or function, with its namespace.
    Name,
    Number,
    /// In either quotes.
    String,
    /// From `<<<` to its label.
    Heredoc,
    /// Operators and brackets.
    Mark,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What is wrong at a byte: its place, code and message.
pub(super) type Wrong = (usize, &'static str, &'static str);

/// Longer ones before their beginnings. All that starts with `=` matters here: `=>` is no assignment.
const MARKS: [&str; 35] = [
    "===", "!==", "<=>", "**=", "...", "<<=", ">>=", "??=", "?->", "=>", "==", "!=", "<>", "<=", ">=", "&&", "||",
    "??", "++", "--", "+=", "-=", "*=", "/=", ".=", "%=", "&=", "|=", "^=", "->", "::", "<<", ">>", "**", "=",
];

/// The tokens of a file. Together they are the text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut at = open(text)?;
    let mut tokens = vec![Token { kind: Kind::Open, span: 0..at }];
    while at < text.len() {
        let (kind, length) = next(text, at)?;
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
    Ok(tokens)
}

/// The bytes up to behind `<?php`.
fn open(text: &str) -> Result<usize, Wrong> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    let start = text.len() - rest.len();
    let tag = rest.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("<?php"));
    if !tag || rest[5..].starts_with(|next: char| !next.is_ascii_whitespace()) {
        return Err((start, "not-php", "the file does not start with <?php"));
    }
    Ok(start + 5)
}

/// The kind and length of the token at a place.
fn next(text: &str, at: usize) -> Result<(Kind, usize), Wrong> {
    let rest = &text[at..];
    let first = rest.as_bytes()[0];
    let second = rest.as_bytes().get(1).copied().unwrap_or_default();
    Ok(match (first, second) {
        (b'?', b'>') => (Kind::Close, close(text, at)?),
        (b'#', b'[') => return Err((at, "not-understood", "#[ is a comment or not, depending on PHP's version")),
        (b'#', _) | (b'/', b'/') => (Kind::Comment, line_comment(rest)),
        (b'/', b'*') => match rest[2..].find("*/") {
            Some(length) => (Kind::Comment, length + 4),
            None => return Err((at, "not-closed", "the comment does not end")),
        },
        (b'$', next) if starts_name(next) => (Kind::Variable, 1 + name(&rest[1..])),
        (b'$', _) => return Err((at, "unsupported-code", "a variable whose name is computed could be any")),
        (b'`', _) => return Err((at, "unsupported-code", "a shell command is not run to find out settings")),
        (b'\\', next) if starts_name(next) => (Kind::Name, qualified_name(rest)),
        (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => (Kind::Number, number(rest)),
        (b'\'', _) => (Kind::String, quoted::single_length(rest).map_err(|unclear| wrong(at, unclear))?),
        (b'"', _) => (Kind::String, quoted::double_length(rest).map_err(|unclear| wrong(at, unclear))?),
        (b'<', b'<') => match quoted::heredoc_length(rest).map_err(|unclear| wrong(at, unclear))? {
            Some(length) => (Kind::Heredoc, length),
            None => (Kind::Mark, mark(rest)),
        },
        (first, _) if first.is_ascii_whitespace() => {
            (Kind::Space, rest.len() - rest.trim_start_matches(|next: char| next.is_ascii_whitespace()).len())
        }
        (first, _) if starts_name(first) => (Kind::Name, qualified_name(rest)),
        _ => (Kind::Mark, mark(rest)),
    })
}

fn wrong(at: usize, unclear: Unclear) -> Wrong {
    match unclear {
        Unclear::NotClosed => (at, "not-closed", "the string does not end"),
        Unclear::Code => (at, "not-understood", "code in braces inside a string: write it as a concatenation"),
        Unclear::Label => (at, "not-understood", "where this heredoc ends depends on PHP's version"),
    }
}

/// After `?>` nothing but blanks may come: it would be sent to visitors, or be PHP again.
fn close(text: &str, at: usize) -> Result<usize, Wrong> {
    let after = &text[at + 2..];
    let rest = after.trim_start();
    if rest.is_empty() {
        return Ok(2 + after.len());
    }
    Err((text.len() - rest.len(), "not-php", "something stands after ?>"))
}

/// Up to the end of the line, or to `?>`, which ends PHP even here.
fn line_comment(rest: &str) -> usize {
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    rest[..line].find("?>").unwrap_or(line)
}

fn number(rest: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
    let bytes = rest.as_bytes();
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X' | b'b' | b'B' | b'o' | b'O')) {
        return 2 + rest[2..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    }
    let mut length = digits(rest);
    if bytes.get(length) == Some(&b'.') && bytes.get(length + 1) != Some(&b'.') {
        length += 1;
        length += digits(&rest[length..]);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        match digits(&rest[length + 1 + sign..]) {
            0 => {}
            exponent => length += 1 + sign + exponent,
        }
    }
    length
}

fn mark(rest: &str) -> usize {
    let known = MARKS.iter().find(|mark| rest.starts_with(**mark)).map(|mark| mark.len());
    known.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8))
}

/// In PHP every byte that is not ASCII is a letter.
pub(super) fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Whether a name may go on with this.
pub(super) fn continues_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit()
}

fn name(rest: &str) -> usize {
    rest.bytes().take_while(|byte| continues_name(*byte)).count()
}

fn qualified_name(rest: &str) -> usize {
    rest.bytes().take_while(|byte| continues_name(*byte) || *byte == b'\\').count()
}
