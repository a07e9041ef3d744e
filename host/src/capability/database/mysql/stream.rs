//! The rows of an open cursor, straight from the connection.

use std::sync::Arc;
use std::time::Duration;

use mysql_client::{Column, Error, Value};

use super::MysqlConfig;
use super::error::{self, Trouble};
use super::link::Link;
use super::value::Decoder;
use super::watchdog::{Ended, Limit};
use crate::capability::database::PageBuilder;
use crate::capability::database::worker::Rows;
use crate::effect::CallError;

/// How long the rest of a result that nobody wants may take to come, before the server is told not to send it.
const LEFTOVERS: Duration = Duration::from_millis(50);

/// The rows of a query, and how they ended.
pub(super) struct Stream<'a> {
    link: &'a mut Link,
    config: &'a MysqlConfig,
    sql: &'a str,
    decoder: Decoder,
    end: Option<Result<(), CallError>>,
    health: Health,
}

/// What a stream leaves of its connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Health {
    /// As it was.
    Well,
    /// A statement on it was killed: [`Link::absorb_kill`].
    Killed,
    /// The transaction is gone.
    RolledBack(String),
    /// It must not be used again.
    Lost(String),
}

/// Why no further row was read.
enum Pause {
    Enough,
    NoMore,
    /// One is too big.
    Error(CallError),
}

impl<'a> Stream<'a> {
    /// Runs a query by the binary protocol. It has been admitted.
    pub(super) fn open(
        link: &'a mut Link,
        config: &'a MysqlConfig,
        sql: &'a str,
        params: &[Value],
    ) -> Result<(Self, Arc<[Column]>), Trouble> {
        let ran = link.watched(&Limit::of_read(config), |client| client.execute(sql, params));
        let columns = ran.map_err(|ended| of_ended(config, sql, ended))?.columns;
        let decoder = Decoder::new(&columns);
        Ok((Self { link, config, sql, decoder, end: None, health: Health::Well }, columns))
    }

    /// Ends the read.
    pub(super) fn close(self) -> Health {
        if self.end.is_some() && self.health != Health::Well {
            return self.health;
        }
        match self.link.watched(&Limit::at_most(LEFTOVERS), |client| client.finish()) {
            Ok(()) => self.health,
            Err(Ended::Error(Error::Server(_))) => self.health,
            Err(Ended::Deadline | Ended::Stopped) => Health::Killed,
            Err(Ended::Error(error)) => Health::Lost(error.to_string()),
            Err(Ended::Unreachable) => Health::Lost("the server cannot be reached".to_owned()),
        }
    }

    /// Reads until the page is full.
    fn step(&mut self, page: &mut PageBuilder) -> Result<Pause, Ended> {
        let Self { link, decoder, config, sql, .. } = self;
        page.has_texts(decoder.texts());
        link.watched(&Limit::of_read(config), |client| {
            while !page.is_full() {
                let Some(row) = client.row()? else { return Ok(Pause::NoMore) };
                let bytes = page.push(decoder.cells(row)?);
                decoder.check()?;
                if bytes > config.result_bytes {
                    page.pop();
                    let failure = error::refused("too-big", "a row is bigger than the limit", sql);
                    return Ok(Pause::Error(failure.into()));
                }
            }
            Ok(Pause::Enough)
        })
    }

    /// An error in the middle of the rows, and what it says about the connection.
    fn fall_ill(&mut self, ended: Ended) -> CallError {
        let killed = matches!(ended, Ended::Deadline | Ended::Stopped);
        let trouble = of_ended(self.config, self.sql, ended);
        self.health = match &trouble {
            Trouble::Lost(fault) => Health::Lost(fault.message.clone()),
            Trouble::Deadlock(fault) => Health::RolledBack(fault.message.clone()),
            _ if killed => Health::Killed,
            _ => Health::Well,
        };
        match trouble.into_fault() {
            Ok(fault) => fault.into(),
            Err(failure) => failure.into(),
        }
    }
}

impl Rows for Stream<'_> {
    fn fill(&mut self, page: &mut PageBuilder) -> Result<(), CallError> {
        if let Some(end) = &self.end {
            return end.clone();
        }
        self.end = match self.step(page) {
            Ok(Pause::Enough) => None,
            Ok(Pause::NoMore) => Some(Ok(())),
            Ok(Pause::Error(error)) => Some(Err(error)),
            Err(ended) => Some(Err(self.fall_ill(ended))),
        };
        self.end.clone().unwrap_or(Ok(()))
    }
}

/// What the end of a guest's statement means.
pub(super) fn of_ended(config: &MysqlConfig, sql: &str, ended: Ended) -> Trouble {
    let name = &config.name;
    match ended {
        Ended::Error(error) => error::of_guest(name, sql, &error),
        Ended::Deadline => Trouble::Fault(error::deadline(name)),
        Ended::Stopped => Trouble::Fault(error::stopped(name)),
        Ended::Unreachable => {
            Trouble::Lost(error::lost(name, "a statement that takes too long", "the server cannot be reached"))
        }
    }
}
