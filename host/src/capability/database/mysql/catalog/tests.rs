//! Every definition as the server shows it, on a real one.

use std::collections::BTreeSet;
use std::time::Instant;

use super::super::link::{Account, Link};
use super::super::testing::{TestSchema, server};
use super::Catalog;

fn read(schema: &TestSchema) -> Catalog {
    Catalog::read(&mut schema.link(), &schema.config()).unwrap()
}

#[test]
fn a_program_that_the_account_cannot_see_is_named_and_stops_the_reading() {
    let Some(server) = server() else { return };
    let programs = [
        ("function hidden", "CREATE FUNCTION hidden() RETURNS INT RETURN 1", "EXECUTE ON schema.*"),
        ("view hidden", "CREATE VIEW hidden AS SELECT 1 AS one", "SELECT ON schema.*"),
    ];
    for (object, program, rights) in programs {
        let schema = server.schema(&[program]);
        let (config, _account) = schema.account(&[rights]);
        let fault = Catalog::read(&mut Link::open(&config, Account::Host).unwrap(), &config).unwrap_err();
        assert_eq!(fault.code, "definition-unreadable");
        assert!(fault.message.contains(object), "{fault}");
    }
}

#[test]
fn a_view_whose_table_is_gone_is_shown() {
    let Some(server) = server() else { return };
    let schema = server.schema(&["CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t", "DROP TABLE t"]);
    assert!(read(&schema).views["v"].definition.contains("`t`.`a` AS `a` from `t`"));
}

#[test]
fn settings_of_the_session_change_no_definition_and_are_put_back() {
    let Some(server) = server() else { return };
    let schema =
        server.schema(&["CREATE TABLE `a``b` (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(9) DEFAULT 'x\\\\y')"]);
    let plain = read(&schema);
    let config = schema.config();
    let mut link = schema.link();
    let odd = "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ORACLE', sql_quote_show_create = 0, character_set_results = latin1";
    link.run(odd).unwrap();
    let settings = "SELECT @@sql_mode, @@sql_quote_show_create, @@character_set_results";
    let before = link.rows(settings).unwrap();
    assert_eq!(Catalog::read(&mut link, &config).unwrap(), plain);
    assert_eq!(format!("{:?}", link.rows(settings).unwrap()), format!("{before:?}"));
}

#[test]
fn next_ids_are_live_and_no_part_of_a_definition() {
    let Some(server) = server() else { return };
    let comment =
        "CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY COMMENT ' AUTO_INCREMENT=5') COMMENT ' AUTO_INCREMENT=5'";
    let schema = server.schema(&[comment]);
    let (config, mut link) = (schema.config(), schema.link());
    let before = Catalog::read(&mut link, &config).unwrap();
    assert_eq!(before.tables["t"].definition.matches(" AUTO_INCREMENT=5").count(), 2);
    for (sql, next) in [("INSERT INTO t VALUES (7)", 8), ("ALTER TABLE t AUTO_INCREMENT = 20", 20)] {
        schema.run(sql);
        assert_eq!(Catalog::next_ids(&mut link, &config).unwrap(), [("t".to_owned(), next)].into());
        assert_eq!(Catalog::read(&mut link, &config).unwrap(), before);
    }
}

#[test]
fn our_own_table_is_not_in_it() {
    let Some(server) = server() else { return };
    let schema = server.schema(&["CREATE TABLE liftlock_marker (run INT AUTO_INCREMENT PRIMARY KEY)"]);
    assert!(read(&schema).objects().is_empty());
    assert!(Catalog::next_ids(&mut schema.link(), &schema.config()).unwrap().is_empty());
}

#[test]
fn a_table_made_again_from_its_definition_is_the_same_table() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE p (id INT UNSIGNED PRIMARY KEY, n INT, UNIQUE KEY (n))",
        "CREATE TABLE `zoo, ``of` (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, pid INT UNSIGNED DEFAULT NULL,
            b BINARY(3) DEFAULT x'ff00fe', c VARBINARY(9) DEFAULT x'c3a927', l VARCHAR(9) CHARACTER SET latin1 DEFAULT 'é',
            `a\nb` VARCHAR(40) NOT NULL DEFAULT 'it''s \\\\ \n``, KEY `x` (`id`)' COMMENT 'x,\n  KEY `no` (`id`)',
            g INT AS (pid + 1) VIRTUAL, h VARCHAR(20) AS (CONCAT(l, 'x')) STORED, i INT INVISIBLE DEFAULT 4,
            j JSON, e ENUM('a','b,''c') NOT NULL DEFAULT 'a', t TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
            PRIMARY KEY (id, pid), UNIQUE KEY `u``1` (e, `a\nb`(10)), KEY (g), FULLTEXT KEY f (l),
            CONSTRAINT `fk, 1` FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE ON UPDATE NO ACTION,
            CHECK (pid <> 7)) AUTO_INCREMENT=5 COMMENT='AUTO_INCREMENT=6'",
        "CREATE TABLE parts (a INT PRIMARY KEY, b INT) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    ]);
    let before = read(&schema);
    let mut link = schema.link();
    link.run("SET foreign_key_checks = 0, sql_mode = ''").unwrap();
    for table in before.tables.values() {
        link.run(format!("DROP TABLE {}", super::quoted(&table.name))).unwrap();
        link.run(&table.definition).unwrap();
    }
    assert_eq!(read(&schema), before);
    let zoo = &before.tables["zoo, `of"];
    assert_eq!(zoo.key, ["id", "pid"]);
    let column = |name: &str| zoo.columns.iter().find(|column| column.definition.name == name).unwrap();
    assert_eq!(column("id").definition.declared, "bigint(20) unsigned");
    assert_eq!((column("id").definition.primary_key, column("pid").definition.primary_key), (1, 2));
    assert_eq!((column("g").generated, column("h").generated, column("i").generated), (true, true, false));
    assert_eq!((column("l").charset.as_deref(), column("b").charset.as_deref()), (Some("latin1"), None));
    assert_eq!(column("t").definition.default.as_deref(), Some("current_timestamp(6)"));
    assert_eq!(column("j").definition.default, None);
    assert_eq!(column("a\nb").definition.extra.last().unwrap().1, "x,\n  KEY `no` (`id`)");
    let [key] = &zoo.foreign_keys[..] else { panic!("{:?}", zoo.foreign_keys) };
    assert_eq!((key.name.as_str(), key.references.as_str(), key.on_delete.as_str()), ("fk, 1", "p", "CASCADE"));
    assert_eq!((key.columns.clone(), key.referenced_columns.clone()), (vec!["pid".to_owned()], vec!["id".to_owned()]));
}

#[test]
fn programs_come_with_their_settings_and_triggers_in_the_order_in_which_they_fire() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE t (a INT)",
        "SET sql_mode = 'ANSI_QUOTES'",
        "CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2",
        "CREATE TRIGGER m BEFORE INSERT ON t FOR EACH ROW PRECEDES a SET NEW.a = 'é'",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE FUNCTION p() RETURNS INT RETURN 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t",
        "CREATE SEQUENCE s",
    ]);
    let catalog = read(&schema);
    let triggers = &catalog.tables["t"].triggers;
    assert_eq!(triggers.iter().map(|trigger| trigger.name.as_str()).collect::<Vec<_>>(), ["z", "m", "a"]);
    assert!(triggers[1].sql_mode.contains("ANSI_QUOTES") && triggers[1].definition.contains('é'));
    assert_eq!(triggers[0].collations[0], "utf8mb4");
    assert_eq!(catalog.routines.keys().collect::<Vec<_>>(), ["function p", "procedure p", "sequence s"]);
    assert_eq!(catalog.events["e"].time_zone, "SYSTEM");
    assert!(!catalog.views["v"].definition.contains(&schema.name), "{}", catalog.views["v"].definition);
    let objects: Vec<_> = catalog.objects().into_iter().map(|o| (o.kind, o.name)).collect();
    let shown: Vec<_> = objects.iter().map(|(kind, name)| format!("{kind} {name}")).collect();
    assert_eq!(shown, ["table t", "trigger a", "trigger m", "trigger z", "view v"]);
}

#[test]
fn some_tables_are_read_alone_and_a_name_that_is_not_there_is_left_out() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE a (a INT)",
        "CREATE TABLE `b'\\\\` (a INT)",
        "CREATE TRIGGER t AFTER DELETE ON a FOR EACH ROW SET @x = 1",
        "CREATE TRIGGER u AFTER DELETE ON `b'\\\\` FOR EACH ROW SET @x = 1",
    ]);
    let all = read(&schema);
    let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let some =
        |names: &[&str]| Catalog::read_tables(&mut schema.link(), &schema.config(), Some(&wanted(names))).unwrap();
    assert!(some(&[]).tables.is_empty());
    for name in ["a", "b'\\\\"] {
        let found = some(&[name, "gone"]).tables;
        assert_eq!(found.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(found[name], all.tables[name]);
    }
}

#[test]
fn reading_takes_a_fraction_of_a_millisecond_for_each_table() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[]);
    let mut link = schema.link();
    link.run("SET foreign_key_checks = 0").unwrap();
    let columns: String = (0..25).map(|n| format!("c{n} VARCHAR(190), ")).collect();
    for n in 0..50 {
        let parent = n - i32::from(n > 0);
        let sql = format!(
            "CREATE TABLE t{n} (id INT PRIMARY KEY, p INT, {columns} KEY (c1), KEY (c2), FOREIGN KEY (p) REFERENCES t{parent} (id)) ENGINE=InnoDB"
        );
        link.run(&sql).unwrap();
    }
    let config = schema.config();
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(Catalog::read(&mut link, &config).unwrap().tables.len(), 50);
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("50 tables of 27 columns: {:?} (best of 5), {:?} at most", times[0], times[4]);
    // Not the goal, which is a tenth of it: a machine that does much else must not fail a test.
    assert!(times[0].as_millis() < 500);
}
