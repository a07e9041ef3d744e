//! Statements that commit by themselves: described, sent, and settled when their end was not seen.

use std::thread;
use std::time::Duration;

use mysql_client::Value as Sent;

use super::super::change::{self, Record};
use super::super::error::Trouble;
use super::super::restore;
use super::super::sql::{self, Kind, Parsed, Use};
use super::execute::executed;
use super::{Session, one};
use crate::capability::database::{Executed, Statement};
use crate::effect::{CallError, Fault, Verdict};

/// How often a statement is sent that certainly has not happened yet, and not by its own fault.
const TRIES: u32 = 4;

/// The pause before the second time; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A statement that was described, and may be sent.
pub(in super::super) struct Announced {
    statement: Parsed,
    params: Vec<Sent>,
    now: u64,
    record: Record,
}

/// What [`Session::announce`] gives: the object's name for people, the record for the journal, and what is to be sent.
pub(in super::super) struct Described {
    pub(in super::super) object: String,
    pub(in super::super) record: serde_json::Value,
    pub(in super::super) announced: Announced,
}

impl Session {
    /// As `Driver::commits_itself`. What is refused does not: the refusal comes when it is executed. Programs are taken for
    /// admitted here, since a refusal needs no batch.
    pub(in super::super) fn commits_itself(&mut self, sql: &str) -> Result<bool, CallError> {
        let used = Use::Execute { define: true };
        let Ok(statements) = sql::parse(sql, used) else { return Ok(false) };
        if statements.iter().any(|statement| statement.kind == Kind::Schema) {
            return Ok(true);
        }
        let schema = self.schema()?;
        if schema.catalog.tables.values().all(|table| table.transactional) {
            return Ok(false);
        }
        let itself = |statement: &Parsed| schema.touched(statement, used).is_ok_and(|touched| touched.commits_itself);
        Ok(statements.iter().any(itself))
    }

    /// As `Driver::prepare`.
    pub(in super::super) fn announce(&mut self, statement: &Statement<'_>) -> Result<Described, CallError> {
        if self.in_batch() {
            let text = format!("database {}: a statement that commits by itself, in a batch", self.name());
            return Err(Fault::new("internal", text).into());
        }
        let used = Use::Execute { define: statement.define };
        let parsed = one(sql::parse(statement.sql, used)?, statement.sql)?;
        self.lock()?;
        let schema = self.schema()?;
        let touched = schema.touched(&parsed, used)?;
        let params = self.params(statement.params, statement.sql)?;
        let record =
            self.host(|link, config| Ok(change::describe(link, config, &schema.catalog, &parsed, &touched)))??;
        // After the clone has shown that it works at all: a snapshot is dear.
        restore::before_touch(&self.config, &schema.catalog, &touched)?;
        let mut names = parsed.targets();
        if names.is_empty() {
            names.extend(touched.rows.iter().map(String::as_str));
        }
        let object = format!("{}:{}", self.name(), names.join(","));
        let json = serde_json::to_value(&record)
            .map_err(|error| Fault::new("internal", format!("a record cannot be written: {error}")))?;
        let announced = Announced { statement: parsed, params, now: statement.now, record };
        Ok(Described { object, record: json, announced })
    }

    /// Sends an announced statement. An error does not mean that nothing has happened: that is looked at, every time.
    pub(in super::super) fn act(&mut self, statement: &Announced) -> Result<Executed, CallError> {
        let mut pause = PAUSE;
        for tries in 1.. {
            self.lock()?;
            self.point("mysql.change.described")?;
            let sent = self.send(&statement.statement, &statement.params, statement.now);
            self.point("mysql.change.sent")?;
            let trouble = match sent {
                Ok(ran) => {
                    self.note_change(&statement.record);
                    return Ok(executed(ran));
                }
                Err(trouble) => trouble,
            };
            self.forget_schema();
            let again = matches!(trouble, Trouble::Busy(_) | Trouble::Lost(_) | Trouble::Deadlock(_)) && tries < TRIES;
            let error = self.fell(trouble);
            match self.look_at(&statement.record)? {
                Verdict::Done(value) => return Ok(from_json(value)?),
                Verdict::Undetermined(why) => return Err(undetermined(self.name(), &why, &error).into()),
                Verdict::Again => return Err(undetermined(self.name(), "how far it came is not known", &error).into()),
                Verdict::NotDone if again => {}
                Verdict::NotDone => return Err(error),
            }
            thread::sleep(pause);
            pause *= 2;
        }
        Err(Fault::new("internal", "a statement was neither done nor refused").into())
    }

    /// As `Driver::settle`.
    pub(in super::super) fn settle(&mut self, record: &serde_json::Value) -> Result<Verdict, Fault> {
        self.look_at(&from_json(record.clone())?)
    }

    /// Behind the lock, for which an orphan that is still at it is waited for.
    fn look_at(&mut self, record: &Record) -> Result<Verdict, Fault> {
        self.lock()?;
        self.forget_schema();
        self.host(|link, config| change::settle(link, config, record))
    }
}

fn undetermined(name: &str, why: &str, error: &CallError) -> Fault {
    let said = match error {
        CallError::Answer(failure) => &failure.message,
        CallError::Fault(fault) => &fault.message,
    };
    Fault::new("undetermined", format!("database {name}: a schema change failed ({said}); {why}"))
        .hint("put the installation back with `liftlock undo`")
}

fn from_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|error| {
        Fault::new("journal-damaged", format!("the record of a statement that commits by itself: {error}"))
    })
}
