//! The names of the files: in their order, a shell loads them.

/// The most of a table's name that is in a file's name. (With all of 64 characters escaped a name could be too long for a file
/// system; the number before it tells tables apart.)
const LONGEST: usize = 120;

/// What the names of the files of one table have in common: "0007-users".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stem(String);

impl Stem {
    /// For the `number`-th of `count` tables, from 1.
    pub(super) fn new(number: usize, count: usize, table: &str) -> Self {
        // More room than needed, as the programs are numbered behind the tables.
        let width = (count + 10).to_string().len().max(4);
        Self(format!("{number:0width$}-{}", escaped(table)))
    }

    /// The file with its definition.
    pub(super) fn schema(&self) -> String {
        format!("{}-1-schema.sql.zst", self.0)
    }

    /// The file with the `number`-th part of its rows, from 1.
    pub(super) fn data(&self, number: u32) -> String {
        format!("{}-2-data-{number:05}.sql.zst", self.0)
    }

    /// The file with what comes when the rows are there.
    pub(super) fn last(&self, what: &str) -> String {
        format!("{}-9-{what}.sql.zst", self.0)
    }
}

/// Whether a file may have this name, as far as we make them: nothing that leads out of the directory.
pub(super) fn is_ours(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'%' | b'.');
    name.ends_with(".sql.zst") && name.bytes().all(plain) && name.as_bytes()[0].is_ascii_digit()
}

fn escaped(table: &str) -> String {
    let mut out = String::new();
    for byte in table.bytes() {
        let next = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        if out.len() + next.len() > LONGEST {
            break;
        }
        out.push_str(&next);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Stem, is_ours};

    #[test]
    fn no_table_name_leads_out_of_the_directory_or_is_too_long() {
        for table in ["../../etc/passwd", "a/b", "ä\n'`\"", ".", "", &"語".repeat(64)] {
            let stem = Stem::new(1, 1, table);
            assert!(is_ours(&stem.schema()) && is_ours(&stem.data(99_999)), "{}", stem.schema());
            assert!(stem.data(1).len() <= 160);
        }
        for name in ["../0001-a-1-schema.sql.zst", "/0001.sql.zst", "", ".sql.zst", "0001-a.sql", "x0001.sql.zst"] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn the_order_of_names_is_definition_rows_rest() {
        let stem = Stem::new(7, 12, "a b");
        let names = [stem.schema(), stem.data(1), stem.data(2), stem.last("triggers"), Stem::new(8, 12, "A").schema()];
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names[1], "0007-a%20b-2-data-00001.sql.zst");
        assert_eq!(Stem::new(7, 123_456, "a").schema(), "000007-a-1-schema.sql.zst");
    }
}
