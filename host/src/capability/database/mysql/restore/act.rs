//! Doing the steps, on a connection with settings of its own.

use mysql_client::Error;

use super::super::MysqlConfig;
use super::super::catalog::{Catalog, Program, quoted};
use super::super::dump;
use super::super::error::{self, code};
use super::super::link::{Account, Link};
use super::step::Step;
use crate::effect::Fault;
use crate::io::fault;

/// Foreign keys are not looked at: tables and keys come back in any order.
const SETTINGS: &str = "SET SESSION foreign_key_checks = 0, sql_mode = '', time_zone = DEFAULT";

/// A connection that puts back. What it sets ends with it.
pub(super) struct Hand<'a> {
    pub(super) link: Link,
    config: &'a MysqlConfig,
    /// The collation that new tables of the schema get, now.
    collation: String,
}

impl<'a> Hand<'a> {
    /// Connects.
    pub(super) fn open(config: &'a MysqlConfig) -> Result<Self, Fault> {
        let mut hand = Self { link: Link::open(config, Account::Host)?, config, collation: String::new() };
        hand.run(SETTINGS)?;
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
            Step::Make(kind, program) => self.make_program(kind, program),
            Step::Charset(_, collation) => {
                self.link.run(step.sql(&self.config.server.schema))?;
                self.collation = (*collation).to_owned();
                Ok(())
            }
            _ => self.link.run(step.sql(&self.config.server.schema)).map(drop),
        }
    }

    /// Under the settings that it was made under.
    fn make_program(&mut self, kind: &str, program: &Program) -> Result<(), Error> {
        let made = dump::make_program(&mut self.link, kind, program, &self.collation);
        if made.is_err() {
            // It was left half way: with settings of the program's, and perhaps with its collation for the whole schema.
            self.link.run("SET NAMES utf8mb4")?;
            self.link.run(SETTINGS)?;
            if !program.collations[2].is_empty() && program.collations[2] != self.collation {
                let schema = quoted(&self.config.server.schema);
                self.link.run(format!("ALTER DATABASE {schema} COLLATE {}", quoted(&self.collation)))?;
            }
        }
        made
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
        _ => false,
    }
}
