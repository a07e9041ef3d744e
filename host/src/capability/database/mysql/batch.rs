//! Batches: transactions whose last word is the engine's marker, fenced against other sessions.
//!
//! The session holds the locks of [`super::lock`] from before its first batch. The marker is judged by locking reads only: a
//! plain read says "not there" while another session's COMMIT is under way. Where a batch is lost (deadlock, connection, an
//! error at COMMIT) nobody guesses: the fault is "batch-lost", and the engine reads the marker behind the locks.

use mysql_client::{Error, Row};

use super::link::{Account, Link};
use super::{MysqlConfig, error};
use crate::capability::database::MARKER_TABLE;
use crate::effect::{Fault, Marker};
use crate::io::fault;

/// There is no such table.
const NO_TABLE: u16 = 1146;

/// The server ended the session: shutdown, KILL (MariaDB), KILL or idle too long (MySQL 8).
const SESSION_ENDED: [u16; 3] = [1053, 1927, 4031];

/// Makes our table, before the first batch of a run. Commits by itself; may be called again.
pub(super) fn make_table(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    point(config, "mysql.make-marker")?;
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {MARKER_TABLE} (run VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
        PRIMARY KEY, stage INT UNSIGNED NOT NULL, sequence BIGINT UNSIGNED NOT NULL, recording BIGINT UNSIGNED NOT NULL)
        ENGINE=InnoDB"
    );
    link.run(&sql).map_err(|error| error::fault(&config.name, "making the marker", &error))?;
    // A row from the start, as batch 0 that says nothing: a locking read that finds no row locks a gap, which two sessions
    // may hold at once, or nothing at all.
    let sql = format!("INSERT IGNORE INTO {MARKER_TABLE} VALUES (?, 0, 0, 0)");
    link.ask(&sql, (&config.run,)).map_err(|error| error::fault(&config.name, "making the marker", &error))?;
    point(config, "mysql.made-marker")
}

/// The marker, read `FOR UPDATE`, never by a plain read. Waits for a session that has it locked. In an open transaction it
/// is read as that transaction sees it, and stays locked.
pub(super) fn marker(link: &mut Link, config: &MysqlConfig) -> Result<Option<Marker>, Fault> {
    let read = if fault::mutant("marker-plain-read") {
        Link::open(config, Account::Stage)?.rows(&format!("SELECT run, stage, sequence, recording FROM {MARKER_TABLE}"))
    } else {
        locked_rows(link)
    };
    let markers = match read {
        Err(error) if no_table(&error) => return Ok(None),
        Err(error) => return Err(error::fault(&config.name, "marker", &error)),
        Ok(rows) => written(config, rows)?,
    };
    let ours = markers.iter().find(|marker| marker.run == config.run);
    Ok(ours.or(markers.first()).cloned())
}

/// Begins a batch, if the marker is what the engine expects.
///
/// # Errors
/// "fenced" if another run or another session wrote; no batch is open then.
pub(super) fn begin(link: &mut Link, config: &MysqlConfig, expected: Option<&Marker>) -> Result<(), Fault> {
    point(config, "mysql.begin")?;
    let begun = begin_fenced(link, config, expected);
    if begun.is_err() {
        // A session that cannot roll back is gone, and its transaction with it.
        let _ = link.run("ROLLBACK");
    }
    begun
}

/// Sets the marker and commits.
///
/// # Errors
/// "batch-lost" where it is not known whether the batch was committed, or known that it was not.
pub(super) fn commit(link: &mut Link, config: &MysqlConfig, new: &Marker) -> Result<(), Fault> {
    // Outside of a transaction the marker would be committed without its batch.
    if !in_transaction(link).map_err(|error| lost(config, "marker", &error))? {
        return Err(Fault::new("batch-lost", format!("database {}: the batch is gone", config.name)));
    }
    point(config, "mysql.marker")?;
    let sql = format!(
        "INSERT INTO {MARKER_TABLE} (run, stage, sequence, recording) VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE stage = VALUES(stage), sequence = VALUES(sequence), recording = VALUES(recording)"
    );
    let values = (&new.run, new.stage, new.sequence, new.recording);
    link.ask(&sql, values).map_err(|error| lost(config, "marker", &error))?;
    point(config, "mysql.commit")?;
    link.run("COMMIT")
        .map_err(|error| Fault::new("batch-lost", format!("database {}: COMMIT: {error}", config.name)))?;
    point(config, "mysql.committed")
}

/// Gives the batch up, if there is one.
pub(super) fn rollback(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    link.run("ROLLBACK").map(|_| ()).map_err(|error| lost(config, "ROLLBACK", &error))
}

/// Drops our table, at commit of the run and after undo. May be called again.
pub(super) fn drop_table(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    point(config, "mysql.forget")?;
    link.run(format!("DROP TABLE IF EXISTS {MARKER_TABLE}"))
        .map_err(|error| error::fault(&config.name, "dropping the marker", &error))?;
    point(config, "mysql.forgotten")
}

/// Whether a transaction is open, as the server says it now.
pub(super) fn in_transaction(link: &mut Link) -> Result<bool, Error> {
    // Not from memory: after an error there is none, and error 1213 has ended the transaction.
    link.run("DO 0")?;
    Ok(link.client().in_transaction())
}

/// A place where a test may kill us or fail the call.
pub(super) fn point(config: &MysqlConfig, name: &'static str) -> Result<(), Fault> {
    fault::point(name).map_err(|error| Fault::io(format_args!("database {}", config.name), &error))
}

fn begin_fenced(link: &mut Link, config: &MysqlConfig, expected: Option<&Marker>) -> Result<(), Fault> {
    let read = |link: &mut Link| {
        link.run("START TRANSACTION")?;
        locked_rows(link)
    };
    let mut rows = read(link);
    if expected.is_none() && rows.as_ref().is_err_and(no_table) {
        rollback(link, config)?;
        make_table(link, config)?;
        rows = read(link);
    }
    let markers = match rows {
        Err(error) if no_table(&error) => Vec::new(),
        Err(error) => return Err(lost(config, "marker", &error)),
        Ok(rows) => written(config, rows)?,
    };
    let found = markers.iter().find(|marker| marker.run != config.run).or(markers.first());
    if found == expected { Ok(()) } else { Err(fenced(config, expected, found)) }
}

fn fenced(config: &MysqlConfig, expected: Option<&Marker>, found: Option<&Marker>) -> Fault {
    let say = |marker: Option<&Marker>| match marker {
        Some(marker) => format!("batch {} of run {}", marker.sequence, marker.run),
        None => "no batch".to_owned(),
    };
    let text = format!("database {}: expected {}, found {}", config.name, say(expected), say(found));
    Fault::new("fenced", text).hint("another run wrote to this database; finish or undo that one first")
}

fn locked_rows(link: &mut Link) -> Result<Vec<Row>, Error> {
    link.rows(&format!("SELECT run, stage, sequence, recording FROM {MARKER_TABLE} ORDER BY run FOR UPDATE"))
}

fn no_table(error: &Error) -> bool {
    matches!(error, Error::Server(server) if server.code == NO_TABLE)
}

/// The markers of all runs that have written something.
fn written(config: &MysqlConfig, rows: Vec<Row>) -> Result<Vec<Marker>, Fault> {
    let marker = |row| {
        let (run, stage, sequence, recording) = mysql_client::from_row_opt(row).map_err(|_| damaged(config))?;
        Ok(Marker { run, stage, sequence, recording })
    };
    let all: Vec<Marker> = rows.into_iter().map(marker).collect::<Result<_, Fault>>()?;
    Ok(all.into_iter().filter(|marker| marker.sequence > 0).collect())
}

fn damaged(config: &MysqlConfig) -> Fault {
    Fault::new("marker-damaged", format!("database {}: {MARKER_TABLE} is not as we made it", config.name))
        .hint("something else wrote to this table; put the database back with `liftlock undo`")
}

/// An error in a batch, before its COMMIT.
fn lost(config: &MysqlConfig, what: &str, error: &Error) -> Fault {
    match error {
        Error::Server(server) if !SESSION_ENDED.contains(&server.code) => error::fault(&config.name, what, error),
        other => Fault::new("batch-lost", format!("database {}: {what}: {other}", config.name)),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::super::testing::{TestSchema, server};
    use super::*;

    const T: [&str; 2] = ["CREATE TABLE t (id INT PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 0)"];

    fn of(config: &MysqlConfig, sequence: u64) -> Marker {
        Marker { run: config.run.clone(), stage: 2, sequence, recording: 1 << 40 }
    }

    /// A committed batch.
    fn batch(link: &mut Link, config: &MysqlConfig, sequence: u64) {
        let expected = (sequence > 1).then(|| of(config, sequence - 1));
        begin(link, config, expected.as_ref()).unwrap();
        link.run("UPDATE t SET n = n + 1").unwrap();
        commit(link, config, &of(config, sequence)).unwrap();
    }

    fn n(schema: &TestSchema) -> String {
        schema.rows("SELECT n FROM t")[0][0].clone()
    }

    #[test]
    fn another_runs_marker_or_another_sequence_fences_us_off() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let (config, mut link) = (schema.config(), schema.link());
        assert_eq!(begin(&mut link, &config, Some(&of(&config, 1))).unwrap_err().code, "fenced", "no table");
        batch(&mut link, &config, 1);
        for expected in [None, Some(of(&config, 2)), Some(Marker { recording: 7, ..of(&config, 1) })] {
            assert_eq!(begin(&mut link, &config, expected.as_ref()).unwrap_err().code, "fenced", "{expected:?}");
        }
        schema.run("INSERT INTO liftlock_marker VALUES ('run-0', 0, 9, 9)");
        let fault = begin(&mut link, &config, Some(&of(&config, 1))).unwrap_err();
        assert!(fault.message.ends_with("found batch 9 of run run-0"), "{fault}");
        schema.run("DELETE FROM liftlock_marker WHERE run <> 'run-0'");
        assert_eq!(begin(&mut link, &config, None).unwrap_err().code, "fenced");
        // Nothing stays locked behind a refusal, and a run that has written nothing fences nobody.
        schema.run("UPDATE liftlock_marker SET sequence = 0");
        begin(&mut link, &config, None).unwrap();
    }

    #[test]
    fn a_marker_that_somebody_spoiled_is_a_fault() {
        let Some(server) = server() else { return };
        let schema =
            server.schema(&["CREATE TABLE liftlock_marker (run INT, stage TEXT, sequence INT, recording TEXT)"]);
        schema.run("INSERT INTO liftlock_marker VALUES (1, 'x', -1, NULL)");
        let (config, mut link) = (schema.config(), schema.link());
        assert_eq!(marker(&mut link, &config).unwrap_err().code, "marker-damaged");
        assert_eq!(begin(&mut link, &config, None).unwrap_err().code, "marker-damaged");
    }

    #[test]
    fn a_batch_that_is_gone_is_lost_and_its_marker_with_it() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let (config, mut link) = (schema.config(), schema.link());
        batch(&mut link, &config, 1);
        // As after error 1213, and as a statement that commits by itself would have it.
        for end in ["ROLLBACK", "COMMIT", "this fails"] {
            begin(&mut link, &config, Some(&of(&config, 1))).unwrap();
            let _ = link.run(end);
            if end == "this fails" {
                link.run("ROLLBACK").unwrap();
                link.run(end).unwrap_err();
            }
            assert_eq!(commit(&mut link, &config, &of(&config, 2)).unwrap_err().code, "batch-lost", "{end}");
            assert_eq!(marker(&mut schema.link(), &config).unwrap(), Some(of(&config, 1)));
        }
        begin(&mut link, &config, Some(&of(&config, 1))).unwrap();
        link.run("UPDATE t SET n = 100").unwrap();
        schema.run(&format!("KILL {}", link.id()));
        assert_eq!(commit(&mut link, &config, &of(&config, 2)).unwrap_err().code, "batch-lost");
        assert_eq!(begin(&mut link, &config, Some(&of(&config, 1))).unwrap_err().code, "batch-lost");
        assert_eq!(marker(&mut schema.link(), &config).unwrap(), Some(of(&config, 1)));
        assert_eq!(n(&schema), "1");
    }

    #[test]
    fn a_deadlock_loses_the_batch() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        schema.run("INSERT INTO t VALUES (2, 0)");
        let (config, mut link) = (schema.config(), schema.link());
        begin(&mut link, &config, None).unwrap();
        link.run("UPDATE t SET n = 7 WHERE id = 1").unwrap();
        let mut other = schema.link();
        // The server gives up whoever has changed less.
        other.run("CREATE TEMPORARY TABLE heavy (id INT) ENGINE=InnoDB").unwrap();
        other.run("START TRANSACTION").unwrap();
        other.run("INSERT INTO t SELECT seq + 10, 0 FROM seq_1_to_50").unwrap();
        other.run("UPDATE t SET n = 8 WHERE id = 2").unwrap();
        let waits = thread::spawn(move || other.run("UPDATE t SET n = 8 WHERE id = 1").map(|_| other));
        thread::sleep(Duration::from_millis(200));
        let error = link.run("UPDATE t SET n = 7 WHERE id = 2").unwrap_err();
        assert_eq!(error::fault("main", "UPDATE", &error).code, "batch-lost");
        waits.join().unwrap().unwrap().run("ROLLBACK").unwrap();
        assert_eq!(commit(&mut link, &config, &of(&config, 1)).unwrap_err().code, "batch-lost");
        assert_eq!(marker(&mut link, &config).unwrap(), None);
        assert_eq!(n(&schema), "0");
    }

    #[test]
    fn marker_and_data_come_and_go_together() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let (config, mut link) = (schema.config(), schema.link());
        assert_eq!(marker(&mut link, &config).unwrap(), None, "before there is a table");
        make_table(&mut link, &config).unwrap();
        make_table(&mut link, &config).unwrap();
        assert_eq!(marker(&mut link, &config).unwrap(), None, "before the first batch");
        batch(&mut link, &config, 1);
        batch(&mut link, &config, 2);
        begin(&mut link, &config, Some(&of(&config, 2))).unwrap();
        link.run("UPDATE t SET n = 100").unwrap();
        assert_eq!(marker(&mut link, &config).unwrap(), Some(of(&config, 2)), "in the open batch");
        assert!(in_transaction(&mut link).unwrap(), "which it leaves open");
        rollback(&mut link, &config).unwrap();
        rollback(&mut link, &config).unwrap();
        assert_eq!(n(&schema), "2");
        // A kill is a session that is closed in the middle of a batch.
        begin(&mut link, &config, Some(&of(&config, 2))).unwrap();
        link.run("UPDATE t SET n = 100").unwrap();
        drop(link);
        let mut link = schema.link();
        assert_eq!(marker(&mut link, &config).unwrap(), Some(of(&config, 2)));
        assert!(!in_transaction(&mut link).unwrap());
        assert_eq!(n(&schema), "2");
        drop_table(&mut link, &config).unwrap();
        drop_table(&mut link, &config).unwrap();
        assert_eq!(schema.rows("SHOW TABLES").len(), 1);
    }

    /// Experiment of the design: why there is `FOR UPDATE`.
    #[test]
    fn a_plain_read_lies_while_a_commit_is_pending_and_the_marker_waits_for_it() {
        let Some(server) = server() else { return };
        let schema = server.schema(&T);
        let (config, mut link) = (schema.config(), schema.link());
        batch(&mut link, &config, 1);
        begin(&mut link, &config, Some(&of(&config, 1))).unwrap();
        link.run("UPDATE t SET n = n + 1").unwrap();
        link.run("UPDATE liftlock_marker SET sequence = 2").unwrap();
        let plain = schema.rows("SELECT sequence FROM liftlock_marker");
        let slow = thread::spawn(move || {
            thread::sleep(Duration::from_millis(700));
            link.run("COMMIT").map(|_| link)
        });
        let locked = marker(&mut schema.link(), &config).unwrap();
        assert_eq!(plain, [["1"]], "the plain read says: not done");
        assert_eq!(locked, Some(of(&config, 2)), "and it was");
        slow.join().unwrap().unwrap();
        assert_eq!(n(&schema), "2");
    }
}
