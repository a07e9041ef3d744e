//! A text with its tokens, and what every reader of them needs.

use std::ops::Range;

use super::MAX_SIZE;
use super::error::Error;
use super::token::{self, Kind, Token};

/// A text and its tokens. "Code" are those that mean something: neither blanks nor comments.
#[derive(Debug, Clone)]
pub(super) struct Source {
    text: String,
    tokens: Vec<Token>,
    code: Vec<Token>,
    /// For each opening bracket in the code the index of its closing one; for all others their own.
    partners: Vec<usize>,
}

impl Source {
    pub(super) fn new(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_SIZE {
            return Err(Error::new("too-big", text, 0, "the file is bigger than 1 MiB"));
        }
        let tokens = token::tokens(text).map_err(|(at, code, message)| Error::new(code, text, at, message))?;
        let code: Vec<Token> =
            tokens.iter().filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment)).cloned().collect();
        let mut source = Self { text: text.to_owned(), tokens, code, partners: Vec::new() };
        source.partners = source.pair()?;
        Ok(source)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many tokens of code there are.
    pub(super) fn len(&self) -> usize {
        self.code.len()
    }

    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.code.get(index).map(|token| token.kind)
    }

    /// The text of a token of code; empty behind the last one.
    pub(super) fn word(&self, index: usize) -> &str {
        self.code.get(index).map_or("", |token| &self.text[token.span.clone()])
    }

    /// Whether a token of code is this mark or bracket.
    pub(super) fn is_mark(&self, index: usize, mark: &str) -> bool {
        self.kind(index) == Some(Kind::Mark) && self.word(index) == mark
    }

    /// Whether a token of code is this keyword, function or constant, of the global namespace.
    pub(super) fn is_name(&self, index: usize, name: &str) -> bool {
        let word = self.word(index);
        self.kind(index) == Some(Kind::Name) && word.strip_prefix('\\').unwrap_or(word).eq_ignore_ascii_case(name)
    }

    /// Where a token of code starts; the end of the text behind the last one.
    pub(super) fn start(&self, index: usize) -> usize {
        self.code.get(index).map_or(self.text.len(), |token| token.span.start)
    }

    /// Where a token of code ends.
    pub(super) fn end(&self, index: usize) -> usize {
        self.code.get(index).map_or(self.text.len(), |token| token.span.end)
    }

    /// The bytes from the first to the last of some tokens of code.
    pub(super) fn span(&self, code: Range<usize>) -> Range<usize> {
        self.start(code.start)..self.end(code.end.saturating_sub(1))
    }

    /// The text from the first to the last of some tokens of code.
    pub(super) fn slice(&self, code: Range<usize>) -> &str {
        self.text.get(self.span(code)).unwrap_or_default()
    }

    /// The closing bracket of an opening one; the index itself for any other token.
    pub(super) fn partner(&self, index: usize) -> usize {
        self.partners.get(index).copied().unwrap_or(index)
    }

    /// The first token of code in a range that fits, without looking into brackets.
    pub(super) fn find(&self, code: Range<usize>, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let mut index = code.start;
        while index < code.end {
            if fits(index) {
                return Some(index);
            }
            index = self.partner(index) + 1;
        }
        None
    }

    /// All tokens from a byte on, blanks and comments too.
    pub(super) fn tokens_from(&self, at: usize) -> impl Iterator<Item = &Token> {
        self.tokens[self.tokens.partition_point(|token| token.span.start < at)..].iter()
    }

    /// All tokens before a byte, the nearest first.
    pub(super) fn tokens_before(&self, at: usize) -> impl Iterator<Item = &Token> {
        self.tokens[..self.tokens.partition_point(|token| token.span.end <= at)].iter().rev()
    }

    pub(super) fn error(&self, index: usize, code: &'static str, message: &'static str) -> Error {
        Error::new(code, &self.text, self.start(index), message)
    }

    fn pair(&self) -> Result<Vec<usize>, Error> {
        let mut partners: Vec<usize> = (0..self.code.len()).collect();
        let mut open = Vec::new();
        for index in 0..self.code.len() {
            let closes = match self.word(index) {
                _ if self.kind(index) != Some(Kind::Mark) => continue,
                "(" | "[" | "{" => {
                    open.push(index);
                    continue;
                }
                ")" => "(",
                "]" => "[",
                "}" => "{",
                _ => continue,
            };
            match open.pop() {
                Some(opening) if self.word(opening) == closes => partners[opening] = index,
                _ => return Err(self.error(index, "not-closed", "this bracket closes none that is open")),
            }
        }
        match open.pop() {
            Some(opening) => Err(self.error(opening, "not-closed", "this bracket is not closed")),
            None => Ok(partners),
        }
    }
}
