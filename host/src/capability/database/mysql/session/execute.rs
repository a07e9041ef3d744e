//! Changes of data, in the open batch.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mysql_client::{Done, Error, Value as Sent};

use super::super::error::{self, Trouble};
use super::super::restore;
use super::super::sql::{self, Kind, Parsed, Use};
use super::super::stream::of_ended;
use super::super::watchdog::Limit;
use super::{Batch, Session, Stage, one};
use crate::capability::database::{Executed, Statement};
use crate::effect::{CallError, Fault};

/// How often a statement is tried again that waited too long for a lock.
const LOCK_TRIES: u32 = 3;

/// The pause before the first of them; it doubles.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

impl Session {
    /// As `Driver::execute`.
    pub(in super::super) fn execute(&mut self, statement: &Statement<'_>) -> Result<Executed, CallError> {
        let used = Use::Execute { define: statement.define };
        let parsed = one(sql::parse(statement.sql, used)?, statement.sql)?;
        match &self.batch {
            Batch::Open => {}
            Batch::Lost(why) => return Err(error::batch_lost(self.name(), why).into()),
            Batch::None => {
                let text = format!("database {}: a change outside a batch", self.name());
                return Err(Fault::new("internal", text).into());
            }
        }
        let schema = self.schema()?;
        let touched = schema.touched(&parsed, used)?;
        if touched.commits_itself || parsed.kind == Kind::Schema {
            let text = format!("database {}: a statement that commits by itself, in a batch", self.name());
            return Err(Fault::new("internal", text).into());
        }
        let params = self.params(statement.params, statement.sql)?;
        restore::before_touch(&self.config, &schema.catalog, &touched)?;
        for tries in 0.. {
            let trouble = match self.send(&parsed, &params, statement.now) {
                Ok(ran) => return Ok(executed(ran)),
                Err(trouble) => trouble,
            };
            let trouble = self.unless_rolled_back(trouble);
            match trouble {
                Trouble::Busy(_) if tries < LOCK_TRIES => thread::sleep(LOCK_PAUSE * 2_u32.pow(tries)),
                trouble => return Err(self.fell(trouble)),
            }
        }
        Err(Fault::new("internal", "a statement was neither done nor refused").into())
    }

    /// Sends one statement that changes something, at a time of the stage's clock.
    pub(super) fn send(&mut self, statement: &Parsed, params: &[Sent], now: u64) -> Result<Done, Trouble> {
        let config = Arc::clone(&self.config);
        let text = statement.text.as_str();
        let stage = self.stage().map_err(Trouble::Fault)?;
        stage.tell_time(now).map_err(|error| error::of_guest(&config.name, "SET timestamp", &error))?;
        let sent = stage.link.watched(&Limit::of_change(&config), |client| match client.execute(text, params) {
            // Not of all statements, above all of those that make programs, does every server know how to prepare them.
            Err(Error::Server(error)) if error.code == error::code::NOT_PREPARABLE && params.is_empty() => {
                client.run(text)
            }
            Ok(reply) => client.finish().map(|()| reply.done),
            Err(error) => Err(error),
        });
        sent.map_err(|ended| of_ended(&config, text, ended))
    }

    /// A lock time-out takes the whole transaction along where the server is so configured.
    fn unless_rolled_back(&self, trouble: Trouble) -> Trouble {
        let all = self.stage.as_ref().is_some_and(|stage| stage.facts.rollback_on_timeout);
        match trouble {
            Trouble::Busy(fault) if all => Trouble::Deadlock(error::batch_lost(self.name(), &fault.message)),
            other => other,
        }
    }
}

impl Stage {
    /// The stage's clock, milliseconds since 1970: what `NOW()` says from now on.
    fn tell_time(&mut self, now: u64) -> Result<(), Error> {
        if self.clock != Some(now) {
            self.link.run(format!("SET SESSION timestamp = {}.{:03}", now / 1000, now % 1000))?;
            self.clock = Some(now);
        }
        Ok(())
    }
}

/// The first id of several rows, as the server says it.
pub(super) fn executed(done: Done) -> Executed {
    let last_id = done.last_id.and_then(|id| i64::try_from(id).ok()).filter(|id| *id != 0);
    Executed { affected: done.affected, last_id, extra: Vec::new() }
}
