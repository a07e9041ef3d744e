//! Columns, by `information_schema`.

use std::collections::BTreeMap;

use super::Column;
use super::reader::{Only, Reader, cell, literal, text};
use crate::capability::database::ColumnDefinition;
use crate::effect::{Extra, Fault};

/// The columns of the tables that `only` leaves, by table. The positions in the primary key are not in them yet.
pub(super) fn read(reader: &mut Reader<'_>, only: &Only) -> Result<BTreeMap<String, Vec<Column>>, Fault> {
    let mariadb = reader.mariadb;
    let only = only.on("TABLE_NAME");
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, CHARACTER_SET_NAME,
            COLLATION_NAME, COLUMN_COMMENT
            FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE(){only} ORDER BY TABLE_NAME, ORDINAL_POSITION"
    );
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in reader.rows(&sql)? {
        let (data_type, facts) = (text(&row, 3).to_lowercase(), text(&row, 6).to_lowercase());
        let default = cell(&row, 5);
        let default = if mariadb { default } else { default.map(|value| expression(value, &data_type, &facts)) };
        let generated =
            ["virtual", "stored", "persistent"].into_iter().find(|kind| facts.contains(&format!("{kind} generated")));
        let mut extra: Extra = Vec::new();
        let mut note = |name: &str, value: Option<String>| extra.extend(value.map(|value| (name.to_owned(), value)));
        note("charset", cell(&row, 7));
        note("collation", cell(&row, 8));
        note("generated", generated.map(str::to_owned));
        note("auto-increment", facts.contains("auto_increment").then(|| "yes".to_owned()));
        note("invisible", facts.contains("invisible").then(|| "yes".to_owned()));
        note("on-update", facts.split_once("on update ").map(|(_, what)| what.to_owned()));
        note("comment", cell(&row, 9).filter(|comment| !comment.is_empty()));
        let definition = ColumnDefinition {
            name: text(&row, 1),
            declared: text(&row, 2),
            nullable: text(&row, 4) == "YES",
            default: default.filter(|default| !default.eq_ignore_ascii_case("null")),
            primary_key: 0,
            extra,
        };
        let column = Column { definition, data_type, generated: generated.is_some(), charset: cell(&row, 7) };
        tables.entry(text(&row, 0)).or_default().push(column);
    }
    Ok(tables)
}

/// MySQL shows the value of a default, where MariaDB shows its expression.
fn expression(value: String, data_type: &str, facts: &str) -> String {
    let temporal = ["timestamp", "datetime"].contains(&data_type) && value.starts_with("CURRENT_TIMESTAMP");
    let number = ["int", "decimal", "float", "double", "bit", "year"].iter().any(|kind| data_type.ends_with(kind));
    if facts.contains("default_generated") || temporal || number { value } else { literal(&value) }
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn a_default_of_mysql_that_reads_like_an_expression_is_quoted() {
        let shown = |value: &str, data_type, facts| expression(value.to_owned(), data_type, facts);
        assert_eq!(shown("uuid()", "varchar", ""), "'uuid()'");
        assert_eq!(shown("uuid()", "varchar", "default_generated"), "uuid()");
        assert_eq!(shown("CURRENT_TIMESTAMP", "varchar", ""), "'CURRENT_TIMESTAMP'");
        assert_eq!(shown("CURRENT_TIMESTAMP", "timestamp", ""), "CURRENT_TIMESTAMP");
        assert_eq!((shown("5", "bigint", ""), shown("b'1'", "bit", "")), ("5".to_owned(), "b'1'".to_owned()));
    }
}
