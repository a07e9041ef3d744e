//! Changes of a run, and the schema as it was.

use std::sync::atomic::Ordering;

use super::*;

#[test]
fn nothing_is_touched_without_a_restore_point() {
    let Some(zoo) = Zoo::new() else { return };
    std::fs::remove_file(zoo.config.restore.join("catalog.json")).unwrap();
    assert_eq!(zoo.touch(&["alone"]).unwrap_err().code, "internal");
}

#[test]
fn a_restore_point_in_use_is_not_begun_again() {
    let Some(zoo) = Zoo::new() else { return };
    assert_eq!(begin(&mut zoo.schema.link(), &zoo.config).unwrap(), zoo.saved, "nothing is saved yet");
    zoo.change(&["alone"], "DELETE FROM alone");
    begin(&mut zoo.schema.link(), &zoo.config).unwrap_err();
    zoo.expect_undone();
}

#[test]
fn a_table_that_somebody_else_has_altered_is_not_saved_as_if_it_were_old() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.schema.run("ALTER TABLE alone ADD COLUMN foreign_write INT");
    let fault = zoo.touch(&["alone"]).unwrap_err();
    assert_eq!(fault.code, "foreign-write");
    assert!(fault.message.contains("main.alone"));
    zoo.schema.run("DROP TABLE alone");
    assert_eq!(zoo.touch(&["alone"]).unwrap_err().code, "foreign-write");
}

#[test]
fn what_cannot_be_put_back_is_named_and_the_rest_is_put_back() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["anew"], "DROP TABLE anew");
    // Not touches of the run: nobody has asked.
    zoo.schema.run("ALTER TABLE alone ADD COLUMN foreign_write INT");
    zoo.schema.run("DROP TABLE plain");
    let fault = zoo.undo().unwrap_err();
    assert_eq!(fault.code, "restore-failed");
    assert!(fault.message.contains("the table alone is defined otherwise; the table plain is missing"), "{fault}");
    assert_eq!(zoo.schema.rows("SELECT old FROM anew ORDER BY id"), [["a"], ["b"]]);
}

#[test]
fn rows_that_come_back_without_those_they_refer_to_are_noticed() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["pr", "cd", "grand", "audit"], "DELETE FROM pr WHERE id = 1");
    // The table is not touched by the run: undo leaves it alone, but it refers to one that comes back.
    zoo.schema.run("INSERT INTO lost VALUES (3, 3)");
    zoo.schema.run("SET STATEMENT foreign_key_checks = 0 FOR UPDATE lost SET pr_id = 99 WHERE id = 3");
    let fault = zoo.undo().unwrap_err();
    assert_eq!(fault.code, "restore-failed");
    assert!(fault.message.contains("2 rows of lost refer to no row of pr by lost_pr, were 1"), "{fault}");
}

#[test]
fn a_stop_is_heard_between_tables_and_undo_goes_on_afterwards() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["alone", "anew"], "DELETE FROM alone");
    zoo.config.stop.store(true, Ordering::Relaxed);
    assert_eq!(zoo.undo().unwrap_err().code, "interrupted");
    zoo.config.stop.store(false, Ordering::Relaxed);
    zoo.expect_undone();
}

#[test]
fn an_untouched_schema_stays_untouched() {
    let Some(zoo) = Zoo::new() else { return };
    let made = zoo.schema.rows("SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()");
    zoo.expect_undone();
    let now = zoo.schema.rows("SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()");
    assert_eq!(now, made);
}

#[test]
fn an_open_transaction_of_the_run_itself_does_not_block_its_undo() {
    let Some(zoo) = Zoo::new() else { return };
    let mut link = zoo.locked();
    zoo.touch(&["alone"]).unwrap();
    link.run("START TRANSACTION").unwrap();
    link.run("DELETE FROM alone").unwrap();
    put_back(&mut link, &zoo.config, &zoo.saved).unwrap();
    assert_eq!(zoo.now(), zoo.before);
}

#[test]
fn rows_and_what_cascades_and_triggers_wrote_come_back() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["pr", "cd", "grand", "audit"], "DELETE FROM pr WHERE id = 2");
    zoo.change(&["pr", "cd", "audit"], "UPDATE pr SET id = id + 100, name = CONCAT(name, '!')");
    zoo.change(&["tree"], "INSERT INTO tree VALUES (4, 3)");
    zoo.change(&["ring_a", "ring_b"], "UPDATE ring_a SET b = NULL");
    zoo.change(&["ring_b"], "DELETE FROM ring_b");
    zoo.change(&["plain"], "INSERT INTO plain VALUES (2, 2)");
    zoo.change(&["odd `name`/.."], "DELETE FROM `odd ``name``/..`");
    zoo.change(&["anew"], "TRUNCATE anew");
    zoo.expect_undone();
    let audit = zoo.schema.rows("SELECT COUNT(*) FROM audit");
    assert_eq!(audit, [["0"]], "putting rows back fires no triggers");
}

#[test]
fn what_the_guard_says_is_touched_is_enough_to_undo_everything() {
    let Some(zoo) = Zoo::new() else { return };
    for sql in [
        "DELETE FROM pr WHERE id = 1",
        "UPDATE z_names SET name = 'through a view' WHERE id = 2",
        "REPLACE INTO pr (id, name) VALUES (3, 'anew')",
        "INSERT INTO alone (f) VALUES (1.5)",
        "INSERT INTO plain VALUES (9, 9)",
        "UPDATE ring_b SET a = NULL",
        "ALTER TABLE pr RENAME TO pr_old",
        "CREATE TABLE pr (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, more TEXT)",
        "INSERT INTO pr (more) SELECT name FROM pr_old",
        "ALTER TABLE lost DROP FOREIGN KEY lost_pr",
        "DELETE FROM twin_b",
        "ALTER TABLE twin_b ADD CONSTRAINT lost_pr FOREIGN KEY (v) REFERENCES anew (id)",
        "DROP TABLE twin_a",
        "RENAME TABLE twin_b TO twin_a",
        "CREATE INDEX by_value ON twin_a (v)",
        "TRUNCATE TABLE tree",
        "ALTER TABLE anew CONVERT TO CHARACTER SET latin1",
        "ALTER TABLE audit AUTO_INCREMENT = 500",
        "OPTIMIZE TABLE plain",
        "CREATE TABLE copied SELECT * FROM alone",
        "DROP TABLE grand",
        "DROP TABLE cd",
        "CREATE TABLE grand (a INT)",
        "DROP TABLE `odd ``name``/..`",
        "DROP TRIGGER pr_a",
        "CREATE TRIGGER pr_a BEFORE INSERT ON twin_a FOR EACH ROW INSERT INTO plain VALUES (NEW.id, 1)",
        "INSERT INTO twin_a VALUES (7, 1)",
        "DROP VIEW a_names",
        "CREATE OR REPLACE VIEW z_names AS SELECT 1 AS one",
        "DROP PROCEDURE tidy",
        "DROP EVENT nightly",
    ] {
        zoo.execute(sql);
    }
    assert_ne!(zoo.now(), zoo.before);
    zoo.expect_undone();
}

#[test]
fn a_renamed_parent_and_its_untouched_child_find_each_other_again() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["pr", "pr_old"], "RENAME TABLE pr TO pr_old");
    zoo.change(&["pr"], "CREATE TABLE pr (id INT UNSIGNED PRIMARY KEY)");
    zoo.expect_undone();
    zoo.change(&["pr", "pr_old"], "RENAME TABLE pr TO pr_old");
    zoo.change(&["pr"], "CREATE TABLE pr (id INT UNSIGNED PRIMARY KEY)");
    zoo.change(&["pr", "pr_old"], "INSERT INTO pr SELECT id FROM pr_old");
    let refused = zoo.schema.link().run("INSERT INTO cd (pr_id) VALUES (3)");
    assert!(refused.is_ok(), "it refers to pr_old, where 3 is");
    zoo.schema.run("DELETE FROM cd WHERE id > 4");
    zoo.schema.run("ALTER TABLE cd AUTO_INCREMENT = 5");
    // A child that is touched only now, when its key is rewritten already.
    zoo.change(&["lost"], "DELETE FROM lost");
    zoo.expect_undone();
    zoo.schema.run("INSERT INTO cd (pr_id) VALUES (3)");
    zoo.schema.link().run("INSERT INTO cd (pr_id) VALUES (44)").unwrap_err();
    zoo.schema.run("DELETE FROM pr WHERE id = 3");
    assert_eq!(zoo.schema.rows("SELECT COUNT(*) FROM cd WHERE pr_id = 3"), [["0"]], "it cascades again");
}

#[test]
fn tables_made_anew_swapped_and_altered_come_back() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["anew"], "DROP TABLE anew");
    zoo.change(
        &["anew"],
        "CREATE TABLE anew (other DATE, ref INT UNSIGNED, CONSTRAINT anew_pr FOREIGN KEY (ref) REFERENCES pr (id))",
    );
    zoo.change(&["twin_a", "twin_x"], "RENAME TABLE twin_a TO twin_x");
    zoo.change(&["twin_b", "twin_a"], "RENAME TABLE twin_b TO twin_a");
    zoo.change(&["twin_x", "twin_b"], "RENAME TABLE twin_x TO twin_b");
    zoo.change(&["alone"], "ALTER TABLE alone DROP COLUMN f, ADD COLUMN g JSON, ADD INDEX (b(3)), COMMENT 'new'");
    zoo.change(&["alone"], "INSERT INTO alone (id) VALUES (5000)");
    zoo.change(&["plain"], "ALTER TABLE plain ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4");
    zoo.change(
        &["new"],
        "CREATE TABLE new (id INT PRIMARY KEY, up INT UNSIGNED, CONSTRAINT new_pr FOREIGN KEY (up) REFERENCES pr (id))",
    );
    zoo.change(&["new", "pr"], "INSERT INTO new SELECT id, id FROM pr");
    zoo.expect_undone();
}

#[test]
fn foreign_keys_that_have_changed_tables_go_back() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.change(&["cd"], "ALTER TABLE cd DROP FOREIGN KEY cd_pr");
    zoo.change(&["lost"], "ALTER TABLE lost DROP FOREIGN KEY lost_pr");
    zoo.change(&["tree"], "ALTER TABLE tree DROP FOREIGN KEY tree_up");
    zoo.change(&["twin_a"], "SET STATEMENT foreign_key_checks = 0 FOR ALTER TABLE twin_a ADD CONSTRAINT cd_pr FOREIGN KEY (v) REFERENCES anew (id) ON DELETE CASCADE");
    zoo.expect_undone();
}

#[test]
fn programs_come_back_as_they_were_with_modes_collations_and_order() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.define(&[
        "DROP TRIGGER pr_z",
        "CREATE TRIGGER pr_z AFTER UPDATE ON pr FOR EACH ROW INSERT INTO audit (what) VALUES ('later')",
        "DROP TRIGGER pr_del",
        "CREATE TRIGGER pr_del BEFORE DELETE ON twin_a FOR EACH ROW SET @a = 1",
        "DROP FUNCTION twice",
        "DROP PROCEDURE tidy",
        "CREATE PROCEDURE tidy () SELECT 1",
        "CREATE PROCEDURE more () SELECT 1",
        "DROP VIEW a_names, z_names",
        "CREATE VIEW z_names AS SELECT 1 AS other",
        "CREATE VIEW b_names AS SELECT * FROM z_names",
        "ALTER EVENT nightly COMMENT 'changed'",
        "CREATE EVENT more ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM audit",
        "ALTER DATABASE CHARACTER SET latin1",
    ]);
    zoo.expect_undone();
}

#[test]
fn a_dropped_table_takes_its_triggers_along_and_both_come_back() {
    let Some(zoo) = Zoo::new() else { return };
    zoo.define(&["ALTER DATABASE COLLATE utf8mb4_unicode_ci"]);
    zoo.change(&["pr"], "SET STATEMENT foreign_key_checks = 0 FOR DROP TABLE pr");
    zoo.define(&["CREATE TRIGGER pr_z BEFORE INSERT ON twin_b FOR EACH ROW SET @a = 1"]);
    zoo.change(&["audit"], "ALTER TABLE audit CONVERT TO CHARACTER SET latin1");
    zoo.expect_undone();
}

#[test]
fn a_program_of_somebody_else_that_we_may_not_make_is_said_and_made_later_by_one_who_may() {
    let Some(zoo) = Zoo::new() else { return };
    let (mut config, account) = zoo.schema.account(&["ALL ON schema.*", "SELECT ON mysql.proc"]);
    config.restore.clone_from(&zoo.config.restore);
    zoo.define(&["DROP PROCEDURE tidy", "DROP FUNCTION twice"]);
    let mut link = Link::open(&config, super::super::super::link::Account::Host).unwrap();
    let fault = put_back(&mut link, &config, &zoo.saved).unwrap_err();
    assert_eq!(fault.code, "restore-failed", "{fault}");
    assert!(fault.message.contains("making the procedure tidy"), "{fault}");
    drop((link, account));
    zoo.expect_undone();
}

#[test]
fn what_the_run_made_itself_is_not_saved_and_old_tables_are_saved_once() {
    let Some(zoo) = Zoo::new() else { return };
    let saved = || {
        let places = std::fs::read_dir(zoo.config.restore.join("tables")).unwrap();
        let mut names: Vec<_> =
            places.map(|place| place.unwrap().path()).filter(|place| place.join("saved").is_dir()).collect();
        names.sort();
        names
            .iter()
            .map(|place| place.file_name().unwrap().to_string_lossy().split('-').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    zoo.change(&["made"], "CREATE TABLE made (id INT PRIMARY KEY)");
    zoo.change(&["made"], "INSERT INTO made VALUES (1)");
    assert_eq!(saved(), [""; 0]);
    zoo.change(&["alone", "anew", "made"], "UPDATE alone, anew, made SET alone.b = 'x', anew.old = 'y'");
    assert_eq!(saved(), ["alone", "anew"]);
    zoo.change(&["alone"], "DROP TABLE alone");
    zoo.change(&["made", "alone"], "RENAME TABLE made TO alone");
    zoo.change(&["alone"], "INSERT INTO alone VALUES (2)");
    assert_eq!(saved(), ["alone", "anew"]);
    zoo.expect_undone();
}
