//! 20190704154940, kept from Mautic 2: the description of each translation, `translations/<locale>/config.php`, becomes
//! `config.json`. The original runs the file; here it is read, and one that only PHP understands stays as it is.

use liftlock_php::config::{Config, Key, Literal, Value as Setting};
use liftlock_sdk::files::join;
use liftlock_sdk::prelude::*;
use serde_json::{Map, Value};

/// Where translations are.
const DIRECTORY: &str = "translations";

/// A translation whose description is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The file that goes.
    pub old: String,
    /// The file that comes.
    pub new: String,
    /// What will be in it, or why that is not known.
    pub json: Result<String, String>,
}

/// The descriptions that are due below a root. One that is there in the new form already is not.
///
/// # Errors
/// What the host says.
pub fn due(root: &Directory) -> Result<Vec<Description>, Failure> {
    let mut due = Vec::new();
    if !root.exists(DIRECTORY)? {
        return Ok(due);
    }
    for entry in root.list(DIRECTORY)?.iter().filter(|entry| entry.kind == "directory") {
        let locale = join(DIRECTORY, &entry.name);
        let (old, new) = (join(&locale, "config.php"), join(&locale, "config.json"));
        if root.exists(&old)? && !root.exists(&new)? {
            let json = String::from_utf8(root.read_all(&old)?)
                .map_err(|_| "it is not UTF-8 text".to_owned())
                .and_then(|text| to_json(&text));
            due.push(Description { old, new, json });
        }
    }
    Ok(due)
}

/// Writes a description in its new form, if it is known.
///
/// # Errors
/// What the host says.
pub fn write(root: &Directory, description: &Description) -> Result<bool, Failure> {
    let Ok(json) = &description.json else { return Ok(false) };
    root.write_all(&description.new, json.as_bytes())?;
    root.remove(&description.old)?;
    Ok(true)
}

/// The array of a PHP file as JSON.
fn to_json(text: &str) -> Result<String, String> {
    let config = Config::parse(text).map_err(|error| error.to_string())?;
    let mut entries = Map::new();
    for key in config.keys(&[]).unwrap_or_default() {
        let name = name_of(&key);
        match config.get(&[&name]) {
            Some(Setting::Literal(literal)) => entries.insert(name, value_of(&literal)),
            _ => return Err(format!("{name} is not spelled out")),
        };
    }
    Ok(Value::Object(entries).to_string())
}

fn name_of(key: &Key) -> String {
    match key {
        Key::Int(number) => number.to_string(),
        Key::String(text) => text.clone(),
    }
}

fn value_of(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => (*value).into(),
        Literal::Int(value) => (*value).into(),
        Literal::Float(value) => (*value).into(),
        Literal::String(text) => text.clone().into(),
        Literal::Array(entries) => {
            let is_list = entries.iter().zip(0..).all(|((key, _), at)| *key == Key::Int(at));
            match is_list {
                true => entries.iter().map(|(_, value)| value_of(value)).collect(),
                false => Value::Object(entries.iter().map(|(key, value)| (name_of(key), value_of(value))).collect()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_php_understands_is_not_guessed() {
        assert_eq!(
            to_json("<?php return ['locale' => strtolower('DE')];"),
            Err("locale is not spelled out".to_owned())
        );
        assert!(to_json("<?php return include 'other.php';").is_err());
        assert!(to_json("no php").is_err());
    }

    #[test]
    fn names_numbers_and_lists_become_json_in_their_order() {
        let php = "<?php\n$config = array(\n  'name' => 'Français \"de\" ici',\n  'locale' => 'fr',\n  'author' => ['a', 'b'],\n  \
                   'n' => 3,\n  'more' => ['x' => null, 'y' => true],\n);\nreturn $config;\n";
        assert_eq!(
            to_json(php).unwrap(),
            r#"{"name":"Français \"de\" ici","locale":"fr","author":["a","b"],"n":3,"more":{"x":null,"y":true}}"#
        );
    }
}
