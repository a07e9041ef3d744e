//! What the host looks at before an upgrade: server and version, clusters and proxies, rights, tables that cannot be restored.
//!
//! * [`server`]: what kind of server it is, and whether a session stays on it.
//! * [`rights`]: what the accounts may do, by their grants.
//! * [`tables`]: what undo could not put back, or only with room that is not there.
//! * [`programs`]: triggers, views, routines and events that could not be made again.

mod programs;
mod rights;
mod server;
mod tables;
#[cfg(test)]
mod tests;

use mysql_client::{FromRow, Row};

use super::link::{Account, Link};
use super::{MysqlConfig, error};
use crate::effect::{Fault, Finding, Severity};

/// The most names that a message has.
const NAMES: usize = 5;

/// All findings. Changes nothing. `link` is a stage's session, set as the application connects.
pub(super) fn check(link: &mut Link, config: &MysqlConfig) -> Result<Vec<Finding>, Fault> {
    let mut look = Look { link: Link::open(config, Account::Host)?, config, found: Vec::new() };
    let kind = server::check(&mut look, link)?;
    let rights = rights::check(&mut look, &kind)?;
    tables::check(&mut look)?;
    programs::check(&mut look, &kind, &rights)?;
    Ok(look.found)
}

/// One look at a database, by the host's own account.
struct Look<'a> {
    link: Link,
    config: &'a MysqlConfig,
    found: Vec<Finding>,
}

impl Look<'_> {
    /// The rows of a query, which are of this type.
    fn rows<T: FromRow>(&mut self, sql: &str) -> Result<Vec<T>, Fault> {
        let rows = self.link.rows(sql).map_err(|error| error::fault(&self.config.name, "check", &error))?;
        typed(self.config, rows)
    }

    fn blocking(&mut self, code: &str, message: String, fix: &str) {
        self.say(Severity::Blocking, code, message, fix);
    }

    fn warning(&mut self, code: &str, message: String, fix: &str) {
        self.say(Severity::Warning, code, message, fix);
    }

    fn say(&mut self, severity: Severity, code: &str, message: String, fix: &str) {
        let message = format!("database {}: {message}", self.config.name);
        let fix = Some(fix.to_owned());
        self.found.push(Finding { severity, fix, ..Finding::blocking(code, message) });
    }
}

/// Rows as values; a server that sends something else is no server of ours.
fn typed<T: FromRow>(config: &MysqlConfig, rows: Vec<Row>) -> Result<Vec<T>, Fault> {
    let strange =
        |_| Fault::new("database-error", format!("database {}: the server's answer makes no sense", config.name));
    rows.into_iter().map(|row| mysql_client::from_row_opt(row).map_err(strange)).collect()
}

/// "a, b, c and 4 more".
fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
