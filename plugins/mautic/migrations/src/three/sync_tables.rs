//! 20191219155630: two tables for the integrations. The original makes both or none, and in 3.0.0 sent both statements as
//! one, which the driver mysqli refuses.

use liftlock_sdk::prelude::*;

use crate::plan::Plan;
use crate::schema::{Schema, Table, ident};
use crate::three::Site;

/// The longest name that MySQL and MariaDB take, in characters.
const LONGEST_NAME: usize = 64;

/// A table to make. Columns are name and definition, keys name (with prefix in front) and columns.
struct Draft {
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
    keys: &'static [(&'static str, &'static [&'static str])],
}

const WORD: &str = "varchar(191) COLLATE utf8_unicode_ci NOT NULL";
const ID: &str = "int(10) unsigned NOT NULL AUTO_INCREMENT";
const MOMENT: &str = "datetime NOT NULL COMMENT '(DC2Type:datetime)'";
const NUMBER: &str = "int(11) NOT NULL";

const DRAFTS: [Draft; 2] = [
    Draft {
        name: "sync_object_field_change_report",
        columns: &[
            ("id", ID),
            ("integration", WORD),
            ("object_id", NUMBER),
            ("object_type", WORD),
            ("modified_at", MOMENT),
            ("column_name", WORD),
            ("column_type", WORD),
            ("column_value", WORD),
        ],
        keys: &[
            ("object_composite_key", &["object_type", "object_id", "column_name"]),
            ("integration_object_composite_key", &["integration", "object_type", "object_id", "column_name"]),
            ("integration_object_type_modification_composite_key", &["integration", "object_type", "modified_at"]),
        ],
    },
    Draft {
        name: "sync_object_mapping",
        columns: &[
            ("id", ID),
            ("date_created", MOMENT),
            ("integration", WORD),
            ("internal_object_name", WORD),
            ("integration_reference_id", "varchar(191) COLLATE utf8_unicode_ci DEFAULT NULL"),
            ("internal_object_id", NUMBER),
            ("integration_object_name", WORD),
            ("integration_object_id", WORD),
            ("last_sync_date", MOMENT),
            ("internal_storage", "longtext COLLATE utf8_unicode_ci NOT NULL COMMENT '(DC2Type:json_array)'"),
            ("is_deleted", "tinyint(1) NOT NULL"),
        ],
        keys: &[
            ("internal_object", &["integration", "internal_object_name", "internal_object_id"]),
            ("object_match", &["integration", "internal_object_name", "integration_object_name"]),
            ("integration_last_sync_date", &["integration", "last_sync_date"]),
            (
                "integration_object",
                &["integration", "integration_object_name", "integration_object_id", "integration_reference_id"],
            ),
            (
                "integration_reference",
                &["integration", "integration_object_name", "integration_reference_id", "integration_object_id"],
            ),
        ],
    },
];

pub(super) fn plan(site: &Site) -> Plan {
    let half_there = DRAFTS.iter().filter(|draft| site.schema.table(draft.name).is_some()).count() == 1;
    let mut plan = Plan::default();
    for draft in &DRAFTS {
        plan = match site.schema.table(draft.name) {
            None if half_there => draft.create(&site.schema, plan).note(Finding::info(
                "half-applied",
                format!("of two tables only {} is missing: an earlier try stopped halfway", draft.name),
            )),
            None => draft.create(&site.schema, plan),
            Some(table) => draft.complete(&site.schema, table, plan),
        };
    }
    plan
}

impl Draft {
    fn create(&self, schema: &Schema, plan: Plan) -> Plan {
        let columns = self.columns.iter().map(|(name, definition)| format!("{} {definition}", ident(name)));
        let keys = self.keys.iter().map(|(name, columns)| key(schema, name, columns));
        let lines: Vec<_> = columns.chain(["PRIMARY KEY (`id`)".to_owned()]).chain(keys).collect();
        let sql = format!(
            "CREATE TABLE {} ({}) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci",
            schema.quoted(self.name),
            lines.join(", ")
        );
        plan.change(format!("the table {}", self.name), sql)
    }

    /// A table that is there: whole, without some of its keys, or another one under the same name.
    fn complete(&self, schema: &Schema, table: &Table, plan: Plan) -> Plan {
        let missing: Vec<_> =
            self.columns.iter().map(|(name, _)| *name).filter(|name| table.column(name).is_none()).collect();
        if !missing.is_empty() {
            let message = format!("the table {} is there without {}", schema.full(self.name), missing.join(", "));
            let fix = format!("if nothing needs it: DROP TABLE {}", schema.quoted(self.name));
            return plan.note(Finding::blocking("table-differs", message).fix(fix));
        }
        let keys = self.keys.iter().filter(|(name, _)| table.index(&index_name(schema, name)).is_none());
        let adds: Vec<_> = keys.map(|(name, columns)| format!("ADD {}", key(schema, name, columns))).collect();
        match adds.is_empty() {
            true => plan,
            false => plan.change(
                format!("{} keys of the table {}", adds.len(), self.name),
                format!("ALTER TABLE {} {}", schema.quoted(self.name), adds.join(", ")),
            ),
        }
    }
}

fn key(schema: &Schema, name: &str, columns: &[&str]) -> String {
    let columns: Vec<_> = columns.iter().map(|column| ident(column)).collect();
    format!("KEY {} ({})", ident(&index_name(schema, name)), columns.join(", "))
}

/// With a long prefix a name is longer than a server takes: the original fails there.
fn index_name(schema: &Schema, name: &str) -> String {
    schema.full(name).chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::testing::{schema, table};

    /// The table as it is once it was made.
    fn whole(schema: &Schema, draft: &Draft) -> Table {
        let columns: Vec<_> = draft.columns.iter().map(|(name, _)| format!("{name} x")).collect();
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        draft
            .keys
            .iter()
            .fold(table(&columns), |table, (name, columns)| table.with_index(&index_name(schema, name), columns))
    }

    fn plan_of(schema: Schema) -> Plan {
        plan(&Site { schema, ..Site::default() })
    }

    #[test]
    fn another_table_of_that_name_blocks() {
        let plan =
            plan_of(schema("m_").with("sync_object_mapping", table(&["id int(11)", "integration varchar(191)"])));
        let finding = plan.blocking().unwrap();
        assert_eq!(finding.code, "table-differs");
        assert!(finding.message.starts_with("the table m_sync_object_mapping is there without date_created, "));
    }

    #[test]
    fn one_statement_for_each_table() {
        let plan = plan_of(schema("mau_"));
        let sql: Vec<_> = plan.changes().map(|change| change.sql.as_str()).collect();
        assert_eq!(sql.len(), 2);
        assert!(
            sql[0].starts_with("CREATE TABLE `mau_sync_object_field_change_report` (`id` int(10) unsigned NOT NULL")
        );
        assert!(
            sql[1]
                .contains("KEY `mau_object_match` (`integration`, `internal_object_name`, `integration_object_name`)")
        );
        assert_eq!(sql.iter().map(|sql| sql.matches(" KEY `mau_").count()).collect::<Vec<_>>(), [3, 5]);
        assert!(sql.iter().all(|sql| !sql.contains(';')));
    }

    #[test]
    fn each_half_is_finished() {
        for (there, missing) in [(0, 1), (1, 0)] {
            let empty = schema("");
            let there = whole(&empty, &DRAFTS[there]);
            let name = if missing == 1 { DRAFTS[0].name } else { DRAFTS[1].name };
            let plan = plan_of(empty.with(name, there));
            let what: Vec<_> = plan.changes().map(|change| change.what.clone()).collect();
            assert_eq!(what, [format!("the table {}", DRAFTS[missing].name)]);
            assert_eq!(plan.findings[0].code, "half-applied");
        }
    }

    #[test]
    fn a_missing_key_is_added() {
        let schema = DRAFTS.iter().fold(schema("m_"), |schema, draft| {
            let table = whole(&schema, draft);
            schema.with(draft.name, table)
        });
        let bare = table(&[
            "id x",
            "integration x",
            "object_id x",
            "object_type x",
            "modified_at x",
            "column_name x",
            "column_type x",
            "column_value x",
        ])
        .with_index("m_object_composite_key", &["object_type"])
        .with_index("m_integration_object_composite_key", &["integration"]);
        let plan = plan_of(schema.with(DRAFTS[0].name, bare));
        let sql: Vec<_> = plan.changes().map(|change| change.sql.as_str()).collect();
        assert_eq!(
            sql,
            ["ALTER TABLE `m_sync_object_field_change_report` ADD KEY \
             `m_integration_object_type_modification_composite_key` (`integration`, `object_type`, `modified_at`)"]
        );
    }

    #[test]
    fn both_there_is_nothing_to_do() {
        let schema = DRAFTS.iter().fold(schema("m_"), |schema, draft| {
            let table = whole(&schema, draft);
            schema.with(draft.name, table)
        });
        assert_eq!(plan_of(schema), Plan::default());
    }

    #[test]
    fn a_long_prefix_cuts_the_name_of_a_key() {
        let schema = schema("fifteen_letters_");
        assert_eq!(index_name(&schema, DRAFTS[0].keys[2].0).len(), LONGEST_NAME);
    }
}
