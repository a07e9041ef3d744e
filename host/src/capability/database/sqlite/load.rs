//! Putting the tables of a snapshot back, as part of the open batch.

use std::fs::File;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::catalog::quoted;
use super::guard::Mode;
use super::restore::digest;
use super::session::Session;
use super::snapshot::{Manifest, open_copy, read_manifest};
use crate::capability::database::SnapshotInfo;
use crate::effect::{CallError, Fault};

impl Session {
    /// As `Driver::load`.
    pub(super) fn load(&self, directory: &Path) -> Result<SnapshotInfo, CallError> {
        if !self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a load outside a batch", self.name())).into());
        }
        let manifest = read_manifest(directory)?;
        let path = directory.join(&manifest.file);
        let found =
            File::open(&path).and_then(|file| digest(&file)).map_err(|error| Fault::io(path.display(), &error))?;
        if found.1 != manifest.sha256 {
            return Err(Fault::new("snapshot-damaged", format!("{} is not what was written", path.display())).into());
        }
        let copy =
            open_copy(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| self.fault("snapshot", &error))?;
        self.guarded_by_savepoint(|| self.load_tables(&copy, &manifest))?;
        Ok(manifest.info)
    }

    fn load_tables(&self, copy: &Connection, manifest: &Manifest) -> Result<(), CallError> {
        let orphans_before = self.orphans()?;
        self.quietly(|| {
            for table in manifest.rows.keys() {
                self.load_table(copy, table)?;
            }
            Ok(())
        })?;
        if self.config.foreign_keys && self.orphans()? > orphans_before {
            let text = "with the tables of the snapshot, rows of other tables refer to rows that are not there";
            return Err(CallError::answer("foreign-key-violation", text));
        }
        Ok(())
    }

    /// Without foreign keys and triggers: rows are put back as they were, and nothing else may follow from it. (`PRAGMA
    /// foreign_keys` would do nothing inside a transaction; this switch does.)
    fn quietly(&self, act: impl FnOnce() -> Result<(), CallError>) -> Result<(), CallError> {
        let switch = |foreign_keys: bool, triggers: bool| -> Result<(), Fault> {
            let set = |config, on| self.connection.set_db_config(config, on);
            set(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, foreign_keys)
                .and_then(|_| set(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, triggers))
                .map(drop)
                .map_err(|error| self.fault("settings", &error))
        };
        let limit = |bytes: i32| self.connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes);
        switch(false, false)?;
        // The limit on values is for guests; what is put back was there before.
        let usual = limit(i32::MAX).map_err(|error| self.fault("settings", &error))?;
        let done = act();
        limit(usual).map_err(|error| self.fault("settings", &error))?;
        switch(self.config.foreign_keys, true)?;
        done
    }

    fn load_table(&self, copy: &Connection, table: &str) -> Result<(), CallError> {
        let definitions = definitions(copy, table).map_err(|error| self.fault("snapshot", &error))?;
        let Some((first, rest)) = definitions.split_first() else {
            return Err(Fault::new("snapshot-damaged", format!("the snapshot has no table {table:?}")).into());
        };
        self.host(&format!("DROP TABLE IF EXISTS main.{}", quoted(table)))?;
        // The statements come from a file that somebody else could have made the schema of: they pass the guard.
        self.guest(Mode::Write, first, || self.connection.prepare(first)?.execute([]))?;
        self.copy_rows(copy, table).map_err(|error| self.fault(table, &error))?;
        for definition in rest {
            self.guest(Mode::Write, definition, || self.connection.prepare(definition)?.execute([]))?;
        }
        Ok(())
    }

    fn copy_rows(&self, copy: &Connection, table: &str) -> rusqlite::Result<()> {
        let columns = stored_columns(copy, table)?;
        let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let places = vec!["?"; columns.len()].join(", ");
        let from = format!("SELECT {names} FROM main.{}", quoted(table));
        let into = format!("INSERT INTO main.{} ({names}) VALUES ({places})", quoted(table));
        let mut read = copy.prepare(&from)?;
        let mut write = self.connection.prepare(&into)?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            for index in 0..columns.len() {
                write.raw_bind_parameter(index + 1, rusqlite::types::ToSqlOutput::Borrowed(row.get_ref(index)?))?;
            }
            write.raw_execute()?;
        }
        self.copy_next_id(copy, table)
    }

    /// AUTOINCREMENT goes on where it was in the snapshot, also behind rows that were deleted then.
    fn copy_next_id(&self, copy: &Connection, table: &str) -> rusqlite::Result<()> {
        let exists = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        if !copy.prepare(exists)?.exists([])? || !self.connection.prepare(exists)?.exists([])? {
            return Ok(());
        }
        let select = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
        let next: Option<i64> = copy.query_row(select, [table], |row| row.get(0)).optional()?;
        self.connection.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
        if let Some(next) = next {
            self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, next))?;
        }
        Ok(())
    }

    fn orphans(&self) -> Result<u64, Fault> {
        if !self.config.foreign_keys {
            return Ok(0);
        }
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0).map(i64::cast_unsigned);
        let counted = self.connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], count);
        counted.map_err(|error| self.fault("foreign keys", &error))
    }
}

/// The statements that make a table: itself first, then its indexes, then its triggers.
fn definitions(copy: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL
        AND type IN ('table', 'index', 'trigger')
        ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 ELSE 3 END, rowid";
    copy.prepare(sql)?.query_map([table], |row| row.get(0))?.collect()
}

/// Columns with values of their own: not the generated ones. The implicit rowid comes along where nothing hides its name:
/// the application may have kept it.
fn stored_columns(copy: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid";
    let mut columns =
        copy.prepare(sql)?.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let without_rowid = "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND wr";
    let integer_key = "SELECT 1 FROM pragma_table_xinfo(?1) WHERE pk = 1 AND type = 'INTEGER' COLLATE NOCASE";
    let has_no_hidden_rowid =
        copy.prepare(without_rowid)?.exists([table])? || copy.prepare(integer_key)?.exists([table])?;
    let hidden = columns.iter().any(|column| column.eq_ignore_ascii_case("rowid"));
    if !has_no_hidden_rowid && !hidden {
        columns.insert(0, "rowid".to_owned());
    }
    Ok(columns)
}
