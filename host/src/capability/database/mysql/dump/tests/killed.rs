//! Loads that are ended at any moment, and done again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::capability::database::mysql::testing::texts;

/// Ends the sessions of a schema but its own after a while, if the load is not done then.
fn kill_sessions(schema: &TestSchema, wait: Duration, done: &AtomicBool) -> u32 {
    let mut link = schema.link();
    let sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
    std::thread::sleep(wait);
    let mut killed = 0;
    if !done.load(Ordering::Relaxed) {
        for row in link.rows(sql).unwrap() {
            // It may have ended by itself.
            killed += u32::from(link.run(format!("KILL {}", texts(row)[0])).is_ok());
        }
    }
    killed
}

#[test]
fn a_load_whose_sessions_are_killed_at_any_moment_is_done_again() {
    let Some(server) = server() else { return };
    let schema = server.schema(&[]);
    let mut link = schema.link();
    link.run("SET @leads = 20000, @hits = 12000").unwrap();
    for statement in include_str!("mautic.sql").split(";\n").filter(|statement| !statement.trim().is_empty()) {
        link.run(statement).unwrap();
    }
    link.run(
        "CREATE TRIGGER seen AFTER INSERT ON page_hits FOR EACH ROW UPDATE leads SET points = 1 WHERE id = NEW.lead_id",
    )
    .unwrap();
    let before = state(&schema);
    let saved = Saved::new(schema, Quiet::Frozen);
    let begun = Instant::now();
    saved.load().unwrap();
    let whole = begun.elapsed();
    let (mut failed, mut killed) = (0, 0);
    for step in 0..20 {
        let done = AtomicBool::new(false);
        let (loaded, ended) = std::thread::scope(|scope| {
            let killer = scope.spawn(|| kill_sessions(&saved.schema, whole * step / 16, &done));
            let loaded = saved.load();
            done.store(true, Ordering::Relaxed);
            (loaded, killer.join().unwrap())
        });
        killed += ended;
        if let Err(fault) = loaded {
            assert!(["connection-lost", "database-error"].contains(&fault.code), "{fault:?}");
            failed += 1;
        }
    }
    saved.load().unwrap();
    println!("{killed} sessions killed, {failed} loads failed");
    assert_eq!(state(&saved.schema), before);
    assert!(failed > 0);
}
