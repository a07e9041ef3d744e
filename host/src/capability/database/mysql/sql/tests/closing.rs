//! What a statement may change, by the catalog.

use super::*;

fn reach(sql: &str, used: Use) -> Touched {
    touched(&one(sql, used), used, &catalog(), &schemas()).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"))
}

fn names(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn rows_are_reached_by_names_cascades_and_programs() {
    for (sql, rows) in [
        ("INSERT INTO lonely VALUES (1)", vec!["lonely"]),
        ("INSERT INTO `Lonely` SELECT a FROM NUMBERS", vec!["lonely", "numbers"]),
        ("UPDATE `odd name` SET a = 1", vec!["odd name"]),
        ("UPDATE GRÖSSE SET a = 1", vec![]),
        ("UPDATE GRÖßE SET a = 1", vec!["größe"]),
        // A column of that name is enough.
        ("UPDATE lonely SET audit = 1", vec!["audit", "lonely"]),
        // A text is not.
        ("UPDATE lonely SET a = 'audit'", vec!["lonely"]),
        // Cascades: the verb sets off the first, from there on anything may happen.
        ("INSERT INTO parent VALUES (1)", vec!["parent"]),
        ("UPDATE parent SET a = 1", vec!["parent"]),
        ("DELETE FROM parent", vec!["child", "grandchild", "parent"]),
        ("REPLACE INTO parent VALUES (1)", vec!["child", "grandchild", "parent"]),
        ("DELETE p FROM parent AS p", vec!["child", "grandchild", "parent"]),
        ("DELETE FROM master", vec!["master"]),
        ("UPDATE master SET id = 2", vec!["follower", "master"]),
        ("INSERT INTO master VALUES (1) ON DUPLICATE KEY UPDATE id = 3", vec!["follower", "master"]),
        ("REPLACE INTO master VALUES (1)", vec!["follower", "master"]),
        ("DELETE FROM tree", vec!["tree"]),
        ("WITH x AS (SELECT 1) DELETE FROM child", vec!["child"]),
        ("UPDATE child SET id = 1", vec!["child", "grandchild"]),
        // Triggers, views, functions.
        ("INSERT INTO orders VALUES (1)", vec!["audit", "orders"]),
        // (The view names the schema, and a table is called like it.)
        ("INSERT INTO open_orders VALUES (1)", vec!["audit", "orders", "shop"]),
        ("DELETE FROM newest", vec!["audit", "numbers", "orders", "shop"]),
        ("UPDATE lonely SET a = next_number()", vec!["lonely", "numbers"]),
    ] {
        let touched = reach(sql, DEFINE);
        assert_eq!(names(&touched.rows), rows, "{sql}");
        assert!(touched.definitions.is_empty() && !touched.commits_itself, "{sql}");
    }
}

#[test]
fn a_table_without_transactions_makes_the_statement_commit() {
    assert!(reach("INSERT INTO journal VALUES (1)", CHANGE).commits_itself);
    assert!(reach("INSERT INTO lonely SELECT * FROM journal", CHANGE).commits_itself);
    assert!(!reach("INSERT INTO lonely VALUES (1)", CHANGE).commits_itself);
    assert!(reach("ALTER TABLE journal ENGINE=InnoDB", CHANGE).commits_itself);
}

#[test]
fn a_schema_change_touches_its_object_and_who_refers_to_it() {
    for (sql, rows, definitions) in [
        ("ALTER TABLE parent ADD a INT", vec!["parent"], vec!["child", "parent"]),
        ("ALTER TABLE PARENT RENAME TO elder", vec!["parent"], vec!["child", "elder", "parent"]),
        ("RENAME TABLE parent TO elder", vec!["parent"], vec!["child", "elder", "parent"]),
        ("DROP TABLE parent", vec!["parent"], vec!["child", "parent"]),
        ("TRUNCATE parent", vec!["parent"], vec!["child", "parent"]),
        ("CREATE INDEX i ON lonely (a)", vec!["lonely"], vec!["lonely"]),
        ("DROP INDEX i ON lonely", vec!["lonely"], vec!["lonely"]),
        ("ALTER TABLE lonely ADD FOREIGN KEY (a) REFERENCES parent (id)", vec!["lonely"], vec!["lonely"]),
        ("OPTIMIZE TABLE lonely", vec![], vec!["lonely"]),
        ("REPAIR TABLE lonely", vec!["lonely"], vec!["lonely"]),
        ("CREATE TABLE x (a INT REFERENCES parent (id))", vec![], vec!["x"]),
        ("CREATE TABLE IF NOT EXISTS lonely (a INT)", vec![], vec!["lonely"]),
        ("CREATE TABLE x SELECT * FROM parent", vec!["x"], vec!["x"]),
        ("CREATE TABLE x SELECT next_number() AS n FROM parent", vec!["numbers", "x"], vec!["x"]),
        ("ALTER DATABASE CHARACTER SET utf8mb4", vec![], vec![]),
        ("CREATE VIEW v AS SELECT * FROM parent", vec![], vec![]),
        ("CREATE TRIGGER g AFTER INSERT ON lonely FOR EACH ROW DELETE FROM parent", vec![], vec!["lonely"]),
        (
            "CREATE OR REPLACE TRIGGER note AFTER INSERT ON lonely FOR EACH ROW DELETE FROM parent",
            vec![],
            vec!["lonely", "orders"],
        ),
        ("DROP TRIGGER note", vec![], vec!["orders"]),
        ("DROP PROCEDURE p", vec![], vec![]),
    ] {
        let touched = reach(sql, DEFINE);
        assert_eq!((names(&touched.rows), names(&touched.definitions)), (rows, definitions), "{sql}");
        assert!(touched.commits_itself, "{sql}");
    }
}

#[test]
fn a_view_that_is_reached_twice_hands_on_the_stronger_change() {
    let mut catalog = catalog();
    let view = "CREATE VIEW `parents` AS select * from `parent`";
    catalog.views.insert("parents".to_owned(), program("parents", view));
    let body = "CREATE TRIGGER `t` AFTER INSERT ON `spring` FOR EACH ROW DELETE FROM parents";
    add(&mut catalog, Table { triggers: vec![program("t", body)], ..table("spring") });
    let statement = one("INSERT INTO spring SELECT * FROM parents", CHANGE);
    let touched = touched(&statement, CHANGE, &catalog, &schemas()).unwrap();
    assert_eq!(names(&touched.rows), ["child", "grandchild", "parent", "spring"]);
}

#[test]
fn a_thousand_views_of_each_other_are_walked() {
    let mut catalog = catalog();
    for n in 0..1_000 {
        let (name, next) = (format!("view_{n}"), format!("view_{}", (n + 1) % 1_000));
        let definition = format!("CREATE VIEW `{name}` AS select * from `{next}`");
        catalog.views.insert(name.clone(), program(&name, &definition));
    }
    let last = program("view_999", "CREATE VIEW `view_999` AS select * from `view_0`, `lonely`");
    catalog.views.insert("view_999".to_owned(), last);
    let statement = one("DELETE FROM view_0", CHANGE);
    assert_eq!(names(&touched(&statement, CHANGE, &catalog, &schemas()).unwrap().rows), ["lonely"]);
}

#[test]
fn names_in_bodies_are_found_however_they_are_written() {
    let mut catalog = catalog();
    let body = "CREATE TRIGGER `t` AFTER INSERT ON `spring` FOR EACH ROW BEGIN /*!50000 DELETE FROM `Odd Name` */;\
                DELETE FROM \"größe\"; DELETE FROM shop.MASTER;END";
    add(&mut catalog, Table { triggers: vec![program("t", body)], ..table("spring") });
    let statement = one("INSERT INTO spring VALUES (1)", CHANGE);
    let rows = touched(&statement, CHANGE, &catalog, &schemas()).unwrap().rows;
    assert_eq!(names(&rows), ["follower", "größe", "master", "odd name", "shop", "spring"]);
}
