//! Reads the format. Every number in it is a stranger's: nothing is reserved or sliced by it before it was compared with what
//! is really there.

use std::collections::BTreeSet;

use super::{Error, Float, Key, MAX_DEPTH, MAX_SIZE, Value};

pub(super) fn whole(text: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader { text, at: 0 };
    if text.len() > MAX_SIZE {
        return Err(reader.error("too-big", "the value is bigger than 4 MiB"));
    }
    let value = reader.value(0)?;
    if reader.at < text.len() {
        return Err(reader.error("trailing", "something stands after the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        let start = self.at;
        match self.byte()? {
            b'N' => {
                self.expect(b";")?;
                Ok(Value::Null)
            }
            b'b' => self.bool().map(Value::Bool),
            b'i' => self.int().map(Value::Int),
            b'd' => self.float().map(Value::Float),
            b's' => self.string().map(Value::String),
            b'a' if depth == MAX_DEPTH => Err(self.error("too-deep", "arrays are too deep in each other")),
            b'a' => self.array(depth + 1).map(Value::Array),
            kind => Err(Error { offset: start, ..self.strange(kind) }),
        }
    }

    fn strange(&self, kind: u8) -> Error {
        match kind {
            b'O' | b'C' | b'E' => self.error("object", "an object cannot be rewritten without its class"),
            b'r' | b'R' => self.error("reference", "a reference counts positions, which a rewrite would move"),
            _ => self.error("wrong-value", "no value of serialize() starts like this"),
        }
    }

    fn bool(&mut self) -> Result<bool, Error> {
        match self.until(b';')? {
            b"1" => Ok(true),
            b"0" => Ok(false),
            _ => Err(self.error("wrong-value", "a boolean is 0 or 1")),
        }
    }

    fn int(&mut self) -> Result<i64, Error> {
        let digits = self.until(b';')?;
        let value: Option<i64> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        value
            // Other spellings of the same number would be written back differently.
            .filter(|value| value.to_string().as_bytes() == digits)
            .ok_or_else(|| self.error("wrong-value", "not an integer as PHP writes it"))
    }

    fn float(&mut self) -> Result<Float, Error> {
        let spelling = self.until(b';')?;
        let float = std::str::from_utf8(spelling).ok().and_then(Float::new);
        float.ok_or_else(|| self.error("wrong-value", "not a float as PHP writes it"))
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        let length = self.size()?;
        self.expect(b"\"")?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.text.len());
        let Some(end) = end else {
            return Err(self.error("wrong-length", "the string is longer than what is there"));
        };
        let bytes = self.text[self.at..end].to_vec();
        self.at = end;
        if !self.text[self.at..].starts_with(b"\";") {
            return Err(self.error("wrong-length", "the string does not end where its length says"));
        }
        self.at += 2;
        Ok(bytes)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<(Key, Value)>, Error> {
        let count = self.size()?;
        self.expect(b"{")?;
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        for _ in 0..count {
            let start = self.at;
            let key = self.key()?;
            if !seen.insert(same_in_php(&key)) {
                return Err(Error { offset: start, ..self.error("duplicate-key", "the key is there twice") });
            }
            entries.push((key, self.value(depth)?));
        }
        if self.byte()? != b'}' {
            return Err(Error { offset: self.at - 1, ..self.error("wrong-length", "the array has more than it says") });
        }
        Ok(entries)
    }

    fn key(&mut self) -> Result<Key, Error> {
        let start = self.at;
        match self.byte()? {
            b'i' => self.int().map(Key::Int),
            b's' => self.string().map(Key::String),
            b'}' => Err(Error { offset: start, ..self.error("wrong-length", "the array has less than it says") }),
            _ => Err(Error { offset: start, ..self.error("wrong-value", "a key is an integer or a string") }),
        }
    }

    /// `:digits:`
    fn size(&mut self) -> Result<usize, Error> {
        let digits = self.until(b':')?;
        let size: Option<usize> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        size.filter(|size| size.to_string().as_bytes() == digits)
            .ok_or_else(|| self.error("wrong-length", "not a length as PHP writes it"))
    }

    /// What stands between a colon and `end`, which are both read over. No number is longer than this looks.
    fn until(&mut self, end: u8) -> Result<&'a [u8], Error> {
        const LONGEST: usize = 512;
        self.expect(b":")?;
        let rest = &self.text[self.at..];
        let Some(length) = rest.iter().take(LONGEST).position(|byte| *byte == end) else {
            return Err(
                self.error(if rest.len() < LONGEST { "cut-off" } else { "wrong-value" }, "a number does not end")
            );
        };
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), Error> {
        let rest = &self.text[self.at..];
        if rest.starts_with(wanted) {
            self.at += wanted.len();
            return Ok(());
        }
        Err(if wanted.starts_with(rest) {
            self.cut_off()
        } else {
            self.error("wrong-value", "a mark is not where it should be")
        })
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = *self.text.get(self.at).ok_or_else(|| self.cut_off())?;
        self.at += 1;
        Ok(byte)
    }

    fn cut_off(&self) -> Error {
        self.error("cut-off", "the text ends too early")
    }

    fn error(&self, code: &'static str, message: &'static str) -> Error {
        Error { code, offset: self.at, message }
    }
}

/// The key that PHP makes of it: a string that is a decimal integer is that integer.
fn same_in_php(key: &Key) -> Key {
    let Key::String(bytes) = key else { return key.clone() };
    let int: Option<i64> = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    match int {
        Some(int) if int.to_string().as_bytes() == bytes => Key::Int(int),
        _ => key.clone(),
    }
}
