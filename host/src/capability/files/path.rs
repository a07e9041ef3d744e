//! The one place that knows how a path is spelled: what a guest may write, and how bytes of a name become text.
//!
//! A path is relative, has `/` between its components, and no `.`, `..` or empty component; the empty path is the
//! directory itself. Names are bytes on the disk and text in the contract: a byte that is not UTF-8 is `\xhh`, a
//! backslash is `\\`. Every name has exactly one spelling, so a check on the spelling is a check on the name.

use crate::effect::Failure;

/// The longest path, in bytes as on the disk.
pub(super) const MAX_PATH: usize = 4096;
/// The longest component, in bytes as on the disk.
pub(super) const MAX_NAME: usize = 255;
/// How the host's own directories begin; no guest sees them.
pub(super) const RESERVED: &[u8] = b".liftlock-";

/// A path that has passed all rules of spelling, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RelPath(Vec<u8>);

impl RelPath {
    /// Reads a guest's path.
    ///
    /// # Errors
    /// "invalid-path".
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let bytes = unescape(text).ok_or_else(|| invalid(text, "has an escape that is not \\\\ or \\xhh"))?;
        if escape(&bytes) != text {
            return Err(invalid(text, "is not spelled in the one way its bytes have"));
        }
        match fault_of(&bytes) {
            Some(why) => Err(invalid(text, why)),
            None => Ok(Self(bytes)),
        }
    }

    /// Takes bytes that come from the disk or an archive.
    ///
    /// # Errors
    /// What is wrong with them, as the end of a sentence.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        fault_of(bytes).map_or_else(|| Ok(Self(bytes.to_vec())), Err)
    }

    /// The bytes; empty for the directory itself.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The one spelling.
    pub(super) fn text(&self) -> String {
        escape(&self.0)
    }

    /// Whether it is the directory itself.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory part (may be empty) and the last name; none for the directory itself.
    pub(super) fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        Some(split(&self.0))
    }

    /// Whether `self` is `other` or lies below it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let (path, above) = (&self.0, &other.0);
        above.is_empty() || path.strip_prefix(above.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// The directory part and the last name of bytes without trailing slash.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|&b| b == b'/').map_or((b"".as_slice(), path), |at| (&path[..at], &path[at + 1..]))
}

/// `name` below `directory`.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

/// Whether a name is one of the host's own.
pub(super) fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(RESERVED)
}

/// The text of some bytes. Reversible.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                text.push('\\');
            }
            text.push(character);
        }
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.push_str(&data_encoding::HEXLOWER.encode(&[*byte]));
        }
    }
    text
}

/// The bytes of such a text; none if it is no such text.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        match rest {
            [b'\\', tail @ ..] => {
                bytes.push(b'\\');
                rest = tail;
            }
            [b'x', high, low, tail @ ..] => {
                bytes.extend(data_encoding::HEXLOWER.decode(&[*high, *low]).ok()?);
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

fn fault_of(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return None;
    }
    if bytes.len() > MAX_PATH {
        return Some("is longer than 4096 bytes");
    }
    if bytes.contains(&0) {
        return Some("has a NUL byte");
    }
    if bytes[0] == b'/' {
        return Some("is absolute");
    }
    bytes.split(|&b| b == b'/').find_map(|name| match name {
        b"" => Some("has an empty component or a slash at its end"),
        b"." | b".." => Some("has a component . or .."),
        name if name.len() > MAX_NAME => Some("has a component longer than 255 bytes"),
        name if is_reserved(name) => Some("names a directory of the host"),
        _ => None,
    })
}

fn invalid(text: &str, why: &str) -> Failure {
    let shown: String = text.chars().take(100).collect();
    Failure::new("invalid-path", format!("the path {shown:?} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_every_way_out() {
        let long_name = "n".repeat(256);
        let long_path = "d/".repeat(2048) + "x";
        for text in [
            "/etc/passwd",
            "/",
            "..",
            "../x",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
            "\\x00",
            "\\x2e\\x2e/x",
            "a\\x2fb",
            "\\x41",
            "\\xFF",
            "\\xc3\\xa9",
            "\\",
            "a\\b",
            "\\x",
            "\\xf",
            ".liftlock-1",
            ".liftlock-1/trees",
            "a/.liftlock-1/b",
            &long_name,
            &long_path,
        ] {
            let failure = RelPath::parse(text).expect_err(text);
            assert_eq!(failure.code, "invalid-path", "{text}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_come_back_as_they_were() {
        for bytes in [&b"caf\xe9"[..], b"\xff\xfe", b"a\\b", "é/ü".as_bytes(), b"new\nline", b"\xc3", b"..a", b"\\x41"]
        {
            let text = escape(bytes);
            let path = RelPath::parse(&text).unwrap();
            assert_eq!(path.bytes(), bytes);
            assert_eq!(path.text(), text);
        }
        assert_eq!(escape(b"caf\xe9"), "caf\\xe9");
    }

    #[test]
    fn every_pair_of_bytes_has_one_spelling() {
        for high in 1..=255_u8 {
            for low in 1..=255_u8 {
                let bytes = [high, low];
                assert_eq!(unescape(&escape(&bytes)).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn within_goes_by_components() {
        let path = |text| RelPath::parse(text).unwrap();
        assert!(!path("app2").is_within(&path("app")));
        assert!(!path("ap").is_within(&path("app")));
        assert!(path("app").is_within(&path("app")));
        assert!(path("app/x").is_within(&path("app")));
        assert!(path("app").is_within(&path("")));
    }
}
