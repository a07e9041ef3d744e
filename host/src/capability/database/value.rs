//! Single values, as parameters and in mixed columns.

use serde::{Deserialize, Serialize};

/// One value of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// NULL.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A double.
    Float(f64),
    /// Text, and everything that servers give as text: decimals, dates, JSON.
    Text(String),
    /// Bytes, and text that is not UTF-8.
    Bytes(Vec<u8>),
}

/// The same, borrowed from the row that is being read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A double.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// Text as a database has it: bytes, if it is not UTF-8.
    #[inline]
    #[must_use]
    pub fn text(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Bytes(bytes), Self::Text)
    }

    /// How many bytes the value takes in a page, about.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) | Self::Uint(_) | Self::Float(_) => 8,
            Self::Text(text) => 4 + text.len(),
            Self::Bytes(bytes) => 4 + bytes.len(),
        }
    }

    /// The value, owned.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Int(int) => Value::Int(int),
            Self::Uint(uint) => Value::Uint(uint),
            Self::Float(float) => Value::Float(float),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
        }
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(int) => Self::Int(*int),
            Value::Uint(uint) => Self::Uint(*uint),
            Value::Float(float) => Self::Float(*float),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}
