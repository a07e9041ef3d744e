//! Where a server is and who logs in.

use std::fmt;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A unix socket.
    Socket(PathBuf),
    /// Host and port.
    Tcp(String, u16),
}

/// When a connection by TCP is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// When the server offers it. A server that does not is spoken to in the clear. Any certificate is better than none.
    #[default]
    Preferred,
    /// Always, and the server's certificate must be right: by the system's authorities, or by those of this file (PEM or DER)
    /// and no others.
    Required(Option<PathBuf>),
    /// Never.
    Off,
}

/// What is needed for a connection. The password is not in its `Debug`.
#[derive(Clone)]
pub struct Options {
    pub(crate) place: Place,
    pub(crate) schema: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) tls: Tls,
    pub(crate) first: Vec<String>,
}

impl Options {
    /// A server, a schema on it, and an account.
    pub fn new(place: Place, schema: impl Into<String>, user: impl Into<String>, password: impl Into<String>) -> Self {
        let (schema, user, password) = (schema.into(), user.into(), password.into());
        Self { place, schema, user, password, tls: Tls::Preferred, first: Vec::new() }
    }

    /// With this encryption. A unix socket needs none.
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// With these statements before all others.
    #[must_use]
    pub fn first<S: Into<String>>(self, statements: impl IntoIterator<Item = S>) -> Self {
        Self { first: statements.into_iter().map(Into::into).collect(), ..self }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}/{}", self.user, self.place, self.schema)
    }
}
