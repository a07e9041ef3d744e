//! The changes of one file, and how they are told.

use liftlock_php::config::Literal;
use liftlock_sdk::failure::Failure;
use mautic_settings::{File, Setting};

use crate::rule::{RULES, Rule, Verdict};

/// A key that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) key: &'static str,
    old: String,
    /// None removes it.
    new: Option<Literal>,
}

/// What is to be changed in a file.
pub(crate) fn all(file: &File, base: Option<&str>) -> Vec<Change> {
    let change = |rule: &Rule| {
        let new = match rule.judge(file, base) {
            Verdict::Set(value) => Some(value),
            Verdict::Remove => None,
            Verdict::Holds | Verdict::Unknown(_) => return None,
        };
        Some(Change { key: rule.key, old: told(&file.get(rule.key)), new })
    };
    RULES.iter().filter_map(change).collect()
}

impl Change {
    /// `theme: Mauve → blank`
    pub(crate) fn text(&self) -> String {
        let new = self.new.as_ref().map_or_else(|| "removed".to_owned(), told_literal);
        format!("{}: {} → {new}", self.key, self.old)
    }

    /// Makes the change.
    pub(crate) fn make(&self, file: &mut File) -> Result<(), Failure> {
        let done = match &self.new {
            Some(value) => file.config.set(self.key, value),
            None => file.config.remove(self.key).map(|_| ()),
        };
        done.map_err(|error| Failure::new(error.code, format!("{}, `{}`: {}", file.path, self.key, error.message)))
    }
}

/// A setting for people. Of arrays and expressions not what is in them: there may be an address with a password.
fn told(setting: &Setting<'_>) -> String {
    match setting {
        Setting::Missing => "not set".to_owned(),
        Setting::Literal(value) => told_literal(value),
        Setting::Environment(name) => format!("getenv({name})"),
        Setting::Expression(_) => "an expression".to_owned(),
    }
}

fn told_literal(value: &Literal) -> String {
    match value {
        Literal::Null => "null".to_owned(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => value.to_string(),
        Literal::String(text) if text.contains("://") && text.contains('@') => "an address".to_owned(),
        Literal::String(text) => text.clone(),
        Literal::Array(entries) => match entries.as_slice() {
            [] => "an empty array".to_owned(),
            [(_, Literal::String(text))] if text == "cache.adapter.filesystem" => format!("the adapter {text}"),
            entries => format!("an array of {}", entries.len()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_password_is_not_told() {
        let secret = Literal::Array(vec![("dsn".into(), Literal::from("redis://:hush@host"))]);
        for value in [secret, Literal::from("redis://:hush@host")] {
            assert!(!told_literal(&value).contains("hush"));
        }
        assert_eq!(told(&Setting::Expression("'hush' . $x")), "an expression");
    }

    #[test]
    fn a_change_tells_old_and_new() {
        let change = Change { key: "theme", old: "Mauve".to_owned(), new: Some(Literal::from("blank")) };
        assert_eq!(change.text(), "theme: Mauve → blank");
        assert_eq!(Change { new: None, ..change }.text(), "theme: Mauve → removed");
    }
}
