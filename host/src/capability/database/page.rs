//! Rows on their way to a guest: by column, packed, two to three times as fast as lists of rows.

mod builder;

use serde::{Deserialize, Serialize};

use super::plain;
use super::value::{Cell, Value};

pub use builder::PageBuilder;

/// A page ends behind the row that makes it this big (bytes), however many rows were asked for.
pub const PAGE_BYTES: usize = 4 << 20;

/// Texts or bytes of one column, one behind the other: value i is `data[ends[i-1]..ends[i]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Packed {
    /// Where each value ends in `data`.
    #[serde(with = "plain")]
    pub ends: Vec<u32>,
    /// All values.
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
}

impl Packed {
    /// The bytes of value `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        self.data.get(start..end)
    }

    /// Whether all values are UTF-8. Looked at all together: one by one takes several times as long.
    fn is_text(&self) -> bool {
        let boundaries = |text: &str| self.ends.iter().all(|end| text.is_char_boundary(*end as usize));
        str::from_utf8(&self.data).is_ok_and(boundaries)
    }

    /// Adds a value. A page is far smaller than 4 GiB: the host's limit on a row and [`PAGE_BYTES`] see to it.
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.ends.push(u32::try_from(self.data.len()).unwrap_or(u32::MAX));
    }
}

/// The values of one column of a page. A row that is null has some value of the type (0, empty).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ColumnData {
    /// Signed integers; also a column of nothing but nulls.
    Ints(#[serde(with = "plain")] Vec<i64>),
    /// Unsigned integers.
    Uints(#[serde(with = "plain")] Vec<u64>),
    /// Doubles.
    Floats(#[serde(with = "plain")] Vec<f64>),
    /// UTF-8 texts.
    Texts(Packed),
    /// Bytes.
    Blobs(Packed),
    /// Rows of several types, as SQLite allows.
    Mixed(Vec<Value>),
}

impl ColumnData {
    /// The right type for this value, with `rows` fillers and room for `most` values.
    fn starting_with(cell: &Cell<'_>, rows: usize, most: usize) -> Self {
        fn filled<T: Clone>(filler: T, rows: usize, most: usize) -> Vec<T> {
            let mut values = Vec::with_capacity(most);
            values.resize(rows, filler);
            values
        }
        let empty = || Packed { ends: filled(0, rows, most), data: Vec::new() };
        match cell {
            Cell::Null | Cell::Int(_) => Self::Ints(filled(0, rows, most)),
            Cell::Uint(_) => Self::Uints(filled(0, rows, most)),
            Cell::Float(_) => Self::Floats(filled(0.0, rows, most)),
            Cell::Text(_) => Self::Texts(empty()),
            Cell::Bytes(_) => Self::Blobs(empty()),
        }
    }

    /// Adds a value; false if it is of another type than the column. By the value first: where that is known, and all of it is
    /// in one function, nothing is left to be asked but the column's type.
    #[inline(always)]
    fn push(&mut self, cell: Cell<'_>) -> bool {
        match (cell, self) {
            (Cell::Int(int), Self::Ints(ints)) => ints.push(int),
            (Cell::Uint(uint), Self::Uints(uints)) => uints.push(uint),
            (Cell::Float(float), Self::Floats(floats)) => floats.push(float),
            (Cell::Text(text), Self::Texts(texts)) => texts.push(text.as_bytes()),
            (Cell::Bytes(bytes), Self::Blobs(blobs)) => blobs.push(bytes),
            (cell, Self::Mixed(values)) => values.push(cell.to_value()),
            _ => return false,
        }
        true
    }

    /// Leaves out what comes behind so many values.
    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Ints(ints) => ints.truncate(rows),
            Self::Uints(uints) => uints.truncate(rows),
            Self::Floats(floats) => floats.truncate(rows),
            Self::Texts(packed) | Self::Blobs(packed) => {
                packed.ends.truncate(rows);
                packed.data.truncate(packed.ends.last().map_or(0, |end| *end as usize));
            }
            Self::Mixed(values) => values.truncate(rows),
        }
    }

    /// Adds some value of the type.
    fn push_filler(&mut self) {
        match self {
            Self::Ints(ints) => ints.push(0),
            Self::Uints(uints) => uints.push(0),
            Self::Floats(floats) => floats.push(0.0),
            Self::Texts(packed) | Self::Blobs(packed) => packed.push(&[]),
            Self::Mixed(values) => values.push(Value::Null),
        }
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        match self {
            Self::Ints(ints) => ints.get(row).map(|int| Cell::Int(*int)),
            Self::Uints(uints) => uints.get(row).map(|uint| Cell::Uint(*uint)),
            Self::Floats(floats) => floats.get(row).map(|float| Cell::Float(*float)),
            Self::Texts(texts) => texts.get(row).map(Cell::text),
            Self::Blobs(blobs) => blobs.get(row).map(Cell::Bytes),
            Self::Mixed(values) => values.get(row).map(Cell::from),
        }
    }
}

/// One column of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// One byte per row, 1 = null; empty if no row is null.
    #[serde(with = "serde_bytes")]
    pub nulls: Vec<u8>,
    /// The values.
    pub data: ColumnData,
}

impl Column {
    /// The value of a row.
    #[must_use]
    pub fn cell(&self, row: usize) -> Option<Cell<'_>> {
        match self.nulls.get(row) {
            Some(1) => Some(Cell::Null),
            _ => self.data.cell(row),
        }
    }
}

/// Some rows, by column. No rows: the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// How many rows.
    pub rows: u32,
    /// The columns, each with that many values.
    pub columns: Vec<Column>,
}

impl Page {
    /// One value.
    #[must_use]
    pub fn cell(&self, column: usize, row: usize) -> Option<Cell<'_>> {
        self.columns.get(column)?.cell(row)
    }

    /// The values of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Cell<'_>> {
        self.columns.iter().map(move |column| column.cell(row).unwrap_or(Cell::Null))
    }
}
