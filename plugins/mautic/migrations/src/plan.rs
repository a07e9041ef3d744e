//! What is left to do of one migration: steps, worked out from the schema as it is, without touching anything.
//!
//! A step that is done is not in the plan, so a migration that stopped halfway is finished, and one that is done is an
//! empty plan but for its rows: those are looked at each time, by what tells an old row from a new one.

use liftlock_sdk::prelude::*;

/// What is left to do of a migration, and what the operator should know of it.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// In their order.
    pub steps: Vec<Step>,
    /// One that blocks means: not a single step.
    pub findings: Vec<Finding>,
}

/// A step of a migration.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// A change of the schema.
    Change(Change),
    /// Rows of an old form, changed by one statement.
    Fill(Fill),
    /// Rows of an old form, each with a value of its own.
    Rewrite(Rewrite),
    /// Files: see [`translations`](crate::translations).
    Translations,
}

/// One statement on the schema, for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In words: "users loses online_status".
    pub what: String,
    /// The statement.
    pub sql: String,
}

/// One statement for all rows of an old form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The rows in words: "webhooks without a secret".
    pub what: &'static str,
    /// The table, quoted, with prefix.
    pub table: String,
    /// The column, as it is written in SQL.
    pub column: &'static str,
    /// The condition that a row of the old form meets.
    pub old: &'static str,
    /// What such a row gets.
    pub new: Filling,
    /// Whether the column is there already. If not, an earlier step of the plan makes it, and no row can be counted yet.
    pub is_there: bool,
}

/// What a row gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// This text.
    Text(&'static str),
    /// A key of 64 hex digits from the run's random numbers: the same for all rows, and the same in a resumed run.
    RandomKey,
}

impl Fill {
    /// Counts the rows of the old form; none as long as that cannot be asked.
    pub fn count(&self) -> Option<String> {
        self.is_there.then(|| format!("SELECT COUNT(*) FROM {} WHERE {}", self.table, self.old))
    }

    /// The statement, with one parameter: what such a row gets.
    pub fn sql(&self) -> String {
        format!("UPDATE {} SET {} = ? WHERE {}", self.table, self.column, self.old)
    }
}

/// Values that are worked out row by row. The table has a number `id` as its key.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The table, quoted, with prefix.
    pub table: String,
    /// The same without quotes and prefix, for people.
    pub name: &'static str,
    /// The column with the value.
    pub column: &'static str,
    /// An expression that says which kind of row it is.
    pub kind: &'static str,
    /// A condition that every row of the old form meets; others may meet it too.
    pub old: &'static str,
    /// Decides by the kind and the value.
    pub decide: fn(kind: &str, value: &[u8]) -> Decision,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It has the new form, or has nothing to do with this.
    Keep,
    /// This takes its place.
    Write(Vec<u8>),
    /// It cannot be understood and stays as it is. Why, in words.
    LeaveAlone(String),
}

/// Two are alike if they look at the same rows.
impl PartialEq for Rewrite {
    fn eq(&self, other: &Self) -> bool {
        (&self.table, self.column, self.kind, self.old) == (&other.table, other.column, other.kind, other.old)
    }
}

impl Plan {
    /// A plan that must not begin, and why.
    pub fn blocked(finding: Finding) -> Self {
        Self { steps: Vec::new(), findings: vec![finding] }
    }

    /// A plan that must not begin, as a table is not there. `name` with prefix.
    pub fn without_table(name: &str) -> Self {
        let finding = Finding::blocking("table-missing", format!("the table {name} is not there"))
            .fix("compare db_table_prefix in app/config/local.php with the names of the tables in the database");
        Self::blocked(finding)
    }

    /// The same with one more statement on the schema.
    #[must_use]
    pub fn change(mut self, what: impl Into<String>, sql: impl Into<String>) -> Self {
        self.steps.push(Step::Change(Change { what: what.into(), sql: sql.into() }));
        self
    }

    /// The same with one more step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same with one more thing to know.
    #[must_use]
    pub fn note(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// The first finding that blocks.
    pub fn blocking(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == "blocking")
    }

    /// The statements on the schema.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter_map(|step| match step {
            Step::Change(change) => Some(change),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_column_that_is_not_there_yet_are_not_counted() {
        let fill = |is_there| Fill {
            what: "webhooks without a secret",
            table: "`webhooks`".to_owned(),
            column: "secret",
            old: "secret IS NULL",
            new: Filling::RandomKey,
            is_there,
        };
        assert_eq!(fill(false).count(), None);
        assert_eq!(fill(true).count().unwrap(), "SELECT COUNT(*) FROM `webhooks` WHERE secret IS NULL");
        assert_eq!(fill(true).sql(), "UPDATE `webhooks` SET secret = ? WHERE secret IS NULL");
    }

    #[test]
    fn a_warning_does_not_block() {
        let plan = Plan::default().note(Finding::warning("a", "a"));
        assert_eq!(plan.blocking(), None);
        assert_eq!(plan.note(Finding::blocking("b", "b")).blocking().unwrap().code, "b");
    }
}
