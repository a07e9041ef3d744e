//! kill -9 at every numbered point, in a process of its own, and once more until it gets through.

use std::process::{Command, ExitStatus};

use super::*;
use crate::capability::database::mysql::{Credentials, Place, Server, Tls};
use crate::io::fault;

/// Tells a test that it is the child, and what it is to do.
const JOB: &str = "LIFTLOCK_TEST_RESTORE_JOB";

/// Runs [`the_child_of_the_other_tests`] in a process that dies at the n-th point.
fn child(zoo: &Zoo, job: &Value, n: usize) -> ExitStatus {
    let Place::Socket(socket) = &zoo.config.server.place else { panic!("not a socket") };
    let name = std::any::type_name_of_val(&the_child_of_the_other_tests);
    let (_, name) = name.split_once("::").unwrap();
    let job = serde_json::json!({
        "socket": socket, "schema": zoo.schema.name, "restore": zoo.config.restore, "run": zoo.config.run, "job": job,
        "fault": format!("{n}:kill"),
    });
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--test-threads=1"]).env(JOB, job.to_string());
    command.stdout(std::process::Stdio::null()).status().unwrap()
}

#[test]
fn the_child_of_the_other_tests() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: Value = serde_json::from_str(&job).unwrap();
    let text = |name: &str| job[name].as_str().unwrap().to_owned();
    let config = MysqlConfig {
        name: "main".to_owned(),
        server: Server {
            place: Place::Socket(text("socket").into()),
            schema: text("schema"),
            account: Credentials { user: "root".to_owned(), password: String::new() },
            stage_account: None,
            tls: Tls::Off,
        },
        foreign_keys: true,
        sql_mode: None,
        statement_time: std::time::Duration::from_secs(20),
        result_bytes: 10 << 20,
        spool_bytes: 10 << 20,
        spool: std::path::PathBuf::new(),
        restore: text("restore").into(),
        stop: Default::default(),
        meter: Default::default(),
        run: text("run"),
    };
    let mut link = Link::open(&config, super::super::super::link::Account::Host).unwrap();
    fault::arm(&text("fault")).unwrap();
    match &job["job"]["touch"] {
        Value::Array(tables) => {
            let rows = tables.iter().map(|table| table.as_str().unwrap().to_owned()).collect();
            let catalog = Catalog::read(&mut link, &config).unwrap();
            before_touch(&config, &catalog, &Touched { rows, ..Touched::default() }).unwrap();
        }
        _ => put_back(&mut link, &config, &job["job"]["undo"]).unwrap(),
    }
}

/// Kills at point 1, 2, 3 … until a child gets through. Returns how many were killed.
fn kill_everywhere(zoo: &Zoo, job: &Value, step: usize, after: impl Fn(usize)) -> usize {
    for n in (1..).step_by(step) {
        let status = child(zoo, job, n);
        if status.success() {
            return n / step;
        }
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "at point {n}");
        after(n);
        assert!(n < 10_000);
    }
    0
}

#[test]
fn killed_anywhere_while_tables_are_saved_it_is_done_again() {
    let Some(zoo) = Zoo::new() else { return };
    let job = serde_json::json!({ "touch": ["pr", "cd", "lost", "anew"] });
    let killed = kill_everywhere(&zoo, &job, 1, |_| {});
    zoo.change(&["pr", "cd", "lost", "grand", "audit"], "DELETE FROM pr WHERE id = 2");
    zoo.change(&["anew"], "DROP TABLE anew");
    zoo.expect_undone();
    println!("killed {killed} times while saving");
}

#[test]
fn killed_anywhere_in_undo_it_is_done_again_and_everything_is_as_it_was() {
    let Some(zoo) = Zoo::new() else { return };
    let job = serde_json::json!({ "undo": zoo.saved });
    change_everything(&zoo);
    let mut again = 0;
    let killed = kill_everywhere(&zoo, &job, 1, |n| {
        // Whatever it left: undo from here now and then, and then from a changed schema again.
        if n % 8 == 0 {
            zoo.undo().unwrap_or_else(|fault| panic!("after a kill at {n}: {fault:?}"));
            assert_eq!(zoo.now(), zoo.before, "after a kill at {n}");
            change_everything(&zoo);
        }
    });
    again += killed;
    assert_eq!(zoo.now(), zoo.before);
    println!("killed {again} times in undo");
}

/// Some of everything. It may be done to the start only.
fn change_everything(zoo: &Zoo) {
    zoo.change(&["pr", "cd", "grand", "audit"], "DELETE FROM pr WHERE id = 2");
    zoo.change(&["pr", "pr_old"], "RENAME TABLE pr TO pr_old");
    zoo.change(&["pr"], "CREATE TABLE pr (id INT UNSIGNED PRIMARY KEY)");
    zoo.change(&["anew"], "DROP TABLE anew");
    zoo.change(&["anew"], "CREATE TABLE anew (other DATE)");
    zoo.define(&[
        "DROP VIEW a_names",
        "CREATE VIEW b_names AS SELECT 1",
        "DROP FUNCTION twice",
        "ALTER DATABASE CHARACTER SET latin1",
        "DROP EVENT nightly",
    ]);
}
