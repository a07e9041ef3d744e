//! Rows as SQL: what a data file is made of. [`super::fields`] reads exactly this, and nothing else.

use mysql_client::{Malformed, TextRow};

use crate::capability::database::mysql::catalog::{Table, quoted};

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Bare, if the bytes are really those of a number.
    Number,
    /// In quotes.
    Bytes,
    /// In quotes, and said to be UTF-8: MySQL takes JSON from nothing else. (MariaDB's JSON is text.)
    Json,
}

/// A column that is read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its name, quoted.
    pub(super) name: String,
    /// What is selected for it.
    pub(super) select: String,
    /// How it is written.
    pub(super) form: Form,
}

/// Which server it is, as far as reading and writing rows differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flavor {
    /// MariaDB, not MySQL.
    pub(super) mariadb: bool,
    /// Whether there is `CAST(… AS DOUBLE)`: MariaDB, and MySQL since 8.0.17.
    pub(super) cast_double: bool,
}

impl Flavor {
    /// From what `VERSION()` says.
    pub(super) fn of(version: &str) -> Self {
        let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let mut next = || numbers.next().unwrap_or_default();
        let mariadb = version.to_ascii_lowercase().contains("mariadb");
        let number = (next(), next(), next());
        Self { mariadb, cast_double: mariadb || number >= (8, 0, 17) }
    }
}

/// The first bytes of a data file. No name is in a comment: it could have a line break.
pub(super) const HEAD: &str = "-- liftlock dump 1: rows\n\
    SET NAMES binary;\n\
    SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00', \
    sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n\
    /*M!100201 SET SESSION check_constraint_checks = 0 */;\n\
    START TRANSACTION;\n";

/// What ends the rows of a data file.
pub(super) const COMMIT: &str = "COMMIT;\n";

/// What stands before the string of a [`Form::Json`].
pub(super) const INTRODUCER: &str = "_utf8mb4";

/// The last line of a file. A file without it was cut.
pub(super) fn trailer(rows: u64) -> String {
    format!("-- liftlock dump 1: end, {rows} rows\n")
}

/// The columns of a table that have values of their own.
pub(super) fn fields(table: &Table, flavor: Flavor) -> Vec<Field> {
    let own = table.columns.iter().filter(|column| !column.generated);
    own.map(|column| {
        let name = quoted(&column.definition.name);
        let data_type = column.data_type.to_ascii_lowercase();
        // The text of a FLOAT has 6 digits, and that of a DOUBLE(m,d) is rounded to d: a plain DOUBLE's has all that it needs.
        let inexact = data_type == "float" || data_type == "double" && column.definition.declared.contains('(');
        let select = match data_type.as_str() {
            _ if inexact && flavor.cast_double => format!("CAST({name} AS DOUBLE)"),
            _ if inexact => format!("{name} * 1e0"),
            // A string of binary characters is taken for the value itself, not for its text.
            "uuid" | "inet6" if flavor.mariadb => format!("CAST({name} AS BINARY(16))"),
            "inet4" if flavor.mariadb => format!("CAST({name} AS BINARY(4))"),
            _ => name.clone(),
        };
        let form = match data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" => Form::Number,
            "json" if !flavor.mariadb => Form::Json,
            // Not FLOAT and DOUBLE: bare, 0.1 is a DECIMAL first, and -0 is 0.
            _ => Form::Bytes,
        };
        Field { name, select, form }
    })
    .collect()
}

/// What stands before the rows of each statement.
pub(super) fn insert(table: &str, fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    format!("INSERT INTO {} ({}) VALUES\n", quoted(table), names.join(","))
}

/// Adds a row as the server sent it: "(1,'x',NULL)".
///
/// # Errors
/// It has not these fields. (A table without any is read by a column that is none of its own.)
pub(super) fn push_row(out: &mut Vec<u8>, fields: &[Field], mut row: TextRow<'_>) -> Result<(), Malformed> {
    out.push(b'(');
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match row.next().ok_or(OTHER_COLUMNS)?? {
            Some(bytes) => push_value(out, field.form, bytes),
            None => out.extend_from_slice(b"NULL"),
        }
    }
    out.push(b')');
    if fields.is_empty() {
        row.next().ok_or(OTHER_COLUMNS)??;
    }
    if row.next().is_some() { Err(OTHER_COLUMNS) } else { Ok(()) }
}

const OTHER_COLUMNS: Malformed = Malformed("a row has not the columns of its table");

fn push_value(out: &mut Vec<u8>, form: Form, value: &[u8]) {
    match form {
        // A server may say anything: only a number stands outside of quotes.
        Form::Number if !value.is_empty() && value.iter().all(|byte| in_number(*byte)) => out.extend_from_slice(value),
        Form::Number | Form::Bytes => push_quoted(out, value),
        Form::Json => {
            out.extend_from_slice(INTRODUCER.as_bytes());
            push_quoted(out, value);
        }
    }
}

/// Whether a number may have this byte.
pub(super) fn in_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// What follows the backslash for a byte; 0 for those that stand for themselves.
const ESCAPE: [u8; 256] = {
    let mut table = [0; 256];
    table[0] = b'0';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[0x1a] = b'Z';
    table[b'\\' as usize] = b'\\';
    table[b'\'' as usize] = b'\'';
    table
};

fn push_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'\'');
    // Most values have none of them. Looked at without an early end, many bytes are at once.
    let suspicious = |found, byte: &u8| found | (*byte <= 0x1a) | (*byte == b'\\') | (*byte == b'\'');
    if !value.iter().fold(false, suspicious) {
        out.extend_from_slice(value);
        out.push(b'\'');
        return;
    }
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| ESCAPE[usize::from(*byte)] != 0) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', ESCAPE[usize::from(rest[at])]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are short.
    fn row(forms: &[Form], values: &[Option<&str>]) -> Result<String, Malformed> {
        let field = |form: &Form| Field { name: String::new(), select: String::new(), form: *form };
        let fields: Vec<_> = forms.iter().map(field).collect();
        let packet: Vec<_> = values
            .iter()
            .flat_map(|value| match value {
                Some(text) => [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat(),
                None => vec![0xfb],
            })
            .collect();
        let mut out = Vec::new();
        push_row(&mut out, &fields, TextRow::new(&packet))?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn a_row_with_other_columns_is_none() {
        let forms = [Form::Number, Form::Bytes];
        for values in [&[Some("1")][..], &[Some("1"), None, Some("2")], &[]] {
            assert_eq!(row(&forms, values), Err(OTHER_COLUMNS), "{values:?}");
        }
        assert_eq!(row(&[], &[Some("1")]).as_deref(), Ok("()"));
        assert!(push_row(&mut Vec::new(), &[], TextRow::new(&[7, b'x'])).is_err(), "it is cut");
    }

    #[test]
    fn a_server_that_says_that_sql_is_a_number_gets_it_quoted() {
        for text in ["1); DROP TABLE t; --", "", "0x41", "NULL", "1,2"] {
            assert_eq!(row(&[Form::Number], &[Some(text)]).unwrap(), format!("('{text}')"));
        }
    }

    #[test]
    fn nothing_in_a_value_ends_its_quotes_or_its_line() {
        let all: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        push_quoted(&mut out, &all);
        assert!(!out.contains(&b'\n') && !out.contains(&b'\t') && !out.contains(&0));
        assert_eq!(out.iter().filter(|byte| **byte == b'\'').count(), 3);
        assert_eq!(out.len(), 2 + 256 + 7);
    }

    #[test]
    fn a_row_reads_like_sql() {
        let values = [Some("-12.50"), None, Some("it's"), Some("{}")];
        let forms = [Form::Number, Form::Number, Form::Bytes, Form::Json];
        assert_eq!(row(&forms, &values).unwrap(), r"(-12.50,NULL,'it\'s',_utf8mb4'{}')");
    }

    #[test]
    fn servers_are_told_apart_by_their_version() {
        let of = |version| (Flavor::of(version).mariadb, Flavor::of(version).cast_double);
        assert_eq!(of("10.11.19-MariaDB-0+deb12u1"), (true, true));
        assert_eq!(of("5.5.5-10.4.1-MariaDB"), (true, true));
        assert_eq!(of("8.0.36"), (false, true));
        assert_eq!(of("8.0.16-log"), (false, false));
        assert_eq!(of("5.7.44"), (false, false));
    }
}
