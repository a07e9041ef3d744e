//! All migrations over whole schemas: as Mautic 2 left them, as Mautic 3 wants them, and every mix of the two.

use super::*;
use crate::schema::Table;
use crate::schema::testing::{schema, table};

#[test]
fn they_are_in_the_order_in_which_they_run() {
    assert!(ALL.is_sorted_by(|one, other| one.version < other.version));
    assert_eq!(ALL.iter().filter(|migration| !migration.kept).count(), 9);
    assert_eq!(NEWEST.to_string(), "20200422144300");
}

#[test]
fn a_kept_one_is_believed_to_be_executed_if_the_ledger_says_so() {
    let ledger = Ledger::of(&["20190724110039".into(), "20191126093923".into()], &["version".into()]);
    let looked_at: Vec<_> = ALL.iter().filter(|migration| migration.is_looked_at(&ledger)).collect();
    assert_eq!(looked_at.len(), 10);
    assert!(looked_at.iter().any(|migration| migration.version == Version::new(20190704154940)));
}

#[test]
fn only_a_version_of_three_is_of_three() {
    assert!(!is_of_three(Version::new(20190724110039)));
    assert!(is_of_three(Version::new(20181111095447)));
}

#[test]
fn no_migration_begins_without_its_tables() {
    for migration in ALL.iter().filter(|migration| !migration.tables.is_empty()) {
        let plan = (migration.plan)(&Site::default());
        match migration.version == Version::new(20191219155630) {
            true => assert_eq!(plan.changes().count(), 2),
            false => assert_eq!(plan.blocking().unwrap().code, "table-missing", "{}", migration.about),
        }
    }
}

/// A table as it is before and after, without its prefix; none where there is no table.
type Pair = (&'static str, Option<Table>, Option<Table>);

/// The tables that the migrations meet. `id` is the type of ids.
fn tables(prefix: &str, id: &str) -> Vec<Pair> {
    let id = format!("id {id}");
    let with = |columns: &[&str]| table(&[&[id.as_str()], columns].concat());
    let multiselect = |column| with(&["email varchar(255)", column]);
    let unchanged = |name, table: Table| (name, Some(table.clone()), Some(table));
    let channels = || with(&["channel_id int(11)"]);
    let sync = |columns: &[&str], keys: &[&str]| {
        let columns: Vec<_> = columns.iter().map(|column| format!("{column} x")).collect();
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        Some(keys.iter().fold(with(&columns), |table, key| table.with_index(&format!("{prefix}{key}"), &["x"])))
    };
    vec![
        ("webhooks", Some(with(&[])), Some(with(&["secret varchar(255)"]))),
        (
            "leads",
            Some(multiselect("hobby varchar(255)").with_index(&format!("{prefix}hobby_search"), &["hobby"])),
            Some(multiselect("hobby text")),
        ),
        (
            "companies_leads",
            Some(table(&["company_id int(11)", "manually_added tinyint(1)", "manually_removed tinyint(1)"])),
            Some(table(&["company_id int(11)"])),
        ),
        (
            "sync_object_field_change_report",
            None,
            sync(
                &[
                    "integration",
                    "object_id",
                    "object_type",
                    "modified_at",
                    "column_name",
                    "column_type",
                    "column_value",
                ],
                &[
                    "object_composite_key",
                    "integration_object_composite_key",
                    "integration_object_type_modification_composite_key",
                ],
            ),
        ),
        (
            "sync_object_mapping",
            None,
            sync(
                &[
                    "date_created",
                    "integration",
                    "internal_object_name",
                    "integration_reference_id",
                    "internal_object_id",
                    "integration_object_name",
                    "integration_object_id",
                    "last_sync_date",
                    "internal_storage",
                    "is_deleted",
                ],
                &[
                    "internal_object",
                    "object_match",
                    "integration_last_sync_date",
                    "integration_object",
                    "integration_reference",
                ],
            ),
        ),
        ("users", Some(with(&["online_status varchar(255)"])), Some(with(&[]))),
        ("lead_devices", Some(with(&["device_fingerprint varchar(255)"])), Some(with(&[]))),
        unchanged("categories", with(&["bundle varchar(50)"])),
        (
            "lead_donotcontact",
            Some(channels()),
            Some(channels().with_index(&format!("{prefix}dnc_channel_id_search"), &["channel_id"])),
        ),
        unchanged("form_fields", with(&["properties longtext"])),
        unchanged("lead_fields", with(&["alias varchar(255)", "type varchar(50)", "properties longtext"])),
    ]
}

/// All statements on the schema. `is_done` says of each table whether it is as Mautic 3 wants it.
fn statements(prefix: &str, id: &str, is_done: impl Fn(&str) -> bool) -> Vec<String> {
    let site = Site {
        schema: tables(prefix, id).into_iter().fold(schema(prefix), |schema, (name, before, after)| {
            match if is_done(name) { after } else { before } {
                Some(table) => schema.with(name, table),
                None => schema,
            }
        }),
        multiselects: vec!["hobby".to_owned(), "no_column".to_owned()],
    };
    let plans = ALL.iter().map(|migration| (migration.plan)(&site));
    plans
        .flat_map(|plan| {
            assert_eq!(plan.blocking(), None);
            plan.changes().map(|change| change.sql.clone()).collect::<Vec<_>>()
        })
        .collect()
}

/// Prefixes and types of ids that installations have.
const KINDS: [(&str, &str); 4] =
    [("", "int(11)"), ("", "int(10) unsigned"), ("mau_", "int(11)"), ("mau_", "bigint(20) unsigned")];

#[test]
fn each_table_is_changed_by_one_statement_of_its_own() {
    for (prefix, id) in KINDS {
        let sql = statements(prefix, id, |_| false);
        assert_eq!(sql.len(), 8, "{sql:#?}");
        for (name, before, after) in tables(prefix, id) {
            let of_table = sql.iter().filter(|sql| sql.contains(&format!(" `{prefix}{name}` "))).count();
            assert_eq!(of_table, usize::from(before != after), "{name}");
        }
        assert!(sql.iter().all(|sql| !sql.contains(';')));
    }
}

#[test]
fn a_second_run_changes_nothing() {
    for (prefix, id) in KINDS {
        assert_eq!(statements(prefix, id, |_| true), Vec::<String>::new());
    }
}

#[test]
fn whatever_half_is_done_the_other_half_is_left() {
    for (prefix, id) in KINDS {
        let all = statements(prefix, id, |_| false);
        let names: Vec<_> = tables(prefix, id).into_iter().map(|(name, ..)| name).collect();
        for mask in 0..1_u32 << names.len() {
            let is_done = |name: &str| names.iter().position(|it| *it == name).is_some_and(|at| mask >> at & 1 == 1);
            let is_left =
                |sql: &String| !names.iter().any(|name| is_done(name) && sql.contains(&format!(" `{prefix}{name}` ")));
            let left: Vec<_> = all.iter().filter(|sql| is_left(sql)).cloned().collect();
            assert_eq!(statements(prefix, id, is_done), left, "{mask:b}");
        }
    }
}
