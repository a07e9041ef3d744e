//! The body of a program: blocks, local variables, statements that change rows. Nothing that reaches the session, other
//! programs' text, or definitions.
//!
//! Every place where a statement starts is found, and what starts there is looked up in a list. It also tells where the
//! program ends, and with it whether a second statement hides behind. So that this is certain, `END`, `THEN` and the like
//! must be quoted where they are names.

use super::reader::Reader;
use super::refuse::{refused, show};
use super::token::{Class, Token};
use crate::effect::Failure;

/// Statements that hold no other.
const SIMPLE: &[&str] = &[
    "CALL", "CLOSE", "DELETE", "FETCH", "GET", "INSERT", "ITERATE", "LEAVE", "OPEN", "REPLACE", "RESIGNAL", "RETURN",
    "SELECT", "SIGNAL", "UPDATE", "WITH",
];

/// Keywords that belong to a block, unless they stand in a CASE expression.
const OF_BLOCKS: &[&str] = &["ELSE", "ELSEIF", "END", "THEN", "WHEN"];

/// Refuses a body that does more than a program of a stage may. `parameters`: variables that are there already.
pub(super) fn check(tokens: &[Token<'_>], parameters: Vec<String>) -> Result<(), Failure> {
    let mut body = Body { reader: Reader::new(tokens), blocks: Vec::new(), parameters };
    if body.reader.is_at_end() {
        return Err(refused("the body is missing"));
    }
    while !body.reader.is_at_end() {
        body.statement()?;
    }
    match body.blocks.last() {
        None => Ok(()),
        Some(block) => Err(refused(format!("{} is not closed", block.word))),
    }
}

struct Body<'t, 'a> {
    reader: Reader<'t, 'a>,
    blocks: Vec<Block>,
    parameters: Vec<String>,
}

/// A block that is open.
struct Block {
    /// The keyword that opened it: "BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR".
    word: &'static str,
    /// What is declared in it.
    variables: Vec<String>,
}

impl Body<'_, '_> {
    /// Reads a statement, or the part of one up to where the next may start.
    fn statement(&mut self) -> Result<(), Failure> {
        self.skip_label();
        let first = self.reader.peek();
        let word = show(first.filter(|token| token.class == Class::Word));
        self.reader.next();
        match word.as_str() {
            "BEGIN" => self.open("BEGIN"),
            "LOOP" => self.open("LOOP"),
            "REPEAT" => self.open("REPEAT"),
            "IF" => {
                self.skip_behind("THEN")?;
                self.open("IF");
            }
            "CASE" => {
                self.skip_to(&["WHEN"])?;
                self.open("CASE");
            }
            "WHILE" => {
                self.skip_behind("DO")?;
                self.open("WHILE");
            }
            "FOR" => {
                self.skip_behind("DO")?;
                self.open("FOR");
            }
            "ELSEIF" => {
                self.check_inside(&["IF"])?;
                self.skip_behind("THEN")?;
            }
            "WHEN" => {
                self.check_inside(&["CASE"])?;
                self.skip_behind("THEN")?;
            }
            "ELSE" => self.check_inside(&["IF", "CASE"])?,
            "UNTIL" => {
                self.check_inside(&["REPEAT"])?;
                self.skip_to(&["END"])?;
            }
            "END" => self.close()?,
            "DECLARE" => self.declare()?,
            "SET" => self.assign()?,
            word if SIMPLE.contains(&word) => {
                self.skip_to(&[])?;
                self.end_statement()?;
            }
            _ => return Err(refused(format!("{} is not for the programs of stages", show(first)))),
        }
        Ok(())
    }

    fn skip_label(&mut self) {
        let mut behind = self.reader.clone();
        let is_name = behind.next().is_some_and(|token| token.name().is_some());
        if is_name && behind.eat_mark(":") && !behind.sees_mark("=") {
            self.reader = behind;
        }
    }

    fn open(&mut self, word: &'static str) {
        self.blocks.push(Block { word, variables: Vec::new() });
    }

    fn check_inside(&self, words: &[&str]) -> Result<(), Failure> {
        match self.blocks.last() {
            Some(block) if words.contains(&block.word) => Ok(()),
            _ => Err(refused("the blocks of the program do not fit together")),
        }
    }

    /// Behind END.
    fn close(&mut self) -> Result<(), Failure> {
        let block = self.blocks.pop().ok_or_else(|| refused("END without a block; as a name it must be quoted"))?;
        if block.word != "BEGIN" && !self.reader.eat(&[block.word]) {
            return Err(refused(format!("END {} is missing; as a name, END must be quoted", block.word)));
        }
        if !self.reader.sees_mark(";") && self.reader.peek().is_some_and(|token| token.name().is_some()) {
            self.reader.next();
        }
        self.end_statement()
    }

    fn end_statement(&mut self) -> Result<(), Failure> {
        let next = self.reader.peek();
        match next {
            None => Ok(()),
            Some(token) if !token.is_mark(";") => {
                Err(refused(format!("a semicolon is missing in front of {}", show(next))))
            }
            Some(_) if self.blocks.is_empty() => {
                Err(Failure::new("several-statements", "one call is one statement; a program ends with its body"))
            }
            Some(_) => {
                self.reader.next();
                Ok(())
            }
        }
    }

    fn declare(&mut self) -> Result<(), Failure> {
        self.check_inside(&["BEGIN"])?;
        if self.reader.peek_second().is_some_and(|token| token.is("HANDLER")) {
            return self.skip_handler();
        }
        let names = self.reader.names()?;
        if !self.reader.sees_any(&["CONDITION", "CURSOR"])
            && let Some(block) = self.blocks.last_mut()
        {
            block.variables.extend(names.into_iter().map(|(_, name)| name));
        }
        self.skip_to(&[])?;
        self.end_statement()
    }

    /// Behind the conditions of a handler comes its statement.
    fn skip_handler(&mut self) -> Result<(), Failure> {
        let reader = &mut self.reader;
        reader.at += 2;
        if !reader.eat(&["FOR"]) {
            return Err(refused("the conditions of a handler are missing"));
        }
        loop {
            if reader.eat(&["SQLSTATE"]) {
                reader.eat(&["VALUE"]);
                reader.next();
            } else if !reader.eat(&["NOT", "FOUND"]) {
                reader.next();
            }
            if !reader.eat_mark(",") {
                return Ok(());
            }
        }
    }

    /// `SET a = 1, NEW.b = 2`. Anything else that SET can reach outlives the program.
    fn assign(&mut self) -> Result<(), Failure> {
        loop {
            let target = self.reader.peek().and_then(Token::name).unwrap_or_default();
            self.reader.next();
            let is_column = self.reader.eat_mark(".") && self.reader.next().is_some();
            let is_row = is_column && (target.eq_ignore_ascii_case("NEW") || target.eq_ignore_ascii_case("OLD"));
            if !is_row && !self.has_variable(&target) {
                let why = format!("SET {target}: only what the program declares itself, and the columns of NEW");
                return Err(refused(why));
            }
            self.reader.eat_mark(":");
            if !self.reader.eat_mark("=") {
                return Err(refused(format!("SET {target}: {} instead of =", show(self.reader.peek()))));
            }
            self.skip_to(&[","])?;
            if !self.reader.eat_mark(",") {
                return self.end_statement();
            }
        }
    }

    fn has_variable(&self, name: &str) -> bool {
        let declared = self.blocks.iter().flat_map(|block| &block.variables);
        declared.chain(&self.parameters).any(|variable| variable.eq_ignore_ascii_case(name))
    }

    fn skip_behind(&mut self, word: &str) -> Result<(), Failure> {
        self.skip_to(&[word])?;
        match self.reader.eat(&[word]) {
            true => Ok(()),
            false => Err(refused(format!("{word} is missing in front of {}", show(self.reader.peek())))),
        }
    }

    /// Goes to the first of these outside of parentheses and CASE expressions, or to the semicolon, or to the end.
    fn skip_to(&mut self, stops: &[&str]) -> Result<(), Failure> {
        let mut cases = 0_usize;
        while let Some(token) = self.reader.peek() {
            let is_stop = token.is_any(stops) || (token.class == Class::Mark && stops.contains(&token.text));
            if cases == 0 && (is_stop || token.is_mark(";")) {
                return Ok(());
            }
            if token.is_mark(";") {
                return Err(refused("a CASE is not closed"));
            }
            if token.is("CASE") {
                cases += 1;
            } else if cases > 0 && token.is("END") {
                cases -= 1;
            } else if cases == 0 && token.is_any(OF_BLOCKS) {
                let word = show(Some(token));
                return Err(refused(format!("{word} does not belong here; as a name it must be quoted")));
            }
            if !self.skip_parenthesis()? {
                self.reader.next();
            }
        }
        Ok(())
    }

    fn skip_parenthesis(&mut self) -> Result<bool, Failure> {
        let start = self.reader.at;
        let skipped = self.reader.eat_parenthesis()?;
        match self.reader.since(start).iter().any(|token| token.is_mark(";")) {
            true => Err(refused("a parenthesis is not closed")),
            false => Ok(skipped),
        }
    }
}
