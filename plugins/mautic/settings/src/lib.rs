//! What Mautic's own files of settings say, without PHP.
//!
//! Mautic 2 and 3 read `app/config/local.php`, or what `$paths['local_config']` in `app/config/paths_local.php` names instead;
//! then `app/config/parameters_local.php`, whose keys win. Both set `$parameters`. A text that holds `getenv(NAME)` stands for
//! the variable of the environment, which nobody here knows.

mod file;
mod path;
pub mod version;

use liftlock_php::config::{Literal, Value};
use liftlock_sdk::failure::Failure;
use liftlock_sdk::run;

pub use file::{File, Read};
pub use path::{APP, Location, locate};

/// The settings.
pub const LOCAL: &str = "app/config/local.php";

/// Settings that win over [`LOCAL`]; often not there.
pub const OVERRIDES: &str = "app/config/parameters_local.php";

/// Other places of directories and of [`LOCAL`]; often not there.
pub const PATHS: &str = "app/config/paths_local.php";

/// The array that Mautic reads in both.
pub const VARIABLE: &str = "parameters";

/// The settings of an installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// [`LOCAL`], or what stands for it.
    pub local: File,
    /// [`OVERRIDES`].
    pub overrides: Option<File>,
}

/// What is known of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting<'a> {
    /// It is not set: Mautic has its own default.
    Missing,
    /// It has this value.
    Literal(Literal),
    /// It has the value of this variable of the environment.
    Environment(String),
    /// It is computed by PHP: the text.
    Expression(&'a str),
}

impl Settings {
    /// Reads the settings of an installation, or of a tree that has copies of them.
    ///
    /// # Errors
    /// `config-missing`; `config-elsewhere` if [`PATHS`] names a file outside of the directory, or computes the name;
    /// `config-not-understood` with the facts `reason`, `line` and `column`.
    pub fn read(directory: &impl Read) -> Result<Self, Failure> {
        let path = file::local(directory)?;
        let missing = || {
            let message =
                format!("{path} is not there: without Mautic's settings nothing is known of the installation");
            Failure::new("config-missing", message)
        };
        let local = File::read(directory, &path, VARIABLE)?.ok_or_else(missing)?;
        Ok(Self { local, overrides: File::read(directory, OVERRIDES, VARIABLE)? })
    }

    /// The files, the one that wins last.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        std::iter::once(&self.local).chain(&self.overrides)
    }

    /// A setting as Mautic sees it.
    pub fn get(&self, key: &str) -> Setting<'_> {
        let found = self.files().map(|file| file.get(key)).filter(|setting| *setting != Setting::Missing);
        found.last().unwrap_or(Setting::Missing)
    }

    /// A setting that must be a text. None if it is not set, or null or empty.
    ///
    /// # Errors
    /// `setting-not-known` if it is computed, or not a text.
    pub fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        let why = match self.get(key) {
            Setting::Missing => return Ok(None),
            Setting::Literal(Literal::String(text)) => return Ok(Some(text).filter(|text| !text.is_empty())),
            Setting::Literal(value) if value.is_empty() => return Ok(None),
            Setting::Literal(_) => "is not a text".to_owned(),
            Setting::Environment(name) => format!("comes from the environment ({name})"),
            Setting::Expression(_) => "is computed by PHP".to_owned(),
        };
        Err(Failure::new("setting-not-known", format!("`{key}` {why}")))
    }

    /// What the names of Mautic's tables start with: the slot's parameter `prefix`, else `db_table_prefix`; mostly empty.
    ///
    /// # Errors
    /// `setting-not-known` if it is computed; then the parameter has to say it.
    pub fn prefix(&self) -> Result<String, Failure> {
        let prefix = run::param("prefix").map_or_else(|| self.text("db_table_prefix"), |prefix| Ok(Some(prefix)));
        Ok(prefix?.unwrap_or_default())
    }

    /// How PHP connects to the database (`db_driver`): `pdo_mysql` or `mysqli`.
    ///
    /// # Errors
    /// `setting-not-known` if it is computed.
    pub fn driver(&self) -> Result<Option<String>, Failure> {
        self.text("db_driver")
    }

    /// Where mail waits that is not sent yet.
    pub fn spool(&self) -> Location {
        self.location("mailer_spool_path", "app/spool")
    }

    /// Where Mautic keeps what it can compute again.
    pub fn cache(&self) -> Location {
        self.location("cache_path", "app/cache")
    }

    /// The place that a setting names, or Mautic 2's default for it (a path in the root).
    pub fn location(&self, key: &str, default: &str) -> Location {
        match self.get(key) {
            Setting::Literal(value) if value.is_empty() => Location::Inside(default.to_owned()),
            Setting::Literal(Literal::String(text)) => locate(&text, self.base().as_deref()),
            Setting::Missing => Location::Inside(default.to_owned()),
            _ => Location::Unknown,
        }
    }

    /// Where PHP sees the root: the slot's parameter `base`, or what the settings that Mautic's installer makes absolute agree
    /// on. None if they do not.
    pub fn base(&self) -> Option<String> {
        run::param("base").or_else(|| self.common_base())
    }

    fn common_base(&self) -> Option<String> {
        let texts = ["cache_path", "log_path", "tmp_path"].into_iter().filter_map(|key| match self.get(key) {
            Setting::Literal(Literal::String(text)) => Some(text),
            _ => None,
        });
        path::common_base(texts)
    }
}

/// What a value stands for.
fn setting(value: Option<Value<'_>>) -> Setting<'_> {
    match value {
        None => Setting::Missing,
        Some(Value::Literal(Literal::String(text))) => match environment(&text) {
            Some(name) => Setting::Environment(name.to_owned()),
            None => Setting::Literal(Literal::String(text)),
        },
        Some(Value::Literal(literal)) => Setting::Literal(literal),
        Some(Value::Expression(text)) => match environment(text).filter(|_| is_getenv(text)) {
            Some(name) => Setting::Environment(name.to_owned()),
            None => Setting::Expression(text),
        },
    }
}

/// The variable that a text names, anywhere in it: Mautic puts its value in the place of the whole text.
fn environment(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("getenv(")?;
    let (name, _) = rest.split_once(')')?;
    Some(name.trim().trim_matches(['\'', '"']))
}

/// `getenv('NAME')`, and nothing else.
fn is_getenv(code: &str) -> bool {
    code.strip_prefix("getenv(").is_some_and(|rest| rest.find(')') == Some(rest.len() - 1))
}

#[cfg(test)]
mod tests;
