//! One file of settings: found, read, and its refusals as failures.

use liftlock_php::config::{Config, Literal};
use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::Directory;

use crate::{LOCAL, PATHS, Setting, path, setting};

/// A directory from which settings are read: the live root, or a tree.
pub trait Read {
    /// The text of a file; none if it is not there.
    ///
    /// # Errors
    /// If something that is no file is there, or no UTF-8 text.
    fn text(&self, path: &str) -> Result<Option<String>, Failure>;
}

impl Read for Directory {
    fn text(&self, path: &str) -> Result<Option<String>, Failure> {
        if self.exists(path)? { self.read_text(path).map(Some) } else { Ok(None) }
    }
}

/// A file of settings.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root.
    pub path: String,
    /// What it says.
    pub config: Config,
}

impl File {
    /// Reads a file that sets the array of that name. None if it is not there.
    ///
    /// # Errors
    /// `config-not-understood`, or what the host says.
    pub fn read(directory: &impl Read, path: &str, variable: &str) -> Result<Option<Self>, Failure> {
        let Some(text) = directory.text(path)? else { return Ok(None) };
        let config = Config::parse(&text).map_err(|error| {
            Failure::new("config-not-understood", format!("{path}, {error}"))
                .with("reason", error.code)
                .with("line", error.place.line.to_string())
                .with("column", error.place.column.to_string())
        })?;
        if config.variable() != Some(variable) {
            let message = format!("{path} does not set ${variable}, which is what Mautic reads");
            return Err(Failure::new("config-not-understood", message).with("reason", "no-array"));
        }
        Ok(Some(Self { path: path.to_owned(), config }))
    }

    /// What this file alone says of a setting.
    pub fn get(&self, key: &str) -> Setting<'_> {
        setting(self.config.get(&[key]))
    }

    /// The file with the line of a key, for people: `app/config/local.php, line 3`.
    pub fn place(&self, key: &str) -> String {
        match self.config.place(key) {
            Some(place) => format!("{}, line {}", self.path, place.line),
            None => self.path.clone(),
        }
    }
}

/// The path of the settings: [`LOCAL`], if [`PATHS`] says nothing else.
pub(crate) fn local(directory: &impl Read) -> Result<String, Failure> {
    const KEY: &str = "local_config";
    let Some(text) = directory.text(PATHS)? else { return Ok(LOCAL.to_owned()) };
    if !text.contains(KEY) {
        return Ok(LOCAL.to_owned());
    }
    let Some(paths) = File::read(directory, PATHS, "paths")? else { return Ok(LOCAL.to_owned()) };
    let elsewhere = |why: &str| {
        let message = format!("{}: `{KEY}` {why}, where this stage cannot change the settings", paths.place(KEY));
        Failure::new("config-elsewhere", message)
    };
    match paths.get(KEY) {
        Setting::Missing => Ok(LOCAL.to_owned()),
        Setting::Literal(Literal::String(text)) => match path::locate(&text, None) {
            path::Location::Inside(path) => Ok(path),
            _ => Err(elsewhere(&format!("names {text}"))),
        },
        _ => Err(elsewhere("is computed by PHP")),
    }
}
