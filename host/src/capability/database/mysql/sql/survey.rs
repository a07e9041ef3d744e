//! The names of a statement: all of them, those that are called, and those that are qualified with a schema.
//!
//! `a.b` is a table of a schema or a column of a table; `a.b.c` always starts with a schema. Which of the two `a.b` is, its
//! place tells: behind `FROM`, `JOIN` and the like it is a table, behind `SELECT`, `WHERE` and the like a column. Those that
//! lead to columns are reserved words, so that no name in a list of tables can pretend to be one; every other place counts as
//! one of tables.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Kind;
use super::refuse::{alike, refused};
use super::token::{Class, Token};
use crate::effect::Failure;

/// Behind these comes a table.
const TO_TABLES: &[&str] = &[
    "CALL",
    "DELETE",
    "FROM",
    "INSERT",
    "INTO",
    "JOIN",
    "REFERENCES",
    "RENAME",
    "REPLACE",
    "STRAIGHT_JOIN",
    "TABLE",
    "TABLES",
    "TRUNCATE",
    "UPDATE",
    "USING",
];

/// Behind these comes a table, too, where a definition changes.
const TO_TABLES_IN_SCHEMA: &[&str] = &["EVENT", "FUNCTION", "LIKE", "ON", "PROCEDURE", "TO", "TRIGGER", "VIEW"];

/// Behind these come columns. All of them are reserved.
const TO_COLUMNS: &[&str] = &["BY", "HAVING", "LIMIT", "SELECT", "SET", "VALUES", "WHERE"];

/// A parenthesis directly behind these, in a list of tables, holds tables.
const BEFORE_TABLES: &[&str] = &[
    "FROM",
    "IGNORE",
    "INTO",
    "JOIN",
    "LATERAL",
    "LOW_PRIORITY",
    "STRAIGHT_JOIN",
    "TABLE",
    "TABLES",
    "UPDATE",
    "USING",
];

/// Schemas of the servers' own, there even if an account does not see them.
const OF_THE_SERVER: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

/// The names of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Survey {
    /// Each name and keyword, once.
    pub(super) names: BTreeSet<String>,
    /// Those with a parenthesis or CALL beside them.
    pub(super) called: BTreeSet<String>,
    /// What may be qualified with a schema.
    qualified: BTreeSet<Qualified>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Qualified {
    first: String,
    rest: String,
    /// Whether the first part can be nothing but a schema.
    certain: bool,
}

impl Survey {
    /// Looks at all tokens.
    pub(super) fn of(tokens: &[Token<'_>], kind: Kind) -> Result<Self, Failure> {
        let mut names: BTreeSet<Cow<'_, str>> = BTreeSet::new();
        let mut called = BTreeSet::new();
        let mut qualified = BTreeSet::new();
        let mut clauses = Clauses::new(kind);
        for (at, token) in tokens.iter().enumerate() {
            let (before, next) = (at.checked_sub(1).map(|before| &tokens[before]), tokens.get(at + 1));
            clauses.pass(tokens, at)?;
            let Some(name) = token.name() else { continue };
            if next.is_some_and(|next| next.is_mark("(")) || before.is_some_and(|before| before.is("CALL")) {
                called.insert(name.clone().into_owned());
            }
            let starts = before.is_none_or(|before| !before.is_mark("."));
            if starts && next.is_some_and(|next| next.is_mark(".")) {
                qualified.extend(chain(&tokens[at..], clauses.is_of_tables())?);
            }
            names.insert(name);
        }
        Ok(Self { names: names.into_iter().map(Cow::into_owned).collect(), called, qualified })
    }
}

/// Refuses names of schemas. `schemas`: all that the account sees, ours the first.
pub(super) fn check_schemas(survey: &Survey, schemas: &[String]) -> Result<(), Failure> {
    let (ours, others) = schemas.split_first().map_or((None, schemas), |(ours, others)| (Some(ours), others));
    for Qualified { first, rest, certain } in &survey.qualified {
        let is_foreign = || {
            let known = others.iter().map(String::as_str).chain(OF_THE_SERVER.iter().copied());
            *certain || known.into_iter().any(|schema| alike(schema, first))
        };
        if ours.is_some_and(|ours| alike(ours, first)) {
            let why =
                format!("{first}.{rest}: leave out the name of the schema, the statement is tried on a copy first");
            return Err(refused(why));
        }
        if is_foreign() {
            return Err(Failure::new("other-schema", format!("{first}.{rest} is in another schema than the stage's")));
        }
    }
    Ok(())
}

/// The qualified name at the start, if it may name a schema.
fn chain(tokens: &[Token<'_>], is_of_tables: bool) -> Result<Option<Qualified>, Failure> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(part) = tokens.get(at) {
        match part.name() {
            Some(name) => parts.push(name),
            None if part.is_mark("*") => parts.push(Cow::Borrowed("*")),
            None => break,
        }
        if !tokens.get(at + 1).is_some_and(|dot| dot.is_mark(".")) {
            break;
        }
        at += 2;
    }
    let is_called = tokens.get(at + 1).is_some_and(|next| next.is_mark("("));
    let Some((first, rest)) = parts.split_first() else { return Ok(None) };
    let rest = rest.join(".");
    if is_called && !is_of_tables {
        return Err(Failure::new("other-schema", format!("{first}.{rest}() is a function of another schema")));
    }
    let certain = parts.len() > 2;
    let whole_table = parts.len() == 2 && rest == "*";
    Ok((certain || (is_of_tables && !whole_table)).then(|| Qualified {
        first: first.clone().into_owned(),
        rest,
        certain,
    }))
}

/// What names can stand here, for each open parenthesis.
struct Clauses {
    kind: Kind,
    open: Vec<Clause>,
}

#[derive(Clone, Copy, PartialEq)]
enum Clause {
    Tables,
    /// The condition of a join: a comma leads back to tables.
    Join,
    Columns,
}

impl Clauses {
    fn new(kind: Kind) -> Self {
        Self { kind, open: vec![Clause::Tables] }
    }

    fn is_of_tables(&self) -> bool {
        self.current() == Clause::Tables
    }

    fn current(&self) -> Clause {
        self.open.last().copied().unwrap_or(Clause::Tables)
    }

    fn set(&mut self, clause: Clause) {
        if let Some(last) = self.open.last_mut() {
            *last = clause;
        }
    }

    fn pass(&mut self, tokens: &[Token<'_>], at: usize) -> Result<(), Failure> {
        let (before, token, next) = (at.checked_sub(1).map(|before| &tokens[before]), &tokens[at], tokens.get(at + 1));
        if token.class == Class::Mark {
            self.pass_mark(before, token.text);
            return Ok(());
        }
        let in_schema = self.kind == Kind::Schema && token.is_any(TO_TABLES_IN_SCHEMA);
        let to_tables = in_schema || token.is_any(TO_TABLES);
        // USE INDEX FOR ORDER BY (…) stands in a list of tables.
        let is_hint = at > 1 && token.is("BY") && tokens[at - 2].is("FOR");
        let to_columns = token.is_any(TO_COLUMNS) && !is_hint;
        if (to_tables || to_columns) && next.is_some_and(|next| next.is_mark(".")) {
            let word = token.text;
            return Err(refused(format!("`{word}` in front of a dot must be quoted: it is a keyword, too")));
        }
        // INSERT(…), REPLACE(…), TRUNCATE(…) are functions, too, and VALUES(…) gives a column in ON DUPLICATE KEY UPDATE.
        let is_function =
            token.is_any(&["INSERT", "REPLACE", "TRUNCATE"]) && next.is_some_and(|next| next.is_mark("("));
        let is_duplicate = token.is("UPDATE") && before.is_some_and(|before| before.is("KEY"));
        match self.current() {
            _ if to_columns || is_duplicate => self.set(Clause::Columns),
            _ if to_tables && !is_function => self.set(Clause::Tables),
            Clause::Tables if token.is("ON") => self.set(Clause::Join),
            _ => {}
        }
        Ok(())
    }

    fn pass_mark(&mut self, before: Option<&Token<'_>>, mark: &str) {
        match mark {
            "(" => {
                let names = before.is_some_and(|token| token.name().is_some() && !token.is_any(BEFORE_TABLES));
                let holds_tables = self.current() == Clause::Tables && !names;
                self.open.push(if holds_tables { Clause::Tables } else { Clause::Columns });
            }
            ")" if self.open.len() > 1 => drop(self.open.pop()),
            "," if self.current() == Clause::Join => self.set(Clause::Tables),
            ";" => self.open = vec![Clause::Tables],
            _ => {}
        }
    }
}
