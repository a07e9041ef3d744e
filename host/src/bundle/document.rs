//! Reading a TOML file with places: every value knows its line, and a mistake is noted while reading goes on.
//!
//! Serde stops at the first mistake and forgets where a value stood; an operator wants all mistakes at once, each with its
//! line. So the files are read key by key from the spanned tree. What nobody asked for is an unknown key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Problem, Problems};
use super::suggest::did_you_mean;
use super::value::is_name;

/// A value with its place.
pub(super) type Item<'t> = Spanned<DeValue<'t>>;

/// What is wrong with a value.
pub(super) struct Wrong {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Where, in bytes from the start of the file, if it is a part of the value.
    pub(super) at: Option<usize>,
}

/// Which key is in which line, for problems that are found after reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    file: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl Places {
    /// A problem with a key, or with a section where the key is not written.
    pub(super) fn problem(&self, code: &'static str, key: &str, message: impl Into<String>) -> Problem {
        let section = key.rsplit_once(' ').map_or(key, |(section, _)| section);
        let line = self.lines.get(key).or_else(|| self.lines.get(section)).copied();
        let key = (!key.is_empty()).then(|| key.to_owned());
        Problem { line, key, ..Problem::in_file(code, &self.file, message) }
    }
}

/// Reads the text of a file. Fails with all problems that `read` noted.
pub(super) fn read<T>(
    file: &Path,
    bytes: &[u8],
    read: impl FnOnce(&mut Section<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let text = str::from_utf8(bytes).map_err(|e| not_utf8(file, bytes, e.valid_up_to()))?;
    let table = DeTable::parse(text).map_err(|e| syntax(file, text, &e))?;
    let notes = Notes { file, text, problems: RefCell::default(), lines: RefCell::default() };
    let value = read(&mut Section::top(&notes, table.get_ref()));
    let problems = notes.problems.into_inner();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems.into()),
    }
}

fn not_utf8(file: &Path, bytes: &[u8], valid: usize) -> Problem {
    let line = bytes.iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
    Problem { line: Some(line), ..Problem::in_file("toml-syntax", file, "is not UTF-8 text") }
}

fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> Problem {
    let line = error.span().map(|span| line_of(text, span.start));
    let message = error.message().trim().replace('\n', ", ");
    Problem { line, ..Problem::in_file("toml-syntax", file, message) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What is gathered while one file is read.
struct Notes<'t> {
    file: &'t Path,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
    lines: RefCell<BTreeMap<String, usize>>,
}

/// How a section is called in a message: `[limits.default]`, or `[[slot]] "migrate"` and then the tables in it.
#[derive(Clone, Default)]
struct Label {
    head: String,
    tail: String,
}

impl Label {
    fn key(&self, key: &str) -> String {
        match (self.head.as_str(), self.tail.as_str()) {
            ("", tail) => format!("{tail}{key}"),
            (head, tail) => format!("{head} {tail}{key}"),
        }
    }

    /// A table under a key: another header, or a dotted key where there is none (in an array of tables).
    fn table(&self, key: &str) -> Self {
        if self.head.is_empty() {
            return Self { head: format!("[{key}]"), tail: String::new() };
        }
        match self.head.strip_suffix(']') {
            Some(head) if self.tail.is_empty() => Self { head: format!("{head}.{key}]"), tail: String::new() },
            _ => Self { head: self.head.clone(), tail: format!("{}{key}.", self.tail) },
        }
    }

    fn own(&self) -> Option<String> {
        let own = format!("{} {}", self.head, self.tail.trim_end_matches('.'));
        Some(own.trim().to_owned()).filter(|own| !own.is_empty())
    }
}

/// A table that is being read. Keys that nobody asked for are noted when it is dropped, so that this cannot be forgotten.
pub(super) struct Section<'t> {
    notes: &'t Notes<'t>,
    table: &'t DeTable<'t>,
    label: Label,
    line: Option<usize>,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    fn top(notes: &'t Notes<'t>, table: &'t DeTable<'t>) -> Self {
        Self { notes, table, label: Label::default(), line: None, asked: Vec::new() }
    }

    fn nested(&self, table: &'t DeTable<'t>, label: Label, line: usize) -> Self {
        if let Some(own) = label.own() {
            self.notes.lines.borrow_mut().entry(own).or_insert(line);
        }
        Self { notes: self.notes, table, label, line: Some(line), asked: Vec::new() }
    }

    /// Whether the key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.keys().any(|candidate| candidate.get_ref() == key)
    }

    /// The value of a key that may be missing. None also where it is wrong, which is noted.
    pub(super) fn optional<T>(&mut self, key: &'static str, read: impl Fn(&Item<'_>) -> Result<T, Wrong>) -> Option<T> {
        let (at, item) = self.find(key)?;
        self.read_item(key, at, item, read)
    }

    /// The value of a key that must be there. None where it is not, which is noted.
    pub(super) fn required<T>(&mut self, key: &'static str, read: impl Fn(&Item<'_>) -> Result<T, Wrong>) -> Option<T> {
        if !self.has(key) {
            self.asked.push(key);
            self.note("missing-key", None, format!("the key {key:?} is missing"), None);
            return None;
        }
        self.optional(key, read)
    }

    /// A table under a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Section<'t>> {
        let (line, item) = self.find(key)?;
        self.as_section(key, line, item)
    }

    /// All tables under a key, by the names that the author gave them.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(String, Section<'t>)> {
        let Some(outer) = self.table(key) else { return Vec::new() };
        let named: Vec<_> = outer.free_names();
        let sections = named.into_iter().filter_map(|(name, line, item)| {
            let section = outer.as_section(&name, line, item)?;
            Some((name, section))
        });
        sections.collect()
    }

    /// All values under a key, by the names that the author gave them.
    pub(super) fn values<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Item<'_>) -> Result<T, Wrong>,
    ) -> BTreeMap<String, T> {
        let Some((line, item)) = self.find(key) else { return BTreeMap::new() };
        let Some(table) = self.as_table(key, line, item) else { return BTreeMap::new() };
        let label = Label { tail: format!("{}{key}.", self.label.tail), ..self.label.clone() };
        self.nested(table, label, line).all_values(read)
    }

    /// All values of this table, by the names that the author gave them.
    pub(super) fn all_values<T>(&self, read: impl Fn(&Item<'_>) -> Result<T, Wrong>) -> BTreeMap<String, T> {
        let named = self.free_names().into_iter();
        named.filter_map(|(name, line, item)| Some((name.clone(), self.read_item(&name, line, item, &read)?))).collect()
    }

    /// The tables of a list, written as `[[key]]` or inline. They are called by their `name`, if they have one.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Section<'t>> {
        let Some((line, item)) = self.find(key) else { return Vec::new() };
        let Some(array) = item.get_ref().as_array() else {
            self.wrong_type(key, line, "a list of tables", item);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (number, item) in array.iter().enumerate() {
            let line = self.line_at(item.span().start);
            let Some(table) = self.as_table(key, line, item) else { continue };
            let name =
                table.iter().find(|(key, _)| key.get_ref() == "name").and_then(|(_, name)| name.get_ref().as_str());
            let label = match name {
                _ if !self.label.head.is_empty() => {
                    Label { tail: format!("{}{key}[{number}].", self.label.tail), ..self.label.clone() }
                }
                Some(name) if is_name(name) => Label { head: format!("[[{key}]] {name:?}"), tail: String::new() },
                _ => Label { head: format!("[[{key}]] number {}", number + 1), tail: String::new() },
            };
            sections.push(self.nested(table, label, line));
        }
        sections
    }

    /// The places of everything that has been read so far.
    pub(super) fn places(&self) -> Places {
        Places { file: self.notes.file.to_owned(), lines: self.notes.lines.borrow().clone() }
    }

    /// Notes a problem with a key of this section, or with the section.
    pub(super) fn note(&self, code: &'static str, key: Option<&str>, message: String, hint: Option<String>) {
        let line = key.and_then(|key| self.notes.lines.borrow().get(&self.label.key(key)).copied()).or(self.line);
        let key = key.map_or_else(|| self.label.own(), |key| Some(self.label.key(key)));
        self.push(code, line, key, message, hint);
    }

    fn push(
        &self,
        code: &'static str,
        line: Option<usize>,
        key: Option<String>,
        message: String,
        hint: Option<String>,
    ) {
        let problem = Problem { code, file: self.notes.file.to_owned(), line, key, message, hint };
        self.notes.problems.borrow_mut().push(problem);
    }

    /// The line of a key and its value. From now on the key is known.
    fn find(&mut self, key: &'static str) -> Option<(usize, &'t Item<'t>)> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (spanned, item) = self.table.iter().find(|(candidate, _)| candidate.get_ref() == key)?;
        Some((self.remember(spanned), item))
    }

    /// All entries, where the author chooses the keys.
    fn free_names(&self) -> Vec<(String, usize, &'t Item<'t>)> {
        let mut names = Vec::new();
        for (key, item) in self.table {
            let line = self.remember(key);
            if is_name(key.get_ref()) {
                names.push((key.get_ref().to_string(), line, item));
            } else {
                let message = format!("{:?} cannot be a name", key.get_ref());
                let hint = "small letters, digits, - and _, at most 64, starting with a letter or digit";
                self.push("bad-name", Some(line), self.label.own(), message, Some(hint.to_owned()));
            }
        }
        names
    }

    fn remember(&self, key: &Spanned<DeString<'_>>) -> usize {
        let line = self.line_at(key.span().start);
        self.notes.lines.borrow_mut().entry(self.label.key(key.get_ref())).or_insert(line);
        line
    }

    fn read_item<T>(
        &self,
        key: &str,
        line: usize,
        item: &Item<'_>,
        read: impl Fn(&Item<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        match read(item) {
            Ok(value) => Some(value),
            Err(Wrong { code, message, hint, at }) => {
                let line = at.map_or(line, |at| self.line_at(at));
                self.push(code, Some(line), Some(self.label.key(key)), message, hint);
                None
            }
        }
    }

    fn as_section(&self, key: &str, line: usize, item: &'t Item<'t>) -> Option<Section<'t>> {
        let table = self.as_table(key, line, item)?;
        Some(self.nested(table, self.label.table(key), line))
    }

    fn as_table(&self, key: &str, line: usize, item: &'t Item<'t>) -> Option<&'t DeTable<'t>> {
        let table = item.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, line, "a table", item);
        }
        table
    }

    fn wrong_type(&self, key: &str, line: usize, expected: &str, item: &Item<'_>) {
        let message = format!("expected {expected}, found {}", kind_of(item));
        self.push("wrong-type", Some(line), Some(self.label.key(key)), message, None);
    }

    fn line_at(&self, offset: usize) -> usize {
        line_of(self.notes.text, offset)
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        // A section where nothing was asked for has keys of the author's own.
        if self.asked.is_empty() {
            return;
        }
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.get_ref().as_ref())) {
            let message = format!("no key is called {:?}", key.get_ref());
            let hint = did_you_mean(key.get_ref(), self.asked.iter().copied());
            self.push("unknown-key", Some(self.line_at(key.span().start)), self.label.own(), message, hint);
        }
    }
}

/// A value's type in words.
pub(super) fn kind_of(item: &Item<'_>) -> &'static str {
    match item.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
