//! Triggers, views, routines and events: undo makes them again as they were, so they must be visible, and their definers must
//! be there and be settable.

use mysql_client::Error;

use super::rights::Rights;
use super::server::Kind;
use super::{Look, some_of};
use crate::capability::database::mysql::error;
use crate::effect::Fault;

/// Rights of which each lets an account name another as definer: MariaDB before 10.5 and MySQL 5.7, MariaDB, MySQL 8.0,
/// MySQL 8.2.
const SET_DEFINER: [&str; 4] = ["SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"];

/// How often one table is opened at once, to see a server load it: up to the most that one join may have.
const OPENED_AT_ONCE: [usize; 4] = [4, 12, 30, 61];

/// A definer is no account, as MariaDB and MySQL say it to an administrator, and as MariaDB says it to others.
const NO_DEFINER: [u16; 2] = [1449, 1045];

/// A program that stays in the schema.
struct Program {
    /// "trigger".
    kind: String,
    name: String,
    /// "app@localhost"; none if the account may not know.
    definer: Option<String>,
    /// Whether the account may read what it does.
    readable: bool,
}

/// All that is to be said about the programs.
pub(super) fn check(look: &mut Look<'_>, kind: &Kind, rights: &Rights) -> Result<(), Fault> {
    let programs = list(look)?;
    let named = |fits: &dyn Fn(&Program) -> bool| -> Vec<String> {
        programs.iter().filter(|p| fits(p)).map(|p| format!("{} {}", p.kind, p.name)).collect()
    };
    let hidden = named(&|program| !program.readable || program.definer.is_none());
    if !hidden.is_empty() {
        let message = format!("the account may not read {}: undo could not make them again", some_of(&hidden));
        let fix =
            "GRANT TRIGGER, SHOW VIEW, EVENT ON the schema, SELECT ON mysql.proc (MariaDB) or SHOW_ROUTINE (MySQL)";
        look.blocking("definition-unreadable", message, fix);
    } else if !rights.on_schema(&look.config.server.schema, "TRIGGER") {
        unseen_triggers(look, kind)?;
    }
    let missing = match accounts(look) {
        Some(accounts) => named(&|p| p.definer.as_ref().is_some_and(|definer| !exists(&accounts, definer))),
        None => broken_views(look, &programs)?,
    };
    if !missing.is_empty() {
        let message = format!("the definer of {} is no account of the server: its use fails", some_of(&missing));
        look.blocking("definer-missing", message, "make the account, or make the program again with another definer");
    }
    if !SET_DEFINER.iter().any(|right| rights.everywhere(right)) {
        foreign_definers(look, &programs)?;
    }
    Ok(())
}

fn list(look: &mut Look<'_>) -> Result<Vec<Program>, Fault> {
    // What an account may not read is NULL or empty, by kind and server.
    let sql = "SELECT 'trigger', TRIGGER_NAME, DEFINER, COALESCE(ACTION_STATEMENT, '') <> ''
            FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()
        UNION ALL SELECT 'view', TABLE_NAME, DEFINER, COALESCE(VIEW_DEFINITION, '') <> ''
            FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
        UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, DEFINER, COALESCE(ROUTINE_DEFINITION, '') <> ''
            FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
        UNION ALL SELECT 'event', EVENT_NAME, DEFINER, COALESCE(EVENT_DEFINITION, '') <> ''
            FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()";
    let rows: Vec<(String, String, Option<String>, u64)> = look.rows(sql)?;
    let program = |(kind, name, definer, readable)| Program { kind, name, definer, readable: readable != 0 };
    Ok(rows.into_iter().map(program).collect())
}

/// An account without the TRIGGER right sees no triggers, but drops them with their table. MariaDB counts for each session
/// the tables with triggers that it opened, whoever may see them; elsewhere nobody can tell.
pub(super) fn unseen_triggers(look: &mut Look<'_>, kind: &Kind) -> Result<(), Fault> {
    let sql = "SELECT TABLE_NAME FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME";
    let tables: Vec<String> = look.rows(sql)?;
    let mut with_triggers = Vec::new();
    for table in &tables {
        if !kind.mariadb || has_triggers(look, table)?.is_none_or(|has| has) {
            with_triggers.push(table.clone());
        }
    }
    if !with_triggers.is_empty() {
        let tables = some_of(&with_triggers);
        let message = if kind.mariadb {
            format!("there are triggers on {tables} that the account may not read: undo would lose them")
        } else {
            "the account lacks TRIGGER: whether tables have triggers, which undo would lose, cannot be known".to_owned()
        };
        let fix = format!("GRANT TRIGGER ON `{}`.* TO the account", look.config.server.schema);
        look.blocking("triggers-unreadable", message, &fix);
    }
    Ok(())
}

/// Whether a table has triggers; none if it cannot be known. Opens it so often at once that the server must load it anew.
fn has_triggers(look: &mut Look<'_>, table: &str) -> Result<Option<bool>, Fault> {
    let before = opened(look)?;
    let table = table.replace('`', "``");
    for times in OPENED_AT_ONCE {
        let aliases: Vec<String> = (0..times).map(|n| format!("`{table}` t{n}")).collect();
        let sql = format!("SELECT 1 FROM {} WHERE 1 = 0", aliases.join(", "));
        look.link.run(&sql).map_err(|error| error::fault(&look.config.name, "check", &error))?;
        let after = opened(look)?;
        match (after.1 > before.1, after.0 > before.0) {
            (true, _) => return Ok(Some(true)),
            (false, true) => return Ok(Some(false)),
            (false, false) => {}
        }
    }
    Ok(None)
}

/// Tables that this session had loaded, and those with triggers among them.
fn opened(look: &mut Look<'_>) -> Result<(u64, u64), Fault> {
    let sql = "SHOW SESSION STATUS WHERE Variable_name IN ('Opened_tables', 'Feature_trigger')";
    let rows: Vec<(String, u64)> = look.rows(sql)?;
    let value = |name: &str| rows.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or(0, |row| row.1);
    Ok((value("Opened_tables"), value("Feature_trigger")))
}

/// All accounts and roles, as definers are written; none if ours may not know.
fn accounts(look: &mut Look<'_>) -> Option<Vec<String>> {
    look.rows("SELECT CONCAT(User, '@', Host) FROM mysql.user").ok()
}

/// A role of MariaDB is an account without a host.
fn exists(accounts: &[String], definer: &str) -> bool {
    let role = format!("{}@", definer.trim_end_matches('@'));
    accounts.iter().any(|account| *account == definer || *account == role)
}

/// Views that cannot be read for want of their definer, where the list of accounts cannot be read.
fn broken_views(look: &mut Look<'_>, programs: &[Program]) -> Result<Vec<String>, Fault> {
    let mut broken = Vec::new();
    for view in programs.iter().filter(|program| program.kind == "view") {
        let sql = format!("SELECT 1 FROM `{}` LIMIT 0", view.name.replace('`', "``"));
        match look.link.run(&sql) {
            Ok(_) => {}
            Err(Error::Server(error)) if !NO_DEFINER.contains(&error.code) => {}
            Err(Error::Server(_)) => broken.push(format!("view {}", view.name)),
            Err(error) => return Err(error::fault(&look.config.name, "check", &error)),
        }
    }
    Ok(broken)
}

/// A trigger goes with its table, and only an account with a special right may make it again for another definer. The other
/// programs go only if a stage drops them.
fn foreign_definers(look: &mut Look<'_>, programs: &[Program]) -> Result<(), Fault> {
    let own: Vec<String> = look.rows("SELECT CURRENT_USER()")?;
    let foreign = |trigger: bool| -> Vec<String> {
        let fits = |p: &&Program| (p.kind == "trigger") == trigger;
        let theirs = |p: &&Program| p.definer.as_ref().is_some_and(|definer| !own.contains(definer));
        programs.iter().filter(fits).filter(theirs).map(|p| format!("{} {}", p.kind, p.name)).collect()
    };
    let fix = "use an account with SET USER (MariaDB), SET_USER_ID (MySQL 8) or SUPER, or the definer's own";
    let triggers = foreign(true);
    if !triggers.is_empty() {
        let message =
            format!("{} belong to another definer: the account could not make them again", some_of(&triggers));
        look.blocking("foreign-definer", message, fix);
    }
    let others = foreign(false);
    if !others.is_empty() {
        let message = format!("{} belong to another definer: once dropped, they stay so", some_of(&others));
        look.warning("foreign-definer", message, fix);
    }
    Ok(())
}
