//! The rows that must stay: counted before and after.

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;

/// The queries that count, by table.
pub(crate) struct Guard(Vec<(String, String)>);

/// Rows of each guarded table.
pub(crate) type Counts = Vec<(String, u64)>;

impl Guard {
    /// The tables of `keep-rows`.
    pub(crate) fn from_params(dialect: Dialect) -> Self {
        Self(run::list_param("keep-rows").iter().map(|entry| query_of(entry, dialect)).collect())
    }

    /// Counts.
    pub(crate) fn count(&self, database: &Database) -> Result<Counts, Failure> {
        self.0
            .iter()
            .map(|(table, query)| {
                let rows =
                    database.query_value(query, &[]).map_err(|failure| failure.at(format!("counting {table}")))?;
                Ok((table.clone(), rows.unwrap_or(0)))
            })
            .collect()
    }
}

/// `table`, or `table: SELECT …`.
fn query_of(entry: &str, dialect: Dialect) -> (String, String) {
    match entry.split_once(':') {
        Some((table, query)) => (table.trim().to_owned(), query.trim().to_owned()),
        None => (entry.trim().to_owned(), format!("SELECT COUNT(*) FROM {}", dialect.quote(entry.trim()))),
    }
}

/// Fails with the first table that has other rows than before.
pub(crate) fn compare(before: &Counts, after: &Counts) -> Result<(), Failure> {
    match before.iter().zip(after).find(|(before, after)| before != after) {
        None => Ok(()),
        Some(((table, before), (_, after))) => {
            let message = format!("{table} had {before} rows that must stay and has {after} now");
            Err(Failure::new("rows-lost", message).with("table", table))
        }
    }
}

/// For the output: lines of table, a tab, number.
pub(crate) fn lines(counts: &Counts) -> String {
    counts.iter().map(|(table, rows)| format!("{table}\t{rows}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect()
    }

    #[test]
    fn a_lost_row_is_named_by_its_table() {
        let before = counts(&[("users", 50), ("contacts", 500)]);
        let failure = compare(&before, &counts(&[("users", 50), ("contacts", 0)])).unwrap_err();
        assert_eq!(failure.code, "rows-lost");
        assert_eq!(failure.message, "contacts had 500 rows that must stay and has 0 now");
        assert_eq!(compare(&before, &before), Ok(()));
    }

    #[test]
    fn a_table_is_counted_or_by_its_own_query() {
        let own = query_of("contacts: SELECT COUNT(*) FROM contacts WHERE a = ':'", Dialect::Sqlite);
        assert_eq!(own.0, "contacts");
        assert_eq!(own.1, "SELECT COUNT(*) FROM contacts WHERE a = ':'");
        assert_eq!(query_of("users", Dialect::Mysql).1, "SELECT COUNT(*) FROM `users`");
        assert_eq!(lines(&counts(&[("users", 50)])), "users\t50\n");
    }
}
