//! 20190724110039, kept from Mautic 2: the column of each multiselect field becomes TEXT. An index must go first, as a server
//! has none on TEXT without a length. The original asks for the index by a name without the prefix, and misses it.

use liftlock_sdk::prelude::*;

use crate::plan::Plan;
use crate::schema::{Column, Schema, Table, ident};
use crate::three::Site;

/// One statement for the whole table: it is the biggest of all, and a server rewrites it once.
pub(super) fn plan(site: &Site) -> Plan {
    let schema = &site.schema;
    if schema.table("lead_fields").is_none() {
        return Plan::without_table(&schema.full("lead_fields"));
    }
    let Some(leads) = schema.table("leads") else { return Plan::without_table(&schema.full("leads")) };
    let fields = site.multiselects.iter().filter_map(|alias| leads.column(alias));
    let due: Vec<&Column> = fields.filter(|column| !column.is_text()).collect();
    if due.is_empty() {
        return Plan::default();
    }
    let (drops, in_the_way) = indexes(schema, leads, &due);
    if !in_the_way.is_empty() {
        return Plan { findings: in_the_way, ..Plan::default() };
    }
    let changes = due.iter().map(|column| {
        let name = ident(&column.name);
        format!("CHANGE {name} {name} TEXT{}", charset(column))
    });
    let clauses: Vec<_> = drops.into_iter().chain(changes).collect();
    let names: Vec<_> = due.iter().map(|column| column.name.as_str()).collect();
    Plan::default().change(
        format!("columns of leads become TEXT: {}", names.join(", ")),
        format!("ALTER TABLE {} {}", schema.quoted("leads"), clauses.join(", ")),
    )
}

/// Indexes on one of the columns alone go with it; one on several is somebody's own, or Mautic's for what makes a contact
/// unique, and not ours to drop.
fn indexes(schema: &Schema, leads: &Table, due: &[&Column]) -> (Vec<String>, Vec<Finding>) {
    let (mut drops, mut in_the_way) = (Vec::new(), Vec::new());
    for column in due {
        for index in leads.indexes_with(&column.name) {
            if index.is_on(&[&column.name]) {
                drops.push(format!("DROP INDEX {}", ident(&index.name)));
                continue;
            }
            let columns = index.columns.join(", ");
            let message =
                format!("the index {} of leads is on ({columns}), and {} becomes TEXT", index.name, column.name);
            let fix = format!("DROP INDEX {} ON {}", ident(&index.name), schema.quoted("leads"));
            in_the_way.push(Finding::blocking("index-in-the-way", message).fix(fix));
        }
    }
    (drops, in_the_way)
}

/// The character set that the column has now: without it the server would take the table's and change the text.
fn charset(column: &Column) -> String {
    match (&column.charset, &column.collation) {
        (Some(charset), Some(collation)) => format!(" CHARACTER SET {charset} COLLATE {collation}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    fn plan_of(leads: Table, multiselects: &[&str]) -> Plan {
        let schema = schema("mau_").with("lead_fields", table(&["id int(11)"])).with("leads", leads);
        plan(&Site { schema, multiselects: multiselects.iter().map(|alias| (*alias).to_owned()).collect() })
    }

    fn sql(plan: &Plan) -> Vec<&str> {
        plan.changes().map(|change| change.sql.as_str()).collect()
    }

    #[test]
    fn an_index_on_several_columns_blocks_and_nothing_is_done() {
        let leads = table(&["hobby varchar(255)", "email varchar(255)"]).with_unique("u", &["email", "hobby"]);
        let plan = plan_of(leads, &["hobby"]);
        assert_eq!(plan.blocking().unwrap().code, "index-in-the-way");
        assert!(plan.steps.is_empty());
    }

    #[test]
    fn a_field_without_a_column_of_contacts_is_none_of_ours() {
        assert_eq!(plan_of(table(&["id int(11)"]), &["industry"]), Plan::default());
    }

    #[test]
    fn all_columns_change_in_one_statement_with_the_indexes_that_are_really_there() {
        let leads = table(&["a varchar(255)", "b varchar(255)", "c varchar(255)"])
            .with_index("mau_a_search", &["a"])
            .with_index("imported_1", &["b"])
            .with_index("mau_c_search", &["c"]);
        assert_eq!(
            sql(&plan_of(leads, &["a", "b"])),
            ["ALTER TABLE `mau_leads` DROP INDEX `mau_a_search`, DROP INDEX `imported_1`, CHANGE `a` `a` TEXT, \
              CHANGE `b` `b` TEXT"]
        );
    }

    #[test]
    fn an_earlier_try_that_dropped_the_index_only_is_finished() {
        assert_eq!(
            sql(&plan_of(table(&["a varchar(255)", "b text"]), &["a", "b"])),
            ["ALTER TABLE `mau_leads` CHANGE `a` `a` TEXT"]
        );
    }

    #[test]
    fn text_stays_as_it_is() {
        assert_eq!(plan_of(table(&["a text", "b longtext"]), &["a", "b"]), Plan::default());
    }

    #[test]
    fn a_column_keeps_its_character_set() {
        let column = Column {
            charset: Some("utf8mb4".to_owned()),
            collation: Some("utf8mb4_unicode_ci".to_owned()),
            ..Column::default()
        };
        assert_eq!(charset(&column), " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    }
}
