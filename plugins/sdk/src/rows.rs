//! Rows, read out of the packed columns in which they come from the host.

use std::rc::Rc;

use crate::bindings::liftlock::database::database::{ColumnData, Packed, Page};
use crate::failure::Failure;
use crate::value::{Cell, FromCell};

/// A page with the names of its columns.
#[derive(Debug)]
pub(crate) struct Table {
    names: Rc<[String]>,
    page: Page,
}

/// One row of a result. Cheap to clone; it keeps the page that it came in.
#[derive(Debug, Clone)]
pub struct Row {
    table: Rc<Table>,
    index: usize,
}

/// All rows of a page.
pub(crate) fn rows_of(names: &Rc<[String]>, page: Page) -> impl Iterator<Item = Row> + use<> {
    let table = Rc::new(Table { names: names.clone(), page });
    (0..table.page.rows as usize).map(move |index| Row { table: table.clone(), index })
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
        let cell = self.table.cell(position, self.index).ok_or_else(bad_page)?;
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

impl Table {
    fn cell(&self, column: usize, row: usize) -> Option<Cell<'_>> {
        let column = self.page.columns.get(column)?;
        if column.nulls.get(row).is_some_and(|null| *null != 0) {
            return Some(Cell::Null);
        }
        Some(match &column.data {
            ColumnData::Ints(values) => Cell::Int(*values.get(row)?),
            ColumnData::Uints(values) => Cell::Uint(*values.get(row)?),
            ColumnData::Floats(values) => Cell::Float(*values.get(row)?),
            ColumnData::Texts(values) => Cell::Text(std::str::from_utf8(unpack(values, row)?).ok()?),
            ColumnData::Blobs(values) => Cell::Bytes(unpack(values, row)?),
            ColumnData::Mixed(values) => values.get(row)?.into(),
        })
    }
}

/// Value `row` of a packed column: from the end of the one before to its own.
fn unpack(packed: &Packed, row: usize) -> Option<&[u8]> {
    let start = match row.checked_sub(1) {
        Some(before) => *packed.ends.get(before)? as usize,
        None => 0,
    };
    packed.data.get(start..*packed.ends.get(row)? as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::liftlock::database::database::Column;
    use crate::value::Value;

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
        rows_of(&names.into(), Page { rows, columns }).collect()
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
        let lie = column(ColumnData::Texts(Packed { ends: vec![1], data: vec![0xff] }));
        assert_eq!(rows(1, vec![("a", lie)])[0].get::<&str>("a").unwrap_err().code, "bad-page");
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
