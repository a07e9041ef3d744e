//! Where a database of the installation is. Addresses with passwords are not read here: only where they are kept is.

use std::path::PathBuf;

use super::document::{Item, Section, Wrong};
use super::value;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server.
    Server(ServerPlace),
}

/// A server, and who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPlace {
    /// Where it is and the host's account.
    pub login: Login,
    /// Where the address with a smaller account for the stages' SQL is kept, if there is one.
    pub stage_url_file: Option<PathBuf>,
    /// When the connection is encrypted.
    pub tls: TlsUse,
    /// The authority (PEM) that the server's certificate is from; the system's, if nothing is said.
    pub tls_ca: Option<PathBuf>,
}

/// Where the address of a server is kept: `mysql://user:password@host:port/schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// In a variable of the environment.
    UrlEnv(String),
    /// In a file.
    UrlFile(PathBuf),
    /// Nowhere: a unix socket, which knows who we are, or whose password is in a file.
    Socket {
        /// The socket.
        socket: PathBuf,
        /// The account.
        user: String,
        /// The schema.
        schema: String,
        /// The file with the password.
        password_file: Option<PathBuf>,
    },
}

/// When the connection to a server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsUse {
    /// When the server offers it.
    #[default]
    Preferred,
    /// Always, and the certificate must be right.
    Required,
    /// Never.
    Off,
}

const TLS_USES: [(&str, TlsUse); 3] =
    [("preferred", TlsUse::Preferred), ("required", TlsUse::Required), ("off", TlsUse::Off)];

/// The keys of which one says where a database is.
const WAYS: [&str; 4] = ["sqlite", "url-file", "url-env", "socket"];

impl DatabasePlace {
    /// Reads a `[databases.<name>]`. `path` makes a path absolute.
    pub(super) fn read(
        section: &mut Section<'_>,
        path: impl Fn(&Item<'_>) -> Result<PathBuf, Wrong> + Copy,
    ) -> Option<Self> {
        let ways = WAYS.into_iter().filter(|key| section.has(key)).collect::<Vec<_>>();
        if let [_, second, ..] = ways.as_slice() {
            let text = format!("says where the database is beside {:?}", ways.first().copied().unwrap_or_default());
            section.note("bad-value", Some(second), text, Some("keep one of the two".to_owned()));
        }
        if let Some(file) = section.optional("sqlite", path) {
            return Some(Self::Sqlite(file));
        }
        let url_file = section.optional("url-file", path).map(Login::UrlFile);
        let url_env = section.optional("url-env", variable).map(Login::UrlEnv);
        let socket = section.optional("socket", path).and_then(|socket| Login::socket(section, socket, path));
        let stage_url_file = section.optional("stage-url-file", path);
        let tls = section.optional("tls", value::word(&TLS_USES)).unwrap_or_default();
        let tls_ca = section.optional("tls-ca", path);
        if ways.is_empty() {
            let hint =
                "write sqlite = \"path\", or for a server url-file = \"path\", url-env = \"NAME\" or socket = \"path\"";
            section.note("missing-key", None, "nothing says where the database is".to_owned(), Some(hint.to_owned()));
        }
        let login = url_file.or(url_env).or(socket)?;
        Some(Self::Server(ServerPlace { login, stage_url_file, tls, tls_ca }))
    }

    /// The variable of the environment that holds its address with the password, if one does.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Server(ServerPlace { login: Login::UrlEnv(variable), .. }) => Some(variable),
            Self::Sqlite(_) | Self::Server(_) => None,
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Server(_) => None,
        }
    }
}

impl Login {
    fn socket(
        section: &mut Section<'_>,
        socket: PathBuf,
        path: impl Fn(&Item<'_>) -> Result<PathBuf, Wrong>,
    ) -> Option<Self> {
        let user = section.required("user", value::line);
        let schema = section.required("schema", value::line);
        let password_file = section.optional("password-file", path);
        Some(Self::Socket { socket, user: user?, schema: schema?, password_file })
    }
}

/// The name of a variable of the environment.
fn variable(item: &Item<'_>) -> Result<String, Wrong> {
    let text = value::line(item)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.chars().all(fits) {
        return Ok(text);
    }
    // Somebody may have written the address itself: it must not be shown.
    Err(value::bad(
        "must be the name of a variable, not the address itself",
        "url-env = \"MAIN_DATABASE_URL\"".to_owned(),
    ))
}
