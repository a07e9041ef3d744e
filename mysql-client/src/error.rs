//! What can go wrong between a client and a server.

use std::io;

/// An answer of the server that is an error. The connection is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ERROR {code} ({state}): {message}")]
pub struct ServerError {
    /// The server's number for it.
    pub code: u16,
    /// SQLSTATE: five characters, "HY000" if the server said none.
    pub state: String,
    /// In the server's words.
    pub message: String,
}

/// Bytes that no server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's answer is none that there is: {0}")]
pub struct Malformed(pub &'static str);

/// Why a call failed. Behind all but [`Error::Server`] the connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server says so.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server, or something between it and us, does not speak as it should.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The connection broke, or a [`Watch`](crate::Watch) gave it up.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It broke before.
    #[error("the connection is closed")]
    Closed,
    /// An encrypted connection is required.
    #[error("the server does not offer TLS")]
    NoTls,
    /// No encrypted connection could be made.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server wants the password in a way in which we do not send it.
    #[error("{0}")]
    Login(String),
    /// More than a server takes in one statement.
    #[error("the statement has {0} bytes, more than the server takes (max_allowed_packet)")]
    TooLong(usize),
    /// Another number of parameters than the statement has.
    #[error("the statement has {wanted} parameters, {given} were given")]
    Parameters {
        /// As the server counts them.
        wanted: usize,
        /// As the caller did.
        given: usize,
    },
}

impl Error {
    /// Whether the connection can be used again: the answer was an error, or the question was never asked.
    #[must_use]
    pub fn leaves_connection(&self) -> bool {
        matches!(self, Self::Server(_) | Self::TooLong(_) | Self::Parameters { .. })
    }
}
