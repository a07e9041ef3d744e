//! What is known of the schema, and how it is kept true: read once, and behind each change of our own only where that change
//! reached. Whatever else may have changed it makes us forget all of it.

use std::sync::Arc;

use super::super::catalog::Catalog;
use super::super::change::{self, Record};
use super::super::error;
use super::super::sql::{self, Parsed, Touched, Use};
use super::Session;
use crate::effect::{CallError, Fault};

/// What is known of the schema, until something changes it.
pub(in super::super) struct Schema {
    pub(in super::super) catalog: Catalog,
    /// All schemas that the account sees, ours the first.
    schemas: Vec<String>,
}

/// The schema as it was read last, and the change of our own that came behind that.
#[derive(Default)]
pub(super) struct Known {
    schema: Option<Arc<Schema>>,
    changed: Option<Record>,
}

impl Schema {
    /// See [`sql::touched`].
    pub(super) fn touched(&self, statement: &Parsed, used: Use) -> Result<Touched, CallError> {
        Ok(sql::touched(statement, used, &self.catalog, &self.schemas)?)
    }
}

impl Session {
    /// What is known of the schema.
    pub(in super::super) fn schema(&mut self) -> Result<Arc<Schema>, Fault> {
        let schema = match std::mem::take(&mut self.known) {
            Known { schema: Some(schema), changed: None } => schema,
            Known { schema: Some(schema), changed: Some(record) } => match self.caught_up(&schema, &record)? {
                Some(schema) => schema,
                None => self.read_schema()?,
            },
            Known { schema: None, .. } => self.read_schema()?,
        };
        self.known.schema = Some(Arc::clone(&schema));
        Ok(schema)
    }

    /// Forgets what is known of the schema.
    pub(in super::super) fn forget_schema(&mut self) {
        self.known = Known::default();
    }

    /// Notes that the server has answered a change that was described from what is known.
    pub(super) fn note_change(&mut self, record: &Record) {
        self.known.changed = Some(record.clone());
    }

    fn caught_up(&mut self, schema: &Schema, record: &Record) -> Result<Option<Arc<Schema>>, Fault> {
        let catalog = self.host(|link, config| change::follow(link, config, record, &schema.catalog))?;
        Ok(catalog.map(|catalog| Arc::new(Schema { catalog, schemas: schema.schemas.clone() })))
    }

    fn read_schema(&mut self) -> Result<Arc<Schema>, Fault> {
        self.host(|link, config| {
            let catalog = Catalog::read(link, config)?;
            let rows = link.rows("SHOW DATABASES").map_err(|e| error::fault(&config.name, "SHOW DATABASES", &e))?;
            let mut schemas = vec![config.server.schema.clone()];
            schemas.extend(rows.into_iter().filter_map(|mut row| row.take::<Option<String>, _>(0).flatten()));
            Ok(Arc::new(Schema { catalog, schemas }))
        })
    }
}
