//! Rows, read out of the packed columns in which they come from the host.

use std::rc::Rc;

use crate::bindings::liftlock::database::database::{self as host, Page};
use crate::failure::Failure;
use crate::value::{Cell, FromCell, Value};

/// A page with the names of its columns.
#[derive(Debug)]
struct Table {
    names: Rc<[String]>,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    /// One byte per row, 1 = null; empty if no row is null.
    nulls: Vec<u8>,
    values: Values,
}

/// The values of a column. Texts are looked at once, all of them together: one by one that takes longer than reading them.
#[derive(Debug)]
enum Values {
    Ints(Vec<i64>),
    Uints(Vec<u64>),
    Floats(Vec<f64>),
    Texts {
        ends: Vec<u32>,
        text: String,
    },
    Blobs {
        ends: Vec<u32>,
        bytes: Vec<u8>,
    },
    Mixed(Vec<Value>),
    /// The host has called texts what are none.
    Wrong,
}

/// One row of a result. Cheap to clone; it keeps the page that it came in.
#[derive(Debug, Clone)]
pub struct Row {
    table: Rc<Table>,
    index: usize,
}

/// All rows of a page.
pub(crate) struct PageRows {
    table: Rc<Table>,
    next: usize,
    rows: usize,
}

impl PageRows {
    pub(crate) fn new(names: &Rc<[String]>, page: Page) -> Self {
        let columns = page.columns.into_iter().map(Column::new).collect();
        Self { table: Rc::new(Table { names: names.clone(), columns }), next: 0, rows: page.rows as usize }
    }
}

impl Iterator for PageRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let index = self.next;
        (index < self.rows).then(|| {
            self.next += 1;
            Row { table: self.table.clone(), index }
        })
    }
}

/// What a column is called by: its name or its position from 0.
pub trait Position {
    /// The position among these names.
    fn among(&self, names: &[String]) -> Option<usize>;
}

impl Position for &str {
    fn among(&self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| name == self)
    }
}

impl Position for usize {
    fn among(&self, names: &[String]) -> Option<usize> {
        (*self < names.len()).then_some(*self)
    }
}

impl Row {
    /// A value, by the name of its column or its position from 0.
    ///
    /// # Errors
    /// `no-such-column`, or `wrong-type` if it cannot be read as `T` without loss.
    pub fn get<'a, T: FromCell<'a>>(&'a self, column: impl Position) -> Result<T, Failure> {
        let position = column.among(&self.table.names).ok_or_else(|| {
            Failure::new("no-such-column", format!("the result has only {}", self.table.names.join(", ")))
        })?;
        let column = self.table.columns.get(position);
        let cell = column.and_then(|column| column.cell(self.index)).ok_or_else(bad_page)?;
        T::from_cell(cell).map_err(|failure| failure.at(&self.table.names[position]))
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.table.names
    }
}

fn bad_page() -> Failure {
    Failure::new("bad-page", "the host sent a page that is not whole")
}

impl Column {
    fn new(column: host::Column) -> Self {
        let values = match column.data {
            host::ColumnData::Ints(ints) => Values::Ints(ints),
            host::ColumnData::Uints(uints) => Values::Uints(uints),
            host::ColumnData::Floats(floats) => Values::Floats(floats),
            host::ColumnData::Texts(packed) => match String::from_utf8(packed.data) {
                Ok(text) => Values::Texts { ends: packed.ends, text },
                Err(_) => Values::Wrong,
            },
            host::ColumnData::Blobs(packed) => Values::Blobs { ends: packed.ends, bytes: packed.data },
            host::ColumnData::Mixed(values) => Values::Mixed(values),
        };
        Self { nulls: column.nulls, values }
    }

    /// The value of a row. None if the host has lied about the page.
    #[inline]
    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        if self.nulls.get(row).is_some_and(|null| *null != 0) {
            return Some(Cell::Null);
        }
        Some(match &self.values {
            Values::Ints(ints) => Cell::Int(*ints.get(row)?),
            Values::Uints(uints) => Cell::Uint(*uints.get(row)?),
            Values::Floats(floats) => Cell::Float(*floats.get(row)?),
            Values::Texts { ends, text } => {
                let (start, end) = bounds(ends, row)?;
                Cell::Text(text.get(start..end)?)
            }
            Values::Blobs { ends, bytes } => {
                let (start, end) = bounds(ends, row)?;
                Cell::Bytes(bytes.get(start..end)?)
            }
            Values::Mixed(values) => values.get(row)?.into(),
            Values::Wrong => return None,
        })
    }
}

/// Where value `row` of a packed column is: from the end of the one before to its own.
fn bounds(ends: &[u32], row: usize) -> Option<(usize, usize)> {
    let start = match row.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    Some((start as usize, *ends.get(row)? as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::liftlock::database::database::{Column, ColumnData, Packed};

    fn packed(values: &[&str]) -> Packed {
        let mut packed = Packed { ends: Vec::new(), data: Vec::new() };
        for value in values {
            packed.data.extend(value.bytes());
            packed.ends.push(packed.data.len() as u32);
        }
        packed
    }

    fn rows(rows: u32, columns: Vec<(&str, Column)>) -> Vec<Row> {
        let (names, columns): (Vec<_>, Vec<_>) =
            columns.into_iter().map(|(name, data)| (name.to_owned(), data)).unzip();
        PageRows::new(&names.into(), Page { rows, columns }).collect()
    }

    fn column(data: ColumnData) -> Column {
        Column { nulls: Vec::new(), data }
    }

    #[test]
    fn a_page_with_lying_ends_is_a_failure_and_no_panic() {
        for ends in [vec![9], vec![2, 1], vec![]] {
            let lie = column(ColumnData::Texts(Packed { ends, data: b"ab".to_vec() }));
            let rows = rows(2, vec![("a", lie)]);
            assert_eq!(rows[1].get::<String>("a").unwrap_err().code, "bad-page");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_a_failure() {
        // The second ends in the middle of a letter.
        for packed in [Packed { ends: vec![1], data: vec![0xff] }, Packed { ends: vec![1, 2], data: "ü".into() }] {
            let lie = column(ColumnData::Texts(packed));
            assert_eq!(rows(1, vec![("a", lie)])[0].get::<&str>("a").unwrap_err().code, "bad-page");
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let rows = rows(1, vec![("id", column(ColumnData::Ints(vec![1])))]);
        assert_eq!(rows[0].get::<i64>("name").unwrap_err().message, "the result has only id");
        assert_eq!(rows[0].get::<i64>(1).unwrap_err().code, "no-such-column");
    }

    #[test]
    fn values_come_by_name_and_position() {
        let names = Column { nulls: vec![0, 1, 0], data: ColumnData::Texts(packed(&["anna", "", "ünal"])) };
        let mixed = column(ColumnData::Mixed(vec![Value::Int(1), Value::Text("two".to_owned()), Value::Null]));
        let rows = rows(3, vec![("id", column(ColumnData::Uints(vec![7, 8, 9]))), ("name", names), ("what", mixed)]);
        assert_eq!(rows[2].get::<u64>("id"), Ok(9));
        assert_eq!(rows[0].get::<&str>(1), Ok("anna"));
        assert_eq!(rows[1].get::<Option<String>>("name"), Ok(None));
        assert_eq!(rows[2].get::<&str>("name"), Ok("ünal"));
        assert_eq!(rows[1].get::<&str>("what"), Ok("two"));
        assert_eq!(rows[2].get::<Value>("what"), Ok(Value::Null));
        let wrong = rows[0].get::<i64>("name").unwrap_err();
        assert_eq!(
            (wrong.code.as_str(), wrong.message.as_str()),
            ("wrong-type", "name: text where a number that fits in i64 was expected")
        );
    }
}
