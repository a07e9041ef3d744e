//! Keys that are built when the rows are there: one pass over sorted rows for all of them is several times as fast as a change
//! of each for every row.

use std::ops::Range;

use crate::capability::database::mysql::catalog::{Table, quoted};

/// A table's definition, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The statement that makes it before the rows come.
    pub(super) create: String,
    /// The statement that completes it behind them, if anything was left out.
    pub(super) complete: Option<String>,
}

/// Leaves the keys out that rows do not need: those that are not unique, and the foreign keys. `referenced` are the lists of
/// columns by which foreign keys of other tables refer to this one: they need their keys at any time.
pub(super) fn split(table: &Table, next_id: Option<u64>, referenced: &[Vec<String>]) -> Split {
    let definition = with_next_id(&table.definition, next_id);
    let whole = Split { create: definition.clone(), complete: None };
    if table.engine != "InnoDB" {
        return whole;
    }
    let parts = parts(&definition);
    let (later, now): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|part| {
        let text = definition[part.clone()].trim();
        is_foreign_key(text)
            || columns(text).is_some_and(|columns| !is_needed(&columns, &definition, &parts, referenced))
    });
    let (Some(first), Some(last), false, false) = (parts.first(), parts.last(), later.is_empty(), now.is_empty())
    else {
        return whole;
    };
    let text = |part: &Range<usize>| definition[part.clone()].trim_end();
    let now: Vec<_> = now.iter().map(text).collect();
    let create = format!("{}{}\n{}", &definition[..first.start], now.join(","), &definition[last.end..]);
    let add: Vec<_> = later.iter().map(|part| format!("ADD {}", text(part).trim())).collect();
    let complete = format!("ALTER TABLE {} {}", quoted(&table.name), add.join(", "));
    Split { create, complete: Some(complete) }
}

/// The definition with the next id among the table's options.
pub(super) fn with_next_id(definition: &str, next_id: Option<u64>) -> String {
    match (next_id, parts(definition).last()) {
        (Some(next), Some(last)) if definition[last.end..].starts_with(')') => {
            let (before, behind) = definition.split_at(last.end + 1);
            format!("{before} AUTO_INCREMENT={next}{behind}")
        }
        _ => definition.to_owned(),
    }
}

/// Whether the rows, or another table, cannot do without a key of these columns.
fn is_needed(columns: &[String], definition: &str, parts: &[Range<usize>], referenced: &[Vec<String>]) -> bool {
    // Not asked whether another key would do: a key too many is only slower.
    let counts = |part: &&Range<usize>| {
        let text = definition[(*part).clone()].trim();
        columns.first().is_some_and(|first| text.starts_with(&quoted(first))) && text.contains("AUTO_INCREMENT")
    };
    parts.iter().any(|part| counts(&part)) || referenced.iter().any(|list| columns.starts_with(list))
}

fn is_foreign_key(part: &str) -> bool {
    part.strip_prefix("CONSTRAINT ").and_then(behind_name).is_some_and(|rest| rest.starts_with(" FOREIGN KEY "))
}

/// The columns of a key that is neither unique nor of a special kind. None where it is no such key, or one of its parts is an
/// expression.
fn columns(part: &str) -> Option<Vec<String>> {
    let mut rest = part.strip_prefix("KEY ").and_then(behind_name)?.strip_prefix(" (")?;
    let mut columns = Vec::new();
    loop {
        let behind = behind_name(rest)?;
        columns.push(rest[1..rest.len() - behind.len() - 1].replace("``", "`"));
        // "(10) DESC"
        let behind = match behind.strip_prefix('(') {
            Some(length) => length.split_once(')')?.1,
            None => behind,
        };
        let behind = behind.strip_prefix(" DESC").unwrap_or(behind);
        match behind.as_bytes().first()? {
            b',' => rest = &behind[1..],
            b')' => return Some(columns),
            _ => return None,
        }
    }
}

/// What follows a name in backquotes.
fn behind_name(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('`')?;
    loop {
        let (_, behind) = rest.split_once('`')?;
        match behind.strip_prefix('`') {
            Some(next) => rest = next,
            None => return Some(behind),
        }
    }
}

/// The parts of the list in a definition's first parentheses, between its commas.
fn parts(definition: &str) -> Vec<Range<usize>> {
    let bytes = definition.as_bytes();
    let mut parts = Vec::new();
    let (mut depth, mut start, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'`' | b'\'' => at = quoted_end(bytes, at),
            b'(' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            b')' if depth == 1 => {
                parts.push(start..at);
                return parts;
            }
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => {
                parts.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    Vec::new()
}

/// The position of the quote that ends what begins here. A doubled quote begins the next at once: that is the same.
fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes[start] == b'\'' => at += 2,
            byte if byte == bytes[start] => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(engine: &str, definition: &str) -> Table {
        Table {
            name: "t`1".to_owned(),
            definition: definition.to_owned(),
            engine: engine.to_owned(),
            transactional: true,
            columns: Vec::new(),
            key: Vec::new(),
            foreign_keys: Vec::new(),
            triggers: Vec::new(),
        }
    }

    const DEFINITION: &str = "CREATE TABLE `t``1` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  \
        `a,b` varchar(9) DEFAULT ',\n  KEY `no` (`a`)' COMMENT 'it''s (\\'',\n  PRIMARY KEY (`a,b`),\n  \
        UNIQUE KEY `u` (`a,b`),\n  KEY `count` (`id`),\n  KEY `k,1` (`a,b`(3) DESC,`id`) USING BTREE COMMENT 'x, y',\n  \
        KEY `seen` (`a,b`),\n  KEY `e` ((`id` + 1)),\n  FULLTEXT KEY `f` (`a,b`),\n  \
        CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE,\n  \
        CONSTRAINT `ck` CHECK (`id` > 0)\n) ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='a)b'";

    #[test]
    fn keys_that_rows_or_other_tables_need_stay() {
        let split = split(&table("InnoDB", DEFINITION), None, &[vec!["a,b".to_owned()]]);
        assert_eq!(
            split.complete.as_deref(),
            Some(
                "ALTER TABLE `t``1` ADD CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES \
            `p` (`id`) ON DELETE CASCADE"
            )
        );
        assert!(split.create.contains("KEY `count`") && split.create.contains("KEY `k,1`"));
    }

    #[test]
    fn what_is_no_innodb_or_no_definition_is_left_as_it_is() {
        assert_eq!(split(&table("MyISAM", DEFINITION), None, &[]).create, DEFINITION);
        for strange in
            ["", "(", "CREATE TABLE `", "CREATE TABLE `t` ('", "x)", "(`a`", "(KEY `a` (`", "(KEY `a` (`b`(3"]
        {
            assert_eq!(split(&table("InnoDB", strange), Some(7), &[]).complete, None, "{strange}");
        }
    }

    #[test]
    fn keys_come_back_in_their_order_by_one_statement() {
        let split = split(&table("InnoDB", DEFINITION), Some(7), &[]);
        assert_eq!(
            split.complete.as_deref(),
            Some(
                "ALTER TABLE `t``1` ADD KEY `k,1` (`a,b`(3) DESC,`id`) USING BTREE COMMENT 'x, y', ADD KEY `seen` (`a,b`), \
                ADD CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE"
            )
        );
        let left = DEFINITION
            .replace("\n  KEY `k,1` (`a,b`(3) DESC,`id`) USING BTREE COMMENT 'x, y',\n  KEY `seen` (`a,b`),", "")
            .replace("\n  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE,", "")
            .replace("\n) ENGINE", "\n) AUTO_INCREMENT=7 ENGINE");
        assert_eq!(split.create, left);
    }
}
