//! An array that is spelled out, and its entries.

use std::ops::Range;

use super::error::Error;
use super::literal::Key;
use super::source::Source;
use super::token::Kind;

/// `array(…)` or `[…]`. All numbers are tokens of code.
#[derive(Debug, Clone)]
pub(super) struct Array {
    /// The opening bracket.
    pub(super) open: usize,
    /// The closing bracket.
    pub(super) close: usize,
    pub(super) entries: Vec<Entry>,
}

/// `key => value,`
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// The first token.
    pub(super) start: usize,
    /// The token between key and value: `=>`. None in a list.
    pub(super) arrow: Option<usize>,
    pub(super) value: Range<usize>,
    /// The comma after it.
    pub(super) comma: Option<usize>,
}

impl Array {
    /// The array that these tokens spell out. None if they are something else.
    ///
    /// # Errors
    /// If an entry cannot be told: a computed key, something unpacked.
    pub(super) fn read(source: &Source, code: Range<usize>) -> Option<Result<Self, Error>> {
        let long = source.is_name(code.start, "array") && source.is_mark(code.start + 1, "(");
        let open = code.start + usize::from(long);
        let is_array = long || source.is_mark(open, "[");
        // An array that is only the beginning: `[1, 2][0]`, `array() + $more`.
        let close = source.partner(open);
        (is_array && close + 1 == code.end).then(|| Ok(Self { open, close, entries: entries(source, open, close)? }))
    }
}

fn entries(source: &Source, open: usize, close: usize) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut start = open + 1;
    // What PHP gives to an entry without a key.
    let mut next = 0_i64;
    while start < close {
        let comma = source.find(start..close, |index| source.is_mark(index, ","));
        let end = comma.unwrap_or(close);
        let arrow = source.find(start..end, |index| source.is_mark(index, "=>"));
        let key = match arrow {
            Some(arrow) => key(source, start..arrow)?,
            None => Key::Int(next),
        };
        let value = arrow.map_or(start, |arrow| arrow + 1)..end;
        if value.is_empty() {
            return Err(source.error(start, "not-understood", "an entry of the array has no value"));
        }
        if source.is_mark(value.start, "...") {
            return Err(source.error(start, "computed-key", "what is unpacked here may have any keys"));
        }
        if let Key::Int(int) = key {
            next = next.max(int.saturating_add(1));
        }
        entries.push(Entry { key, start, arrow, value, comma });
        start = end + 1;
    }
    Ok(entries)
}

/// The key that these tokens spell out.
pub(super) fn key(source: &Source, code: Range<usize>) -> Result<Key, Error> {
    let computed = source.error(code.start, "computed-key", "the key is neither a string nor an integer");
    if code.len() != 1 {
        return Err(computed);
    }
    Key::read(source, code.start).filter(|_| source.kind(code.start) != Some(Kind::Heredoc)).ok_or(computed)
}
