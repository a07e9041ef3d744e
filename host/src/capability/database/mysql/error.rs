//! The server's errors, told apart: an answer for the guest, a fault that stops the run, a batch that is lost.

use mysql_client::{Error, ServerError};

use super::MysqlConfig;
use super::sql;
use crate::effect::{Failure, Fault};

/// The longest statement shape in a message, bytes.
const SHAPE: usize = 500;

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
    /// `max_statement_time` of MariaDB, `max_execution_time` of MySQL.
    pub(in super::super) const STATEMENT_TIMEOUT: [u16; 2] = [1969, 3024];
    /// The disk is full; a table is.
    pub(in super::super) const DISK_FULL: [u16; 2] = [1021, 1114];
    /// Something that a storage engine says only by its number.
    pub(in super::super) const ENGINE_ERROR: u16 = 1030;
    /// Memory is full.
    pub(in super::super) const OUT_OF_MEMORY: [u16; 3] = [1037, 1038, 1041];
    /// The server does not write any more: `--read-only`, `super_read_only`.
    pub(in super::super) const READ_ONLY: [u16; 2] = [1290, 1836];
    /// A change in a transaction that only reads.
    pub(in super::super) const READ_ONLY_TRANSACTION: u16 = 1792;
    /// A statement or value is longer than `max_allowed_packet`.
    pub(in super::super) const PACKET_TOO_LARGE: u16 = 1153;
    /// This kind of statement cannot be prepared.
    pub(in super::super) const NOT_PREPARABLE: u16 = 1295;
    /// The server ends this connection: shutdown, killed, broken network, idle for too long.
    pub(in super::super) const CONNECTION_ENDS: [u16; 10] =
        [1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 4031];
}

/// How a statement of a guest went wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It is the guest's own doing, and nothing of the statement has happened: InnoDB rolls it back.
    Answer(Failure),
    /// Somebody else held a lock for too long. It may be tried again.
    Busy(Fault),
    /// The server has rolled the whole transaction back.
    Deadlock(Fault),
    /// The connection is gone. Whether the statement has happened is not known.
    Lost(Fault),
    /// The surroundings' doing; the connection is as it was.
    Fault(Fault),
}

impl Trouble {
    /// The fault that it is to the run, if it is one.
    pub(super) fn into_fault(self) -> Result<Fault, Failure> {
        match self {
            Self::Answer(failure) => Err(failure),
            Self::Busy(fault) | Self::Deadlock(fault) | Self::Lost(fault) | Self::Fault(fault) => Ok(fault),
        }
    }
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
        Error::Server(server) if server.code == code::LOCK_TIMEOUT => busy(name, what, server),
        Error::Server(server) => surroundings(name, what, server)
            .unwrap_or_else(|| Fault::new("database-error", format!("database {name}: {what}: {server}"))),
        other => lost(name, what, &other.to_string()),
    }
}

/// A statement of a guest failed.
pub(super) fn of_guest(name: &str, statement: &str, error: &Error) -> Trouble {
    let what = "a statement of the stage";
    let server = match error {
        Error::Server(server) => server,
        Error::Parameters { .. } => return Trouble::Answer(refused("bad-argument", error.to_string(), statement)),
        Error::TooLong(_) => return Trouble::Answer(refused("too-big", error.to_string(), statement)),
        other => return Trouble::Lost(lost(name, what, &other.to_string())),
    };
    match server.code {
        code::DEADLOCK => Trouble::Deadlock(batch_lost(name, &server.message)),
        code::LOCK_TIMEOUT => Trouble::Busy(busy(name, what, server)),
        code::INTERRUPTED => {
            let text = format!("database {name}: somebody has ended a statement of the stage (KILL QUERY)");
            Trouble::Fault(Fault::new("interrupted", text))
        }
        ending if code::CONNECTION_ENDS.contains(&ending) => Trouble::Lost(lost(name, what, &server.message)),
        _ => match surroundings(name, what, server) {
            Some(fault) => Trouble::Fault(fault),
            None => Trouble::Answer(answer(statement, server)),
        },
    }
}

/// A refusal that needs no server.
pub(super) fn refused(code: &str, message: impl Into<String>, statement: &str) -> Failure {
    let mut failure = Failure::new(code, message);
    failure.extra.push(("statement".to_owned(), sql::shape(statement, SHAPE)));
    failure
}

/// The open batch is gone; the engine does it again from its marker.
pub(super) fn batch_lost(name: &str, why: &str) -> Fault {
    Fault::new("batch-lost", format!("database {name}: the batch is gone: {why}"))
}

/// A statement was ended at its deadline.
pub(super) fn deadline(name: &str) -> Fault {
    Fault::new("deadline", format!("database {name}: a statement took longer than its limit"))
        .hint("raise `statement-time` of the slot, then resume")
}

/// A read was ended because the operator wants to stop.
pub(super) fn stopped(name: &str) -> Fault {
    Fault::new("interrupted", format!("database {name}: stopped in the middle of a statement"))
}

/// The connection is gone.
pub(super) fn lost(name: &str, what: &str, why: &str) -> Fault {
    Fault::new("connection-lost", format!("database {name}: {what}: {why}"))
}

fn busy(name: &str, what: &str, server: &ServerError) -> Fault {
    Fault::new("database-busy", format!("database {name}: {what}: {}", server.message))
        .hint("find out who holds the lock (SHOW FULL PROCESSLIST), then `liftlock resume`")
}

/// What the surroundings did, if it was them.
fn surroundings(name: &str, what: &str, server: &ServerError) -> Option<Fault> {
    let disk_full = code::DISK_FULL.contains(&server.code)
        // ENOSPC and EDQUOT, which the engine passes on by number only.
        || (server.code == code::ENGINE_ERROR && ["28 ", "122 "].iter().any(|n| server.message.contains(&format!("error {n}"))));
    let code = match server.code {
        _ if disk_full => "disk-full",
        found if code::STATEMENT_TIMEOUT.contains(&found) => "deadline",
        found if code::OUT_OF_MEMORY.contains(&found) => "out-of-memory",
        found if code::READ_ONLY.contains(&found) => "not-permitted",
        found if code::CONNECTION_ENDS.contains(&found) => "connection-lost",
        _ => return None,
    };
    Some(Fault::new(code, format!("database {name}: {what}: {}", server.message)))
}

fn answer(statement: &str, server: &ServerError) -> Failure {
    let (code, message) = match server.code {
        code::READ_ONLY_TRANSACTION => ("statement-refused", "a query only reads: use execute"),
        code::PACKET_TOO_LARGE => ("too-big", "the statement or a value is longer than the server takes"),
        _ => ("sql-error", server.message.as_str()),
    };
    let mut failure = refused(code, message, statement);
    failure.extra.push(("code".to_owned(), server.code.to_string()));
    failure.extra.push(("sqlstate".to_owned(), server.state.clone()));
    failure
}
