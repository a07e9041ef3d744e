//! The format of PHP's `serialize()`: `a:1:{s:4:"list";s:3:"a|b";}`.
//!
//! Strings are bytes, and their lengths count bytes: `s:2:"é"` is one letter. The order of an array is kept. All that
//! [`parse`] accepts is written back to the same bytes, so that only what was changed changes.
//!
//! Refused are, with a code each:
//!
//! * **objects** (`O:`, `C:`, `E:`; `object`): making one runs code of its class, so a changed one cannot be judged without PHP;
//! * **references** (`r:`, `R:`; `reference`): they count positions in the whole text, and a rewrite moves those;
//! * spellings that PHP never writes (`i:007;`, `b:2;`; `wrong-value`), a key twice (`duplicate-key`), anything after the value
//!   (`trailing`);
//! * more than [`MAX_SIZE`] bytes (`too-big`), or more than [`MAX_DEPTH`] arrays in each other (`too-deep`).

mod parse;
mod value;

use std::fmt;

pub use value::{Float, Key, Value};

/// Bytes of one serialised value that are read at most: read, they take many times the memory.
pub const MAX_SIZE: usize = 4 << 20;

/// Arrays in each other that are read at most. PHP's own limit is 4,096; no settings are as deep as this.
pub const MAX_DEPTH: usize = 100;

/// Reads one serialised value, which is the whole text.
///
/// # Errors
/// If it is something else, or of a kind that is refused.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    parse::whole(text)
}

/// Why a text is no serialised value. Holds no part of the text: it may be somebody's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Stable, in kebab case.
    pub code: &'static str,
    /// Bytes before the place.
    pub offset: usize,
    /// What is wrong, in words without a full stop.
    pub message: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
