//! The server's errors, told apart: an answer for the guest, a fault that stops the run, a batch that is lost.

use mysql_async::Error;

use super::MysqlConfig;
use crate::effect::Fault;

/// Codes of the server that mean something to us.
pub(super) mod code {
    /// A deadlock: the whole transaction was rolled back.
    pub(in super::super) const DEADLOCK: u16 = 1213;
    /// A lock was waited for too long: the statement was rolled back.
    pub(in super::super) const LOCK_TIMEOUT: u16 = 1205;
    /// The account or its password is wrong.
    pub(in super::super) const ACCESS_DENIED: u16 = 1045;
    /// The account may not use this database.
    pub(in super::super) const DATABASE_DENIED: u16 = 1044;
    /// There is no such database.
    pub(in super::super) const UNKNOWN_DATABASE: u16 = 1049;
    /// `KILL QUERY`, or `max_statement_time`.
    pub(in super::super) const INTERRUPTED: u16 = 1317;
}

/// Why a connection cannot be had. The password is in no message.
pub(super) fn connecting(config: &MysqlConfig, error: &Error) -> Fault {
    match error {
        Error::Server(server) => match server.code {
            code::ACCESS_DENIED | code::DATABASE_DENIED => {
                let text = format!("the server of database {} refuses the account: {}", config.name, server.message);
                Fault::new("database-access-denied", text)
            }
            code::UNKNOWN_DATABASE => {
                Fault::new("database-missing", format!("database {}: {}", config.name, server.message))
            }
            _ => unreachable(config, &server.to_string()),
        },
        other => unreachable(config, &other.to_string()),
    }
}

/// The server cannot be reached.
pub(super) fn unreachable(config: &MysqlConfig, why: &str) -> Fault {
    let text = format!("the server of database {} cannot be reached: {why}", config.name);
    Fault::new("database-unreachable", text).hint("start the server, then run the same command again")
}

/// A statement of the host's own failed.
pub(super) fn fault(name: &str, what: &str, error: &Error) -> Fault {
    match error {
        Error::Server(server) if server.code == code::DEADLOCK => {
            Fault::new("batch-lost", format!("database {name}: {what}: {}", server.message))
        }
        Error::Server(server) if server.code == code::LOCK_TIMEOUT => {
            Fault::new("database-busy", format!("database {name}: {what}: {}", server.message))
                .hint("find out who holds the lock (SHOW FULL PROCESSLIST), then `liftlock resume`")
        }
        Error::Server(server) => Fault::new("database-error", format!("database {name}: {what}: {server}")),
        other => Fault::new("connection-lost", format!("database {name}: {what}: {other}")),
    }
}
