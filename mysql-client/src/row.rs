//! The cells of a row, as they lie in its packet.

use mysql_common::constants::ColumnType;
use mysql_common::value::Value;

use crate::error::Malformed;
use crate::parse::Parse;

/// What stands for NULL where a text has its length.
const NULL: u8 = 0xfb;

/// The row of a [`query`](crate::Client::query): texts, or none for NULL.
#[derive(Clone, Copy, Debug)]
pub struct TextRow<'a>(Parse<'a>);

impl<'a> TextRow<'a> {
    /// Of a packet.
    #[must_use]
    pub fn new(packet: &'a [u8]) -> Self {
        Self(Parse(packet))
    }
}

impl<'a> Iterator for TextRow<'a> {
    type Item = Result<Option<&'a [u8]>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.0 {
            [] => None,
            [NULL, rest @ ..] => {
                self.0 = Parse(rest);
                Some(Ok(None))
            }
            _ => {
                let text = self.0.sized();
                if text.is_err() {
                    self.0 = Parse(&[]);
                }
                Some(text.map(Some))
            }
        }
    }
}

/// A cell of a statement's row. Dates and times have the fields of [`Value`]'s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// There is none.
    Null,
    /// An integer of a column with sign.
    Int(i64),
    /// An integer of a column without.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// Year, month, day, hour, minute, second, microseconds.
    Date(u16, u8, u8, u8, u8, u8, u32),
    /// Whether negative, days, hours, minutes, seconds, microseconds.
    Time(bool, u32, u8, u8, u8, u32),
    /// All else: texts, bytes, decimals, bits, JSON.
    Bytes(&'a [u8]),
}

impl Field<'_> {
    /// The same with memory of its own.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::NULL,
            Self::Int(int) => Value::Int(int),
            Self::UInt(int) => Value::UInt(int),
            Self::Float(float) => Value::Float(float),
            Self::Double(float) => Value::Double(float),
            Self::Date(year, month, day, hour, minute, second, micros) => {
                Value::Date(year, month, day, hour, minute, second, micros)
            }
            Self::Time(negative, days, hours, minutes, seconds, micros) => {
                Value::Time(negative, days, hours, minutes, seconds, micros)
            }
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        }
    }
}

/// The row of an [`execute`](crate::Client::execute).
#[derive(Clone, Copy, Debug)]
pub struct BinaryRow<'a> {
    /// A bit for each column, behind two that mean nothing.
    nulls: &'a [u8],
    rest: Parse<'a>,
    column: usize,
}

impl<'a> BinaryRow<'a> {
    /// Of a packet, with so many columns.
    ///
    /// # Errors
    /// It is too short for them.
    #[inline]
    pub fn new(packet: &'a [u8], columns: usize) -> Result<Self, Malformed> {
        let mut rest = Parse(packet);
        if rest.u8()? != 0 {
            return Err(Malformed("a row is none"));
        }
        let nulls = rest.bytes((columns + 2).div_ceil(8))?;
        Ok(Self { nulls, rest, column: 0 })
    }

    /// The next cell, of the type of its column.
    ///
    /// # Errors
    /// The packet has none of this type.
    #[inline(always)]
    pub fn next(&mut self, column_type: ColumnType, unsigned: bool) -> Result<Field<'a>, Malformed> {
        let bit = self.column + 2;
        self.column += 1;
        if self.nulls.get(bit / 8).is_none_or(|bits| bits >> (bit % 8) & 1 == 1) {
            return Ok(Field::Null);
        }
        let rest = &mut self.rest;
        Ok(match (column_type, unsigned) {
            (ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24, false) => {
                Field::Int(i32::from_le_bytes(rest.array()?).into())
            }
            (ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24, true) => Field::UInt(rest.u32()?.into()),
            (ColumnType::MYSQL_TYPE_LONGLONG, false) => Field::Int(i64::from_le_bytes(rest.array()?)),
            (ColumnType::MYSQL_TYPE_LONGLONG, true) => Field::UInt(u64::from_le_bytes(rest.array()?)),
            (ColumnType::MYSQL_TYPE_TINY, false) => Field::Int(i8::from_le_bytes(rest.array()?).into()),
            (ColumnType::MYSQL_TYPE_TINY, true) => Field::UInt(rest.u8()?.into()),
            (ColumnType::MYSQL_TYPE_SHORT | ColumnType::MYSQL_TYPE_YEAR, false) => {
                Field::Int(i16::from_le_bytes(rest.array()?).into())
            }
            (ColumnType::MYSQL_TYPE_SHORT | ColumnType::MYSQL_TYPE_YEAR, true) => Field::UInt(rest.u16()?.into()),
            (ColumnType::MYSQL_TYPE_DOUBLE, _) => Field::Double(f64::from_le_bytes(rest.array()?)),
            (ColumnType::MYSQL_TYPE_FLOAT, _) => Field::Float(f32::from_le_bytes(rest.array()?)),
            (ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_TIMESTAMP, _) => {
                date(rest)?
            }
            (ColumnType::MYSQL_TYPE_TIME, _) => time(rest)?,
            (ColumnType::MYSQL_TYPE_NULL, _) => Field::Null,
            _ => Field::Bytes(rest.sized()?),
        })
    }
}

/// As much of a date as is not zero.
fn date<'a>(rest: &mut Parse<'a>) -> Result<Field<'a>, Malformed> {
    let mut parts = Parse(rest.sized()?);
    if parts.0.is_empty() {
        return Ok(Field::Date(0, 0, 0, 0, 0, 0, 0));
    }
    let (year, [month, day]) = (parts.u16()?, parts.array()?);
    let [hour, minute, second] = if parts.0.is_empty() { [0; 3] } else { parts.array()? };
    let micros = if parts.0.is_empty() { 0 } else { parts.u32()? };
    Ok(Field::Date(year, month, day, hour, minute, second, micros))
}

/// The same of a time.
fn time<'a>(rest: &mut Parse<'a>) -> Result<Field<'a>, Malformed> {
    let mut parts = Parse(rest.sized()?);
    if parts.0.is_empty() {
        return Ok(Field::Time(false, 0, 0, 0, 0, 0));
    }
    let (negative, days, [hours, minutes, seconds]) = (parts.u8()? != 0, parts.u32()?, parts.array()?);
    let micros = if parts.0.is_empty() { 0 } else { parts.u32()? };
    Ok(Field::Time(negative, days, hours, minutes, seconds, micros))
}
