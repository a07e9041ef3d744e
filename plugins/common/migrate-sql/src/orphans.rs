//! Rows that refer to rows which are not there, by the foreign keys that the database really has.

use liftlock_sdk::database::{Dialect, ForeignKey};
use liftlock_sdk::prelude::*;

/// A finding for each foreign key with such rows.
pub(crate) fn find(database: &Database) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for table in database.tables()? {
        for key in database.foreign_keys(&table)? {
            let referenced = referenced_columns(database, &key)?;
            let sql = count_sql(database.dialect(), &table, &key, &referenced);
            let orphans: u64 = database.query_value(&sql, &[])?.unwrap_or(0);
            if orphans > 0 {
                let message =
                    format!("{orphans} rows of {table} refer to rows of {} that are not there", key.references);
                findings.push(Finding::blocking("orphans", message));
            }
        }
    }
    Ok(findings)
}

/// The columns that a key refers to: the primary key where it does not say.
fn referenced_columns(database: &Database, key: &ForeignKey) -> Result<Vec<String>, Failure> {
    if !key.referenced_columns.is_empty() {
        return Ok(key.referenced_columns.clone());
    }
    let mut columns = database.columns(&key.references)?;
    columns.retain(|column| column.primary_key > 0);
    columns.sort_by_key(|column| column.primary_key);
    Ok(columns.into_iter().map(|column| column.name).collect())
}

/// A row with a null in its key refers to nothing.
fn count_sql(dialect: Dialect, table: &str, key: &ForeignKey, referenced: &[String]) -> String {
    let quoted = |name: &String| dialect.quote(name);
    let not_null: Vec<_> = key.columns.iter().map(|column| format!("c.{} IS NOT NULL", quoted(column))).collect();
    let same: Vec<_> = key
        .columns
        .iter()
        .zip(referenced)
        .map(|(own, other)| format!("p.{} = c.{}", quoted(other), quoted(own)))
        .collect();
    format!(
        "SELECT COUNT(*) FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
        dialect.quote(table),
        not_null.join(" AND "),
        dialect.quote(&key.references),
        same.join(" AND "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_columns_of_a_key_count() {
        let key = ForeignKey {
            name: String::new(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            references: "parent".to_owned(),
            referenced_columns: Vec::new(),
            on_delete: String::new(),
            on_update: String::new(),
            extra: Vec::new(),
        };
        let sql = count_sql(Dialect::Mysql, "child", &key, &["x".to_owned(), "y".to_owned()]);
        let expected = "SELECT COUNT(*) FROM `child` c WHERE c.`a` IS NOT NULL AND c.`b` IS NOT NULL \
                        AND NOT EXISTS (SELECT 1 FROM `parent` p WHERE p.`x` = c.`a` AND p.`y` = c.`b`)";
        assert_eq!(sql, expected);
    }
}
