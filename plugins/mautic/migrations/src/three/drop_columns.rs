//! Columns that go, with what hangs on them: foreign keys by the names that they really have.

use liftlock_sdk::prelude::*;

use crate::plan::Plan;
use crate::schema::{Index, Schema, Table, ident};

/// Drops those of the columns that are still there, in one statement: a server rewrites the table once.
pub(super) fn drop_columns(schema: &Schema, name: &str, columns: &[&str]) -> Plan {
    let Some(table) = schema.table(name) else { return Plan::without_table(&schema.full(name)) };
    let left: Vec<&str> = columns.iter().copied().filter(|column| table.column(column).is_some()).collect();
    if left.is_empty() {
        return Plan::default();
    }
    if let Some(index) = index_in_the_way(table, &left) {
        return Plan::blocked(blocked_by(schema, name, index));
    }
    let full = schema.quoted(name);
    let mut plan = Plan::default();
    if left.len() < columns.len() {
        let message =
            format!("{name} has lost a column of {} already: an earlier try stopped halfway", columns.join(", "));
        plan = plan.note(Finding::info("half-applied", message));
    }
    for column in &left {
        for user in schema.programs_with(name, column) {
            let message = format!("{user} seems to use {name}.{column}, which Mautic 3 drops");
            plan =
                plan.note(Finding::warning("column-in-use", message).fix(format!("change {user} before the upgrade")));
        }
    }
    // A key on two of the columns is dropped once.
    let keys = table
        .foreign_keys()
        .iter()
        .filter(|key| left.iter().any(|column| table.foreign_keys_with(column).any(|other| other.name == key.name)));
    for key in keys {
        plan = plan.change(
            format!("{name} loses the foreign key {}", key.name),
            format!("ALTER TABLE {full} DROP FOREIGN KEY {}", ident(&key.name)),
        );
    }
    let drops: Vec<_> = left.iter().map(|column| format!("DROP COLUMN {}", ident(column))).collect();
    plan.change(format!("{name} loses {}", left.join(" and ")), format!("ALTER TABLE {full} {}", drops.join(", ")))
}

/// A unique index on other columns too: without the dropped ones rows could be alike in it, so a server refuses.
fn index_in_the_way<'a>(table: &'a Table, left: &[&str]) -> Option<&'a Index> {
    let stays =
        |index: &&Index| index.columns.iter().any(|column| !left.iter().any(|gone| column.eq_ignore_ascii_case(gone)));
    left.iter().flat_map(|column| table.indexes_with(column)).filter(|index| index.unique).find(stays)
}

fn blocked_by(schema: &Schema, name: &str, index: &Index) -> Finding {
    let columns = index.columns.join(", ");
    let message =
        format!("the unique index {} of {name} is on ({columns}), of which Mautic 3 drops columns", index.name);
    let sql = format!("ALTER TABLE {} DROP INDEX {}", schema.quoted(name), ident(&index.name));
    Finding::blocking("unique-index-in-the-way", message).fix(sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    const COLUMNS: [&str; 2] = ["a", "b"];

    fn plan_of(table: Table) -> Plan {
        drop_columns(&schema("m_").with("t", table), "t", &COLUMNS)
    }

    fn sql(plan: &Plan) -> Vec<&str> {
        plan.changes().map(|change| change.sql.as_str()).collect()
    }

    #[test]
    fn a_unique_index_on_other_columns_too_blocks_and_names_its_remedy() {
        let plan = plan_of(table(&["id int", "a int", "b int"]).with_unique("u", &["id", "a"]));
        assert!(plan.steps.is_empty());
        let finding = plan.blocking().unwrap();
        assert_eq!(finding.code, "unique-index-in-the-way");
        assert_eq!(finding.fix.as_deref(), Some("ALTER TABLE `m_t` DROP INDEX `u`"));
    }

    #[test]
    fn an_index_that_goes_with_its_columns_is_not_in_the_way() {
        let plan = plan_of(table(&["a int", "b int"]).with_unique("u", &["A", "b"]).with_index("i", &["a", "id"]));
        assert_eq!(plan.blocking(), None);
    }

    #[test]
    fn a_foreign_key_is_dropped_once_by_the_name_that_it_really_has() {
        let plan = plan_of(table(&["a int", "b int"]).with_foreign_key("odd`name", &["a", "b"], "m_u"));
        assert_eq!(
            sql(&plan),
            ["ALTER TABLE `m_t` DROP FOREIGN KEY `odd``name`", "ALTER TABLE `m_t` DROP COLUMN `a`, DROP COLUMN `b`"]
        );
    }

    #[test]
    fn a_view_on_a_dropped_column_is_named() {
        let schema = schema("m_").with("t", table(&["a int"])).with_program("view", "v", "select `m_t`.`a` from `m_t`");
        let plan = drop_columns(&schema, "t", &["a"]);
        assert_eq!(plan.findings[0].code, "column-in-use");
        assert_eq!(plan.blocking(), None);
    }

    #[test]
    fn each_half_is_finished_and_the_whole_is_left_alone() {
        assert_eq!(sql(&plan_of(table(&["a int", "b int"]))), ["ALTER TABLE `m_t` DROP COLUMN `a`, DROP COLUMN `b`"]);
        for (left, dropped) in [("b int", "b"), ("A int", "a")] {
            let plan = plan_of(table(&["id int", left]));
            assert_eq!(sql(&plan), [format!("ALTER TABLE `m_t` DROP COLUMN `{dropped}`")]);
            assert_eq!(plan.findings[0].code, "half-applied");
        }
        assert_eq!(plan_of(table(&["id int"])), Plan::default());
    }
}
