//! What an account may do, by `SHOW GRANTS`, the only list that has roles and patterns in it.

use std::collections::BTreeSet;

use super::Look;
use super::server::Kind;
use crate::capability::database::mysql::error;
use crate::capability::database::mysql::link::{Account, Link};
use crate::effect::{Fault, Severity};

/// What an upgrade and its undo need on the schema.
const NEEDED: [&str; 9] = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"];

/// What an empty clone needs, in a schema of its own.
const FOR_CLONE: [&str; 5] = ["CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"];

/// Rights that are for the whole server: not in "all" of a schema.
const SERVER_WIDE: [&str; 4] = ["SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"];

/// What schemas of our own begin with. Part of a grant, as a pattern.
const CLONES: &str = "liftlock_";

/// The rights of an account.
#[derive(Debug, Default)]
pub(super) struct Rights {
    grants: Vec<Grant>,
}

/// One line of `SHOW GRANTS`, as far as it is for everything or a schema.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    rights: BTreeSet<String>,
    /// The pattern of the schema's name; none: all schemas.
    schema: Option<String>,
}

/// All that is to be said about the accounts.
pub(super) fn check(look: &mut Look<'_>, kind: &Kind) -> Result<Rights, Fault> {
    let lines = look.rows("SHOW GRANTS")?;
    let rights = Rights::parse(&lines);
    missing(look, "the account", &rights);
    if look.config.server.stage_account.is_some() {
        let mut stage = Link::open(look.config, Account::Stage)?;
        let lines = stage.rows("SHOW GRANTS").map_err(|error| error::fault(&look.config.name, "check", &error))?;
        let lines = super::typed(look.config, lines)?;
        missing(look, "the stages' account", &Rights::parse(&lines));
    }
    clones(look, kind, &rights);
    Ok(rights)
}

fn missing(look: &mut Look<'_>, who: &str, rights: &Rights) {
    let schema = look.config.server.schema.clone();
    let missing: Vec<&str> = NEEDED.into_iter().filter(|right| !rights.on_schema(&schema, right)).collect();
    if !missing.is_empty() {
        let list = missing.join(", ");
        let fix = format!("GRANT {list} ON `{schema}`.* TO that account");
        look.blocking("missing-rights", format!("{who} lacks {list} on the schema {schema}"), &fix);
    }
}

/// Without a schema of our own a change is not rehearsed on an empty clone.
fn clones(look: &mut Look<'_>, kind: &Kind, rights: &Rights) {
    if FOR_CLONE.iter().all(|right| rights.on_schema(CLONES, right)) {
        return;
    }
    let why = "the account may not make a schema of its own, so schema changes are not tried on an empty clone first";
    let fix = format!("GRANT ALL ON `{}%`.* TO that account", CLONES.replace('_', "\\_"));
    let (severity, text) = if kind.atomic_ddl() {
        (Severity::Warning, format!("{why}; one that is cut off is told as done if its table's definition is another"))
    } else {
        let server = "this server does not make them whole or not at all (MariaDB 10.6, MySQL 8.0 do)";
        (Severity::Blocking, format!("{why}, and {server}: what became of one that is cut off could not be told"))
    };
    look.say(severity, "no-clone", text, &fix);
}

impl Rights {
    /// From the lines of `SHOW GRANTS`. Lines about single tables, columns, routines and roles are left out: they are never
    /// enough.
    fn parse(lines: &[String]) -> Self {
        Self { grants: lines.iter().filter_map(|line| Grant::parse(line)).collect() }
    }

    /// Whether the account has this right on all of the server.
    pub(super) fn everywhere(&self, right: &str) -> bool {
        self.grants.iter().any(|grant| grant.schema.is_none() && grant.has(right))
    }

    /// Whether the account has this right on all of a schema.
    pub(super) fn on_schema(&self, schema: &str, right: &str) -> bool {
        let fits = |grant: &&Grant| grant.schema.as_ref().is_none_or(|pattern| like(pattern, schema));
        self.grants.iter().filter(fits).any(|grant| grant.has(right))
    }
}

impl Grant {
    /// "GRANT SELECT, INSERT (`a`, `b`) ON `app\_%`.* TO …".
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("GRANT ")?;
        let (rights, rest) = rest.split_once(" ON ")?;
        let schema = match rest.strip_prefix("*.* TO ") {
            Some(_) => None,
            None => {
                let (name, rest) = quoted(rest)?;
                rest.strip_prefix(".* TO ")?;
                Some(name)
            }
        };
        // No lists of columns here: those are of tables. MySQL puts no blank behind some commas.
        let rights = rights.split(',').map(|right| right.trim().to_ascii_uppercase()).collect();
        Some(Self { rights, schema })
    }

    fn has(&self, right: &str) -> bool {
        let all = ["ALL PRIVILEGES", "ALL"].iter().any(|all| self.rights.contains(*all));
        self.rights.contains(right) || (all && (self.schema.is_none() || !SERVER_WIDE.contains(&right)))
    }
}

/// A name in backticks, and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let (part, behind) = rest.split_once('`')?;
        name.push_str(part);
        let Some(more) = behind.strip_prefix('`') else { return Some((name, behind)) };
        name.push('`');
        rest = more;
    }
}

/// `LIKE` as grants have it: `%`, `_`, and a backslash before either.
fn like(pattern: &str, name: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => name.is_empty(),
        Some('%') => {
            name.char_indices().any(|(at, _)| like(pattern.as_str(), &name[at..])) || like(pattern.as_str(), "")
        }
        Some(first) => {
            let mut name = name.chars();
            let Some(other) = name.next() else { return false };
            let escaped = if first == '\\' { pattern.next() } else { None };
            let fits = match escaped {
                Some(escaped) => escaped == other,
                None => first == '_' || first == other,
            };
            fits && like(pattern.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(lines: &[&str]) -> Rights {
        Rights::parse(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_right_on_columns_tables_or_another_schema_is_not_a_right_on_the_schema() {
        let some = rights(&[
            "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*1F ON *.* TO'",
            "GRANT SELECT,SHOW VIEW ON `app`.* TO `a`@`%`",
            "GRANT UPDATE, INSERT (a, DELETE, b) ON `app`.`t` TO `a`@`%`",
            "GRANT DROP ON `application`.* TO `a`@`%`",
            "GRANT EXECUTE ON PROCEDURE `app`.`p` TO `a`@`%`",
            "GRANT PROXY ON ''@'' TO 'a'@'%'",
            "GRANT `ALTER` TO `a`@`%`",
            "GRANT CREATE ON `app",
        ]);
        for right in ["INSERT", "UPDATE", "DELETE", "DROP", "EXECUTE", "ALTER", "CREATE", "SUPER"] {
            assert!(!some.on_schema("app", right), "{right}");
        }
        assert!(some.on_schema("app", "SELECT"));
        assert!(!some.everywhere("SELECT"));
    }

    #[test]
    fn all_of_a_schema_is_not_all_of_the_server() {
        let schema = rights(&["GRANT ALL PRIVILEGES ON `app`.* TO `a`@`%`"]);
        assert!(schema.on_schema("app", "TRIGGER"));
        assert!(
            !schema.everywhere("SUPER") && !schema.on_schema("app", "SUPER") && !schema.on_schema(CLONES, "CREATE")
        );
        let server = rights(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"]);
        assert!(server.everywhere("SUPER") && server.on_schema(CLONES, "CREATE"));
    }

    #[test]
    fn patterns_fit_as_the_server_fits_them() {
        for (pattern, name, fits) in [
            ("app", "app2", false),
            ("app\\_x", "app1x", false),
            ("%x", "xy", false),
            ("a_", "a", false),
            ("", "a", false),
            ("app\\_%", "app_", true),
            ("app_x", "app1x", true),
            ("%", "", true),
            ("%", "ünder", true),
            ("%_x%", "aüxb", true),
        ] {
            assert_eq!(like(pattern, name), fits, "{pattern} {name}");
        }
        assert_eq!(quoted("`a``b`.*"), Some(("a`b".to_owned(), ".*")));
    }
}
