//! What kind of server it is, and whether a session stays on it.

use std::net::IpAddr;

use super::Look;
use crate::capability::database::mysql::link::Link;
use crate::capability::database::mysql::{MysqlConfig, Place, error};
use crate::effect::Fault;

/// The modes that change what a statement's quotes mean, and the bundles that hold them: the wall in front of a guest's SQL
/// reads quotes as the server does by default.
const QUOTING: [&str; 8] =
    ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];

/// The make and version of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// MariaDB, not MySQL.
    pub(super) mariadb: bool,
    /// As far as it tells features apart.
    pub(super) version: (u16, u16),
}

impl Kind {
    /// From what `VERSION()` says: "10.11.6-MariaDB-log", "5.5.5-10.2.1-MariaDB" behind some proxies, "8.0.36".
    fn parse(text: &str) -> Option<Self> {
        let mariadb = text.to_ascii_lowercase().contains("mariadb");
        let text = if mariadb { text.strip_prefix("5.5.5-").unwrap_or(text) } else { text };
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self { mariadb, version: (numbers.next()?.ok()?, numbers.next()?.ok()?) })
    }

    /// Whether we can work with it at all.
    fn supported(self) -> bool {
        self.version >= if self.mariadb { (10, 2) } else { (5, 7) }
    }

    /// Whether a schema change has happened wholly or not at all after a crash of the server.
    pub(super) fn atomic_ddl(self) -> bool {
        self.version >= if self.mariadb { (10, 6) } else { (8, 0) }
    }
}

/// All that is to be said about the server and the way to it.
pub(super) fn check(look: &mut Look<'_>, stage: &mut Link) -> Result<Kind, Fault> {
    let kind = version(look)?;
    cluster(look)?;
    proxy(look, stage)?;
    quoting(look, stage)?;
    replication(look)?;
    encryption(look)?;
    Ok(kind)
}

fn version(look: &mut Look<'_>) -> Result<Kind, Fault> {
    let text: Vec<String> = look.rows("SELECT VERSION()")?;
    let text = text.into_iter().next().unwrap_or_default();
    let kind = Kind::parse(&text).unwrap_or(Kind { mariadb: false, version: (0, 0) });
    if !kind.supported() {
        let message = format!("the server is {text}: too old for exact undo");
        look.blocking("server-too-old", message, "update it to MariaDB 10.6 or MySQL 8.0, at least to 10.2 or 5.7");
    }
    Ok(kind)
}

/// Galera has no GET_LOCK, and its COMMIT can fail on another node's account.
fn cluster(look: &mut Look<'_>) -> Result<(), Fault> {
    let wsrep: Vec<(String, String)> = look.rows("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'")?;
    if wsrep.iter().any(|(_, value)| value.eq_ignore_ascii_case("ON") || value == "1") {
        let fix = "take one node out of the cluster for the upgrade (wsrep_on = OFF) and let the others join it anew";
        look.blocking("galera", "the server is a node of a Galera cluster, which has no locks".to_owned(), fix);
    }
    Ok(())
}

/// The number in the greeting is the proxy's own where there is one that sends statements here and there.
fn proxy(look: &mut Look<'_>, stage: &mut Link) -> Result<(), Fault> {
    let mut ids = vec![stage.id()];
    for sql in ["SELECT CONNECTION_ID()", "SELECT /* again */ CONNECTION_ID() + 0", "SELECT CONNECTION_ID() FROM DUAL"]
    {
        let rows = stage.rows(sql).map_err(|error| error::fault(&look.config.name, "check", &error))?;
        let id: Vec<u64> = super::typed(look.config, rows)?;
        // The greeting has room for 32 bits only.
        ids.extend(id.iter().map(|id| (id & u64::from(u32::MAX)) as u32));
    }
    if ids.iter().any(|id| *id != ids[0]) {
        let message = "a proxy moves the session between connections: locks and transactions do not hold".to_owned();
        look.blocking("proxy", message, "connect to the server itself, not to ProxySQL, MaxScale or a pooler");
    }
    Ok(())
}

fn quoting(look: &mut Look<'_>, stage: &mut Link) -> Result<(), Fault> {
    let rows = stage.rows("SELECT @@SESSION.sql_mode");
    let rows = rows.map_err(|error| error::fault(&look.config.name, "check", &error))?;
    let mut modes: Vec<String> = super::typed(look.config, rows)?;
    if let Some(declared) = &look.config.sql_mode {
        modes = vec![declared.clone()];
    }
    let modes = modes.join(",").to_ascii_uppercase();
    if let Some(mode) = modes.split(',').map(str::trim).find(|mode| QUOTING.contains(mode)) {
        let message = format!("sql_mode has {mode}, under which quotes in SQL mean something else");
        let fix = "leave it out of sql_mode in the server's configuration, or declare the application's own sql_mode";
        look.blocking("unsupported-sql-mode", message, fix);
    }
    Ok(())
}

fn replication(look: &mut Look<'_>) -> Result<(), Fault> {
    let flags: Vec<(String, String)> = look.rows("SELECT @@GLOBAL.read_only, @@GLOBAL.log_bin")?;
    // Numbers or words, by version.
    let on = |flag: &str| !["0", "OFF"].contains(&flag);
    let (read_only, log) = flags.first().map_or((false, false), |(read_only, log)| (on(read_only), on(log)));
    if read_only {
        let fix = "connect to the primary server";
        look.blocking("server-read-only", "the server is read-only: a replica?".to_owned(), fix);
    }
    if log {
        let message =
            "the server writes a binary log: upgrade and undo, with each table that is loaded anew, go to replicas";
        look.warning("binary-log", message.to_owned(), "see that replicas and the log's disk can take it");
    }
    Ok(())
}

fn encryption(look: &mut Look<'_>) -> Result<(), Fault> {
    let Some(host) = far_host(look.config) else { return Ok(()) };
    let cipher: Vec<(String, String)> = look.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")?;
    if cipher.iter().all(|(_, value)| value.is_empty()) {
        let message =
            format!("the connection to {host} is not encrypted: rows and their secrets can be read on the way");
        look.warning("no-tls", message, "let the server offer TLS and require it");
    }
    Ok(())
}

/// The host, if it is another one than this.
fn far_host(config: &MysqlConfig) -> Option<&str> {
    match &config.server.place {
        Place::Socket(_) => None,
        Place::Tcp(host, _) => {
            let name = host.trim_start_matches('[').trim_end_matches(']');
            let near = name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
            (!near).then_some(host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_apart_by_what_they_say() {
        let kind = |mariadb, major, minor| Some(Kind { mariadb, version: (major, minor) });
        for (text, expected, supported, atomic) in [
            ("", None, false, false),
            ("MariaDB", None, false, false),
            ("99999999.1", None, false, false),
            ("5.6.51-log", kind(false, 5, 6), false, false),
            ("10.1.48-MariaDB", kind(true, 10, 1), false, false),
            ("5.5.5-10.2.44-MariaDB-log", kind(true, 10, 2), true, false),
            ("5.7.44", kind(false, 5, 7), true, false),
            ("10.11.6-MariaDB-0+deb12u1", kind(true, 10, 11), true, true),
            ("8.0.36-0ubuntu0.22.04.1", kind(false, 8, 0), true, true),
            ("11.4.2-MariaDB", kind(true, 11, 4), true, true),
        ] {
            let found = Kind::parse(text);
            assert_eq!(found, expected, "{text}");
            let can = found.map_or((false, false), |kind| (kind.supported(), kind.supported() && kind.atomic_ddl()));
            assert_eq!(can, (supported, atomic), "{text}");
        }
    }
}
