//! Doing the steps: a connection with settings of its own, and programs made under the settings that they were made under.

use mysql_async::prelude::Queryable;
use mysql_async::{Error, Value};

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, Program, quoted};
use super::super::error::{self, code};
use super::super::link::{Account, Link};
use super::step::Step;
use crate::effect::Fault;
use crate::io::fault;

/// A connection that puts back. What it sets ends with it.
pub(super) struct Hand<'a> {
    pub(super) link: Link,
    config: &'a MysqlConfig,
    /// The collation that new tables of the schema get, now.
    collation: String,
}

impl<'a> Hand<'a> {
    /// Connects. Foreign keys are not looked at: rows and tables come back in any order.
    pub(super) fn open(config: &'a MysqlConfig) -> Result<Self, Fault> {
        let mut hand = Self { link: Link::open(config, Account::Host)?, config, collation: String::new() };
        hand.run("SET SESSION foreign_key_checks = 0, unique_checks = 0, sql_mode = ''")?;
        Ok(hand)
    }

    /// Every definition now.
    pub(super) fn catalog(&mut self) -> Result<Catalog, Fault> {
        let catalog = Catalog::read(&mut self.link, self.config)?;
        self.collation.clone_from(&catalog.collation);
        Ok(catalog)
    }

    /// Does steps that must all work.
    pub(super) fn clear(&mut self, steps: &[Step<'_>]) -> Result<(), Fault> {
        for step in steps {
            self.act(step).map_err(|error| self.fault(step, &error))?;
            fault::point("mysql.restore.clear").map_err(|error| self.io(&error))?;
        }
        Ok(())
    }

    /// Does as many steps as the server lets us. Returns what it refuses, for people. A view may need one that comes later: as
    /// long as something works, what did not is tried again.
    pub(super) fn make(&mut self, mut steps: Vec<Step<'_>>) -> Result<Vec<String>, Fault> {
        loop {
            let (mut left, mut refused) = (Vec::new(), Vec::new());
            for step in &steps {
                match self.act(step) {
                    Ok(()) => fault::point("mysql.restore.make").map_err(|error| self.io(&error))?,
                    Err(error) if is_refusal(&error) => {
                        refused.push(format!("{step}: {error}"));
                        left.push(*step);
                    }
                    Err(error) => return Err(self.fault(step, &error)),
                }
            }
            if left.len() == steps.len() || left.is_empty() {
                return Ok(refused);
            }
            steps = left;
        }
    }

    /// Runs a statement that has to work.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Fault> {
        let ran = self.link.run(sql);
        ran.map(drop).map_err(|error| error::fault(&self.config.name, "putting it back", &error))
    }

    fn act(&mut self, step: &Step<'_>) -> Result<(), Error> {
        match step {
            Step::Make(_, program) => self.make_program(program),
            Step::Charset(_, collation) => {
                self.link.run(&step.sql(&self.config.server.schema))?;
                self.collation = (*collation).to_owned();
                Ok(())
            }
            _ => self.link.run(&step.sql(&self.config.server.schema)).map(drop),
        }
    }

    /// A program keeps the `sql_mode`, time zone, character sets and collations of the session, and the collation of the schema, that it
    /// is made under. Client tools do it the same way.
    fn make_program(&mut self, program: &Program) -> Result<(), Error> {
        let [client, connection, schema] = &program.collations;
        if schema.is_empty() || *schema == self.collation {
            let made = self.make_in_session(program, client, connection);
            return made.and(self.settle_session());
        }
        let own = std::mem::replace(&mut self.collation, schema.clone());
        let made = self.collate(schema).and_then(|()| self.make_in_session(program, client, connection));
        // After a failure too. A kill between the two leaves a wrong character set that the next attempt sees.
        let settled = self.settle_session().and_then(|()| self.collate(&own));
        self.collation = own;
        made.and(settled)
    }

    fn make_in_session(&mut self, program: &Program, client: &str, connection: &str) -> Result<(), Error> {
        self.set("sql_mode", &program.sql_mode)?;
        if !program.time_zone.is_empty() {
            self.set("time_zone", &program.time_zone)?;
        }
        if client.is_empty() {
            return self.link.run(&program.definition).map(drop);
        }
        let text = self.encode(&program.definition, client)?;
        self.set("character_set_client", client)?;
        self.set("collation_connection", connection)?;
        self.link.with(async |connection| connection.query_drop(text).await)
    }

    fn settle_session(&mut self) -> Result<(), Error> {
        self.link.run("SET NAMES utf8mb4")?;
        self.link.run("SET SESSION sql_mode = '', time_zone = DEFAULT").map(drop)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.link.ask(&format!("SET SESSION {variable} = ?"), (value,)).map(drop)
    }

    fn collate(&mut self, collation: &str) -> Result<(), Error> {
        let schema = quoted(&self.config.server.schema);
        self.link.run(&format!("ALTER DATABASE {schema} COLLATE {}", quoted(collation))).map(drop)
    }

    /// The bytes of a text in a client's character set, by the server's own tables.
    fn encode(&mut self, text: &str, charset: &str) -> Result<Vec<u8>, Error> {
        if text.is_ascii() || charset.starts_with("utf8") {
            return Ok(text.as_bytes().to_owned());
        }
        let sql = format!("SELECT CAST(CONVERT(? USING {}) AS BINARY)", quoted(charset));
        let rows = self.link.ask(&sql, (text,))?;
        match rows.first().and_then(|row| row.as_ref(0)) {
            Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
            _ => Err(Error::Other(format!("the server cannot write it in {charset}").into())),
        }
    }

    fn fault(&self, step: &Step<'_>, error: &Error) -> Fault {
        error::fault(&self.config.name, &step.to_string(), error)
    }

    fn io(&self, error: &std::io::Error) -> Fault {
        Fault::io(format_args!("database {}", self.config.name), error)
    }
}

/// Whether the server says no for good, so that the others may be tried; a lock or a lost connection is no such answer.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Server(server) => ![code::DEADLOCK, code::LOCK_TIMEOUT, code::INTERRUPTED].contains(&server.code),
        Error::Other(_) => true,
        _ => false,
    }
}
