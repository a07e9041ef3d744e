//! Values between the server and the contract.
//!
//! Integers, floats and bytes are themselves; `BIT` is an unsigned integer. All that has more forms than a guest's language
//! has types is text as the server writes it: decimals, dates ("0000-00-00"), times ("-838:59:59"), JSON, enums.

use mysql_client::{BinaryRow, Column, ColumnFlags, ColumnType, Field, Malformed, Value as Sent};

use super::catalog::Catalog;
use crate::capability::database::{Cell, ColumnInfo, Value};

/// The number of the collation "binary": no text.
const BINARY: u16 = 63;

/// Decimals of a column that has no fixed number of them.
const NOT_FIXED: u8 = 31;

/// What the values of a column become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
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

/// A column, as far as its cells need it.
struct Plan {
    kind: Kind,
    column_type: ColumnType,
    unsigned: bool,
    /// The text of a date or time: its memory is used again for each row.
    text: String,
}

/// Makes cells out of the rows of one result.
pub(super) struct Decoder {
    columns: Vec<Plan>,
    wrong: Option<Malformed>,
}

impl Decoder {
    /// For these columns.
    pub(super) fn new(columns: &[Column]) -> Self {
        let plan = |column: &Column| Plan {
            kind: Kind::of(column),
            column_type: column.column_type(),
            unsigned: is_unsigned(column),
            text: String::new(),
        };
        Self { columns: columns.iter().map(plan).collect(), wrong: None }
    }

    /// Whether the bytes of each column are texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = bool> {
        self.columns.iter().map(|column| column.kind == Kind::Plain)
    }

    /// The cells of a row. Texts are bytes here: see [`Decoder::texts`]. What is no cell is NULL, until [`Decoder::check`].
    pub(super) fn cells<'a>(&'a mut self, packet: &'a [u8]) -> Result<impl Iterator<Item = Cell<'a>>, Malformed> {
        let mut row = BinaryRow::new(packet, self.columns.len())?;
        let wrong = &mut self.wrong;
        Ok(self.columns.iter_mut().map(move |column| match row.next(column.column_type, column.unsigned) {
            Ok(field) => cell(column.kind, field, &mut column.text),
            Err(malformed) => {
                *wrong = Some(malformed);
                Cell::Null
            }
        }))
    }

    /// Whether all cells so far were such.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        self.wrong.map_or(Ok(()), Err)
    }
}

/// `text` is the room for dates and times.
#[inline(always)]
fn cell<'a>(kind: Kind, field: Field<'a>, text: &'a mut String) -> Cell<'a> {
    match field {
        Field::Null => Cell::Null,
        Field::Int(int) => Cell::Int(int),
        Field::UInt(uint) => Cell::Uint(uint),
        Field::Float(float) => Cell::Float(f64::from(float)),
        Field::Double(float) => Cell::Float(float),
        Field::Date(..) | Field::Time(..) => {
            text.clear();
            write_time(text, kind, field);
            Cell::Text(text)
        }
        Field::Bytes(bytes) if kind == Kind::Bits && bytes.len() <= 8 => {
            Cell::Uint(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
        }
        Field::Bytes(bytes) => Cell::Bytes(bytes),
    }
}

/// The numbers below 100.
const PAIRS: &str = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
    5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// A date or time as the server writes it in text. By hand: it is made for each row, and formatting machinery takes longer than
/// all the rest.
fn write_time(text: &mut String, kind: Kind, field: Field<'_>) {
    let (digits, micros) = match (kind, field) {
        (Kind::Date | Kind::DateTime(_), Field::Date(year, month, day, hour, minute, second, micros)) => {
            write_pair(text, u32::from(year / 100));
            write_pair(text, u32::from(year % 100));
            write_parts(text, "-", [month, day]);
            let Kind::DateTime(digits) = kind else { return };
            text.push(' ');
            write_pair(text, u32::from(hour));
            write_parts(text, ":", [minute, second]);
            (digits, micros)
        }
        (Kind::Time(digits), Field::Time(negative, days, hours, minutes, seconds, micros)) => {
            if negative {
                text.push('-');
            }
            write_pair(text, days.saturating_mul(24).saturating_add(u32::from(hours)));
            write_parts(text, ":", [minutes, seconds]);
            (digits, micros)
        }
        _ => return,
    };
    let shown = match digits {
        NOT_FIXED if micros == 0 => 0,
        NOT_FIXED => 6,
        digits => usize::from(digits),
    };
    if shown > 0 {
        text.push('.');
        let all = text.len() + shown;
        for part in [micros / 10_000, micros / 100 % 100, micros % 100] {
            write_pair(text, part);
        }
        text.truncate(all);
    }
}

fn write_parts(text: &mut String, separator: &str, parts: [u8; 2]) {
    for part in parts {
        text.push_str(separator);
        write_pair(text, u32::from(part));
    }
}

/// A number with two digits at least.
fn write_pair(text: &mut String, number: u32) {
    let at = number as usize * 2;
    match PAIRS.get(at..at + 2) {
        Some(pair) => text.push_str(pair),
        None => text.push_str(&number.to_string()),
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
pub(super) fn to_params(params: &[Value]) -> Result<Vec<Sent>, String> {
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
    params.iter().enumerate().map(to_sent).collect()
}

fn is_unsigned(column: &Column) -> bool {
    column.flags().contains(ColumnFlags::UNSIGNED_FLAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, field: Field<'_>) -> String {
        let mut text = String::new();
        write_time(&mut text, kind, field);
        text
    }

    #[test]
    fn dates_and_times_are_written_as_the_server_does_even_those_that_no_server_sends() {
        let date = Field::Date(2026, 1, 2, 3, 4, 5, 60_700);
        assert_eq!(written(Kind::Date, date), "2026-01-02");
        assert_eq!(written(Kind::DateTime(0), date), "2026-01-02 03:04:05");
        assert_eq!(written(Kind::DateTime(3), date), "2026-01-02 03:04:05.060");
        assert_eq!(written(Kind::DateTime(NOT_FIXED), date), "2026-01-02 03:04:05.060700");
        assert_eq!(written(Kind::DateTime(6), Field::Date(0, 0, 0, 0, 0, 0, 0)), "0000-00-00 00:00:00.000000");
        assert_eq!(written(Kind::Time(0), Field::Time(true, 34, 22, 59, 59, 0)), "-838:59:59");
        assert_eq!(written(Kind::Time(NOT_FIXED), Field::Time(false, 0, 1, 2, 3, 0)), "01:02:03");
        // A rogue server.
        let rogue = Field::Time(true, u32::MAX, 255, 255, 255, u32::MAX);
        assert_eq!(written(Kind::Time(30), rogue), "-4294967295:255:255.4294967295");
        assert_eq!(written(Kind::DateTime(6), Field::Date(65_535, 255, 0, 0, 0, 0, 0)), "65535-255-00 00:00:00.000000");
        assert_eq!(written(Kind::Date, rogue), "");
    }
}
