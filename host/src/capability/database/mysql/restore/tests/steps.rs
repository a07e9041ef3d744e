//! What differs between two catalogs, and in which order it is put right. No server.

use std::collections::BTreeSet;

use super::super::step::{Step, clearing, differences, making};
use crate::capability::database::ForeignKey;
use crate::capability::database::mysql::catalog::{Catalog, Program, Table};

fn table(name: &str, keys: &[(&str, &str)], triggers: &[&str]) -> Table {
    Table {
        name: name.to_owned(),
        definition: keys.iter().fold(format!("CREATE TABLE {name}"), |text, (key, to)| {
            format!("{text}\n  CONSTRAINT `{key}` FOREIGN KEY (`own`) REFERENCES `{to}` (`id`) ON DELETE CASCADE")
        }),
        engine: "InnoDB".to_owned(),
        transactional: true,
        columns: Vec::new(),
        key: Vec::new(),
        foreign_keys: keys.iter().map(|(name, references)| key(name, references)).collect(),
        triggers: triggers.iter().map(|name| program(name, "")).collect(),
    }
}

fn key(name: &str, references: &str) -> ForeignKey {
    ForeignKey {
        name: name.to_owned(),
        columns: vec!["own".to_owned()],
        references: references.to_owned(),
        referenced_columns: vec!["id".to_owned()],
        on_delete: "cascade".to_owned(),
        on_update: "restrict".to_owned(),
        extra: Vec::new(),
    }
}

fn program(name: &str, body: &str) -> Program {
    Program {
        name: name.to_owned(),
        definition: format!("CREATE {name} {body}"),
        sql_mode: String::new(),
        time_zone: String::new(),
        collations: Default::default(),
    }
}

fn catalog(tables: Vec<Table>) -> Catalog {
    Catalog {
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_general_ci".to_owned(),
        tables: tables.into_iter().map(|table| (table.name.clone(), table)).collect(),
        ..Catalog::default()
    }
}

fn sql(steps: &[Step<'_>]) -> Vec<String> {
    steps.iter().map(|step| step.sql("db")).collect()
}

/// The steps on either side of loading, where loading works.
fn steps(present: &Catalog, start: &Catalog, saved: &[&str]) -> (Vec<String>, Vec<String>) {
    let saved: BTreeSet<_> = saved.iter().copied().collect();
    let cleared = clearing(present, start, &saved);
    let mut after = present.clone();
    for step in &cleared {
        match *step {
            Step::Drop("TABLE", name) => _ = after.tables.remove(name),
            Step::Drop("VIEW", name) => _ = after.views.remove(name),
            Step::Drop("EVENT", name) => _ = after.events.remove(name),
            Step::Drop("TRIGGER", name) => {
                after.tables.values_mut().for_each(|table| table.triggers.retain(|t| t.name != name))
            }
            Step::Drop(_, name) => after.routines.retain(|_, routine| routine.name != name),
            Step::DropKey(table, name) => {
                after.tables.get_mut(table).unwrap().foreign_keys.retain(|key| key.name != name);
            }
            _ => {}
        }
    }
    let back = saved.iter().map(|name| ((*name).to_owned(), start.tables[*name].clone()));
    after.tables.extend(back);
    (sql(&cleared), sql(&making(&after, start)))
}

#[test]
fn a_schema_that_is_as_it_was_needs_nothing_but_the_saved_tables() {
    let start = catalog(vec![table("a", &[("k", "b")], &["t1", "t2"]), table("b", &[], &[])]);
    assert_eq!(steps(&start, &start, &[]), (vec![], vec![]));
    assert_eq!(steps(&start, &start, &["b"]), (vec!["DROP TABLE IF EXISTS `b`".to_owned()], vec![]));
    assert!(differences(&start, &start).is_empty());
}

#[test]
fn what_bears_the_name_of_something_older_goes_before_that_comes_back() {
    let start = catalog(vec![table("a", &[("k", "p")], &["t"]), table("b", &[], &[]), table("p", &[], &[])]);
    // The trigger's and the key's names have moved to b, and a view has the name of a table.
    let mut present = catalog(vec![table("b", &[("k", "p")], &["t"]), table("p", &[], &[])]);
    present.views.insert("a".to_owned(), program("a", "view"));
    let (cleared, made) = steps(&present, &start, &["a"]);
    assert_eq!(
        cleared,
        ["DROP TRIGGER IF EXISTS `t`", "DROP VIEW IF EXISTS `a`", "ALTER TABLE `b` DROP FOREIGN KEY `k`"]
    );
    assert!(made.is_empty());
}

#[test]
fn the_keys_of_an_untouched_child_are_put_right_and_only_they() {
    let start = catalog(vec![table("cd", &[("k", "pr"), ("other", "x")], &[]), table("pr", &[], &[])]);
    let present = catalog(vec![table("cd", &[("k", "pr_old"), ("other", "x")], &[]), table("pr_old", &[], &[])]);
    let (cleared, made) = steps(&present, &start, &["pr"]);
    assert_eq!(cleared, ["ALTER TABLE `cd` DROP FOREIGN KEY `k`", "DROP TABLE IF EXISTS `pr_old`"]);
    assert_eq!(
        made,
        ["ALTER TABLE `cd` ADD CONSTRAINT `k` FOREIGN KEY (`own`) REFERENCES `pr` (`id`) ON DELETE CASCADE"]
    );
    let found = differences(&present, &start);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&"the table cd is defined otherwise, in its foreign keys too".to_owned()));
}

#[test]
fn triggers_fire_in_their_old_order_again() {
    let start = catalog(vec![table("a", &[], &["first", "second", "third"])]);
    let present = catalog(vec![table("a", &[], &["first", "third", "second"])]);
    let (cleared, made) = steps(&present, &start, &[]);
    assert_eq!(cleared, ["DROP TRIGGER IF EXISTS `third`", "DROP TRIGGER IF EXISTS `second`"]);
    assert_eq!(made, ["CREATE second ", "CREATE third "]);
    assert_eq!(differences(&present, &start), ["the triggers on a fire in another order"]);
}

#[test]
fn programs_are_made_again_where_they_differ_and_events_go_first_and_come_last() {
    let mut start = catalog(vec![table("a", &[], &["t"])]);
    start.views.insert("v".to_owned(), program("v", "old"));
    start.events.insert("e".to_owned(), program("e", "old"));
    start.routines.insert("function f".to_owned(), program("f", "old"));
    start.routines.insert("procedure f".to_owned(), program("f", "same"));
    let mut present = catalog(vec![table("a", &[], &[])]);
    present.views.insert("v".to_owned(), program("v", "new"));
    present.views.insert("w`".to_owned(), program("w`", "new"));
    present.events.insert("e".to_owned(), program("e", "new"));
    present.routines.insert("function f".to_owned(), program("f", "new"));
    present.routines.insert("procedure f".to_owned(), program("f", "same"));
    present.collation = "latin1_swedish_ci".to_owned();
    let cleared = sql(&clearing(&present, &start, &BTreeSet::new()));
    assert_eq!(
        cleared,
        [
            "DROP EVENT IF EXISTS `e`",
            "DROP VIEW IF EXISTS `v`",
            "DROP VIEW IF EXISTS `w```",
            "DROP FUNCTION IF EXISTS `f`",
            "ALTER DATABASE `db` CHARACTER SET `utf8mb4` COLLATE `utf8mb4_general_ci`",
        ]
    );
    let made = sql(&making(&present, &start));
    assert_eq!(made, ["CREATE f old", "CREATE v old", "CREATE t ", "CREATE e old"]);
    assert_eq!(
        differences(&present, &start),
        [
            "the character set is latin1_swedish_ci, was utf8mb4_general_ci",
            "the trigger t on a is missing",
            "the view v is defined otherwise",
            "the view w` was not there",
            "the function f is defined otherwise",
            "the event e is defined otherwise",
        ]
    );
}
