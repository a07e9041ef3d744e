//! Whether anybody wrote: the server's own note of each table's last change, and the next ids.
//!
//! `UPDATE_TIME` of InnoDB is set before the client of a COMMIT gets its answer, and not moved by a rollback, be it of a
//! living session, of a killed one or of a server that was killed, nor by a new next id (tried on MariaDB 10.11; 200 tables:
//! 2 ms). It is no proof of silence: it counts in seconds, and is forgotten when the server is restarted or the table falls
//! out of the server's cache. The freeze keeps others from writing; this notices when it did not.
//!
//! MySQL 8 answers from a cache that is a day old unless the session has set `information_schema_stats_expiry = 0`.

use std::collections::BTreeMap;

use mysql_client::Row;
use serde::{Deserialize, Serialize};

use super::link::Link;
use super::{MysqlConfig, batch, error};
use crate::capability::database::MARKER_TABLE;
use crate::effect::{CallError, Fault};

/// Seconds by which two readings of the server's start may differ.
const SLACK: u64 = 2;

/// What is compared. In the journal as JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    /// When the server started, seconds since 1970, by its own clock.
    start: u64,
    /// Tables by name, without our marker.
    tables: BTreeMap<String, Note>,
}

/// What the server knows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note(
    /// Its last change, seconds since 1970; none if the server has forgotten it or does not keep it.
    Option<u64>,
    /// The next id, if it has one that a rollback does not put back.
    Option<u64>,
);

/// The stamp now.
pub(super) fn take(link: &mut Link, config: &MysqlConfig) -> Result<String, Fault> {
    to_json(&Stamp { start: start(link, config)?, tables: look(link, config)? })
}

/// What somebody has written to since, as far as the server knows: see [`doubt`].
pub(super) fn written_since(link: &mut Link, config: &MysqlConfig, stamp: &str) -> Result<Option<String>, Fault> {
    let (then, now) = (parse(config, stamp)?.tables, look(link, config)?);
    let written = now.iter().find(|(name, note)| match then.get(*name) {
        Some(before) => note.0.is_some() && note.0 != before.0,
        None => true,
    });
    let gone = || then.keys().find(|name| !now.contains_key(*name));
    let table = written.map(|(name, _)| name).or_else(gone);
    Ok(table.map(|table| format!("the table {}.{table}", config.name)))
}

/// Why [`written_since`] may have missed something: a sentence, none if it cannot.
pub(super) fn doubt(link: &mut Link, config: &MysqlConfig, stamp: &str) -> Result<Option<String>, Fault> {
    let (then, now) = (parse(config, stamp)?, look(link, config)?);
    let forgotten = then.tables.iter().any(|(name, before)| {
        let after = now.get(name);
        before.0.is_some() && after.is_some_and(|note| note.0.is_none())
    });
    let restarted = start(link, config)? > then.start.saturating_add(SLACK);
    let why = if restarted { "has been restarted" } else { "has forgotten when its tables were written" };
    let text = format!("the server of database {} {why}: what was written before that cannot be seen", config.name);
    Ok((restarted || forgotten).then_some(text))
}

/// Puts the next ids back that a lost batch has used up. No transaction is open: this commits by itself, table by table.
pub(super) fn rewind(link: &mut Link, config: &MysqlConfig, stamp: &str) -> Result<(), Fault> {
    let fault = |error| error::fault(&config.name, "putting the next ids back", &error);
    let (then, now) = (parse(config, stamp)?.tables, look(link, config)?);
    let next_before = |(name, note): (&String, &Note)| {
        let before = then.get(name)?.1?;
        (note.1 != Some(before)).then(|| (name.clone(), before))
    };
    let burned: Vec<(String, u64)> = now.iter().filter_map(next_before).collect();
    if burned.is_empty() {
        return Ok(());
    }
    if batch::in_transaction(link).map_err(fault)? {
        return Err(Fault::new("internal", format!("database {}: a rewind in an open batch", config.name)));
    }
    batch::point(config, "mysql.rewind")?;
    // A strict server refuses any ALTER of a table with DEFAULT '0000-00-00'.
    let set = link.lenient(|link| {
        burned.iter().try_for_each(|(name, next)| {
            let name = name.replace('`', "``");
            link.run(format!("ALTER TABLE `{name}` AUTO_INCREMENT = {next}")).map(|_| ())
        })
    });
    set.map_err(fault)?.map_err(fault)?;
    batch::point(config, "mysql.rewound")
}

/// The stamp with what the server knows of one table now, which `act` writes to. None if there is no stamp, or if somebody else
/// had written to that table since: that must still be seen.
pub(super) fn with_own(
    link: &mut Link,
    config: &MysqlConfig,
    stamp: &str,
    table: &str,
    act: impl FnOnce(&mut Link) -> Result<(), CallError>,
) -> Result<Option<String>, CallError> {
    if stamp.is_empty() {
        return act(link).map(|()| None);
    }
    let mut known = parse(config, stamp)?;
    let before = look(link, config)?;
    let is_untouched = match (known.tables.get(table), before.get(table)) {
        (Some(then), Some(now)) => then.0 == now.0,
        _ => false,
    };
    act(link)?;
    let now = look(link, config)?;
    match (known.tables.get_mut(table), now.get(table)) {
        (Some(note), Some(now)) if is_untouched => note.0 = now.0,
        _ => return Ok(None),
    }
    Ok(Some(to_json(&known)?))
}

fn look(link: &mut Link, config: &MysqlConfig) -> Result<BTreeMap<String, Note>, Fault> {
    // Of other engines only MyISAM keeps a time that means something: Aria's moves when the server writes its cache out.
    let sql = format!(
        "SELECT TABLE_NAME, IF(ENGINE IN ('InnoDB', 'MyISAM'), CAST(UNIX_TIMESTAMP(UPDATE_TIME) AS UNSIGNED), NULL),
            IF(ENGINE = 'InnoDB', AUTO_INCREMENT, NULL)
        FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE NOT LIKE '%VIEW' AND TABLE_NAME <> '{MARKER_TABLE}'"
    );
    let rows = link.rows(&sql).map_err(|error| error::fault(&config.name, "looking who wrote", &error))?;
    let note = |row| {
        let (name, time, next) = mysql_client::from_row_opt(row).map_err(|_| strange(config))?;
        Ok((name, Note(time, next)))
    };
    rows.into_iter().map(note).collect()
}

/// When the server started, by its own clock.
fn start(link: &mut Link, config: &MysqlConfig) -> Result<u64, Fault> {
    let fault = |error| error::fault(&config.name, "looking how long the server is up", &error);
    // Not by a query: the table with it is in information_schema on MariaDB, in performance_schema on MySQL.
    let uptime = link.rows("SHOW GLOBAL STATUS LIKE 'Uptime'").map_err(fault)?;
    let now = link.rows("SELECT CAST(UNIX_TIMESTAMP(SYSDATE()) AS UNSIGNED)").map_err(fault)?;
    let number = |rows: &[Row], column: usize| rows.first()?.get_opt::<u64, _>(column)?.ok();
    match (number(&now, 0), number(&uptime, 1)) {
        (Some(now), Some(uptime)) => Ok(now.saturating_sub(uptime)),
        _ => Err(strange(config)),
    }
}

fn to_json(stamp: &Stamp) -> Result<String, Fault> {
    serde_json::to_string(stamp).map_err(|error| Fault::new("internal", format!("a stamp: {error}")))
}

fn parse(config: &MysqlConfig, stamp: &str) -> Result<Stamp, Fault> {
    serde_json::from_str(stamp)
        .map_err(|_| Fault::new("journal-damaged", format!("the stamp of database {} cannot be read", config.name)))
}

fn strange(config: &MysqlConfig) -> Fault {
    Fault::new("database-error", format!("database {}: the server's list of tables cannot be read", config.name))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::testing::{TestSchema, server};
    use super::*;

    const TABLES: [&str; 3] = [
        "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, n INT)",
        "CREATE TABLE `od``d` (id INT AUTO_INCREMENT PRIMARY KEY, d DATETIME NOT NULL DEFAULT '2020-01-01 00:00:00')",
        "INSERT INTO users (n) VALUES (1), (2)",
    ];

    /// The server's times have seconds.
    fn a_second_passes() {
        thread::sleep(Duration::from_millis(1100));
    }

    fn next_ids(schema: &TestSchema) -> Vec<String> {
        let sql =
            "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME";
        schema.rows(sql).concat()
    }

    #[test]
    fn a_foreign_write_is_seen_and_told_by_the_tables_name() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let (config, mut link) = (schema.config(), schema.link());
        let stamp = take(&mut link, &config).unwrap();
        a_second_passes();
        for (sql, table) in
            [("CREATE TABLE new (a INT)", "new"), ("DROP TABLE new, `od``d`", "od`d"), ("DELETE FROM users", "users")]
        {
            schema.run(sql);
            let told = written_since(&mut link, &config, &stamp).unwrap();
            if table == "od`d" {
                schema.run(TABLES[1]);
            }
            assert_eq!(told, Some(format!("the table main.{table}")), "{sql}");
        }
        // What is in the stamp already is ours.
        let stamp = take(&mut link, &config).unwrap();
        assert_eq!(written_since(&mut link, &config, &stamp).unwrap(), None);
    }

    #[test]
    fn a_batch_that_was_lost_is_not_taken_for_a_foreign_write() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let (config, mut link) = (schema.config(), schema.link());
        batch::make_table(&mut link, &config).unwrap();
        let stamp = take(&mut link, &config).unwrap();
        a_second_passes();
        for killed in [false, true] {
            let mut batch = schema.link();
            batch.run("START TRANSACTION").unwrap();
            batch.run("INSERT INTO users (n) VALUES (3), (4)").unwrap();
            batch.run("UPDATE users SET n = 0").unwrap();
            batch.run("UPDATE liftlock_marker SET sequence = 1").unwrap();
            if killed {
                schema.run(&format!("KILL {}", batch.id()));
                // Behind its row locks, as the engine comes there.
                schema.rows("SELECT * FROM users FOR UPDATE");
            } else {
                batch.run("ROLLBACK").unwrap();
            }
            assert_eq!(written_since(&mut link, &config, &stamp).unwrap(), None, "killed: {killed}");
        }
        // Nor what puts its ids back, nor our own table.
        rewind(&mut link, &config, &stamp).unwrap();
        schema.run("UPDATE liftlock_marker SET sequence = 1");
        assert_eq!(written_since(&mut link, &config, &stamp).unwrap(), None);
        assert_eq!(doubt(&mut link, &config, &stamp).unwrap(), None);
    }

    #[test]
    fn a_server_that_writes_its_cache_out_is_nobody() {
        let Some(server) = server() else { return };
        let schema = server.schema(&["CREATE TABLE a (n INT) ENGINE=Aria", "CREATE TABLE m (n INT) ENGINE=MyISAM"]);
        schema.run("INSERT INTO a VALUES (1)");
        schema.run("INSERT INTO m VALUES (1)");
        let (config, mut link) = (schema.config(), schema.link());
        let stamp = take(&mut link, &config).unwrap();
        a_second_passes();
        schema.run("FLUSH TABLES a, m");
        assert_eq!(written_since(&mut link, &config, &stamp).unwrap(), None);
        schema.run("INSERT INTO m VALUES (2)");
        assert_eq!(written_since(&mut link, &config, &stamp).unwrap().as_deref(), Some("the table main.m"));
    }

    #[test]
    fn ids_that_a_lost_batch_used_up_are_given_again() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let (config, mut link) = (schema.config(), schema.link());
        // A default that a strict server refuses in any ALTER.
        schema.run("SET STATEMENT sql_mode = '' FOR ALTER TABLE `od``d` ALTER d SET DEFAULT '0000-00-00'");
        link.run("SET SESSION sql_mode = 'TRADITIONAL,PIPES_AS_CONCAT'").unwrap();
        let mode = link.rows("SELECT @@sql_mode").unwrap();
        let before = next_ids(&schema);
        let stamp = take(&mut link, &config).unwrap();
        link.run("START TRANSACTION").unwrap();
        link.run("INSERT INTO users (n) VALUES (3), (4), (5)").unwrap();
        link.run("INSERT INTO `od``d` (d) VALUES ('2020-02-02')").unwrap();
        assert_eq!(rewind(&mut link, &config, &stamp).unwrap_err().code, "internal", "not in the open batch");
        link.run("ROLLBACK").unwrap();
        assert_ne!(next_ids(&schema), before);
        rewind(&mut link, &config, &stamp).unwrap();
        rewind(&mut link, &config, &stamp).unwrap();
        assert_eq!(next_ids(&schema), before);
        assert_eq!(link.rows("SELECT @@sql_mode").unwrap(), mode);
        schema.run("INSERT INTO users (n) VALUES (3)");
        assert_eq!(schema.rows("SELECT MAX(id) FROM users"), [["3"]]);
    }

    #[test]
    fn what_the_server_has_forgotten_is_told() {
        let Some(server) = server() else { return };
        let schema = server.schema(&TABLES);
        let (config, mut link) = (schema.config(), schema.link());
        let mut stamp = parse(&config, &take(&mut link, &config).unwrap()).unwrap();
        let json = |stamp: &Stamp| serde_json::to_string(stamp).unwrap();
        stamp.tables.insert("od`d".to_owned(), Note(Some(7), Some(1)));
        assert_eq!(written_since(&mut link, &config, &json(&stamp)).unwrap(), None);
        assert!(doubt(&mut link, &config, &json(&stamp)).unwrap().unwrap().contains("has forgotten"));
        stamp.start -= 100;
        assert!(doubt(&mut link, &config, &json(&stamp)).unwrap().unwrap().contains("has been restarted"));
        assert_eq!(written_since(&mut link, &config, "{}").unwrap_err().code, "journal-damaged");
    }

    #[test]
    fn a_stamp_of_two_hundred_tables_is_cheap() {
        let Some(server) = server() else { return };
        let tables: Vec<String> = (0..200)
            .map(|n| format!("CREATE TABLE t{n} (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100), KEY (v))"))
            .collect();
        let schema = server.schema(&tables.iter().map(String::as_str).collect::<Vec<_>>());
        let (config, mut link) = (schema.config(), schema.link());
        let stamp = take(&mut link, &config).unwrap();
        let began = Instant::now();
        for _ in 0..20 {
            written_since(&mut link, &config, &stamp).unwrap();
            take(&mut link, &config).unwrap();
        }
        let each = began.elapsed() / 20;
        println!("stamp and comparison of 200 tables: {each:?}, {} bytes", stamp.len());
        assert!(each < Duration::from_millis(100), "{each:?}");
    }
}
