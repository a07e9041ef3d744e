//! What is asked of a server, and set, when a session for stages begins.

use super::MysqlConfig;
use super::error;
use super::link::Link;
use crate::effect::Fault;

/// What a session must know of its server.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// "mysql" or "mariadb".
    pub(super) dialect: &'static str,
    /// As the server says it.
    pub(super) version: String,
    /// Whether a lock time-out rolls back the whole transaction, not just the statement.
    pub(super) rollback_on_timeout: bool,
    /// The longest statement or value, bytes.
    pub(super) max_packet: u64,
    sql_mode: String,
}

/// Modes under which the server reads a text otherwise than the guard does.
const REFUSED_MODES: [&str; 2] = ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"];

/// Reads the facts.
pub(super) fn ask(link: &mut Link, config: &MysqlConfig) -> Result<Facts, Fault> {
    // A server that lacks one of them (InnoDB without that setting) still shows the others.
    const SQL: &str = "SHOW VARIABLES WHERE Variable_name IN
        ('version', 'sql_mode', 'innodb_rollback_on_timeout', 'max_allowed_packet')";
    let rows = link.rows(SQL).map_err(|error| error::fault(&config.name, "SHOW VARIABLES", &error))?;
    let mut facts = Facts { dialect: "mysql", max_packet: 1 << 20, ..Facts::default() };
    for mut row in rows {
        let mut text = |index: usize| row.take::<Option<String>, _>(index).flatten().unwrap_or_default();
        let (name, value) = (text(0), text(1));
        match name.as_str() {
            "version" => facts.version = value,
            "sql_mode" => facts.sql_mode = value,
            "innodb_rollback_on_timeout" => facts.rollback_on_timeout = value == "ON",
            "max_allowed_packet" => facts.max_packet = value.parse().unwrap_or(facts.max_packet),
            _ => {}
        }
    }
    if facts.version.to_ascii_lowercase().contains("mariadb") {
        facts.dialect = "mariadb";
    }
    Ok(facts)
}

/// Makes the session what the application's would be, and refuses a mode that the guard cannot live with.
pub(super) fn set_up(link: &mut Link, config: &MysqlConfig) -> Result<Facts, Fault> {
    let mut set = format!("SET SESSION foreign_key_checks = {}", u8::from(config.foreign_keys));
    if let Some(mode) = &config.sql_mode {
        if !is_list_of_words(mode) {
            let text = format!("database {}: {mode:?} is no sql_mode", config.name);
            return Err(Fault::new("bad-configuration", text));
        }
        set.push_str(&format!(", sql_mode = '{mode}'"));
    }
    link.run(&set).map_err(|error| error::fault(&config.name, "SET SESSION", &error))?;
    let facts = ask(link, config)?;
    match facts.sql_mode.split(',').find(|mode| REFUSED_MODES.contains(mode)) {
        None => Ok(facts),
        Some(mode) => {
            let text = format!("database {}: the sql_mode of its sessions holds {mode}", config.name);
            Err(Fault::new("unsupported-sql-mode", text)
                .hint("name the application's own `sql_mode` for this database in installation.toml, without it"))
        }
    }
}

fn is_list_of_words(mode: &str) -> bool {
    mode.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ',')
}
