//! What the engine asks besides statements: restore points, stamps, snapshots.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::super::catalog::quoted;
use super::super::dump::{self, Quiet};
use super::super::link::{Account, Link};
use super::super::sql::Touched;
use super::super::{batch, change, error, lock, restore, setting, stamp};
use super::Session;
use crate::capability::database::SnapshotInfo;
use crate::effect::{CallError, Fault, Setting};

impl Session {
    /// As `Store::restore_point`. Makes nothing on the server: a host that dies now, before the journal knows of the database, has
    /// nothing there that `undo` would have to remove. Our table comes with the first batch.
    pub(in super::super) fn restore_point(&mut self, directory: &Path) -> Result<Value, Fault> {
        if directory != self.config.restore {
            let text = format!("database {}: two places for its restore point", self.name());
            return Err(Fault::new("internal", text));
        }
        self.lock()?;
        self.host(restore::begin)
    }

    /// As `Store::cover`. Programs are in the definitions, which are saved already.
    pub(in super::super) fn cover(&mut self) -> Result<(), Fault> {
        self.lock()?;
        self.forget_schema();
        let schema = self.schema()?;
        let all = schema.catalog.tables.keys().cloned().collect();
        let touched = Touched { rows: all, commits_itself: true, ..Touched::default() };
        restore::before_touch(&self.config, &schema.catalog, &touched)
    }

    /// As `Store::restore`: on one connection, which has the locks that the stage's session had.
    pub(in super::super) fn restore(&mut self, saved: &Value) -> Result<(), Fault> {
        self.hang_up();
        let config = Arc::clone(&self.config);
        let mut link = Link::open(&config, Account::Host)?;
        lock::take(&mut link, &config)?;
        change::forget(&mut link, &config)?;
        restore::put_back(&mut link, &config, saved)
    }

    /// As `Store::stamp`.
    pub(in super::super) fn stamp(&mut self) -> Result<String, Fault> {
        if self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a stamp in an open batch", self.name())));
        }
        self.host(stamp::take)
    }

    /// As `Store::written_since`.
    pub(in super::super) fn written_since(&mut self, stamp: &str) -> Result<Option<String>, Fault> {
        self.host(|link, config| stamp::written_since(link, config, stamp))
    }

    /// As `Store::doubt`.
    pub(in super::super) fn doubt(&mut self, stamp: &str) -> Result<Option<String>, Fault> {
        self.host(|link, config| stamp::doubt(link, config, stamp))
    }

    /// As `Store::rewind`. Behind the lock: the session whose batch was lost has rolled it back.
    pub(in super::super) fn rewind(&mut self, stamp: &str) -> Result<(), Fault> {
        self.give_up_lost();
        self.lock()?;
        self.forget_schema();
        self.host(|link, config| stamp::rewind(link, config, stamp))
    }

    /// As `Store::setting`.
    pub(in super::super) fn setting(&mut self, setting: &Setting) -> Result<Value, CallError> {
        Ok(self.host(|link, config| setting::read(link, config, setting))??)
    }

    /// As `Store::set`.
    pub(in super::super) fn set(
        &mut self,
        setting: &Setting,
        value: &Value,
        stamp: &str,
    ) -> Result<Option<String>, CallError> {
        if self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a setting in an open batch", self.name())).into());
        }
        Ok(self.host(|link, config| setting::write(link, config, setting, value, stamp))??)
    }

    /// As `Store::forget`.
    pub(in super::super) fn forget(&mut self) -> Result<(), Fault> {
        self.lock()?;
        self.host(change::forget)?;
        self.host(batch::drop_table)
    }

    /// As `Driver::snapshot`.
    pub(in super::super) fn snapshot(
        &mut self,
        tables: Vec<String>,
        directory: &Path,
        frozen: bool,
    ) -> Result<SnapshotInfo, Fault> {
        self.forget_schema();
        let schema = self.schema()?;
        let whole = tables.is_empty();
        let tables = if whole { schema.catalog.tables.keys().cloned().collect() } else { tables };
        let quiet = if frozen { Quiet::Frozen } else { Quiet::Live };
        dump::save(&self.config, &schema.catalog, &tables, whole, directory, quiet)
    }

    /// As `Driver::load`.
    pub(in super::super) fn load(&mut self, directory: &Path) -> Result<SnapshotInfo, Fault> {
        let manifest = dump::verify(directory)?;
        self.lock()?;
        self.forget_schema();
        dump::load(&self.config, directory, &manifest)?;
        Ok(manifest.info)
    }

    /// As `Driver::before_load`.
    pub(in super::super) fn before_load(&mut self, directory: &Path) -> Result<(), Fault> {
        let manifest = dump::verify(directory)?;
        let schema = self.schema()?;
        let replaced = manifest.catalog.tables.into_keys().collect();
        let touched = Touched { rows: replaced, commits_itself: true, ..Touched::default() };
        restore::before_touch(&self.config, &schema.catalog, &touched)
    }

    /// As `Driver::size`: what the server thinks that it is.
    pub(in super::super) fn size(&mut self) -> Result<u64, Fault> {
        self.host(|link, config| {
            let sql = "SELECT CAST(COALESCE(SUM(DATA_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES \
                       WHERE TABLE_SCHEMA = DATABASE()";
            let rows = link.rows(sql).map_err(|error| error::fault(&config.name, "size", &error))?;
            Ok(rows.into_iter().next().and_then(|mut row| row.take::<Option<u64>, _>(0).flatten()).unwrap_or_default())
        })
    }

    /// As `Driver::row_counts`.
    pub(in super::super) fn row_counts(&mut self) -> Result<BTreeMap<String, u64>, Fault> {
        self.forget_schema();
        let schema = self.schema()?;
        self.host(|link, config| {
            let mut counts = BTreeMap::new();
            for table in schema.catalog.tables.keys() {
                let sql = format!("SELECT COUNT(*) FROM {}", quoted(table));
                let rows = link.rows(&sql).map_err(|error| error::fault(&config.name, "count", &error))?;
                let count = rows.into_iter().next().and_then(|mut row| row.take::<Option<u64>, _>(0).flatten());
                counts.insert(table.clone(), count.unwrap_or_default());
            }
            Ok(counts)
        })
    }
}
