//! A setting of the application's, in one row of one table: read and set by the host itself.

use rusqlite::types::ValueRef;
use rusqlite::{Error, Row, ToSql};
use serde_json::{Value, json};

use super::catalog::quoted;
use super::session::Session;
use crate::effect::{CallError, Fault, Setting};

impl Session {
    /// As `Store::setting`.
    pub(super) fn setting(&self, setting: &Setting) -> Result<Value, CallError> {
        // Qualified: a name in quotes that is no column would be taken for a text.
        let (column, table) = (quoted(&setting.column), quoted(&setting.table));
        let sql = format!("SELECT {table}.{column} FROM {table} WHERE {} LIMIT 2", of_row(setting));
        let read = || {
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map(rusqlite::params_from_iter(setting.row.values()), value)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|error| self.trouble(setting, &error))?;
        let wrong = |why: &str| Err(setting.wrong(self.name(), why));
        match rows.as_slice() {
            [] => wrong("there is no such row"),
            [Some(value)] => Ok(value.clone()),
            [None] => wrong("it is neither a text nor a whole number"),
            _ => wrong("there is more than one such row"),
        }
    }

    /// As `Store::set`. A file has one stamp for all of its tables, so that it is taken behind the lock, and others' writes in between
    /// are looked for.
    pub(super) fn set(&self, setting: &Setting, value: &Value, stamp: &str) -> Result<Option<String>, CallError> {
        if self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a setting in an open batch", self.name())).into());
        }
        self.host("BEGIN IMMEDIATE")?;
        let done = self.change(setting, value, stamp);
        if self.in_batch() {
            self.host("ROLLBACK")?;
        }
        let (is_untouched, version) = done?;
        self.point("sqlite.setting-set")?;
        if !is_untouched {
            return Ok(None);
        }
        let now = self.locked(|| Ok((self.version()?, self.stamp_behind_lock()?)))?;
        Ok((now.0 == version).then_some(now.1))
    }

    /// Sets it and commits. Returns whether nobody had written since the stamp was taken, and what tells whether anybody has after.
    fn change(&self, setting: &Setting, value: &Value, stamp: &str) -> Result<(bool, i64), CallError> {
        let is_untouched = !stamp.is_empty() && self.stamp_behind_lock()? == stamp;
        let version = self.version()?;
        if self.setting(setting)? != *value {
            let sql = format!(
                "UPDATE {} SET {} = ? WHERE {}",
                quoted(&setting.table),
                quoted(&setting.column),
                of_row(setting)
            );
            let number = value.as_i64();
            let text = Setting::words(value);
            let sent: &dyn ToSql = if number.is_some() { &number } else { &text };
            let params = std::iter::once(sent).chain(setting.row.values().map(|text| text as &dyn ToSql));
            self.point("sqlite.setting")?;
            let update = || self.connection.execute(&sql, params.collect::<Vec<_>>().as_slice());
            update().map_err(|error| self.trouble(setting, &error))?;
            let became = self.setting(setting)?;
            if Setting::words(&became) != Setting::words(value) {
                return Err(setting.wrong(self.name(), format_args!("the column makes {became} of {value}")));
            }
        }
        self.host("COMMIT")?;
        Ok((is_untouched, version))
    }

    /// A number that is another one when somebody else has committed.
    fn version(&self) -> Result<i64, Fault> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| self.fault("PRAGMA data_version", &error))
    }

    /// What SQLite itself says no to is about the setting; all else is the surroundings.
    fn trouble(&self, setting: &Setting, error: &Error) -> CallError {
        let fault = self.fault(&format!("setting {setting}"), error);
        if fault.code == "sql-error" { setting.wrong(self.name(), error) } else { fault.into() }
    }
}

fn of_row(setting: &Setting) -> String {
    let table = quoted(&setting.table);
    let conditions: Vec<_> = setting.row.keys().map(|column| format!("{table}.{} = ?", quoted(column))).collect();
    conditions.join(" AND ")
}

fn value(row: &Row<'_>) -> rusqlite::Result<Option<Value>> {
    Ok(match row.get_ref(0)? {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(number) => Some(json!(number)),
        ValueRef::Text(bytes) => str::from_utf8(bytes).ok().map(|text| json!(text)),
        ValueRef::Real(_) | ValueRef::Blob(_) => None,
    })
}
