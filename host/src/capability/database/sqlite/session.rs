//! The connection to one database, as it lives on the worker's thread.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Statement, ToSql, types::ToSqlOutput, types::ValueRef};

use super::guard::{Guard, Mode};
use super::stream::{Stream, describe};
use super::watch::Watch;
use super::{SqliteConfig, error, sql};
use crate::capability::database::worker::{Backend, Rows};
use crate::capability::database::{ColumnInfo, Executed, Value};
use crate::effect::{CallError, Fault};

/// The longest statement, bytes.
const SQL_BYTES: i32 = 16 << 20;

/// How long to wait for another program's lock, at most.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// Virtual machine steps between two looks at the clock: some microseconds.
const STEPS: i32 = 1000;

/// How a guest's query may start. The authorizer is the wall; this gives the better words.
const READING: [&str; 5] = ["SELECT", "WITH", "VALUES", "PRAGMA", "EXPLAIN"];

/// How a guest's change may start.
const WRITING: [&str; 11] =
    ["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH", "CREATE", "DROP", "ALTER", "REINDEX", "ANALYZE", "PRAGMA"];

/// An open database.
pub(super) struct Session {
    // Closed before `file`: see there.
    pub(super) connection: Connection,
    pub(super) guard: Arc<Guard>,
    pub(super) watch: Arc<Watch>,
    pub(super) config: Arc<SqliteConfig>,
    /// The real path of the database, without symbolic links.
    pub(super) path: PathBuf,
    /// The database file itself, for reading its bytes. It stays open as long as the connection: SQLite's locks are POSIX
    /// locks, and closing *any* descriptor of the file drops all locks that this process has on it.
    pub(super) file: File,
}

impl Backend for Session {
    type Config = SqliteConfig;

    const THREAD: &'static str = "sqlite";

    /// Opens a database that is there. Changes nothing in it.
    fn open(config: &Arc<SqliteConfig>) -> Result<Self, Fault> {
        let path = real_path(config)?;
        let file = File::open(&path).map_err(|error| Fault::io(path.display(), &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        let failed = |error| error::fault(&config.name, "open", &error);
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        let guard = Arc::new(Guard::default());
        let watch = Arc::new(Watch::new(Arc::clone(&config.stop)));
        harden(&mut connection, config, &guard, &watch).map_err(failed)?;
        Ok(Self { connection, guard, watch, config: Arc::clone(config), path, file })
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        serve: impl FnOnce(Vec<ColumnInfo>, &mut dyn Rows),
    ) -> Result<(), CallError> {
        let mut statement = self.prepare_query(sql, params)?;
        let columns = describe(&statement, sql)?;
        let mut rows = Stream::new(self, sql, columns.len(), &mut statement);
        serve(columns, &mut rows);
        Ok(())
    }
}

impl Session {
    /// The database's name.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether a transaction is open.
    pub(super) fn in_batch(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Runs a statement of the host's own.
    pub(super) fn host(&self, sql: &str) -> Result<(), Fault> {
        self.connection.execute_batch(sql).map_err(|error| self.fault(sql, &error))
    }

    /// A fault of a statement of the host's own.
    pub(super) fn fault(&self, what: &str, error: &rusqlite::Error) -> Fault {
        error::fault(self.name(), what, error)
    }

    /// Does something with a guest's SQL: guarded, watched, and its errors told apart.
    pub(super) fn guest<T>(
        &self,
        mode: Mode,
        sql: &str,
        act: impl FnOnce() -> rusqlite::Result<T>,
    ) -> Result<T, CallError> {
        let entered = self.guard.enter(mode);
        self.watch.arm(self.config.statement_time);
        let done = act();
        self.watch.disarm();
        drop(entered);
        done.map_err(|error| error::of_guest(self.name(), sql, &error, self.guard.take(), &self.watch))
    }

    /// Prepares a guest's query.
    fn prepare_query(&self, sql: &str, params: &[Value]) -> Result<Statement<'_>, CallError> {
        refuse_by_words(sql, &READING, "query")?;
        self.guard.take();
        let mut statement = self.guest(Mode::Read, sql, || self.connection.prepare(sql))?;
        if !statement.readonly() {
            return Err(error::refused("statement-refused", "a query only reads: use execute", sql));
        }
        bind(&mut statement, params, sql)?;
        Ok(statement)
    }

    /// Runs a guest's change in the open batch. On an answer, nothing of it has happened.
    pub(super) fn execute(&self, sql: &str, params: &[Value]) -> Result<Executed, CallError> {
        refuse_by_words(sql, &WRITING, "execute")?;
        if sql::has_word(sql, "ROLLBACK") {
            let text = "ROLLBACK would take other statements along (as a name it must be quoted)";
            return Err(error::refused("statement-refused", text, sql));
        }
        if !self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a change outside a batch", self.name())).into());
        }
        self.guarded_by_savepoint(|| self.execute_once(sql, params))
    }

    /// Undoes what `act` did in the open batch if it fails. `OR FAIL` is why a statement's own atomicity is not enough.
    pub(super) fn guarded_by_savepoint<T>(&self, act: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
        self.cached("SAVEPOINT liftlock_statement")?;
        let done = act();
        if !self.in_batch() {
            // A fault says why it was lost; an answer must not be given for a batch that is gone.
            let lost =
                || Fault::new("batch-lost", format!("database {}: SQLite rolled the whole batch back", self.name()));
            return match done {
                Err(CallError::Fault(fault)) => Err(fault.into()),
                _ => Err(lost().into()),
            };
        }
        if done.is_err() {
            self.cached("ROLLBACK TO liftlock_statement")?;
        }
        self.cached("RELEASE liftlock_statement")?;
        done
    }

    fn execute_once(&self, sql: &str, params: &[Value]) -> Result<Executed, CallError> {
        self.guard.take();
        let before = self.connection.total_changes();
        let mut statement = self.guest(Mode::Write, sql, || self.connection.prepare(sql))?;
        bind(&mut statement, params, sql)?;
        self.guest(Mode::Write, sql, || {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        })?;
        drop(statement);
        let seen = self.guard.take();
        let changes_rows = !seen.schema && (seen.inserts.is_some() || seen.updates || seen.deletes);
        let changed = changes_rows && self.connection.total_changes() != before;
        let affected = if changed { self.connection.changes() } else { 0 };
        // SQLite remembers the last id of the session: it is this statement's only if this one surely set it.
        let last_id = match seen.inserts {
            Some(table) if affected > 0 && !seen.updates && self.has_rowid(&table)? => {
                Some(self.connection.last_insert_rowid())
            }
            _ => None,
        };
        Ok(Executed { affected, last_id, extra: Vec::new() })
    }

    fn has_rowid(&self, table: &str) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE AND type = 'table' AND NOT wr";
        let exists = || self.connection.prepare_cached(sql)?.exists([table]);
        exists().map_err(|error| self.fault("table list", &error))
    }

    /// A statement of the host's own that comes with each of a guest's.
    fn cached(&self, sql: &str) -> Result<(), Fault> {
        let run = || self.connection.prepare_cached(sql)?.execute([]);
        run().map(drop).map_err(|error| self.fault(sql, &error))
    }
}

impl Drop for Session {
    /// An empty log holds nothing that could be moved: then SQLite may remove it and its index, as if we had not been here.
    fn drop(&mut self) {
        if fs::metadata(beside(&self.path, "-wal")).is_ok_and(|log| log.len() == 0) {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        }
    }
}

/// Where the database really is: links resolved, so that the files beside it, and a restore over it, are beside the real one.
fn real_path(config: &SqliteConfig) -> Result<PathBuf, Fault> {
    let path = &config.path;
    let missing = |why: &str| {
        Fault::new("database-missing", format!("database {}: {} {why}", config.name, path.display()))
            .hint("a database is never created; correct its path in installation.toml")
    };
    match fs::canonicalize(path) {
        Ok(real) if real.is_file() => Ok(real),
        Ok(_) => Err(missing("is not a file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing("is not there")),
        Err(error) => Err(Fault::io(path.display(), &error)),
    }
}

/// A file beside the database: "-wal", "-shm", "-journal".
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn harden(
    connection: &mut Connection,
    config: &SqliteConfig,
    guard: &Arc<Guard>,
    watch: &Arc<Watch>,
) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_TIME.min(config.statement_time))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, config.foreign_keys)?;
    // Our coming and going must not change the files: they are copied and compared byte by byte.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES)?;
    let longest = i32::try_from(config.result_bytes).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    // The first statement reads the header: here a file that is no database shows itself.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let authorizer = Arc::clone(guard);
    connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| authorizer.authorize(context)))?;
    let clock = Arc::clone(watch);
    connection.progress_handler(STEPS, Some(move || clock.trips()))
}

fn refuse_by_words(sql: &str, allowed: &[&str], call: &str) -> Result<(), CallError> {
    if sql.contains('\0') {
        return Err(CallError::answer("bad-argument", "the statement contains a zero byte"));
    }
    let word = sql::first_word(sql);
    if allowed.contains(&word.as_str()) {
        return Ok(());
    }
    let text = if word.is_empty() { "there is no statement".to_owned() } else { format!("{word} is not for {call}") };
    Err(error::refused("statement-refused", text, sql))
}

fn bind(statement: &mut Statement<'_>, params: &[Value], sql: &str) -> Result<(), CallError> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        let text = format!("the statement has {wanted} parameters, {} were given", params.len());
        return Err(error::refused("bad-argument", text, sql));
    }
    for (index, param) in params.iter().enumerate() {
        let refused = |text: &str| error::refused("bad-argument", format!("parameter {}: {text}", index + 1), sql);
        let value = match param {
            Value::Null => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Uint(uint) => {
                ValueRef::Integer(i64::try_from(*uint).map_err(|_| refused("SQLite has no integers above 2^63-1"))?)
            }
            // SQLite would silently make it NULL.
            Value::Float(float) if float.is_nan() => return Err(refused("SQLite cannot store NaN")),
            Value::Float(float) => ValueRef::Real(*float),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        let bound = statement.raw_bind_parameter(index + 1, Borrowed(value));
        bound.map_err(|error| refused(&error.to_string()))?;
    }
    Ok(())
}

/// A parameter that is bound without a copy of ours.
struct Borrowed<'a>(ValueRef<'a>);

impl ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
