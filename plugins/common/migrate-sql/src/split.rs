//! Cuts a file into statements, which stay exactly as they are.
//!
//! This is no parser: it knows quotes and comments, the bodies of triggers and routines, and MySQL's `DELIMITER` lines.
//! A file that leaves a quote, a comment or a body open is refused rather than guessed at.

mod lex;

use liftlock_sdk::database::Dialect;

pub(crate) use self::lex::{Piece, Token, tokens};

/// A statement without what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    pub(crate) text: &'a str,
    /// The line of the file that it begins on, from 1.
    pub(crate) line: usize,
}

/// Something that is still open at the end of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The line that it was opened on, from 1.
    pub(crate) line: usize,
    /// "a quote", "a comment".
    pub(crate) what: &'static str,
}

/// The statements of a file. Comments between them, and empty statements, are left out.
pub(crate) fn split(text: &str, dialect: Dialect) -> Result<Vec<Statement<'_>>, Broken> {
    let mut splitter = Splitter {
        text,
        dialect,
        at: text.len() - text.trim_start_matches('\u{feff}').len(),
        delimiter: ";",
        start: None,
        body: Body::default(),
        statements: Vec::new(),
    };
    while splitter.at < text.len() {
        splitter.step()?;
    }
    splitter.end_of_file()?;
    Ok(splitter.statements)
}

struct Splitter<'a> {
    text: &'a str,
    dialect: Dialect,
    /// The byte that is looked at.
    at: usize,
    /// What ends a statement.
    delimiter: &'a str,
    /// Where the statement begins, once it has begun.
    start: Option<usize>,
    body: Body,
    statements: Vec<Statement<'a>>,
}

impl<'a> Splitter<'a> {
    /// Takes the next token.
    fn step(&mut self) -> Result<(), Broken> {
        let rest = &self.text[self.at..];
        if rest.starts_with(self.delimiter) && !self.is_in_body() {
            self.end_statement();
            self.at += self.delimiter.len();
            return Ok(());
        }
        let (token, length) =
            lex::next(rest, self.dialect).map_err(|what| Broken { line: line_of(self.text, self.at), what })?;
        match token {
            Token::Blank | Token::Comment => {}
            Token::Word(word) if self.start.is_none() && self.is_delimiter_line(word) => {
                self.take_delimiter(rest);
                return Ok(());
            }
            Token::Word(word) => {
                self.start.get_or_insert(self.at);
                if !self.is_part_of_a_name() {
                    self.body.word(word);
                }
            }
            Token::Executable(_) | Token::Other => {
                self.start.get_or_insert(self.at);
                self.body.other();
            }
        }
        self.at += length;
        Ok(())
    }

    /// Inside a body the usual `;` ends only a statement of the body. Another delimiter knows no body.
    fn is_in_body(&self) -> bool {
        self.delimiter == ";" && self.body.depth > 0
    }

    fn is_delimiter_line(&self, word: &str) -> bool {
        self.dialect != Dialect::Sqlite && word.eq_ignore_ascii_case("delimiter")
    }

    fn take_delimiter(&mut self, rest: &'a str) {
        let line = rest.lines().next().unwrap_or_default();
        if let Some(delimiter) = line.split_whitespace().nth(1) {
            self.delimiter = delimiter;
        }
        self.at += line.len();
    }

    /// `new.end` and `my$case` are no keywords.
    fn is_part_of_a_name(&self) -> bool {
        self.text[..self.at].ends_with(['.', '$', '@'])
    }

    fn end_statement(&mut self) {
        if let Some(start) = self.start.take() {
            let text = self.text[start..self.at].trim_end();
            self.statements.push(Statement { text, line: line_of(self.text, start) });
        }
        self.body = Body::default();
    }

    fn end_of_file(&mut self) -> Result<(), Broken> {
        match self.start {
            Some(start) if self.is_in_body() => {
                Err(Broken { line: line_of(self.text, start), what: "a BEGIN or CASE" })
            }
            _ => {
                self.end_statement();
                Ok(())
            }
        }
    }
}

/// The line that a byte is on, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// How deep we are in the body of a trigger or routine.
#[derive(Default)]
struct Body {
    kind: Kind,
    /// Open BEGINs and CASEs.
    depth: u32,
    after_end: bool,
}

/// Whether the statement can have a body.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No word yet.
    #[default]
    Fresh,
    /// Behind CREATE.
    Create,
    WithBody,
    WithoutBody,
}

const WITH_BODY: [&str; 4] = ["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"];
const WITHOUT_BODY: [&str; 8] = ["TABLE", "VIEW", "INDEX", "DATABASE", "SCHEMA", "VIRTUAL", "SEQUENCE", "USER"];
/// They close with END and their own name, but what opens them also has other meanings: IF(), REPEAT(), FOR EACH ROW.
const NOT_COUNTED: [&str; 5] = ["IF", "LOOP", "WHILE", "REPEAT", "FOR"];

impl Body {
    fn word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let is_one_of = |keywords: &[&str]| keywords.iter().any(|keyword| is(keyword));
        let after_end = std::mem::take(&mut self.after_end);
        match self.kind {
            Kind::Fresh => self.kind = if is("CREATE") { Kind::Create } else { Kind::WithoutBody },
            Kind::Create if is_one_of(&WITH_BODY) => self.kind = Kind::WithBody,
            Kind::Create if is_one_of(&WITHOUT_BODY) => self.kind = Kind::WithoutBody,
            Kind::Create | Kind::WithoutBody => {}
            Kind::WithBody if is("END") => {
                self.depth = self.depth.saturating_sub(1);
                self.after_end = true;
            }
            // END IF closes what was never counted: take the END back.
            Kind::WithBody if after_end && is_one_of(&NOT_COUNTED) => self.depth += 1,
            Kind::WithBody if is("BEGIN") || (is("CASE") && !after_end) => self.depth += 1,
            Kind::WithBody => {}
        }
    }

    fn other(&mut self) {
        self.after_end = false;
        if self.kind == Kind::Fresh {
            self.kind = Kind::WithoutBody;
        }
    }
}

#[cfg(test)]
mod tests;
