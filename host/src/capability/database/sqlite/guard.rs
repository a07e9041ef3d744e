//! The wall in front of SQL from a guest: SQLite's authorizer, asked for every table, function and pragma while a statement
//! is prepared, also inside views and triggers.
//!
//! The host's own statements pass. Everything that a session would remember, that reaches another file, or that reaches our
//! marker is refused.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::capability::database::MARKER_TABLE;

const HOST: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

/// Pragmas that only read, with or without an argument.
const READING: [&str; 10] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
];

/// Pragmas of the header: part of the data, and of a transaction.
const HEADER: [&str; 2] = ["user_version", "application_id"];

/// Functions that reach files, or tell what the session did before.
const FORBIDDEN: [&str; 8] = [
    "load_extension",
    "readfile",
    "writefile",
    "edit",
    "fts3_tokenizer",
    "last_insert_rowid",
    "changes",
    "total_changes",
];

/// Whose statement is being prepared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A query of a guest.
    Read,
    /// A statement of a guest in a batch.
    Write,
}

/// What the guard saw of a statement.
#[derive(Default)]
pub(super) struct Seen {
    /// Why it was refused.
    pub(super) refusal: Option<String>,
    /// It changes the schema.
    pub(super) schema: bool,
    /// The table that it inserts into, by itself and not by a trigger.
    pub(super) inserts: Option<String>,
    /// It updates, by itself: also `ON CONFLICT DO UPDATE`.
    pub(super) updates: bool,
    /// It deletes, by itself.
    pub(super) deletes: bool,
}

/// The authorizer's memory, shared with the session.
#[derive(Default)]
pub(super) struct Guard {
    mode: AtomicU8,
    seen: Mutex<Seen>,
}

impl Guard {
    /// Lets a guest's SQL be prepared and stepped until the returned value is dropped.
    pub(super) fn enter(self: &Arc<Self>, mode: Mode) -> Entered {
        self.mode.store(if mode == Mode::Read { READ } else { WRITE }, Ordering::SeqCst);
        Entered(Arc::clone(self))
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer to one question of SQLite.
    pub(super) fn authorize(&self, context: AuthContext<'_>) -> Authorization {
        let mode = match self.mode.load(Ordering::SeqCst) {
            HOST => return Authorization::Allow,
            READ => Mode::Read,
            _ => Mode::Write,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match judge(&context, mode, &mut seen) {
            Ok(()) => Authorization::Allow,
            Err(refusal) => {
                seen.refusal.get_or_insert(refusal);
                Authorization::Deny
            }
        }
    }
}

/// A guest's SQL is on its way.
pub(super) struct Entered(Arc<Guard>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.mode.store(HOST, Ordering::SeqCst);
    }
}

fn judge(context: &AuthContext<'_>, mode: Mode, seen: &mut Seen) -> Result<(), String> {
    use AuthAction as A;
    if let Some(table) = table_of(&context.action)
        && table.eq_ignore_ascii_case(MARKER_TABLE)
    {
        return Err(format!("{MARKER_TABLE} belongs to the host"));
    }
    match context.action {
        A::Select | A::Read { .. } | A::Recursive => Ok(()),
        A::Function { function_name } => judge_function(function_name, context, mode),
        A::Pragma { pragma_name, pragma_value } => judge_pragma(pragma_name, pragma_value, mode),
        A::Insert { table_name } | A::Delete { table_name } | A::Update { table_name, .. } => {
            only_in_batch(mode, "changes data")?;
            judge_change(table_name, context, seen)
        }
        A::CreateTable { .. }
        | A::CreateIndex { .. }
        | A::CreateView { .. }
        | A::CreateTrigger { .. }
        | A::DropTable { .. }
        | A::DropIndex { .. }
        | A::DropView { .. }
        | A::DropTrigger { .. }
        | A::DropVtable { .. }
        | A::AlterTable { .. }
        | A::Reindex { .. }
        | A::Analyze { .. } => {
            only_in_batch(mode, "changes the schema")?;
            nothing_temporary(context.database_name)?;
            seen.schema = true;
            Ok(())
        }
        A::Attach { .. } | A::Detach { .. } => Err("ATTACH and DETACH reach other files".to_owned()),
        A::Transaction { .. } | A::Savepoint { .. } => Err("transactions are begun and ended by the host".to_owned()),
        A::CreateVtable { module_name, .. } => Err(format!("virtual tables ({module_name}) are not supported")),
        A::CreateTempTable { .. }
        | A::CreateTempIndex { .. }
        | A::CreateTempView { .. }
        | A::CreateTempTrigger { .. }
        | A::DropTempTable { .. }
        | A::DropTempIndex { .. }
        | A::DropTempView { .. }
        | A::DropTempTrigger { .. } => nothing_temporary(Some("temp")),
        _ => Err("this kind of statement is not known to the host".to_owned()),
    }
}

fn table_of<'a>(action: &AuthAction<'a>) -> Option<&'a str> {
    use AuthAction as A;
    match action {
        A::Read { table_name, .. }
        | A::Insert { table_name }
        | A::Delete { table_name }
        | A::Update { table_name, .. }
        | A::CreateTable { table_name }
        | A::CreateIndex { table_name, .. }
        | A::CreateTrigger { table_name, .. }
        | A::DropTable { table_name }
        | A::DropIndex { table_name, .. }
        | A::DropTrigger { table_name, .. }
        | A::AlterTable { table_name, .. } => Some(table_name),
        A::CreateView { view_name } => Some(view_name),
        _ => None,
    }
}

fn only_in_batch(mode: Mode, what: &str) -> Result<(), String> {
    match mode {
        Mode::Write => Ok(()),
        Mode::Read => Err(format!("a query only reads; this {what}: use execute")),
    }
}

fn nothing_temporary(database: Option<&str>) -> Result<(), String> {
    match database {
        Some("temp") => Err("a session has no memory: nothing temporary".to_owned()),
        _ => Ok(()),
    }
}

fn judge_function(name: &str, context: &AuthContext<'_>, mode: Mode) -> Result<(), String> {
    // A trigger of the application may ask what it has just done itself. A query may not ask, not even through a view.
    let in_trigger = mode == Mode::Write && context.accessor.is_some();
    let about_session = matches!(name.to_ascii_lowercase().as_str(), "last_insert_rowid" | "changes" | "total_changes");
    if FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) && !(about_session && in_trigger) {
        return Err(format!("the function {name}() reaches files, or the memory of a session"));
    }
    Ok(())
}

fn judge_pragma(name: &str, value: Option<&str>, mode: Mode) -> Result<(), String> {
    let name = name.to_ascii_lowercase();
    let reads = READING.contains(&name.as_str());
    let header = HEADER.contains(&name.as_str());
    match value {
        _ if reads => Ok(()),
        None if header || name == "encoding" => Ok(()),
        Some(_) if header => only_in_batch(mode, "writes the header"),
        _ if name == "foreign_keys" => {
            Err("PRAGMA foreign_keys: the pipeline declares how the application connects (`foreign_keys`)".to_owned())
        }
        _ => Err(format!("PRAGMA {name} is not on the list")),
    }
}

/// Changes of rows. SQLite itself changes its own tables (`sqlite_master` for each DDL statement); a guest may change only
/// `sqlite_sequence`, whose rows are the application's: the next ids.
fn judge_change(table: &str, context: &AuthContext<'_>, seen: &mut Seen) -> Result<(), String> {
    if matches!(table, "sqlite_master" | "sqlite_temp_master") {
        // Said of every DDL statement before its own action. Without one, SQLite refuses: the schema is not writable.
        seen.schema = true;
        return Ok(());
    }
    let internal = table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"));
    if internal && !seen.schema && !table.eq_ignore_ascii_case("sqlite_sequence") {
        return Err(format!("{table} belongs to SQLite"));
    }
    if !internal {
        nothing_temporary(context.database_name)?;
    }
    if context.accessor.is_none() {
        match context.action {
            AuthAction::Insert { .. } => seen.inserts = Some(table.to_owned()),
            AuthAction::Update { .. } => seen.updates = true,
            _ => seen.deletes = true,
        }
    }
    Ok(())
}
