//! What `SHOW CREATE TABLE` says, read by its tokens: its lines are no help where a name or a comment has a line break.

use std::ops::Range;

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// "PRIMARY" for the primary key.
    pub(super) name: String,
    /// Whether two rows cannot have the same values.
    pub(super) unique: bool,
    /// Its columns; empty if one of its parts is an expression.
    pub(super) columns: Vec<String>,
    /// As the definition has it: "UNIQUE KEY `u` (`a`)".
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Literal,
    Word,
    Sign(u8),
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

/// The definition as text. Bytes that are none, as the default of a BINARY column may have, become a hexadecimal literal,
/// which means the same. None if there are such bytes outside of literals.
pub(super) fn readable(bytes: Vec<u8>) -> Option<String> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Some(text),
        Err(error) => error.into_bytes(),
    };
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut copied = 0;
    for token in tokens(&bytes).into_iter().filter(|token| token.kind == Kind::Literal) {
        let literal = &bytes[token.span.clone()];
        if std::str::from_utf8(literal).is_err() {
            out.extend_from_slice(&bytes[copied..token.span.start]);
            let hex = data_encoding::HEXLOWER.encode(&unescaped(literal));
            out.extend_from_slice(format!("x'{hex}'").as_bytes());
            copied = token.span.end;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    String::from_utf8(out).ok()
}

/// The definition without the next id, which is no part of it. Only the table's option is cut, never a comment or a default
/// that reads like it.
pub(super) fn without_next_id(definition: &str) -> String {
    let bytes = definition.as_bytes();
    let tokens = tokens(bytes);
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 && &bytes[token.span.clone()] == b"AUTO_INCREMENT" => {
                if let [_, sign, number, ..] = &tokens[at..]
                    && sign.kind == Kind::Sign(b'=')
                    && number.kind == Kind::Word
                {
                    let before = definition[..token.span.start].trim_end_matches(' ');
                    return format!("{before}{}", &definition[number.span.end..]);
                }
            }
            _ => {}
        }
    }
    definition.to_owned()
}

/// The keys of a table, in the order of its definition. Foreign keys are none of them.
pub(super) fn keys(definition: &str) -> Vec<Key> {
    let bytes = definition.as_bytes();
    let word = |token: &Token| if token.kind == Kind::Word { &definition[token.span.clone()] } else { "" };
    parts(&tokens(bytes))
        .into_iter()
        .filter_map(|part| {
            let (first, second) = (part.first()?, part.get(1)?);
            if word(first) != "KEY" && word(second) != "KEY" {
                return None;
            }
            let primary = word(first) == "PRIMARY";
            let name = part.iter().find(|token| token.kind == Kind::Name).map(|token| name_of(definition, token));
            Some(Key {
                name: if primary { "PRIMARY".to_owned() } else { name? },
                unique: primary || word(first) == "UNIQUE",
                columns: key_columns(definition, part),
                text: definition[first.span.start..part.last()?.span.end].to_owned(),
            })
        })
        .collect()
}

/// The parts of the list in a definition's first parentheses.
fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(') => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            Kind::Sign(b')') if depth <= 1 => {
                parts.push(&tokens[start.min(at)..at]);
                break;
            }
            Kind::Sign(b')') => depth -= 1,
            Kind::Sign(b',') if depth == 1 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// The columns of a key: the names that begin the parts of its list.
fn key_columns(definition: &str, key: &[Token]) -> Vec<String> {
    let columns = parts(key).into_iter().map(|part| match part.first() {
        Some(token) if token.kind == Kind::Name => Some(name_of(definition, token)),
        _ => None,
    });
    columns.collect::<Option<_>>().unwrap_or_default()
}

fn name_of(definition: &str, token: &Token) -> String {
    let quoted = &definition[token.span.clone()];
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().replace("``", "`")
}

/// The bytes that a literal stands for.
fn unescaped(literal: &[u8]) -> Vec<u8> {
    let inside = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied();
    while let Some(byte) = bytes.next() {
        let meant = match byte {
            b'\\' => match bytes.next() {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'b') => 8,
                Some(b'Z') => 0x1a,
                Some(other) => other,
                None => b'\\',
            },
            b'\'' => {
                bytes.next();
                b'\''
            }
            other => other,
        };
        out.push(meant);
    }
    out
}

/// All tokens. Never fails: what is not closed ends with the text.
fn tokens(bytes: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (kind, end) = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'`' => (Kind::Name, quoted_end(bytes, at, false)),
            b'\'' => (Kind::Literal, quoted_end(bytes, at, true)),
            _ if is_word(byte) => {
                let rest = bytes[at..].iter().position(|byte| !is_word(*byte));
                (Kind::Word, rest.map_or(bytes.len(), |length| at + length))
            }
            sign => (Kind::Sign(sign), at + 1),
        };
        tokens.push(Token { kind, span: at..end });
        at = end;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// Where something in quotes ends. A doubled quote does not end it.
fn quoted_end(bytes: &[u8], start: usize, backslash: bool) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' if backslash => 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => 2,
            byte if byte == quote => return at + 1,
            _ => 1,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::{keys, readable, without_next_id};

    #[test]
    fn a_comment_or_a_default_that_reads_like_a_next_id_stays() {
        let with = "CREATE TABLE `AUTO_INCREMENT=5` (\n  `a` int(11) NOT NULL AUTO_INCREMENT COMMENT ' AUTO_INCREMENT=5',\n  \
            `b` varchar(40) DEFAULT ') ENGINE=InnoDB AUTO_INCREMENT=5'\n) ENGINE=InnoDB AUTO_INCREMENT=77 DEFAULT \
            CHARSET=latin1 COMMENT='it''s \\' AUTO_INCREMENT=5'\n PARTITION BY HASH (`a`)";
        assert_eq!(without_next_id(with), with.replace(" AUTO_INCREMENT=77", ""));
        let without = with.replace(" AUTO_INCREMENT=77", "");
        assert_eq!(without_next_id(&without), without);
    }

    #[test]
    fn a_definition_that_is_cut_or_mad_is_no_panic() {
        for text in [
            "",
            "CREATE",
            "(",
            ")",
            "((",
            "`",
            "'",
            "'\\",
            "( KEY `",
            "(KEY",
            "(,,)",
            "x AUTO_INCREMENT=",
            ") ) AUTO_INCREMENT=5",
        ] {
            without_next_id(text);
            keys(text);
            readable([text.as_bytes(), b"\xff'\xff\\"].concat());
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_a_literal_that_means_the_same() {
        let bytes = b"CREATE TABLE `t` (\n  `a` binary(3) DEFAULT '\xff\\0'''".to_vec();
        assert_eq!(readable(bytes).as_deref(), Some("CREATE TABLE `t` (\n  `a` binary(3) DEFAULT x'ff0027'"));
        assert_eq!(readable(b"CREATE TABLE `\xff`".to_vec()), None);
    }

    #[test]
    fn keys_are_told_from_columns_and_constraints_by_tokens() {
        let definition = "CREATE TABLE `t` (\n  `KEY` int(11) NOT NULL,\n  `a,b``(` text COMMENT 'x,\n  KEY `no` (`a`)',\n  \
            PRIMARY KEY (`KEY`),\n  UNIQUE KEY `u``1` (`KEY`,`a,b``(`(10) DESC) USING BTREE COMMENT 'z)',\n  \
            KEY `e` ((`a` + 1),`KEY`),\n  FULLTEXT KEY `f` (`a,b``(`),\n  \
            CONSTRAINT `c` FOREIGN KEY (`KEY`) REFERENCES `p` (`id`),\n  CONSTRAINT `d` CHECK (`KEY` > 0)\n) ENGINE=InnoDB";
        let keys = keys(definition);
        let names: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.unique)).collect();
        assert_eq!(names, [("PRIMARY", true), ("u`1", true), ("e", false), ("f", false)]);
        assert_eq!(keys[1].columns, ["KEY", "a,b`("]);
        assert!(keys[2].columns.is_empty());
        assert_eq!(keys[1].text, "UNIQUE KEY `u``1` (`KEY`,`a,b``(`(10) DESC) USING BTREE COMMENT 'z)'");
    }
}
