//! Where a server is and who logs in. The password is in no `Debug`, message, argv or environment of a child.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, SslOpts};

use super::MysqlConfig;
use super::link::Account;

/// What every session of ours sets, on servers that know it: MySQL runs what stands behind its own version, MariaDB leaves out
/// comments for MySQL from 5.7 on.
///
/// No limit that a server has for all its sessions may end one of ours half way: a guest may think for long between two rows
/// or two statements. What MySQL 8 shows of tables must be of now, not of yesterday.
const SETTINGS: &str = "SET SESSION autocommit = 1, lock_wait_timeout = 5, innodb_lock_wait_timeout = 5, \
    wait_timeout = 28800, net_read_timeout = 28800, net_write_timeout = 28800, sql_select_limit = DEFAULT, \
    sql_safe_updates = 0 \
    /*!50708 , max_execution_time = 0 */ /*!80000 , information_schema_stats_expiry = 0 */ \
    /*M!100108 , max_statement_time = 0 */ \
    /*M!100300 , idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0, idle_write_transaction_timeout = 0 */";

/// When the connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// When the server offers it. A server that does not is spoken to in the clear.
    #[default]
    Preferred,
    /// Always, and the server's certificate must be right: by the system's authorities, or by this file (PEM).
    Required(Option<PathBuf>),
    /// Never.
    Off,
}

impl Tls {
    /// Without the operator's word that it is needed, any certificate is better than none.
    fn options(&self) -> Option<SslOpts> {
        let ssl = SslOpts::default();
        match self {
            Self::Off => None,
            Self::Preferred => {
                Some(ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
            }
            Self::Required(None) => Some(ssl),
            Self::Required(Some(authority)) => Some(ssl.with_root_certs(vec![authority.clone().into()])),
        }
    }
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A unix socket.
    Socket(PathBuf),
    /// Host and port.
    Tcp(String, u16),
}

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password; empty if there is none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)
    }
}

/// A server, a schema and an account, with an optional second account for the stages.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub place: Place,
    /// The schema ("database") on it.
    pub schema: String,
    /// The host's account.
    pub account: Credentials,
    /// A smaller account, for the stages' SQL.
    pub stage_account: Option<Credentials>,
    /// Encryption.
    pub tls: Tls,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}/{}", self.account, self.place, self.schema)
    }
}

impl MysqlConfig {
    /// The options of a connection. `encrypted`: if the operator has not ruled it out.
    pub(super) fn options(&self, account: Account, encrypted: bool) -> Opts {
        let server = &self.server;
        let credentials = match (account, &server.stage_account) {
            (Account::Stage, Some(stage)) => stage,
            _ => &server.account,
        };
        let mut options = OptsBuilder::default()
            .user(Some(&credentials.user))
            .pass(Some(&credentials.password))
            .db_name(Some(&server.schema))
            .prefer_socket(false)
            .stmt_cache_size(64)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .init(vec!["SET NAMES utf8mb4".to_owned(), SETTINGS.to_owned()]);
        options = match &server.place {
            Place::Socket(path) => options.socket(Some(path.display().to_string())),
            Place::Tcp(host, port) => options.ip_or_hostname(host).tcp_port(*port),
        };
        if let Place::Tcp(..) = &server.place
            && encrypted
        {
            options = options.ssl_opts(server.tls.options());
        }
        options.into()
    }
}
