//! Values that are known without running PHP, and how they are written.

use std::ops::Range;

use super::array::Array;
use super::quoted;
use super::source::Source;
use super::token::Kind;

/// Arrays in each other that are read as a literal at most.
const MAX_DEPTH: usize = 50;

/// A value that is spelled out.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `7`, `-7`, `0x7f`
    Int(i64),
    /// `0.5`
    Float(f64),
    /// `'text'`, in any quotes.
    String(String),
    /// `array('key' => 'value')`, `['a', 'b']`; in order.
    Array(Vec<(Key, Literal)>),
}

/// A key of an array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `5`, and `'5'`: to PHP they are the same.
    Int(i64),
    /// `'key'`
    String(String),
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(int) if i64::to_string(&int) == text => Self::Int(int),
            _ => Self::String(text.to_owned()),
        }
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl Key {
    /// The key that a token of code spells out.
    pub(super) fn read(source: &Source, index: usize) -> Option<Self> {
        match source.kind(index)? {
            Kind::String => quoted::value(source.word(index)).map(|text| Self::from(text.as_str())),
            Kind::Number => int(source.word(index)).map(Self::Int),
            _ => None,
        }
    }
}

impl Literal {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What PHP calls empty: `null`, `false`, `0`, `0.0`, `''`, `'0'`, `array()`.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::String(text) => text.is_empty() || text == "0",
            Self::Array(entries) => entries.is_empty(),
        }
    }

    /// The value that tokens of code spell out. None if it is not known without running PHP.
    pub(super) fn read(source: &Source, code: Range<usize>) -> Option<Self> {
        Self::read_within(source, code, 0)
    }

    fn read_within(source: &Source, code: Range<usize>, depth: usize) -> Option<Self> {
        let array = Array::read(source, code.clone());
        if let Some(array) = array {
            return if depth < MAX_DEPTH { Self::read_array(source, array.ok()?, depth + 1) } else { None };
        }
        let first = code.start;
        match (code.len(), source.kind(first)?) {
            (1, Kind::String | Kind::Heredoc) => quoted::value(source.word(first)).map(Self::String),
            (1, Kind::Number) => number(source.word(first)),
            (1, Kind::Name) if source.is_name(first, "null") => Some(Self::Null),
            (1, Kind::Name) if source.is_name(first, "true") => Some(Self::Bool(true)),
            (1, Kind::Name) if source.is_name(first, "false") => Some(Self::Bool(false)),
            (2, Kind::Mark) if source.is_mark(first, "-") => match number(source.word(first + 1))? {
                Self::Int(value) => value.checked_neg().map(Self::Int),
                Self::Float(value) => Some(Self::Float(-value)),
                _ => None,
            },
            _ => None,
        }
    }

    fn read_array(source: &Source, array: Array, depth: usize) -> Option<Self> {
        let mut entries: Vec<(Key, Self)> = Vec::with_capacity(array.entries.len());
        let mut seen = std::collections::BTreeSet::new();
        for entry in array.entries {
            if !seen.insert(entry.key.clone()) {
                return None;
            }
            entries.push((entry.key, Self::read_within(source, entry.value, depth)?));
        }
        Some(Self::Array(entries))
    }

    /// The value as PHP reads it.
    pub(super) fn write(&self, style: &Style) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::String(text) => quoted::in_single(text),
            Self::Array(entries) => write_array(entries, style),
        }
    }
}

/// How the array around a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// `array(…)`, not `[…]`.
    pub(super) long: bool,
    /// One entry a line: what ends a line, what is in front of this entry, and what an inner array has more.
    pub(super) lines: Option<Lines>,
}

/// Line ends and indentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) end: &'static str,
    pub(super) indent: String,
    pub(super) step: String,
}

fn write_array(entries: &[(Key, Literal)], style: &Style) -> String {
    let (open, close) = if style.long { ("array(", ")") } else { ("[", "]") };
    let Some(lines) = style.lines.as_ref().filter(|_| !entries.is_empty()) else {
        return format!("{open}{}{close}", write_entries(entries, style).join(", "));
    };
    let inner = Lines { indent: format!("{}{}", lines.indent, lines.step), ..lines.clone() };
    let prefix = format!("{}{}", inner.end, inner.indent);
    let inner = Style { long: style.long, lines: Some(inner) };
    let entries: String = write_entries(entries, &inner).into_iter().map(|entry| format!("{prefix}{entry},")).collect();
    format!("{open}{entries}{}{}{close}", lines.end, lines.indent)
}

fn write_entries(entries: &[(Key, Literal)], style: &Style) -> Vec<String> {
    let is_list = entries.iter().zip(0..).all(|((key, _), index)| *key == Key::Int(index));
    let write = |(key, value): &(Key, Literal)| match key {
        _ if is_list => value.write(style),
        Key::Int(int) => format!("{int} => {}", value.write(style)),
        Key::String(text) => format!("{} => {}", quoted::in_single(text), value.write(style)),
    };
    entries.iter().map(write).collect()
}

fn number(word: &str) -> Option<Literal> {
    if let Some(int) = int(word) {
        return Some(Literal::Int(int));
    }
    let is_float =
        word.contains('.') || word.contains(['e', 'E']) && !word.starts_with("0x") && !word.starts_with("0X");
    let value: f64 = word.parse().ok().filter(|_| is_float)?;
    value.is_finite().then_some(Literal::Float(value))
}

/// An integer in one of PHP's spellings. None if it is too big for one: PHP then makes a float.
fn int(word: &str) -> Option<i64> {
    let prefixed = |prefix: [&str; 2]| word.strip_prefix(prefix[0]).or_else(|| word.strip_prefix(prefix[1]));
    if !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some(digits) = prefixed(["0x", "0X"]) {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = prefixed(["0b", "0B"]) {
        return i64::from_str_radix(digits, 2).ok();
    }
    match word.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => i64::from_str_radix(digits, 8).ok(),
        _ => word.parse().ok(),
    }
}
