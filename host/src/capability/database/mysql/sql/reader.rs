//! Walking along tokens.

use std::ops::Range;

use super::refuse::{refused, show};
use super::token::{Class, Token};
use crate::effect::Failure;

/// A place in a statement.
#[derive(Clone)]
pub(super) struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    /// The index of the next token.
    pub(super) at: usize,
}

impl<'t, 'a> Reader<'t, 'a> {
    /// At the start of these tokens.
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Self {
        Self { tokens, at: 0 }
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    /// The token behind the next.
    pub(super) fn peek_second(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at + 1)
    }

    /// The next token, and goes on.
    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// What comes from here.
    pub(super) fn rest(&self) -> &'t [Token<'a>] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    /// What was read since an earlier place.
    pub(super) fn since(&self, start: usize) -> &'t [Token<'a>] {
        self.tokens.get(start..self.at).unwrap_or_default()
    }

    /// Whether nothing comes.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Whether this keyword comes.
    pub(super) fn sees(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is(word))
    }

    /// Whether this keyword was the last token.
    pub(super) fn is_behind(&self, word: &str) -> bool {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).is_some_and(|token| token.is(word))
    }

    /// Whether one of these keywords comes.
    pub(super) fn sees_any(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| token.is_any(words))
    }

    /// Whether this character comes.
    pub(super) fn sees_mark(&self, mark: &str) -> bool {
        self.peek().is_some_and(|token| token.is_mark(mark))
    }

    /// Goes behind these keywords, if all of them come.
    pub(super) fn eat(&mut self, phrase: &[&str]) -> bool {
        let rest = self.rest();
        let comes = rest.len() >= phrase.len() && phrase.iter().zip(rest).all(|(word, token)| token.is(word));
        self.at += if comes { phrase.len() } else { 0 };
        comes
    }

    /// Goes behind one of these keywords, if it comes.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        let comes = self.sees_any(words);
        self.at += usize::from(comes);
        comes
    }

    /// Goes behind this character, if it comes.
    pub(super) fn eat_mark(&mut self, mark: &str) -> bool {
        let comes = self.sees_mark(mark);
        self.at += usize::from(comes);
        comes
    }

    /// Goes behind a parenthesis and all that it encloses, if it comes.
    pub(super) fn eat_parenthesis(&mut self) -> Result<bool, Failure> {
        if !self.sees_mark("(") {
            return Ok(false);
        }
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.class {
                Class::Mark if token.text == "(" => depth += 1,
                Class::Mark if token.text == ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(true);
            }
        }
        Err(refused("a parenthesis is not closed"))
    }

    /// Reads a name, which may be qualified: its last part.
    pub(super) fn name(&mut self) -> Result<String, Failure> {
        let mut name = self.part()?;
        while self.eat_mark(".") {
            name = self.part()?;
        }
        Ok(name)
    }

    /// Reads names with commas between them: where each is, and its last part.
    pub(super) fn names(&mut self) -> Result<Vec<(Range<usize>, String)>, Failure> {
        let mut names = Vec::new();
        loop {
            let start = self.at;
            let name = self.name()?;
            names.push((start..self.at, name));
            if !self.eat_mark(",") {
                return Ok(names);
            }
        }
    }

    fn part(&mut self) -> Result<String, Failure> {
        let name = self.peek().and_then(Token::name);
        let name = name.ok_or_else(|| refused(format!("a name is missing in front of {}", show(self.peek()))))?;
        self.at += 1;
        Ok(name.into_owned())
    }
}
