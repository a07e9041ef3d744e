//! The rows of a data file, turned into what `LOAD DATA` reads: a loop over bytes.
//!
//! [`super::text`] is the only writer, so that this is no SQL parser: what it does not expect is damage. Both sides escape with
//! backslashes and in the same way, so that what is between quotes is copied as it is.

use super::text::{COMMIT, Field, HEAD, INTRODUCER, in_number, insert, trailer};

/// A data file that does not read like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strange {
    /// How far it was read.
    pub(super) rows: u64,
}

/// Where in the text we are, before the next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the first lines.
    Head(usize),
    /// Before a statement, or the end.
    Statement,
    /// In the words before the rows of a statement.
    Insert(usize),
    /// Before a row.
    Row,
    /// Before a value.
    Value,
    Null(usize),
    Number,
    Introducer(usize),
    Quoted,
    /// Behind a backslash.
    Escaped,
    /// Behind a value in quotes, or NULL.
    Behind,
    /// Behind a row.
    RowEnd,
    /// Before the line break of a row; it may be the statement's last.
    LineBreak(bool),
    /// In what ends the rows.
    Tail(usize),
}

/// The transformation, which goes on from piece to piece.
pub(super) struct Fields {
    insert: String,
    at: At,
    rows: u64,
    tail: Vec<u8>,
}

const NULL: &[u8] = b"NULL";

impl Fields {
    /// For the rows of a table.
    pub(super) fn new(table: &str, fields: &[Field]) -> Self {
        Self { insert: insert(table, fields), at: At::Head(0), rows: 0, tail: Vec::new() }
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds what the next piece holds to `out`: fields that tabs separate, a line for each row.
    pub(super) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Strange> {
        while let Some(&byte) = input.first() {
            let mut taken = 1;
            self.at = match self.at {
                At::Head(index) => self.literal(HEAD.as_bytes(), index, byte, At::Head, At::Statement)?,
                At::Statement if byte == b'I' => self.literal(self.insert.as_bytes(), 0, byte, At::Insert, At::Row)?,
                At::Statement => {
                    self.tail = [COMMIT, &trailer(self.rows)].concat().into_bytes();
                    self.literal(&self.tail, 0, byte, At::Tail, At::Tail(self.tail.len()))?
                }
                At::Insert(index) => self.literal(self.insert.as_bytes(), index, byte, At::Insert, At::Row)?,
                At::Row if byte == b'(' => At::Value,
                At::Value => match byte {
                    b'\'' => At::Quoted,
                    b'N' => At::Null(1),
                    b'_' => At::Introducer(1),
                    byte if in_number(byte) => {
                        taken = 0;
                        At::Number
                    }
                    _ => return self.strange(),
                },
                At::Null(index) => {
                    let next = self.literal(NULL, index, byte, At::Null, At::Behind)?;
                    if next == At::Behind {
                        out.extend_from_slice(b"\\N");
                    }
                    next
                }
                At::Introducer(index) if index == INTRODUCER.len() && byte == b'\'' => At::Quoted,
                At::Introducer(index) => {
                    self.literal(INTRODUCER.as_bytes(), index, byte, At::Introducer, At::Introducer(INTRODUCER.len()))?
                }
                At::Number => {
                    taken = input.iter().position(|byte| !in_number(*byte)).unwrap_or(input.len());
                    out.extend_from_slice(&input[..taken]);
                    if taken < input.len() { At::Behind } else { At::Number }
                }
                At::Quoted => {
                    let end = input.iter().position(|byte| matches!(byte, b'\'' | b'\\'));
                    taken = end.unwrap_or(input.len());
                    out.extend_from_slice(&input[..taken]);
                    match end.map(|end| input[end]) {
                        Some(b'\\') => {
                            out.push(b'\\');
                            taken += 1;
                            At::Escaped
                        }
                        Some(_) => {
                            taken += 1;
                            At::Behind
                        }
                        None => At::Quoted,
                    }
                }
                At::Escaped => {
                    out.push(byte);
                    At::Quoted
                }
                At::Behind => match byte {
                    b',' => {
                        out.push(b'\t');
                        At::Value
                    }
                    b')' => At::RowEnd,
                    _ => return self.strange(),
                },
                At::RowEnd => match byte {
                    b',' => At::LineBreak(false),
                    b';' => At::LineBreak(true),
                    _ => return self.strange(),
                },
                At::LineBreak(last) if byte == b'\n' => {
                    out.push(b'\n');
                    self.rows += 1;
                    if last { At::Statement } else { At::Row }
                }
                At::Tail(index) => self.literal(&self.tail, index, byte, At::Tail, At::Tail(self.tail.len()))?,
                At::Row | At::LineBreak(_) => return self.strange(),
            };
            input = &input[taken..];
        }
        Ok(())
    }

    /// The file is at its end: whether it should be, with so many rows.
    pub(super) fn finish(&self, rows: u64) -> Result<(), Strange> {
        match self.at {
            At::Tail(length) if length == self.tail.len() && self.rows == rows => Ok(()),
            _ => Err(Strange { rows: self.rows }),
        }
    }

    /// The next byte of words that must stand here.
    fn literal(
        &self,
        words: &[u8],
        index: usize,
        byte: u8,
        inside: impl Fn(usize) -> At,
        behind: At,
    ) -> Result<At, Strange> {
        match words.get(index) {
            Some(expected) if *expected == byte => {
                Ok(if index + 1 == words.len() { behind } else { inside(index + 1) })
            }
            _ => Err(Strange { rows: self.rows }),
        }
    }

    fn strange(&self) -> Result<(), Strange> {
        Err(Strange { rows: self.rows })
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Form;
    use super::*;

    fn two() -> Vec<Field> {
        let field = |name: &str| Field { name: format!("`{name}`"), select: String::new(), form: Form::Bytes };
        vec![field("a"), field("b\n)VALUES")]
    }

    fn read(text: &[u8], step: usize, rows: u64) -> Result<String, Strange> {
        let mut fields = Fields::new("t", &two());
        let mut out = Vec::new();
        for piece in text.chunks(step) {
            fields.feed(piece, &mut out)?;
        }
        fields.finish(rows)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn file(rows: &str, count: u64) -> Vec<u8> {
        [HEAD, rows, COMMIT, &trailer(count)].concat().into_bytes()
    }

    #[test]
    fn a_file_that_was_cut_at_any_byte_is_not_whole() {
        let whole = file(&format!("{}(1,'x'),\n(2,NULL);\n", insert("t", &two())), 2);
        assert_eq!(read(&whole, 7, 2), Ok("1\tx\n2\t\\N\n".to_owned()));
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 7, 2).is_err(), "{length}");
        }
        assert!(read(&[&whole[..], b"x"].concat(), 7, 2).is_err());
        assert!(read(&whole, 7, 3).is_err());
    }

    #[test]
    fn sql_that_we_did_not_write_is_not_read() {
        let insert = insert("t", &two());
        for strange in [
            "DROP TABLE t;\n",
            "INSERT INTO `u` (`a`) VALUES\n(1);\n",
            &format!("{insert}(1,SLEEP(9));\n"),
            &format!("{insert}(1,@@version);\n"),
            &format!("{insert}(1,'x' 'y');\n"),
            &format!("{insert}(1,''y);\n"),
            &format!("{insert}(1,_latin1'y');\n"),
            &format!("{insert}(1,NULLIF(1,1));\n"),
            &format!("{insert}(1,2),(3,4);\n"),
            &format!("{insert}(1,2) ;\n"),
            &format!("{insert}\n"),
        ] {
            assert!(read(&file(strange, 1), 1 << 20, 1).is_err(), "{strange}");
        }
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let insert = insert("t", &two());
        let rows = format!("{insert}(-1.5e9,'it\\'s\\n\\\\'),\n(NULL,_utf8mb4'{{}}');\n{insert}('',0);\n");
        let text = file(&rows, 3);
        for step in 1..text.len() {
            assert_eq!(read(&text, step, 3).as_deref(), Ok("-1.5e9\tit\\'s\\n\\\\\n\\N\t{}\n\t0\n"), "{step}");
        }
    }
}
