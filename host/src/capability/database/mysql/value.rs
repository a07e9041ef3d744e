//! Values between the server and the contract.
//!
//! Integers, floats and bytes are themselves; `BIT` is an unsigned integer. All that has more forms than a guest's language
//! has types is text as the server writes it: decimals, dates ("0000-00-00"), times ("-838:59:59"), JSON, enums.

use std::fmt::Write;

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Params, Row, Value as Sent};

use super::catalog::Catalog;
use crate::capability::database::{Cell, ColumnInfo, Value};

/// The number of the collation "binary": no text.
const BINARY: u16 = 63;

/// Decimals of a column that has no fixed number of them.
const NOT_FIXED: u8 = 31;

/// What the values of a column become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// An integer without sign, whatever its size.
    Uint,
    /// Bits, biggest first.
    Bits,
    Bytes,
    Date,
    /// With so many digits behind the seconds.
    DateTime(u8),
    /// The same.
    Time(u8),
    /// As the wire says.
    Plain,
}

impl Kind {
    fn of(column: &Column) -> Self {
        use ColumnType as Type;
        match column.column_type() {
            Type::MYSQL_TYPE_TINY
            | Type::MYSQL_TYPE_SHORT
            | Type::MYSQL_TYPE_INT24
            | Type::MYSQL_TYPE_LONG
            | Type::MYSQL_TYPE_LONGLONG
            | Type::MYSQL_TYPE_YEAR
                if is_unsigned(column) =>
            {
                Self::Uint
            }
            Type::MYSQL_TYPE_BIT => Self::Bits,
            Type::MYSQL_TYPE_DATE | Type::MYSQL_TYPE_NEWDATE => Self::Date,
            Type::MYSQL_TYPE_DATETIME | Type::MYSQL_TYPE_TIMESTAMP => Self::DateTime(column.decimals()),
            Type::MYSQL_TYPE_TIME => Self::Time(column.decimals()),
            Type::MYSQL_TYPE_GEOMETRY | Type::MYSQL_TYPE_VECTOR => Self::Bytes,
            Type::MYSQL_TYPE_STRING
            | Type::MYSQL_TYPE_VAR_STRING
            | Type::MYSQL_TYPE_VARCHAR
            | Type::MYSQL_TYPE_TINY_BLOB
            | Type::MYSQL_TYPE_BLOB
            | Type::MYSQL_TYPE_MEDIUM_BLOB
            | Type::MYSQL_TYPE_LONG_BLOB
                if column.character_set() == BINARY =>
            {
                Self::Bytes
            }
            _ => Self::Plain,
        }
    }
}

/// Makes cells out of the rows of one result.
pub(super) struct Decoder {
    kinds: Vec<Kind>,
    /// The text of this row's date or time, for each column: used again for each row.
    texts: Vec<String>,
}

impl Decoder {
    /// For these columns.
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { kinds: columns.iter().map(Kind::of).collect(), texts: vec![String::new(); columns.len()] }
    }

    /// The cells of a row.
    pub(super) fn cells<'a>(&'a mut self, row: &'a Row) -> Vec<Cell<'a>> {
        for (index, (kind, text)) in self.kinds.iter().zip(&mut self.texts).enumerate() {
            if matches!(kind, Kind::Date | Kind::DateTime(_) | Kind::Time(_)) {
                text.clear();
                // Writing to a string does not fail.
                let _ = write_time(text, *kind, row.as_ref(index));
            }
        }
        let columns = self.kinds.iter().zip(&self.texts).enumerate();
        columns
            .map(|(index, (kind, text))| row.as_ref(index).map_or(Cell::Null, |value| cell(*kind, value, text)))
            .collect()
    }
}

fn cell<'a>(kind: Kind, value: &'a Sent, text: &'a str) -> Cell<'a> {
    match (kind, value) {
        (_, Sent::NULL) => Cell::Null,
        // The driver makes small ones signed.
        (Kind::Uint, Sent::Int(int)) => Cell::Uint(int.cast_unsigned()),
        (_, Sent::Int(int)) => Cell::Int(*int),
        (_, Sent::UInt(uint)) => Cell::Uint(*uint),
        (_, Sent::Float(float)) => Cell::Float(f64::from(*float)),
        (_, Sent::Double(float)) => Cell::Float(*float),
        (_, Sent::Date(..) | Sent::Time(..)) => Cell::Text(text),
        (Kind::Bits, Sent::Bytes(bytes)) if bytes.len() <= 8 => {
            Cell::Uint(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
        }
        (Kind::Bits | Kind::Bytes, Sent::Bytes(bytes)) => Cell::Bytes(bytes),
        (_, Sent::Bytes(bytes)) => Cell::text(bytes),
    }
}

/// A date or time as the server writes it in text.
fn write_time(text: &mut String, kind: Kind, value: Option<&Sent>) -> std::fmt::Result {
    let (digits, micros) = match (kind, value) {
        (Kind::Date, Some(Sent::Date(year, month, day, ..))) => return write!(text, "{year:04}-{month:02}-{day:02}"),
        (Kind::DateTime(digits), Some(Sent::Date(year, month, day, hour, minute, second, micros))) => {
            write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
            (digits, *micros)
        }
        (Kind::Time(digits), Some(Sent::Time(negative, days, hours, minutes, seconds, micros))) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            write!(text, "{sign}{hours:02}:{minutes:02}:{seconds:02}")?;
            (digits, *micros)
        }
        _ => return Ok(()),
    };
    match digits {
        0 => Ok(()),
        NOT_FIXED if micros == 0 => Ok(()),
        NOT_FIXED => write!(text, ".{micros:06}"),
        digits => {
            let whole = format!(".{micros:06}");
            text.push_str(whole.get(..=usize::from(digits)).unwrap_or(&whole));
            Ok(())
        }
    }
}

/// What the columns of a result are: as declared, where they are columns of a table.
pub(super) fn describe(columns: &[Column], catalog: &Catalog) -> Vec<ColumnInfo> {
    let describe = |column: &Column| {
        let table = catalog.tables.get(column.org_table_str().as_ref());
        let name = column.org_name_str();
        let known = table.and_then(|table| table.columns.iter().find(|known| known.definition.name == name));
        let mut info = ColumnInfo { name: column.name_str().into_owned(), declared: String::new(), extra: Vec::new() };
        if is_unsigned(column) {
            info.extra.push(("unsigned".to_owned(), "yes".to_owned()));
        }
        if let Some(known) = known {
            info.declared.clone_from(&known.definition.declared);
            let says_text = |(name, _): &&(String, String)| name == "charset" || name == "collation";
            info.extra.extend(known.definition.extra.iter().filter(says_text).cloned());
        }
        info
    };
    columns.iter().map(describe).collect()
}

/// The values of a statement's parameters.
pub(super) fn to_params(params: &[Value]) -> Result<Params, String> {
    let to_sent = |(index, value): (usize, &Value)| match value {
        Value::Null => Ok(Sent::NULL),
        Value::Int(int) => Ok(Sent::Int(*int)),
        Value::Uint(uint) => Ok(Sent::UInt(*uint)),
        // The server would make something else of it.
        Value::Float(float) if !float.is_finite() => Err(format!("parameter {}: {float} cannot be stored", index + 1)),
        Value::Float(float) => Ok(Sent::Double(*float)),
        Value::Text(text) => Ok(Sent::Bytes(text.clone().into_bytes())),
        Value::Bytes(bytes) => Ok(Sent::Bytes(bytes.clone())),
    };
    if params.is_empty() {
        return Ok(Params::Empty);
    }
    params.iter().enumerate().map(to_sent).collect::<Result<_, _>>().map(Params::Positional)
}

fn is_unsigned(column: &Column) -> bool {
    column.flags().contains(ColumnFlags::UNSIGNED_FLAG)
}
