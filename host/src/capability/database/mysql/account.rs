//! Where a server is and who logs in. The password is in no `Debug`, message, argv or environment of a child.

use std::fmt;

use mysql_client::Options;
pub use mysql_client::{Place, Tls};

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
    /// What is needed for a connection.
    pub(super) fn options(&self, account: Account) -> Options {
        let server = &self.server;
        let credentials = match (account, &server.stage_account) {
            (Account::Stage, Some(stage)) => stage,
            _ => &server.account,
        };
        Options::new(server.place.clone(), &server.schema, &credentials.user, &credentials.password)
            .tls(server.tls.clone())
            .first(["SET NAMES utf8mb4", SETTINGS])
    }
}
