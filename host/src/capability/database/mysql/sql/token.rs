//! SQL as tokens, by the lexical rules of MySQL and MariaDB under our `sql_mode`: backslash escapes, double quotes are texts.
//!
//! Where the servers read a text in a surprising way (`1e1users` is a number and a name), it is refused instead of imitated.
//! Comments are none of the tokens and so never reach the server; those that a server would run are refused.

use std::borrow::Cow;

use super::refuse::refused;
use crate::effect::Failure;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A bare word: keyword or name.
    Word,
    /// A name for certain: in backticks, or bare and directly beside a dot, where the servers look for no keyword.
    Name,
    /// A text, a blob or bits, with quotes.
    Text,
    /// A number.
    Number,
    /// `?`.
    Parameter,
    /// Anything else, one character.
    Mark,
}

/// A token of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) class: Class,
    /// As it stands in the statement.
    pub(super) text: &'a str,
    /// Whether a blank or a comment is in front of it.
    pub(super) apart: bool,
}

impl<'a> Token<'a> {
    /// Whether it is this keyword.
    pub(super) fn is(&self, word: &str) -> bool {
        self.class == Class::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is one of these keywords.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Whether it is this character.
    pub(super) fn is_mark(&self, mark: &str) -> bool {
        self.class == Class::Mark && self.text == mark
    }

    /// The name that it is or may be, without quotes.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        match self.class {
            Class::Word => Some(Cow::Borrowed(self.text)),
            Class::Name => {
                let quoted = self.text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
                Some(quoted.map_or(Cow::Borrowed(self.text), |inner| match inner.contains('`') {
                    true => Cow::Owned(inner.replace("``", "`")),
                    false => Cow::Borrowed(inner),
                }))
            }
            _ => None,
        }
    }
}

/// All tokens of a text.
///
/// # Errors
/// "statement-refused" for what is not clear, not closed, or a comment that is run.
pub(super) fn tokens(sql: &str) -> Result<Vec<Token<'_>>, Failure> {
    if sql.contains('\0') {
        return Err(refused("a NUL byte has no place in a statement: use a parameter"));
    }
    Lexer::new(sql).collect()
}

/// The text that has these tokens, and nothing else.
pub(super) fn render(tokens: &[Token<'_>]) -> String {
    let mut text = String::with_capacity(tokens.iter().map(|token| token.text.len() + 1).sum());
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        if before.is_some_and(|before| token.apart || must_part(before, token)) {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    text
}

/// The statement with `?` for each literal, at most `most` bytes: fit for journals and messages. What cannot be read is left
/// out.
pub(super) fn shape(sql: &str, most: usize) -> String {
    let mut shape = String::new();
    for token in Lexer::new(sql) {
        let Ok(token) = token else {
            shape.push('…');
            break;
        };
        let text = match token.class {
            Class::Text | Class::Number => "?",
            _ => token.text,
        };
        if shape.len() + text.len() + 1 > most {
            shape.push('…');
            break;
        }
        if token.apart && !shape.is_empty() {
            shape.push(' ');
        }
        shape.push_str(text);
    }
    shape
}

/// Whether two tokens must not touch: `--` could become a comment.
fn must_part(before: &Token<'_>, token: &Token<'_>) -> bool {
    before.is_mark("-") && token.is_mark("-")
}

struct Lexer<'a> {
    rest: &'a str,
    last: Option<Token<'a>>,
    broken: bool,
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Token<'a>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let token = self.read().transpose()?;
        self.broken = token.is_err();
        Some(token)
    }
}

impl<'a> Lexer<'a> {
    fn new(sql: &'a str) -> Self {
        Self { rest: sql, last: None, broken: false }
    }

    fn read(&mut self) -> Result<Option<Token<'a>>, Failure> {
        let behind = skip_blank(self.rest)?;
        let apart = behind.len() < self.rest.len();
        self.rest = behind;
        if behind.is_empty() {
            return Ok(None);
        }
        let (mut class, length) = self.classify(apart)?;
        let (text, rest) = behind.split_at_checked(length).ok_or_else(|| refused("the statement is cut off"))?;
        if class == Class::Word && self.is_beside_a_dot(apart, rest) {
            class = Class::Name;
        }
        let token = Token { class, text, apart };
        (self.rest, self.last) = (rest, Some(token));
        Ok(Some(token))
    }

    /// Class and length of the token that the rest starts with.
    fn classify(&self, apart: bool) -> Result<(Class, usize), Failure> {
        let bytes = self.rest.as_bytes();
        let is_behind_dot = !apart && self.last.is_some_and(|last| last.is_mark("."));
        match bytes {
            [quote @ (b'\'' | b'"'), ..] => Ok((Class::Text, text_length(bytes, *quote)?)),
            [b'n' | b'N', b'\'', ..] if !is_behind_dot => Ok((Class::Text, 1 + text_length(&bytes[1..], b'\'')?)),
            [b'x' | b'X', b'\'', ..] if !is_behind_dot => Ok((Class::Text, digits_in_quotes(bytes, is_hex)?)),
            [b'b' | b'B', b'\'', ..] if !is_behind_dot => Ok((Class::Text, digits_in_quotes(bytes, is_bit)?)),
            [b'`', ..] => Ok((Class::Name, name_length(bytes)?)),
            [b'?', ..] => Ok((Class::Parameter, 1)),
            [b'@', ..] => Err(refused("variables of the session or the server (@) are not for stages")),
            [b'.', digit, ..] if digit.is_ascii_digit() => match self.last {
                Some(last) if !apart && last.name().is_some() => Err(unclear_number()),
                _ => number(bytes),
            },
            [b'0'..=b'9', ..] => number(bytes),
            [b'$', ..] => Err(refused("a name that starts with $ must be quoted")),
            [first, ..] if is_word(*first) => Ok((Class::Word, word_length(bytes))),
            [mark, ..] if b"()*,;=<>!+-/%^&|~:.".contains(mark) => Ok((Class::Mark, 1)),
            _ => {
                let odd = self.rest.chars().next().unwrap_or_default();
                Err(refused(format!("the character {odd:?} has no meaning here")))
            }
        }
    }

    fn is_beside_a_dot(&self, apart: bool, rest: &str) -> bool {
        let behind = !apart && self.last.is_some_and(|last| last.is_mark("."));
        behind || matches!(rest.as_bytes(), [b'.', next, ..] if is_word(*next))
    }
}

/// What is behind blanks and comments.
fn skip_blank(mut text: &str) -> Result<&str, Failure> {
    loop {
        text = text.trim_start_matches(['\t', '\n', '\x0b', '\x0c', '\r', ' ']);
        text = match text.as_bytes() {
            [b'#', ..] => behind_line(text),
            [b'-', b'-'] => "",
            [b'-', b'-', next, ..] if *next <= b' ' || *next == 0x7f => behind_line(text),
            [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => {
                return Err(refused("a comment that the server would run (/*! … */) hides what is done: write it out"));
            }
            [b'/', b'*', b'+', ..] => return Err(refused("hints (/*+ … */) are not for stages")),
            [b'/', b'*', ..] => {
                let end = text[2..].find("*/").ok_or_else(|| refused("a comment is not closed"))?;
                &text[2 + end + 2..]
            }
            _ => return Ok(text),
        };
    }
}

fn behind_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, behind)| behind)
}

fn text_length(bytes: &[u8], quote: u8) -> Result<usize, Failure> {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
    Err(refused("a text is not closed"))
}

fn name_length(bytes: &[u8]) -> Result<usize, Failure> {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'`' if bytes.get(at + 1) == Some(&b'`') => at += 2,
            b'`' if at == 1 => return Err(refused("a name is empty")),
            b'`' => return Ok(at + 1),
            _ => at += 1,
        }
    }
    Err(refused("a quoted name is not closed"))
}

/// Length of `x'…'` or `b'…'`.
fn digits_in_quotes(bytes: &[u8], is_digit: fn(&u8) -> bool) -> Result<usize, Failure> {
    let digits = bytes[2..].iter().take_while(|byte| is_digit(byte)).count();
    match bytes.get(2 + digits) {
        Some(b'\'') => Ok(2 + digits + 1),
        _ => Err(refused("a literal of hexadecimal digits or bits holds something else")),
    }
}

/// A number, or a name that starts with a digit. The servers end a number wherever it can end (`1e1users`, `1.5users`), so
/// that what follows is a token of its own: refused, as nobody means it.
fn number(bytes: &[u8]) -> Result<(Class, usize), Failure> {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        let exponent = end + 1 + usize::from(signed);
        if !bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            return Err(unclear_number());
        }
        end = digits(exponent);
    } else if end == whole {
        match bytes {
            [b'0', b'x', first, ..] if is_hex(first) => end = 2 + bytes[2..].iter().take_while(|b| is_hex(b)).count(),
            [b'0', b'b', first, ..] if is_bit(first) => end = 2 + bytes[2..].iter().take_while(|b| is_bit(b)).count(),
            [b'0', b'x' | b'b', ..] => return Err(unclear_number()),
            _ if bytes.get(end).is_some_and(|byte| is_word(*byte)) => return Ok((Class::Word, word_length(bytes))),
            _ => {}
        }
    }
    match bytes.get(end) {
        Some(byte) if is_word(*byte) || *byte == b'.' => Err(unclear_number()),
        _ => Ok((Class::Number, end)),
    }
}

fn unclear_number() -> Failure {
    refused("a number and a name run into each other: put a blank between them, or quote the name")
}

fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_word(**byte)).count()
}

/// Whether a byte can be part of a bare name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn is_hex(byte: &u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn is_bit(byte: &u8) -> bool {
    matches!(byte, b'0' | b'1')
}
