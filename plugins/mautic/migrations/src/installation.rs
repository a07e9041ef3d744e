//! Where a slot works: its database, its root, and what the names of its tables begin with.

use liftlock_php::config::{Config, Value};
use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;

/// Mautic's settings, and the file that wins over them where it is there.
const SETTINGS: [&str; 2] = ["app/config/local.php", "app/config/parameters_local.php"];

/// The setting with the prefix.
const KEY: &str = "db_table_prefix";

/// An installation of Mautic, as a slot names it.
#[derive(Debug)]
pub struct Installation {
    /// Its database.
    pub database: Database,
    /// Its root: the directory with `index.php`.
    pub root: Directory,
    /// What the names of its tables begin with; may be empty.
    pub prefix: String,
}

impl Installation {
    /// Opens what the parameters name: `database` (default `main`), `root` (default `app`) and `prefix`. Without a `prefix` it
    /// is what Mautic's settings say.
    ///
    /// # Errors
    /// `not-mysql`, `settings-unreadable`, `prefix-unknown`, or what the host says.
    pub fn open() -> Result<Self, Failure> {
        let database = Database::open(&run::param_or("database", "main"))?;
        if database.dialect() == Dialect::Sqlite {
            return Err(Failure::new("not-mysql", "Mautic's migrations are for MySQL and MariaDB, and this is SQLite"));
        }
        let root = Directory::root(&run::param_or("root", "app"))?;
        let prefix = match run::param("prefix") {
            Some(prefix) => prefix,
            None => prefix(&root, "")?.unwrap_or_default(),
        };
        Ok(Self { database, root, prefix })
    }
}

/// The prefix that the settings name, if there are any: `below` the root, a path with a slash at its end, or nothing.
///
/// # Errors
/// `settings-unreadable`, `prefix-unknown`, or what the host says.
pub fn prefix(root: &Directory, below: &str) -> Result<Option<String>, Failure> {
    let mut prefix = None;
    for path in SETTINGS.map(|path| format!("{below}{path}")) {
        if root.exists(&path)? {
            let said = prefix_in(&root.read_text(&path)?).map_err(|failure| failure.at(&path))?;
            prefix = Some(said.or(prefix).unwrap_or_default());
        }
    }
    Ok(prefix)
}

/// The prefix that a file of settings names, if it names one.
fn prefix_in(text: &str) -> Result<Option<String>, Failure> {
    let config = Config::parse(text).map_err(|error| Failure::new("settings-unreadable", error.to_string()))?;
    match config.get(&[KEY]) {
        None => Ok(None),
        Some(Value::Literal(literal)) if literal.is_empty() => Ok(Some(String::new())),
        Some(Value::Literal(literal)) => match literal.as_str() {
            Some(prefix) => Ok(Some(prefix.to_owned())),
            None => Err(Failure::new("prefix-unknown", format!("{KEY} is no text"))),
        },
        Some(Value::Expression(text)) => {
            let message = format!("{KEY} is {text}, which only PHP can work out: give the slot the parameter `prefix`");
            Err(Failure::new("prefix-unknown", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix_in_array(entry: &str) -> Result<Option<String>, Failure> {
        prefix_in(&format!("<?php\n$parameters = array(\n    'db_host' => 'localhost',\n    {entry}\n);\n"))
    }

    #[test]
    fn a_prefix_that_only_php_knows_is_not_guessed() {
        let failure = prefix_in_array("'db_table_prefix' => getenv('PREFIX'),").unwrap_err();
        assert_eq!(failure.code, "prefix-unknown");
        assert!(failure.message.contains("getenv('PREFIX')"), "{}", failure.message);
        assert_eq!(prefix_in_array("'db_table_prefix' => 5,").unwrap_err().code, "prefix-unknown");
    }

    #[test]
    fn settings_that_cannot_be_read_are_refused_with_their_place() {
        let failure = prefix_in("<?php\n$parameters = array(\n  'db_table_prefix' => 'a_'").unwrap_err();
        assert_eq!(failure.code, "settings-unreadable");
    }

    #[test]
    fn a_prefix_may_be_empty_null_or_not_there() {
        assert_eq!(prefix_in_array("'db_table_prefix' => 'mau_',"), Ok(Some("mau_".to_owned())));
        assert_eq!(prefix_in_array("'db_table_prefix' => '',"), Ok(Some(String::new())));
        assert_eq!(prefix_in_array("'db_table_prefix' => null,"), Ok(Some(String::new())));
        assert_eq!(prefix_in_array(""), Ok(None));
    }
}
