//! Finds the one array of a file, and refuses all that could make it another one.

use std::collections::BTreeSet;
use std::ops::Range;

use super::array::{self, Array};
use super::error::Error;
use super::literal::Key;
use super::source::Source;
use super::token::Kind;

/// What a file says.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Without `$`. None if the array is returned.
    pub(super) variable: Option<String>,
    pub(super) array: Option<Array>,
    /// What is assigned afterwards, in order.
    pub(super) assignments: Vec<Assignment>,
}

/// `$variable['key'] = value;`. All numbers are tokens of code.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) key: Key,
    /// The token of the key.
    pub(super) key_at: usize,
    /// The whole statement with its semicolon.
    pub(super) statement: Range<usize>,
    pub(super) value: Range<usize>,
}

impl Settings {
    /// Each key once, with the tokens of the value that it has in the end.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, Range<usize>)> {
        let in_array = self.array.iter().flat_map(|array| &array.entries);
        let listed = in_array.map(|entry| (&entry.key, entry.value.clone()));
        let assigned = self.assignments.iter().map(|assignment| (&assignment.key, assignment.value.clone()));
        let first = listed.chain(assigned.clone());
        let mut seen = BTreeSet::new();
        first.filter(move |(key, _)| seen.insert(*key)).map(move |(key, value)| {
            let last = assigned.clone().rfind(|(found, _)| *found == key);
            (key, last.map_or(value, |(_, value)| value))
        })
    }

    /// The byte at which a key is written, where it has its value in the end.
    pub(super) fn key_at(&self, source: &Source, key: &Key) -> Option<usize> {
        let assigned = self.assignments.iter().rev().find(|assignment| assignment.key == *key);
        let token = match assigned {
            Some(assignment) => assignment.key_at,
            None => self.array.as_ref()?.entries.iter().find(|entry| entry.key == *key)?.start,
        };
        Some(source.start(token))
    }
}

/// Functions that cannot reach the array, called for themselves.
const HARMLESS: [&str; 6] = ["declare", "define", "ini_set", "putenv", "error_reporting", "date_default_timezone_set"];

/// Words that run or change what cannot be seen here.
const HIDDEN: [&str; 13] = [
    "include",
    "include_once",
    "require",
    "require_once",
    "eval",
    "extract",
    "parse_str",
    "global",
    "goto",
    "exit",
    "die",
    "__halt_compiler",
    "unset",
];

/// Reads the statements of a file.
pub(super) fn settings(source: &Source) -> Result<Settings, Error> {
    nothing_hidden(source)?;
    let mut reader = Reader { source, found: None, assignments: Vec::new(), mentions: BTreeSet::new() };
    // The first token is `<?php`.
    let mut start = 1;
    let mut returned = false;
    while start < source.len() && source.kind(start) != Some(Kind::Close) {
        if returned {
            return Err(source.error(start, "unsupported-code", "something stands after `return`"));
        }
        let ends = |index| source.is_mark(index, ";") || source.kind(index) == Some(Kind::Close);
        let end = source.find(start..source.len(), ends);
        returned = source.is_name(start, "return");
        reader.statement(start..end.unwrap_or(source.len()))?;
        let end = end.ok_or_else(|| source.error(start, "not-closed", "the last statement does not end"))?;
        start = end + usize::from(source.is_mark(end, ";"));
    }
    reader.finish()
}

/// The names, without `$`, and values of all that is assigned, one statement after the other.
pub(super) fn variables(source: &Source) -> Result<Vec<(String, Range<usize>)>, Error> {
    nothing_hidden(source)?;
    let mut found = Vec::new();
    // The first token is `<?php`.
    let mut start = 1;
    while start < source.len() && source.kind(start) != Some(Kind::Close) {
        let ends = |index| source.is_mark(index, ";") || source.kind(index) == Some(Kind::Close);
        let end = source.find(start..source.len(), ends);
        let end = end.ok_or_else(|| source.error(start, "not-closed", "the last statement does not end"))?;
        let code = start..end;
        if source.kind(start) == Some(Kind::Variable) && source.is_mark(start + 1, "=") {
            found.push((source.word(start).trim_start_matches('$').to_owned(), start + 2..end));
        } else if !code.is_empty() && !is_harmless(source, &code) {
            return Err(source.error(start, "unsupported-code", "only assignments of variables are understood here"));
        }
        start = end + usize::from(source.is_mark(end, ";"));
    }
    Ok(found)
}

fn nothing_hidden(source: &Source) -> Result<(), Error> {
    for index in 0..source.len() {
        if HIDDEN.iter().any(|name| source.is_name(index, name)) {
            return Err(source.error(
                index,
                "unsupported-code",
                "this may change the settings in ways that cannot be seen",
            ));
        }
        if source.kind(index) == Some(Kind::Variable) && source.word(index) == "$GLOBALS" {
            return Err(source.error(index, "unsupported-code", "$GLOBALS reaches every variable"));
        }
    }
    Ok(())
}

struct Reader<'a> {
    source: &'a Source,
    /// The array, and the token of its variable; none if it is returned.
    found: Option<(Option<usize>, Array)>,
    /// With the token of the variable.
    assignments: Vec<(usize, Assignment)>,
    /// Tokens where the array's variable may stand.
    mentions: BTreeSet<usize>,
}

impl Reader<'_> {
    fn statement(&mut self, code: Range<usize>) -> Result<(), Error> {
        let source = self.source;
        match source.kind(code.start) {
            _ if code.is_empty() => Ok(()),
            Some(Kind::Variable) => self.with_variable(code),
            Some(Kind::Name) if source.is_name(code.start, "return") => self.returned(code),
            Some(Kind::Name) if is_harmless(source, &code) => Ok(()),
            _ => Err(source.error(
                code.start,
                "unsupported-code",
                "only assignments are understood in a file of settings",
            )),
        }
    }

    fn with_variable(&mut self, code: Range<usize>) -> Result<(), Error> {
        let (source, next) = (self.source, code.start + 1);
        if source.is_mark(next, "=") {
            return match Array::read(source, next + 1..code.end) {
                Some(array) => self.array(code.start, Some(code.start), array?),
                // Another variable; if it is the array's, it is one use too many.
                None => Ok(()),
            };
        }
        let close = source.partner(next);
        if !source.is_mark(next, "[") {
            return Err(source.error(code.start, "unsupported-code", "only plain assignments are understood"));
        }
        if !source.is_mark(close + 1, "=") || close + 2 >= code.end {
            return Err(source.error(next, "unsupported-code", "only `$variable['key'] = value;` is understood here"));
        }
        let key = array::key(source, next + 1..close)?;
        let assignment = Assignment {
            key,
            key_at: next + 1,
            statement: code.start..code.end + usize::from(source.is_mark(code.end, ";")),
            value: close + 2..code.end,
        };
        self.mentions.insert(code.start);
        self.assignments.push((code.start, assignment));
        Ok(())
    }

    fn returned(&mut self, code: Range<usize>) -> Result<(), Error> {
        let value = code.start + 1..code.end;
        if let Some(array) = Array::read(self.source, value.clone()) {
            return self.array(code.start, None, array?);
        }
        if value.len() == 1 && self.source.kind(value.start) == Some(Kind::Variable) {
            self.mentions.insert(value.start);
            return match &self.found {
                Some((Some(variable), _)) if self.source.word(*variable) == self.source.word(value.start) => Ok(()),
                _ => Err(self.source.error(value.start, "no-array", "what is returned here is not the array")),
            };
        }
        Err(self.source.error(code.start, "no-array", "what is returned here is no array that is spelled out"))
    }

    fn array(&mut self, at: usize, variable: Option<usize>, array: Array) -> Result<(), Error> {
        if self.found.is_some() || !self.assignments.is_empty() {
            return Err(self.source.error(at, "two-arrays", "here is a second array: which one counts?"));
        }
        let mut seen = BTreeSet::new();
        for entry in &array.entries {
            if !seen.insert(&entry.key) {
                return Err(self.source.error(entry.start, "duplicate-key", "the key is there twice"));
            }
        }
        self.mentions.extend(variable);
        self.found = Some((variable, array));
        Ok(())
    }

    fn finish(self) -> Result<Settings, Error> {
        let source = self.source;
        let variable = match (&self.found, self.assignments.first()) {
            (Some((variable, _)), _) => *variable,
            (None, Some((variable, _))) => Some(*variable),
            (None, None) => {
                return Err(source.error(source.len(), "no-array", "the file neither assigns nor returns an array"));
            }
        };
        let name = variable.map(|variable| source.word(variable));
        if let Some((other, _)) = self.assignments.iter().find(|(other, _)| Some(source.word(*other)) != name) {
            return Err(source.error(*other, "two-arrays", "this is another array than the first one"));
        }
        let again = (0..source.len()).find(|index| {
            source.kind(*index) == Some(Kind::Variable)
                && Some(source.word(*index)) == name
                && !self.mentions.contains(index)
        });
        if let Some(again) = again {
            return Err(source.error(again, "used-again", "the array is used here: it may be another one afterwards"));
        }
        Ok(Settings {
            variable: name.map(|name| name.trim_start_matches('$').to_owned()),
            array: self.found.map(|(_, array)| array),
            assignments: self.assignments.into_iter().map(|(_, assignment)| assignment).collect(),
        })
    }
}

/// `name(…)` of a function that cannot reach the array, and nothing more.
fn is_harmless(source: &Source, code: &Range<usize>) -> bool {
    let open = code.start + 1;
    HARMLESS.iter().any(|name| source.is_name(code.start, name))
        && source.is_mark(open, "(")
        && source.partner(open) + 1 == code.end
}
