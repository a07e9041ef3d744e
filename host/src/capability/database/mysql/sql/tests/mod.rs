//! What the wall lets through, and what not.

mod closing;
mod lexing;
mod programs;
mod refusing;
mod schemas;
mod server;
mod sorting;

use super::*;
use crate::capability::database::ForeignKey;
use crate::capability::database::mysql::catalog::{Program, Table};

const CHANGE: Use = Use::Execute { define: false };
const DEFINE: Use = Use::Execute { define: true };

/// Our schema is "shop"; "blog" is another one that the account sees.
fn schemas() -> Vec<String> {
    ["shop", "blog", "information_schema", "ORDER"].map(str::to_owned).to_vec()
}

fn refusal(sql: &str, used: Use) -> Failure {
    guard(sql, used).expect_err(sql)
}

/// What both walls say together, as the session asks them.
fn guard(sql: &str, used: Use) -> Result<Vec<Touched>, Failure> {
    parse(sql, used)?.iter().map(|one| touched(one, used, &catalog(), &schemas())).collect()
}

fn texts(sql: &str, used: Use) -> Vec<String> {
    parse(sql, used).unwrap_or_else(|failure| panic!("{sql}: {failure:?}")).into_iter().map(|one| one.text).collect()
}

fn one(sql: &str, used: Use) -> Parsed {
    let mut all = parse(sql, used).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
    assert_eq!(all.len(), 1, "{sql}");
    all.remove(0)
}

/// parent ← child (delete cascades) ← grandchild (update sets null); renamed ← follower (update cascades). A trigger on
/// `orders` writes to `audit`; the function `next_number` writes to `numbers`; `open_orders` is a view of `orders`.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for name in ["audit", "numbers", "lonely", "odd name", "größe", "shop"] {
        add(&mut catalog, table(name));
    }
    add(&mut catalog, table("parent"));
    add(&mut catalog, with_key(table("child"), "parent", "CASCADE", "RESTRICT"));
    add(&mut catalog, with_key(table("grandchild"), "child", "NO ACTION", "SET NULL"));
    add(&mut catalog, table("master"));
    add(&mut catalog, with_key(table("follower"), "master", "RESTRICT", "CASCADE"));
    add(&mut catalog, with_key(table("tree"), "tree", "CASCADE", "CASCADE"));
    add(&mut catalog, Table { transactional: false, engine: "MyISAM".to_owned(), ..table("journal") });
    let body =
        "CREATE DEFINER=`a`@`b` TRIGGER `note` AFTER INSERT ON `orders` FOR EACH ROW INSERT INTO `audit` VALUES (1)";
    add(&mut catalog, Table { triggers: vec![program("note", body)], ..table("orders") });
    let body = "CREATE TRIGGER leak AFTER INSERT ON spied FOR EACH ROW INSERT INTO `blog`.posts VALUES (1)";
    add(&mut catalog, Table { triggers: vec![program("leak", body)], ..table("spied") });
    let view = "CREATE VIEW `open_orders` AS select `shop`.`orders`.`id` AS `id` from `shop`.`orders`";
    catalog.views.insert("open_orders".to_owned(), program("open_orders", view));
    let view = "CREATE VIEW `newest` AS select * from `shop`.`open_orders` where `next_number`() > 1";
    catalog.views.insert("newest".to_owned(), program("newest", view));
    let function = "CREATE FUNCTION `next_number`() RETURNS int BEGIN UPDATE numbers SET n = n + 1; RETURN 1; END";
    catalog.routines.insert("function next_number".to_owned(), program("next_number", function));
    catalog
}

fn add(catalog: &mut Catalog, table: Table) {
    catalog.tables.insert(table.name.clone(), table);
}

fn table(name: &str) -> Table {
    Table {
        name: name.to_owned(),
        definition: String::new(),
        engine: "InnoDB".to_owned(),
        transactional: true,
        columns: Vec::new(),
        key: Vec::new(),
        foreign_keys: Vec::new(),
        triggers: Vec::new(),
    }
}

fn with_key(mut table: Table, parent: &str, on_delete: &str, on_update: &str) -> Table {
    table.foreign_keys.push(ForeignKey {
        name: format!("fk_{parent}"),
        columns: vec!["p".to_owned()],
        references: parent.to_owned(),
        referenced_columns: vec!["id".to_owned()],
        on_delete: on_delete.to_owned(),
        on_update: on_update.to_owned(),
        extra: Vec::new(),
    });
    table
}

fn program(name: &str, definition: &str) -> Program {
    Program {
        name: name.to_owned(),
        definition: definition.to_owned(),
        sql_mode: String::new(),
        time_zone: String::new(),
        collations: Default::default(),
    }
}
