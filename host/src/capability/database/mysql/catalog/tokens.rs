//! SQL as words, names, literals and signs. For text that the server wrote, or that the guard has rendered: no comments.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// A name in backticks.
    Name,
    /// A text in quotes.
    Literal,
    /// A keyword, a name without backticks, a number.
    Word,
    /// Any other character.
    Sign(u8),
}

/// A token, by its place.
#[derive(Clone, Debug)]
pub(in super::super) struct Token {
    /// What it is.
    pub(in super::super) kind: Kind,
    /// Its bytes.
    pub(in super::super) span: Range<usize>,
}

impl Token {
    /// As it is written in the text that it is from.
    pub(in super::super) fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.span.clone()).unwrap_or_default()
    }

    /// The name that it stands for, if it can be one.
    pub(in super::super) fn name(&self, sql: &str) -> String {
        let text = self.text(sql);
        match self.kind {
            Kind::Name => text.get(1..text.len().saturating_sub(1)).unwrap_or_default().replace("``", "`"),
            _ => text.to_owned(),
        }
    }

    /// Whether it is this keyword.
    pub(in super::super) fn is(&self, sql: &str, word: &str) -> bool {
        self.kind == Kind::Word && self.text(sql).eq_ignore_ascii_case(word)
    }
}

/// All tokens. Never fails: what is not closed ends with the text.
pub(in super::super) fn tokens(bytes: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (kind, end) = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'`' => (Kind::Name, quoted_end(bytes, at)),
            b'\'' | b'"' => (Kind::Literal, quoted_end(bytes, at)),
            _ if is_word(byte) => {
                let rest = bytes[at..].iter().position(|byte| !is_word(*byte));
                (Kind::Word, rest.map_or(bytes.len(), |length| at + length))
            }
            sign => (Kind::Sign(sign), at + 1),
        };
        tokens.push(Token { kind, span: at..end });
        at = end;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// Where something in quotes ends. A doubled quote does not end it; nor does one behind a backslash, but for a name.
fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' if quote != b'`' => 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => 2,
            byte if byte == quote => return at + 1,
            _ => 1,
        };
    }
    bytes.len()
}
