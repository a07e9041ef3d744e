//! The stage's connection, and the host's own beside it, as they live on the worker's thread.
//!
//! A connection that is lost is opened again with the next call; a batch that was open on it is lost, and nothing else is
//! done before the engine has given it up.

mod connections;
mod execute;
mod known;
mod schema;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use mysql_client::Value as Sent;

use super::error::{self, Trouble};
use super::link::Link;
use super::sql::{self, Parsed, Use};
use super::stream::{Health, Stream};
use super::{MysqlConfig, batch, server, value};
use crate::capability::database::worker::{Backend, Rows};
use crate::capability::database::{ColumnInfo, Value};
use crate::effect::{CallError, Fault, Marker};
use crate::io::fault;

use known::Known;

/// The sessions of one database.
pub(super) struct Session {
    pub(super) config: Arc<MysqlConfig>,
    /// Where stages' SQL runs, and the batches.
    stage: Option<Stage>,
    /// Where definitions are read and the host's own changes are made: its settings are the server's.
    host: Option<Link>,
    batch: Batch,
    known: Known,
    /// A connection was lost: the server may need some time to come back.
    patient: bool,
}

/// The stage's connection.
struct Stage {
    link: Link,
    facts: server::Facts,
    /// Whether it holds the locks of the run.
    locked: bool,
    /// The time that it was told, milliseconds since 1970.
    clock: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Batch {
    None,
    Open,
    /// The server has rolled it back, and this is why.
    Lost(String),
}

impl Backend for Session {
    type Config = MysqlConfig;

    const THREAD: &'static str = "mysql";

    /// Connects with the first call that needs it.
    fn open(config: &Arc<MysqlConfig>) -> Result<Self, Fault> {
        let config = Arc::clone(config);
        Ok(Self { config, stage: None, host: None, batch: Batch::None, known: Known::default(), patient: false })
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        serve: impl FnOnce(Vec<ColumnInfo>, &mut dyn Rows),
    ) -> Result<(), CallError> {
        let statement = one(sql::parse(sql, Use::Query)?, sql)?;
        let schema = self.schema()?;
        schema.touched(&statement, Use::Query)?;
        let params = self.params(params, sql)?;
        let alone = self.batch == Batch::None;
        if alone {
            self.begin_read()?;
        }
        let config = Arc::clone(&self.config);
        let health = match Stream::open(&mut self.stage()?.link, &config, &statement.text, &params) {
            Ok((mut stream, columns)) => {
                serve(value::describe(&columns, &schema.catalog), &mut stream);
                stream.close()
            }
            Err(trouble) => {
                let error = self.fell(trouble);
                if alone {
                    self.end_read();
                }
                return Err(error);
            }
        };
        self.after(health);
        if alone {
            self.end_read();
        }
        Ok(())
    }
}

impl Session {
    /// The database's name.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether a batch is open on the server.
    pub(super) fn in_batch(&self) -> bool {
        self.batch == Batch::Open
    }

    /// As `Store::marker`.
    pub(super) fn marker(&mut self) -> Result<Option<Marker>, Fault> {
        self.give_up_lost();
        self.behind_lock(batch::marker)
    }

    /// As `Store::begin`.
    pub(super) fn begin(&mut self, expected: Option<&Marker>) -> Result<(), Fault> {
        self.give_up_lost();
        if expected.is_none() {
            self.make_marker_table()?;
        }
        self.behind_lock(|link, config| batch::begin(link, config, expected))?;
        self.batch = Batch::Open;
        Ok(())
    }

    /// As `Store::commit`. However it ends, no batch is open then.
    pub(super) fn commit(&mut self, new: &Marker) -> Result<(), Fault> {
        let open = std::mem::replace(&mut self.batch, Batch::None);
        match open {
            Batch::Open => self.behind_lock(|link, config| batch::commit(link, config, new)).inspect_err(|_| {
                // Whether it was committed is known behind the lock only: this session lets go of it.
                self.stage = None;
            }),
            Batch::Lost(why) => Err(error::batch_lost(self.name(), &why)),
            Batch::None => Err(error::batch_lost(self.name(), "it was given up")),
        }
    }

    /// As `Store::rollback`. A session that cannot roll back is closed, which the server takes for the same.
    pub(super) fn rollback(&mut self) {
        let open = std::mem::replace(&mut self.batch, Batch::None);
        if open == Batch::None {
            return;
        }
        if let Some(stage) = &mut self.stage
            && stage.link.run("ROLLBACK").is_err()
        {
            self.lose();
        }
    }

    /// Makes our table, if it is not there.
    pub(super) fn make_marker_table(&mut self) -> Result<(), Fault> {
        self.locked()?;
        self.host(batch::make_table)
    }

    /// Takes the locks of the run, if this session does not have them.
    pub(super) fn lock(&mut self) -> Result<(), Fault> {
        self.locked().map(drop)
    }

    /// Closes all connections.
    pub(super) fn hang_up(&mut self) {
        (self.stage, self.host, self.batch) = (None, None, Batch::None);
        self.forget_schema();
    }

    /// A place where a test may kill us or fail the call.
    fn point(&self, name: &'static str) -> Result<(), Fault> {
        fault::point(name).map_err(|error| Fault::io(format_args!("database {}", self.name()), &error))
    }

    /// What a guest's trouble does to the session, and what it is to the caller.
    fn fell(&mut self, trouble: Trouble) -> CallError {
        let was_open = self.in_batch();
        match trouble {
            Trouble::Answer(failure) => failure.into(),
            Trouble::Busy(fault) | Trouble::Fault(fault) => {
                // It may have been killed.
                if let Some(stage) = &mut self.stage {
                    stage.link.absorb_kill();
                }
                fault.into()
            }
            Trouble::Deadlock(fault) => {
                if was_open {
                    self.batch = Batch::Lost(fault.message.clone());
                }
                fault.into()
            }
            Trouble::Lost(fault) => {
                self.lose();
                if was_open { error::batch_lost(self.name(), &fault.message).into() } else { fault.into() }
            }
        }
    }

    /// What a read leaves of its connection.
    fn after(&mut self, health: Health) {
        match health {
            Health::Well => {}
            Health::Killed => {
                if let Some(stage) = &mut self.stage {
                    stage.link.absorb_kill();
                }
            }
            Health::RolledBack(why) => {
                if self.in_batch() {
                    self.batch = Batch::Lost(why);
                }
            }
            Health::Lost(_) => self.lose(),
        }
    }

    /// The values of a statement's parameters, none of them too long to be sent.
    fn params(&mut self, params: &[Value], sql: &str) -> Result<Vec<Sent>, CallError> {
        let most = self.stage()?.facts.max_packet;
        let too_big = |bytes: usize| bytes as u64 + 1024 > most;
        let value_is_too_big = |value: &Value| match value {
            Value::Text(text) => too_big(text.len()),
            Value::Bytes(bytes) => too_big(bytes.len()),
            _ => false,
        };
        if too_big(sql.len()) || params.iter().any(value_is_too_big) {
            let text =
                format!("the statement or a value is longer than the server takes (max_allowed_packet = {most})");
            return Err(error::refused("too-big", text, sql).into());
        }
        value::to_params(params).map_err(|text| error::refused("bad-argument", text, sql).into())
    }
}

/// The statement, if it is one.
fn one(mut statements: Vec<Parsed>, sql: &str) -> Result<Parsed, CallError> {
    match (statements.len(), statements.pop()) {
        (1, Some(statement)) => Ok(statement),
        (_, last) => {
            statements.extend(last);
            let parts: Vec<_> = statements.iter().map(|statement| statement.text.as_str()).collect();
            let text = format!(
                "each of its parts commits by itself, so they must be statements of their own: {}",
                parts.join("; ")
            );
            Err(error::refused("statement-refused", text, sql).into())
        }
    }
}
