//! What the database must be like. What its keys and columns are is looked at by identify-3x-migrations, which meets them.

use liftlock_sdk::database::{Database, Dialect};
use liftlock_sdk::failure::{Failure, Finding};
use liftlock_sdk::stage::Findings;

use mautic_settings::version::Version;

/// The oldest servers.
const MYSQL: Version = Version(5, 7, 14);
const MARIADB: Version = Version(10, 2, 0);

/// Tables by which Mautic is known, without prefix. The last is the one that no other application has.
const KNOWN: [&str; 4] = ["leads", "users", "categories", "lead_fields"];

/// All that is to be said.
pub(crate) fn check(database: &Database, prefix: &str) -> Findings {
    let dialect = database.dialect();
    let mut found: Vec<Finding> = server(dialect, &database.server_version()).into_iter().collect();
    if dialect == Dialect::Sqlite {
        return Ok(found);
    }
    let tables = database.tables()?;
    if let Some(finding) = wrong_prefix(prefix, &tables) {
        found.push(finding);
        return Ok(found);
    }
    let sql = format!("SELECT COUNT(*) FROM {}", dialect.quote(&format!("{prefix}leads")));
    found.push(contacts(database.query_value::<u64>(&sql, &[]).map(Option::unwrap_or_default)));
    Ok(found)
}

fn server(dialect: Dialect, version: &str) -> Option<Finding> {
    let (name, parsed, oldest) = match dialect {
        Dialect::Sqlite => {
            let message = "Mautic has no database on SQLite: is it that of another application?";
            return Some(
                Finding::blocking("database-not-supported", message)
                    .fix("correct [databases.main] in installation.toml"),
            );
        }
        Dialect::Mysql => ("MySQL", Version::parse(version), MYSQL),
        Dialect::Mariadb => ("MariaDB", Version::of_mariadb(version), MARIADB),
    };
    if parsed.is_some_and(|parsed| parsed >= oldest) {
        return None;
    }
    let message = format!("the server is {name} {version}; Mautic 3 needs {name} {oldest} or newer");
    Some(Finding::blocking("database-too-old", message).fix("upgrade the database server first"))
}

fn wrong_prefix(prefix: &str, tables: &[String]) -> Option<Finding> {
    let missing: Vec<String> =
        KNOWN.iter().map(|name| format!("{prefix}{name}")).filter(|name| !tables.contains(name)).collect();
    if missing.is_empty() {
        return None;
    }
    let own = KNOWN[KNOWN.len() - 1];
    let there: Vec<String> =
        tables.iter().filter_map(|name| name.strip_suffix(own)).map(|p| format!("\"{p}\"")).collect();
    let hint = match there.as_slice() {
        [] => "see whether [databases.main] names the right schema".to_owned(),
        there => format!("tables of Mautic with the prefix {} are there: compare db_table_prefix", there.join(", ")),
    };
    let message = format!("the database has no {} (the prefix is \"{prefix}\")", missing.join(", "));
    Some(Finding::blocking("wrong-prefix", message).fix(hint))
}

fn contacts(counted: Result<u64, Failure>) -> Finding {
    match counted {
        Ok(number) => Finding::info("contacts", format!("there are {number} contacts")),
        Err(failure) => {
            let message = format!("the contacts could not be counted: {}", failure.message);
            Finding::warning("contacts-not-counted", message).fix("CHECK TABLE on the table of contacts")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn code(finding: Option<Finding>) -> String {
        finding.map(|finding| finding.code).unwrap_or_default()
    }

    #[test]
    fn an_old_or_foreign_server_is_refused() {
        for (dialect, version) in [
            (Dialect::Mysql, "5.7.13-log"),
            (Dialect::Mysql, "unknown"),
            (Dialect::Mariadb, "10.1.48-MariaDB"),
            (Dialect::Mariadb, "5.5.5-10.1.48-MariaDB"),
        ] {
            assert_eq!(code(server(dialect, version)), "database-too-old", "{version}");
        }
        assert_eq!(code(server(Dialect::Sqlite, "3.45.0")), "database-not-supported");
        assert_eq!(server(Dialect::Mysql, "5.7.14"), None);
        assert_eq!(server(Dialect::Mysql, "8.0.36-0ubuntu0.22.04.1"), None);
        assert_eq!(server(Dialect::Mariadb, "10.2.0-MariaDB"), None);
    }

    #[test]
    fn a_wrong_prefix_is_refused_and_the_right_one_is_named() {
        let tables = names(&["mau_leads", "mau_users", "mau_categories", "mau_lead_fields", "shop_users"]);
        let finding = wrong_prefix("", &tables).unwrap();
        assert_eq!((finding.severity.as_str(), finding.code.as_str()), ("blocking", "wrong-prefix"));
        assert!(finding.fix.unwrap().contains("\"mau_\""));
        assert!(wrong_prefix("x", &names(&["shop_users"])).unwrap().fix.unwrap().contains("schema"));
        assert_eq!(wrong_prefix("mau_", &tables), None);
    }

    #[test]
    fn contacts_that_cannot_be_counted_only_warn() {
        let finding = contacts(Err(Failure::new("database-error", "crashed")));
        assert_eq!((finding.severity.as_str(), finding.code.as_str()), ("warning", "contacts-not-counted"));
        assert_eq!(contacts(Ok(10)).severity, "info");
    }
}
