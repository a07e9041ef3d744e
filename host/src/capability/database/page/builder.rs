//! Pages that are being made out of rows.

use super::{Cell, Column, ColumnData, PAGE_BYTES, Page, Value};

/// For how many values a column has room before it has to grow, at most.
const ROOM: usize = 4096;

/// A column that is being filled. While all rows are null its type is open.
#[derive(Default)]
struct Growing {
    nulls: Vec<u8>,
    data: Option<ColumnData>,
    /// Whether its bytes are texts: see [`PageBuilder::has_texts`].
    texts: bool,
}

impl Growing {
    /// `row`: how many there are before it, `most`: how many there may be.
    #[inline(always)]
    fn push(&mut self, cell: Cell<'_>, row: usize, most: usize) {
        // Most values come behind others of their type, in a column without a null.
        let goes_on = self.nulls.is_empty() && self.data.as_mut().is_some_and(|data| data.push(cell));
        if !goes_on {
            self.push_first(cell, row, most);
        }
    }

    /// A value that may be the first of its kind.
    #[inline(never)]
    fn push_first(&mut self, cell: Cell<'_>, row: usize, most: usize) {
        if cell == Cell::Null {
            self.nulls.resize(row, 0);
            self.nulls.push(1);
            if let Some(data) = &mut self.data {
                data.push_filler();
            }
            return;
        }
        if !self.nulls.is_empty() {
            self.nulls.push(0);
        }
        let data = self.data.get_or_insert_with(|| ColumnData::starting_with(&cell, row, most));
        if !data.push(cell) {
            let null = |row: usize| self.nulls.get(row) == Some(&1);
            let of = |row| if null(row) { Value::Null } else { data.cell(row).map_or(Value::Null, Cell::to_value) };
            let mut values: Vec<Value> = (0..row).map(of).collect();
            values.push(cell.to_value());
            self.data = Some(ColumnData::Mixed(values));
        }
    }

    fn finish(self, rows: usize) -> Column {
        let nulls = self.nulls;
        match self.data.unwrap_or_else(|| ColumnData::Ints(vec![0; rows])) {
            ColumnData::Blobs(texts) if self.texts && texts.is_text() => {
                Column { nulls, data: ColumnData::Texts(texts) }
            }
            data @ (ColumnData::Blobs(_) | ColumnData::Mixed(_)) if self.texts => {
                one_by_one(&Column { nulls, data }, rows)
            }
            data => Column { nulls, data },
        }
    }
}

/// A column in which not all bytes are texts, though they should be.
fn one_by_one(column: &Column, rows: usize) -> Column {
    let mut growing = Growing::default();
    for row in 0..rows {
        let cell = match column.cell(row) {
            Some(Cell::Bytes(bytes)) => Cell::text(bytes),
            cell => cell.unwrap_or(Cell::Null),
        };
        growing.push(cell, row, rows);
    }
    growing.finish(rows)
}

/// Makes a page out of rows.
pub struct PageBuilder {
    rows: usize,
    max: usize,
    bytes: usize,
    columns: Vec<Growing>,
}

impl PageBuilder {
    /// A page of at most `max` rows.
    #[must_use]
    pub fn new(columns: usize, max: u32) -> Self {
        Self { rows: 0, max: max as usize, bytes: 0, columns: (0..columns).map(|_| Growing::default()).collect() }
    }

    /// The bytes of these columns, from here on, are texts. They are called so where they are UTF-8, which is looked at when the
    /// page is full.
    pub fn has_texts(&mut self, columns: impl IntoIterator<Item = bool>) {
        for (column, texts) in self.columns.iter_mut().zip(columns) {
            column.texts = texts;
            column.data = match column.data.take() {
                Some(ColumnData::Texts(before)) if texts => Some(ColumnData::Blobs(before)),
                data => data,
            };
        }
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows as u64
    }

    /// Whether another row has no place. The same for rows from a server and from a spool: a page must not tell which.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows >= self.max || self.bytes >= PAGE_BYTES
    }

    /// Adds a row: one cell for each column. Returns its bytes, about.
    pub fn push<'a>(&mut self, row: impl IntoIterator<Item = Cell<'a>>) -> u64 {
        let most = self.max.min(ROOM);
        let mut bytes = 0;
        for (column, cell) in self.columns.iter_mut().zip(row) {
            bytes += cell.size();
            column.push(cell, self.rows, most);
        }
        self.bytes += bytes;
        self.rows += 1;
        bytes as u64
    }

    /// Leaves the last row out again.
    pub fn pop(&mut self) {
        self.rows = self.rows.saturating_sub(1);
        for column in &mut self.columns {
            column.nulls.truncate(self.rows);
            if let Some(data) = &mut column.data {
                data.truncate(self.rows);
            }
        }
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> Page {
        let rows = self.rows;
        let columns = self.columns.into_iter().map(|column| column.finish(rows)).collect();
        Page { rows: u32::try_from(rows).unwrap_or(u32::MAX), columns }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Packed;
    use super::*;

    fn column(cells: &[Cell<'_>]) -> Column {
        let mut page = PageBuilder::new(1, 100);
        for cell in cells {
            page.push([*cell]);
        }
        let page = page.finish();
        for (row, cell) in cells.iter().enumerate() {
            assert_eq!(page.cell(0, row), Some(*cell), "row {row} of {cells:?}");
        }
        assert_eq!(page.cell(0, cells.len()), None);
        page.columns[0].clone()
    }

    #[test]
    fn a_column_of_one_type_is_packed_and_nulls_are_marked() {
        assert_eq!(
            column(&[Cell::Int(1), Cell::Int(-2)]),
            Column { nulls: vec![], data: ColumnData::Ints(vec![1, -2]) }
        );
        let floats = column(&[Cell::Float(0.5), Cell::Null]);
        assert_eq!(floats, Column { nulls: vec![0, 1], data: ColumnData::Floats(vec![0.5, 0.0]) });
        let uints = column(&[Cell::Null, Cell::Uint(u64::MAX)]);
        assert_eq!(uints, Column { nulls: vec![1, 0], data: ColumnData::Uints(vec![0, u64::MAX]) });
        let texts = column(&[Cell::Text("ab"), Cell::Null, Cell::Text(""), Cell::Text("ü")]);
        let packed = Packed { ends: vec![2, 2, 2, 4], data: "abü".into() };
        assert_eq!(texts, Column { nulls: vec![0, 1, 0, 0], data: ColumnData::Texts(packed) });
        let blobs = column(&[Cell::Bytes(&[0xff]), Cell::Bytes(&[])]);
        assert_eq!(blobs.data, ColumnData::Blobs(Packed { ends: vec![1, 1], data: vec![0xff] }));
        assert_eq!(column(&[Cell::Null]).data, ColumnData::Ints(vec![0]));
    }

    #[test]
    fn a_column_of_several_types_is_mixed_from_its_first_row() {
        let mixed = column(&[Cell::Null, Cell::Int(7), Cell::Text("seven"), Cell::Null, Cell::Bytes(&[7])]);
        assert_eq!(mixed.nulls, [1, 0, 0, 1, 0]);
        let values = [Value::Null, Value::Int(7), Value::Text("seven".into()), Value::Null, Value::Bytes(vec![7])];
        assert_eq!(mixed.data, ColumnData::Mixed(values.into()));
    }

    #[test]
    fn bytes_that_should_be_texts_are_called_so_where_they_are() {
        let column = |cells: &[Cell<'_>]| {
            let mut page = PageBuilder::new(2, 100);
            page.has_texts([true, false]);
            for cell in cells {
                page.push([*cell, Cell::Bytes(b"a")]);
            }
            let mut page = page.finish();
            assert_eq!(page.cell(1, 0), Some(Cell::Bytes(b"a")), "the other column is none of texts");
            page.columns.swap_remove(0)
        };
        let bytes = |text: &'static str| Cell::Bytes(text.as_bytes());
        let texts = column(&[bytes("ab"), Cell::Null, bytes(""), bytes("ü")]);
        let packed = Packed { ends: vec![2, 2, 2, 4], data: "abü".into() };
        assert_eq!(texts, Column { nulls: vec![0, 1, 0, 0], data: ColumnData::Texts(packed) });
        // All together they are UTF-8, but none of them is.
        let halves = column(&[Cell::Bytes(&[0xc3]), Cell::Null, Cell::Bytes(&[0xbc])]);
        let packed = Packed { ends: vec![1, 1, 2], data: "ü".into() };
        assert_eq!(halves, Column { nulls: vec![0, 1, 0], data: ColumnData::Blobs(packed) });
        let mixed = column(&[bytes("a"), Cell::Bytes(&[0xff]), Cell::Null]);
        let values = [Value::Text("a".into()), Value::Bytes(vec![0xff]), Value::Null];
        assert_eq!(mixed, Column { nulls: vec![], data: ColumnData::Mixed(values.into()) });
    }

    /// As the rows that were read ahead do.
    #[test]
    fn texts_that_have_been_looked_at_may_come_before() {
        for (before, rest) in [(Cell::Text("ü"), "texts"), (Cell::Bytes(&[0xff]), "not all of them texts")] {
            let mut page = PageBuilder::new(2, 100);
            page.push([Cell::Text("a"), before]);
            page.push([Cell::Null, Cell::Text("b")]);
            page.has_texts([true, true]);
            page.push([Cell::Bytes(b"c"), Cell::Bytes(b"d")]);
            let page = page.finish();
            assert_eq!(page.row(0).collect::<Vec<_>>(), [Cell::Text("a"), before], "{rest}");
            assert_eq!(page.row(1).collect::<Vec<_>>(), [Cell::Null, Cell::Text("b")], "{rest}");
            assert_eq!(page.row(2).collect::<Vec<_>>(), [Cell::Text("c"), Cell::Text("d")], "{rest}");
            assert!(matches!(page.columns[0].data, ColumnData::Texts(_)));
        }
    }

    #[test]
    fn a_row_that_is_left_out_again_leaves_the_others() {
        let rows = [
            [
                Cell::Int(1),
                Cell::Text("one"),
                Cell::Null,
                Cell::Bytes(&[1]),
                Cell::Float(0.5),
                Cell::Uint(1),
                Cell::Int(1),
            ],
            [
                Cell::Int(2),
                Cell::Text("two"),
                Cell::Null,
                Cell::Bytes(&[2]),
                Cell::Null,
                Cell::Uint(2),
                Cell::Text("x"),
            ],
        ];
        let mut page = PageBuilder::new(rows[0].len(), 10);
        page.pop();
        page.push(rows[0]);
        assert_eq!(page.push(rows[1]), 8 + 7 + 8 + 5 + 8 + 8 + 5);
        page.pop();
        let page = page.finish();
        assert_eq!(page.rows, 1);
        assert_eq!(page.row(0).collect::<Vec<_>>(), rows[0]);
        assert!((0..7).all(|column| page.cell(column, 1).is_none()));
    }

    #[test]
    fn a_page_is_full_by_rows_or_by_bytes() {
        let mut page = PageBuilder::new(1, 2);
        page.push([Cell::Int(1)]);
        assert!(!page.is_full());
        page.push([Cell::Int(1)]);
        assert!(page.is_full());
        let big = vec![0; PAGE_BYTES];
        let mut page = PageBuilder::new(1, 100);
        page.push([Cell::Bytes(&big)]);
        assert!(page.is_full());
    }
}
