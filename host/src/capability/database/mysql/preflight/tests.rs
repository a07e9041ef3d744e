//! Small accounts and strange schemas on a real server. What is refused comes first.

use super::server::Kind;
use super::*;
use crate::capability::database::mysql::testing::{TestSchema, server};

const ALL: &str = "ALL ON schema.*";

/// What an upgrade needs, and TRIGGER.
const ENOUGH: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER ON schema.*";

fn found(config: &MysqlConfig) -> Vec<(Severity, String, String)> {
    let mut link = Link::open(config, Account::Stage).unwrap();
    let found = check(&mut link, config).unwrap();
    found.into_iter().map(|finding| (finding.severity, finding.code, finding.message)).collect()
}

/// "blocking code", for each.
fn codes(config: &MysqlConfig) -> Vec<String> {
    found(config).into_iter().map(|(severity, code, _)| format!("{severity:?} {code}").to_lowercase()).collect()
}

fn of_account(schema: &TestSchema, grants: &[&str]) -> Vec<String> {
    let (config, _account) = schema.account(grants);
    codes(&config)
}

#[test]
fn an_account_without_the_rights_is_refused_with_the_rights_it_lacks() {
    let Some(server) = server() else { return };
    let schema = server.schema(&["CREATE TABLE t (id INT PRIMARY KEY)"]);
    let (config, _account) = schema.account(&["SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX, TRIGGER ON schema.*"]);
    let found = found(&config);
    assert_eq!((found[0].0, found[0].1.as_str()), (Severity::Blocking, "missing-rights"));
    assert!(found[0].2.contains("the account lacks DELETE, DROP, REFERENCES on the schema"), "{}", found[0].2);
    // The stages' account too.
    let (mut config, _enough) = schema.account(&[ENOUGH, "ALL ON `liftlock\\_%`.*"]);
    let (small, _small) = schema.account(&["SELECT ON schema.*"]);
    config.server.stage_account = Some(small.server.account.clone());
    assert_eq!(codes(&config), ["blocking missing-rights"]);
    config.server.stage_account = None;
    assert_eq!(codes(&config), [""; 0]);
}

#[test]
fn shared_hosting_is_told_what_it_loses_and_may_go_on() {
    let Some(server) = server() else { return };
    let schema = server.schema(&["CREATE TABLE t (id INT PRIMARY KEY)"]);
    assert_eq!(of_account(&schema, &[ENOUGH]), ["warning no-clone"]);
    assert_eq!(of_account(&schema, &[ALL]), ["warning no-clone"]);
    // Without TRIGGER, where there are none.
    let no_trigger = ENOUGH.replace(", TRIGGER", "");
    assert_eq!(of_account(&schema, &[&no_trigger]), ["warning no-clone"]);
}

#[test]
fn triggers_that_the_account_cannot_read_are_refused() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE plain (id INT PRIMARY KEY)",
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id + 1",
    ]);
    let no_trigger = ENOUGH.replace(", TRIGGER", "");
    let (config, _account) = schema.account(&[&no_trigger]);
    let hidden = found(&config).into_iter().find(|(severity, ..)| *severity == Severity::Blocking).unwrap();
    assert!(["definition-unreadable", "triggers-unreadable"].contains(&hidden.1.as_str()), "{hidden:?}");
    // Newer servers show the name; the others are seen through by what they load.
    let mut look = Look { link: Link::open(&config, Account::Host).unwrap(), config: &config, found: Vec::new() };
    programs::unseen_triggers(&mut look, &Kind { mariadb: true, version: (10, 5) }).unwrap();
    assert!(look.found[0].message.contains("there are triggers on t that"), "{}", look.found[0].message);
    look.found.clear();
    programs::unseen_triggers(&mut look, &Kind { mariadb: false, version: (8, 0) }).unwrap();
    assert_eq!(look.found[0].code, "triggers-unreadable");
}

#[test]
fn programs_of_missing_and_of_other_definers_are_refused() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE DEFINER = gone@nowhere VIEW v AS SELECT 1 AS a",
        "CREATE DEFINER = gone@nowhere TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.id = 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE VIEW fine AS SELECT 1 AS a",
    ]);
    let (_, _, message) = found(&schema.config()).into_iter().find(|(_, code, _)| code == "definer-missing").unwrap();
    assert!(message.contains("the definer of trigger g, view v is no account"), "{message}");
    // An account that may not read the list of accounts sees it by the view; and the trigger it could not make again.
    let see_all = [ALL, "SELECT ON `liftlock\\_%`.*", "SHOW VIEW ON schema.*"];
    let mine = of_account(&schema, &see_all);
    for code in ["blocking definer-missing", "blocking foreign-definer", "warning foreign-definer"] {
        assert!(mine.contains(&code.to_owned()), "{code}: {mine:?}");
    }
    // And one that may not read a view's text is told so.
    assert!(of_account(&schema, &[ENOUGH]).contains(&"blocking definition-unreadable".to_owned()));
}

#[test]
fn tables_that_undo_cannot_put_back_are_refused_and_those_it_can_only_restore_are_named() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE h (id INT PRIMARY KEY) WITH SYSTEM VERSIONING",
        "CREATE SEQUENCE s",
        "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM",
        "CREATE TABLE a (id INT PRIMARY KEY) ENGINE=Aria",
    ]);
    let found = found(&schema.config());
    let codes: Vec<_> = found.iter().map(|(severity, code, _)| (*severity, code.as_str())).collect();
    let expected = [
        (Severity::Blocking, "system-versioned"),
        (Severity::Blocking, "sequence"),
        (Severity::Warning, "no-transactions"),
    ];
    assert_eq!(codes, expected);
    assert!(found[2].2.contains(": a, m have no transactions"), "{}", found[2].2);
}

#[test]
fn modes_that_change_quotes_are_refused_wherever_they_come_from() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[]);
    let mut config = schema.config();
    for mode in ["ANSI_QUOTES", "STRICT_TRANS_TABLES, no_backslash_escapes", "ORACLE"] {
        config.sql_mode = Some(mode.to_owned());
        assert_eq!(codes(&config), ["blocking unsupported-sql-mode"], "{mode}");
    }
    config.sql_mode = None;
    let mut link = schema.link();
    link.run("SET SESSION sql_mode = 'ANSI'").unwrap();
    assert_eq!(check(&mut link, &config).unwrap()[0].code, "unsupported-sql-mode");
    config.sql_mode = Some("STRICT_ALL_TABLES".to_owned());
    assert_eq!(codes(&config), [""; 0]);
}

#[test]
fn a_schema_like_any_other_is_fine_and_nothing_changes() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.id = 1",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
    ]);
    assert_eq!(found(&schema.config()), []);
    assert_eq!(schema.rows("SHOW TABLES").len(), 2);
}
