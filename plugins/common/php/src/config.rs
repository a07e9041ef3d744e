//! Edits a PHP file that is one array of settings, and leaves every other byte as it is.
//!
//! ```
//! use liftlock_php::config::{Config, Literal, Value};
//!
//! let mut config = Config::parse("<?php\n$parameters = array(\n\t'theme' => 'Mauve', // ours\n\t'host' => getenv('HOST'),\n);\n")?;
//! assert_eq!(config.get(&["theme"]), Some(Value::Literal(Literal::from("Mauve"))));
//! assert_eq!(config.get(&["host"]), Some(Value::Expression("getenv('HOST')")));
//! config.set("theme", &Literal::from("blank"))?;
//! config.remove("host")?;
//! assert_eq!(config.to_string(), "<?php\n$parameters = array(\n\t'theme' => 'blank', // ours\n);\n");
//! # Ok::<(), liftlock_php::config::Error>(())
//! ```
//!
//! The file assigns the array to a variable or returns it; afterwards single keys may be assigned (`$config['theme'] = 'x';`).
//! A value is a [`Literal`] or an expression, which is not evaluated. What could make the array another one than it looks is
//! refused with its line and column ([`Error`] lists the codes): a second array, an include, a key that is computed or there
//! twice, any other use of the variable, any statement that is more than an assignment to another variable or a call of
//! `define`, `ini_set` and the like.
//!
//! After each change the text is read again: if it does not say exactly what was wanted, the change is not made.

mod array;
mod edit;
mod error;
mod literal;
mod quoted;
mod read;
mod source;
mod token;

use std::fmt;
use std::ops::Range;

pub use error::{Error, Place};
pub use literal::{Key, Literal};

use array::Array;
use edit::Edit;
use read::Settings;
use source::Source;

/// Bytes of a file that are read at most.
pub const MAX_SIZE: usize = 1 << 20;

/// A file of settings, and what it says.
#[derive(Debug, Clone)]
pub struct Config {
    source: Source,
    settings: Settings,
}

/// The plain variables of a file that has no array: `$db_host = 'localhost';`. In order, each with the value that it has in the
/// end; none where only PHP knows it.
///
/// ```
/// let found = liftlock_php::config::variables("<?php\n$customadminpath = 'office'; // ours\n")?;
/// assert_eq!(found, [("customadminpath".to_owned(), Some("office".into()))]);
/// # Ok::<(), liftlock_php::config::Error>(())
/// ```
///
/// # Errors
/// If it is not PHP, or has more than such assignments and calls of `define`, `ini_set` and the like.
pub fn variables(text: &str) -> Result<Vec<(String, Option<Literal>)>, Error> {
    let source = Source::new(text)?;
    let mut found: Vec<(String, Option<Literal>)> = Vec::new();
    for (name, value) in read::variables(&source)? {
        let value = Literal::read(&source, value);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => found.push((name, value)),
        }
    }
    Ok(found)
}

/// What a key stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Known without running anything.
    Literal(Literal),
    /// Known to PHP only: its text.
    Expression(&'a str),
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is not PHP, or says something of which it is not sure what it means.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let source = Source::new(text)?;
        let settings = read::settings(&source)?;
        Ok(Self { source, settings })
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        self.source.text()
    }

    /// The variable that has the array, without `$`; none if the file returns it.
    pub fn variable(&self) -> Option<&str> {
        self.settings.variable.as_deref()
    }

    /// The value under a key, or under a key of the array under a key, and so on. None if it is not there, or if it cannot be
    /// seen whether it is (below an expression).
    pub fn get(&self, path: &[&str]) -> Option<Value<'_>> {
        let value = self.find(path)?;
        Some(match Literal::read(&self.source, value.clone()) {
            Some(literal) => Value::Literal(literal),
            None => Value::Expression(self.source.slice(value)),
        })
    }

    /// The keys of the array at a path (all of the file's for the empty one), even if values in it are expressions. None if
    /// no array is spelled out there.
    pub fn keys(&self, path: &[&str]) -> Option<Vec<Key>> {
        if path.is_empty() {
            return Some(self.settings.entries().map(|(key, _)| key.clone()).collect());
        }
        let array = Array::read(&self.source, self.find(path)?)?.ok()?;
        Some(array.entries.into_iter().map(|entry| entry.key).collect())
    }

    /// Where a key is written.
    pub fn place(&self, key: &str) -> Option<Place> {
        let at = self.settings.key_at(&self.source, &Key::from(key))?;
        Some(Place::of(self.as_str(), at))
    }

    /// Gives a key another value, or adds it in the style of the others.
    ///
    /// # Errors
    /// `edit-failed` if the text would not say what was wanted; then it is as it was.
    pub fn set(&mut self, key: &str, value: &Literal) -> Result<(), Error> {
        let key = Key::from(key);
        let edit = edit::set(&self.source, &self.settings, &key, value)?;
        let mut wanted = self.said();
        let said = (key.clone(), String::new());
        match wanted.iter_mut().find(|(found, _)| *found == key) {
            Some(entry) => *entry = said,
            None => wanted.push(said),
        }
        let changed = self.with(&[edit])?;
        let mut now = changed.said();
        if let Some((_, text)) = now.iter_mut().find(|(found, _)| *found == key) {
            text.clear();
        }
        wanted.sort();
        now.sort();
        if wanted != now || changed.value(&key).as_ref() != Some(value) {
            return Err(self.failed());
        }
        *self = changed;
        Ok(())
    }

    /// Removes a key, with the comment on its line and its comma. Says whether it was there.
    ///
    /// # Errors
    /// `edit-failed` if the text would not say what was wanted; then it is as it was.
    pub fn remove(&mut self, key: &str) -> Result<bool, Error> {
        let key = Key::from(key);
        let edits = edit::remove(&self.source, &self.settings, &key);
        if edits.is_empty() {
            return Ok(false);
        }
        let mut wanted = self.said();
        wanted.retain(|(found, _)| *found != key);
        let changed = self.with(&edits)?;
        if changed.said() != wanted {
            return Err(self.failed());
        }
        *self = changed;
        Ok(true)
    }

    /// The tokens of a value.
    fn find(&self, path: &[&str]) -> Option<Range<usize>> {
        let (first, rest) = path.split_first()?;
        let first = Key::from(*first);
        let (_, mut value) = self.settings.entries().find(|(key, _)| **key == first)?;
        for key in rest {
            let key = Key::from(*key);
            let array = Array::read(&self.source, value)?.ok()?;
            // Of two that are the same PHP takes the last one.
            value = array.entries.into_iter().rev().find(|entry| entry.key == key)?.value;
        }
        Some(value)
    }

    fn value(&self, key: &Key) -> Option<Literal> {
        let (_, value) = self.settings.entries().find(|(found, _)| *found == key)?;
        Literal::read(&self.source, value)
    }

    /// All keys with the texts of their values.
    fn said(&self) -> Vec<(Key, String)> {
        self.settings.entries().map(|(key, value)| (key.clone(), self.source.slice(value).to_owned())).collect()
    }

    fn with(&self, edits: &[Edit]) -> Result<Self, Error> {
        Self::parse(&edit::apply(self.as_str(), edits)).map_err(|_| self.failed())
    }

    fn failed(&self) -> Error {
        Error::new("edit-failed", self.as_str(), 0, "the file cannot be changed so that it says just what was wanted")
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
