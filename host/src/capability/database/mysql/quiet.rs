//! Waiting until nobody else is at work in the schema.
//!
//! A client that was killed leaves its last statement to the server, which does it to its end. After a command of the
//! operator's, and before a database is put back that one may have been at, such a statement must have ended: what it makes
//! later would be nobody's.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::link::Link;
use super::{MysqlConfig, error};
use crate::effect::Fault;

const LOOK: Duration = Duration::from_millis(20);
/// What is waited for, as the operator sees it behind a number.
const WAITING: &str = "seconds: a statement of a command is still at work on the server";

/// Sessions at work in the schema, ours left out: those that are in it, and those in none that name it.
const AT_WORK: &str = "SELECT ID, USER FROM information_schema.PROCESSLIST
    WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump')
    AND (DB = DATABASE() OR DB IS NULL AND INFO LIKE CONCAT('%', DATABASE(), '%'))
    ORDER BY ID LIMIT 1";

/// Waits, as long as the longest statement may take. Sees what the account may see: its own sessions, or with the right
/// `PROCESS` all.
///
/// # Errors
/// "database-busy" with the session; "interrupted".
pub(super) fn wait(link: &mut Link, config: &MysqlConfig) -> Result<(), Fault> {
    let began = Instant::now();
    let mut work = None;
    let mut shown = 0;
    loop {
        let rows = link.rows(AT_WORK).map_err(|error| error::fault(&config.name, "looking for sessions", &error))?;
        let Some(row) = rows.first() else { return Ok(()) };
        if config.stop.load(Ordering::Relaxed) {
            let text = format!("database {}: stopped while waiting for a statement of a command", config.name);
            return Err(Fault::new("interrupted", text));
        }
        if began.elapsed() > config.statement_time {
            let id = row.get_opt::<u64, _>(0).and_then(Result::ok).unwrap_or_default();
            let user = row.get_opt::<String, _>(1).and_then(Result::ok).unwrap_or_default();
            let text = format!("database {}: session {id} of {user} is still at work", config.name);
            return Err(Fault::new("database-busy", text).hint(format!("wait for it, or end it with `KILL {id}`")));
        }
        work.get_or_insert_with(|| config.meter.begin(WAITING, None));
        let seconds = began.elapsed().as_secs();
        config.meter.add(seconds.saturating_sub(shown));
        shown = seconds;
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::MysqlConfig;
    use super::super::testing::server;
    use super::wait;

    #[test]
    fn a_statement_of_a_client_that_is_gone_is_waited_for() {
        let Some(server) = server() else { return };
        let schema = server.schema(&["CREATE TABLE t (n INT)"]);
        let mut link = schema.link();
        wait(&mut link, &schema.config()).unwrap();
        let mut other = schema.link();
        let working = thread::spawn(move || other.run("INSERT INTO t SELECT SLEEP(1.5)").unwrap());
        thread::sleep(Duration::from_millis(200));
        let busy = MysqlConfig { statement_time: Duration::from_millis(1), ..schema.config() };
        let fault = wait(&mut link, &busy).unwrap_err();
        assert_eq!(fault.code, "database-busy");
        let began = Instant::now();
        wait(&mut link, &schema.config()).unwrap();
        assert!(began.elapsed() > Duration::from_millis(800));
        assert_eq!(schema.rows("SELECT COUNT(*) FROM t"), [["1"]]);
        working.join().unwrap();
    }
}
