//! Values of a database: from Rust and into Rust.
//!
//! | what a column is | comes as |
//! | --- | --- |
//! | a whole number, a `YEAR` | [`Cell::Int`]; of an unsigned column [`Cell::Uint`] |
//! | `BIT` | [`Cell::Uint`] |
//! | `FLOAT`, `DOUBLE`, `REAL` | [`Cell::Float`] |
//! | `DECIMAL`, and so `SUM(…)` and `AVG(…)` of whole numbers on a server | [`Cell::Text`], with all its digits |
//! | `DATE`, `DATETIME`, `TIME` | [`Cell::Text`]: also `0000-00-00` and `-838:59:59` |
//! | `CHAR`, `TEXT`, `ENUM`, `SET`, `JSON` | [`Cell::Text`]; [`Cell::Bytes`] where it is not UTF-8 |
//! | `BINARY`, `BLOB`, spatial types | [`Cell::Bytes`] |
//!
//! SQLite's columns have no type: each value comes as what it is. As a parameter each of these goes back as it came.

pub use crate::bindings::liftlock::database::database::Value;

use crate::failure::Failure;

macro_rules! into_value {
    ($($from:ty => |$value:ident| $into:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}

into_value! {
    i8 => |value| Self::Int(value.into());
    i16 => |value| Self::Int(value.into());
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    u8 => |value| Self::Uint(value.into());
    u16 => |value| Self::Uint(value.into());
    u32 => |value| Self::Uint(value.into());
    u64 => |value| Self::Uint(value);
    f32 => |value| Self::Float(value.into());
    f64 => |value| Self::Float(value);
    bool => |value| Self::Int(value.into());
    String => |value| Self::Text(value);
    &String => |value| Self::Text(value.clone());
    &str => |value| Self::Text(value.to_owned());
    Vec<u8> => |value| Self::Bytes(value);
    &[u8] => |value| Self::Bytes(value.to_vec());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One value of a row, where it lies in the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number of an unsigned column, or a bit field.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text; decimals, dates, times and JSON too.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Cell<'_> {
    fn kind(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) | Self::Uint(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(value) => Self::Text(value),
            Value::Bytes(value) => Self::Bytes(value),
        }
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Int(value) => Self::Int(value),
            Cell::Uint(value) => Self::Uint(value),
            Cell::Float(value) => Self::Float(value),
            Cell::Text(value) => Self::Text(value.to_owned()),
            Cell::Bytes(value) => Self::Bytes(value.to_vec()),
        }
    }
}

/// What a cell can be read as. Nothing is converted that could lose something: a text "12" is not a number.
pub trait FromCell<'a>: Sized {
    /// The value.
    ///
    /// # Errors
    /// `wrong-type` if the cell holds something else.
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure>;
}

fn wrong_type(cell: Cell<'_>, wanted: &str) -> Failure {
    Failure::new("wrong-type", format!("{} where {wanted} was expected", cell.kind()))
}

macro_rules! whole_number {
    ($($to:ty),*) => {
        $(impl<'a> FromCell<'a> for $to {
            fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
                match cell {
                    Cell::Int(value) => Self::try_from(value).ok(),
                    Cell::Uint(value) => Self::try_from(value).ok(),
                    _ => None,
                }
                .ok_or_else(|| wrong_type(cell, concat!("a number that fits in ", stringify!($to))))
            }
        })*
    };
}

whole_number!(i64, u64, i32, u32, i16, u16, i8, u8);

impl<'a> FromCell<'a> for f64 {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        match cell {
            Cell::Float(value) => Ok(value),
            other => Err(wrong_type(other, "a number with a fraction")),
        }
    }
}

impl<'a> FromCell<'a> for bool {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        match cell {
            Cell::Int(0) | Cell::Uint(0) => Ok(false),
            Cell::Int(1) | Cell::Uint(1) => Ok(true),
            other => Err(wrong_type(other, "0 or 1")),
        }
    }
}

impl<'a> FromCell<'a> for &'a str {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        match cell {
            Cell::Text(value) => Ok(value),
            other => Err(wrong_type(other, "text")),
        }
    }
}

impl<'a> FromCell<'a> for String {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        <&str>::from_cell(cell).map(str::to_owned)
    }
}

impl<'a> FromCell<'a> for &'a [u8] {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        match cell {
            Cell::Bytes(value) => Ok(value),
            Cell::Text(value) => Ok(value.as_bytes()),
            other => Err(wrong_type(other, "bytes")),
        }
    }
}

impl<'a> FromCell<'a> for Vec<u8> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        <&[u8]>::from_cell(cell).map(<[u8]>::to_vec)
    }
}

impl<'a> FromCell<'a> for Cell<'a> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        Ok(cell)
    }
}

impl<'a> FromCell<'a> for Value {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        Ok(cell.into())
    }
}

impl<'a, T: FromCell<'a>> FromCell<'a> for Option<T> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, Failure> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert!(i64::from_cell(Cell::Uint(u64::MAX)).is_err());
        assert!(u64::from_cell(Cell::Int(-1)).is_err());
        assert!(i64::from_cell(Cell::Text("12")).is_err());
        assert!(u8::from_cell(Cell::Uint(256)).is_err());
        assert_eq!(u64::from_cell(Cell::Int(12)), Ok(12));
    }

    #[test]
    fn null_is_only_an_option() {
        assert!(String::from_cell(Cell::Null).is_err());
        assert_eq!(Option::<String>::from_cell(Cell::Null), Ok(None));
        assert_eq!(Option::<&str>::from_cell(Cell::Text("a")), Ok(Some("a")));
    }

    #[test]
    fn what_goes_in_comes_out() {
        assert_eq!(Value::from(None::<i64>), Value::Null);
        assert_eq!(Value::from("x"), Value::Text("x".to_owned()));
        assert_eq!(Value::from(Cell::from(&Value::Float(0.5))), Value::Float(0.5));
    }
}
