//! What `SHOW CREATE TABLE` says, read by its tokens: its lines are no help where a name or a comment has a line break.

use std::collections::BTreeSet;
use std::ops::Range;

use super::tokens::{Kind, Token, tokens};

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// "PRIMARY" for the primary key.
    pub(super) name: String,
    /// Whether two rows cannot have the same values.
    pub(super) unique: bool,
    /// Whether it is good for nothing but speed and foreign keys: neither unique nor for full text or places.
    plain: bool,
    /// Its columns; empty if one of its parts is an expression.
    pub(super) columns: Vec<String>,
    /// As the definition has it: "UNIQUE KEY `u` (`a`)".
    pub(super) text: String,
    /// Where that is.
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
    let word = |token: &Token| if token.kind == Kind::Word { token.text(definition) } else { "" };
    parts(&tokens(bytes))
        .into_iter()
        .filter_map(|part| {
            let (first, second) = (part.first()?, part.get(1)?);
            if word(first) != "KEY" && word(second) != "KEY" {
                return None;
            }
            let primary = word(first) == "PRIMARY";
            let span = first.span.start..part.last()?.span.end;
            let name = part.iter().find(|token| token.kind == Kind::Name).map(|token| token.name(definition));
            Some(Key {
                name: if primary { "PRIMARY".to_owned() } else { name? },
                unique: primary || word(first) == "UNIQUE",
                columns: key_columns(definition, part),
                plain: word(first) == "KEY",
                text: definition[span.clone()].to_owned(),
                span,
            })
        })
        .collect()
}

/// The definition with its plain keys reduced to the columns that they cover, without those that another key covers too.
///
/// A server makes a key for a foreign key that has none, and drops it silently when another key takes its place; but which
/// keys it made itself it shows to nobody. So the same statement may leave other plain keys on a table than on its clone.
pub(in super::super) fn without_implied_keys(definition: &str) -> String {
    let keys = keys(definition);
    let (mut rest, mut copied) = (String::with_capacity(definition.len()), 0);
    let mut covered = BTreeSet::new();
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| key.plain) {
        rest.push_str(&definition[copied..key.span.start]);
        copied = key.span.end;
        let longer = |(other, longer): (usize, &Key)| {
            other != at
                && longer.columns.starts_with(&key.columns)
                && (!longer.plain || longer.columns.len() > key.columns.len())
        };
        if key.columns.is_empty() || !keys.iter().enumerate().any(longer) {
            covered.insert((&key.columns, if key.columns.is_empty() { key.text.as_str() } else { "" }));
        }
    }
    rest.push_str(&definition[copied..]);
    // What parted the keys from each other is no part of what is left.
    rest.retain(|c| !matches!(c, ',' | ' ' | '\n'));
    format!("{rest}{covered:?}")
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
        Some(token) if token.kind == Kind::Name => Some(token.name(definition)),
        _ => None,
    });
    columns.collect::<Option<_>>().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::{keys, readable, without_implied_keys, without_next_id};

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
            without_implied_keys(text);
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

    #[test]
    fn keys_that_a_server_may_have_made_for_a_foreign_key_are_the_same_under_any_name() {
        let table = |keys: &str| {
            without_implied_keys(&format!(
                "CREATE TABLE `t` (\n  `a` int,\n  PRIMARY KEY (`id`){keys}\n) ENGINE=InnoDB"
            ))
        };
        let one = table(",\n  KEY `x` (`a`)");
        assert_eq!(one, table(",\n  KEY `y` (`a`)"));
        assert_eq!(one, table(",\n  KEY `x` (`a`),\n  KEY `y` (`a`)"));
        assert_eq!(table(",\n  KEY `x` (`a`),\n  KEY `z` (`a`,`b`)"), table(",\n  KEY `z` (`a`,`b`)"));
        assert_eq!(table(",\n  KEY `x` (`id`)"), table(""));
        for other in
            ["", ",\n  KEY `x` (`b`)", ",\n  UNIQUE KEY `x` (`a`)", ",\n  KEY `x` (`a`,`b`)", ",\n  KEY `x` ((`a`))"]
        {
            assert_ne!(one, table(other), "{other}");
        }
    }
}
