//! The one place where SQLite's errors become answers or faults.

use rusqlite::{Error, ErrorCode};

use super::guard::Seen;
use super::sql;
use super::watch::Watch;
use crate::effect::{CallError, Failure, Fault};

/// The longest statement shape in a message, bytes.
const SHAPE: usize = 500;

/// What the surroundings did, if it was them.
fn surroundings(database: &str, error: &Error) -> Option<Fault> {
    let code = match error.sqlite_error_code()? {
        ErrorCode::DiskFull => "disk-full",
        ErrorCode::SystemIoFailure => "io-error",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => "database-busy",
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => "database-damaged",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => "not-permitted",
        ErrorCode::OutOfMemory => "out-of-memory",
        ErrorCode::OperationInterrupted => "interrupted",
        _ => return None,
    };
    let fault = Fault::new(code, format!("database {database}: {}", text(error)));
    Some(match code {
        "database-busy" => fault.hint("another program has the database open; stop it (freeze), then resume"),
        "database-damaged" => fault.hint("PRAGMA integrity_check tells more; undo puts the database back"),
        _ => fault,
    })
}

/// An error of a statement of the host's own: always a fault.
pub(super) fn fault(database: &str, what: &str, error: &Error) -> Fault {
    let own = || Fault::new("sql-error", format!("database {database}: {what}: {}", text(error)));
    surroundings(database, error).unwrap_or_else(own)
}

/// An error of a guest's statement.
pub(super) fn of_guest(database: &str, statement: &str, error: &Error, seen: Seen, watch: &Watch) -> CallError {
    if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
        return interrupted(database, watch).into();
    }
    if let Some(fault) = surroundings(database, error) {
        return fault.into();
    }
    let (code, message) = match (seen.refusal, error, error.sqlite_error_code()) {
        (Some(refusal), ..) => ("statement-refused", refusal),
        (_, _, Some(ErrorCode::AuthorizationForStatementDenied)) => ("statement-refused", text(error)),
        (_, Error::MultipleStatement, _) => ("several-statements", "one statement a call".to_owned()),
        (_, _, Some(ErrorCode::TooBig)) => ("too-big", "a value or row is bigger than the limit".to_owned()),
        _ => ("sql-error", text(error)),
    };
    let mut failure = Failure::new(code, message);
    failure.extra.push(("statement".to_owned(), sql::shape(statement, SHAPE)));
    if let Some(detail) = error.sqlite_error() {
        failure.extra.push(("sqlite-code".to_owned(), detail.extended_code.to_string()));
    }
    failure.into()
}

/// A refusal that needs no SQLite.
pub(super) fn refused(code: &str, message: impl Into<String>, statement: &str) -> CallError {
    let mut failure = Failure::new(code, message);
    failure.extra.push(("statement".to_owned(), sql::shape(statement, SHAPE)));
    failure.into()
}

fn interrupted(database: &str, watch: &Watch) -> Fault {
    if watch.stopped() {
        return Fault::new("interrupted", format!("database {database}: stopped in the middle of a statement"));
    }
    Fault::new("deadline", format!("database {database}: a statement took longer than its limit"))
        .hint("raise `statement-time` of the slot, then resume")
}

/// SQLite's own words.
fn text(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(text)) | Error::SqlInputError { msg: text, .. } => text.clone(),
        other => other.to_string(),
    }
}
