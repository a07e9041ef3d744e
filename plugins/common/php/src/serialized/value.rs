//! A value of PHP, and how it is written.

use std::fmt;

/// A value that `serialize()` writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `N;`
    Null,
    /// `b:1;`
    Bool(bool),
    /// `i:-7;`
    Int(i64),
    /// `d:0.5;`
    Float(Float),
    /// `s:5:"bytes";`: no encoding is implied.
    String(Vec<u8>),
    /// `a:1:{…}`: PHP's arrays are ordered maps; a list has the keys 0, 1, 2, …
    Array(Vec<(Key, Value)>),
}

/// A key of an array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `i:0;`
    Int(i64),
    /// `s:4:"list";`
    String(Vec<u8>),
}

/// A float in the spelling that PHP gave it: which digits it writes depends on its version and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Float(String);

impl Value {
    /// The serialised text.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }

    /// A string.
    pub fn string(text: impl Into<Vec<u8>>) -> Self {
        Self::String(text.into())
    }

    /// An array with the keys 0, 1, 2, …
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::Array((0..).map(Key::Int).zip(values).collect())
    }

    /// An array with these string keys, in this order.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Array(entries.into_iter().map(|(key, value)| (Key::from(key), value)).collect())
    }

    /// The bytes of a string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The entries of an array.
    pub fn as_array(&self) -> Option<&[(Key, Self)]> {
        match self {
            Self::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of an array, to change them. Whoever adds one sees to it that no key is there twice.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<(Key, Self)>> {
        match self {
            Self::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a string key of an array.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_array()?.iter().find(|(found, _)| found.is(key)).map(|(_, value)| value)
    }

    /// The value under a string key of an array, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_array_mut()?.iter_mut().find(|(found, _)| found.is(key)).map(|(_, value)| value)
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend(b"N;"),
            Self::Bool(value) => out.extend(format!("b:{};", u8::from(*value)).bytes()),
            Self::Int(value) => out.extend(format!("i:{value};").bytes()),
            Self::Float(value) => out.extend(format!("d:{value};").bytes()),
            Self::String(bytes) => write_string(bytes, out),
            Self::Array(entries) => {
                out.extend(format!("a:{}:{{", entries.len()).bytes());
                for (key, value) in entries {
                    key.write_to(out);
                    value.write_to(out);
                }
                out.push(b'}');
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl Key {
    /// Whether it is this string.
    pub fn is(&self, key: &str) -> bool {
        matches!(self, Self::String(bytes) if bytes == key.as_bytes())
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(value) => out.extend(format!("i:{value};").bytes()),
            Self::String(bytes) => write_string(bytes, out),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(format!("s:{}:\"", bytes.len()).bytes());
    out.extend(bytes);
    out.extend(b"\";");
}

impl Float {
    /// The float that is spelled so, if PHP would spell one like that: `0.1`, `-3`, `1.0E+25`, `INF`, `-INF`, `NAN`.
    pub fn new(spelling: &str) -> Option<Self> {
        let words = ["INF", "-INF", "NAN"].contains(&spelling);
        (words || is_decimal(spelling)).then(|| Self(spelling.to_owned()))
    }

    /// The number.
    pub fn value(&self) -> f64 {
        // Rust reads all that `new` lets in.
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `-?digits[.digits][E(+|-)digits]`
fn is_decimal(spelling: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = spelling.strip_prefix('-').unwrap_or(spelling);
    let (mantissa, exponent) = match unsigned.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}
