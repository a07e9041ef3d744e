//! The rows of an open cursor, straight from the connection.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Column, Conn, Error, Params, QueryResult, Statement};
use tokio::runtime::Runtime;

use super::MysqlConfig;
use super::error::{self, Trouble};
use super::link::{Link, Parts};
use super::value::Decoder;
use super::watchdog::{Ended, Killer, Limit, watched};
use crate::capability::database::PageBuilder;
use crate::capability::database::worker::Rows;
use crate::effect::CallError;

/// How long the rest of a result that nobody wants may take to come, before the server is told not to send it.
const LEFTOVERS: Duration = Duration::from_millis(50);

/// The rows of a query, and how they ended.
pub(super) struct Stream<'a> {
    result: QueryResult<'a, 'static, BinaryProtocol>,
    runtime: &'a Runtime,
    killer: &'a Killer,
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
        params: Params,
    ) -> Result<(Self, Vec<Column>), Trouble> {
        let Parts { connection, runtime, killer } =
            link.parts().map_err(|error| error::of_guest(&config.name, sql, &error))?;
        let limit = Limit::of_read(config);
        let trouble = |ended| of_ended(config, sql, ended);
        let result = watched(runtime, killer, &limit, run(connection, sql, params)).map_err(trouble)??;
        let columns = result.columns().map_or_else(Vec::new, |columns| columns.to_vec());
        let decoder = Decoder::new(&columns);
        let stream = Self { result, runtime, killer, config, sql, decoder, end: None, health: Health::Well };
        Ok((stream, columns))
    }

    /// Ends the read.
    pub(super) fn close(self) -> Health {
        if self.end.is_some() && self.health != Health::Well {
            return self.health;
        }
        match watched(self.runtime, self.killer, &Limit::at_most(LEFTOVERS), self.result.drop_result()) {
            Ok(()) => self.health,
            Err(Ended::Error(Error::Server(_))) => self.health,
            Err(Ended::Deadline | Ended::Stopped) => Health::Killed,
            Err(Ended::Error(error)) => Health::Lost(error.to_string()),
            Err(Ended::Unreachable) => Health::Lost("the server cannot be reached".to_owned()),
        }
    }

    /// Reads until the page is full.
    fn step(&mut self, page: &mut PageBuilder) -> Result<Pause, Ended> {
        let Self { result, decoder, config, sql, .. } = self;
        page.has_texts(decoder.texts());
        let reading = async {
            while !page.is_full() {
                let Some(row) = result.next().await? else { return Ok(Pause::NoMore) };
                if page.push(decoder.cells(&row)) > config.result_bytes {
                    page.pop();
                    let failure = error::refused("too-big", "a row is bigger than the limit", sql);
                    return Ok(Pause::Error(failure.into()));
                }
            }
            Ok(Pause::Enough)
        };
        watched(self.runtime, self.killer, &Limit::of_read(self.config), reading)
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

/// Prepares and runs a statement: the inner error is an answer.
async fn run<'a>(
    connection: &'a mut Conn,
    sql: &'a str,
    params: Params,
) -> Result<Result<QueryResult<'a, 'static, BinaryProtocol>, Trouble>, Error> {
    let statement = connection.prep(sql).await?;
    if let Some(trouble) = wrong_number(&statement, &params, sql) {
        return Ok(Err(trouble));
    }
    Ok(Ok(connection.exec_iter(statement, params).await?))
}

/// The answer to a statement that has another number of parameters than were given.
pub(super) fn wrong_number(statement: &Statement, params: &Params, sql: &str) -> Option<Trouble> {
    let given = match params {
        Params::Positional(values) => values.len(),
        _ => 0,
    };
    let wanted = usize::from(statement.num_params());
    let text = || format!("the statement has {wanted} parameters, {given} were given");
    (wanted != given).then(|| Trouble::Answer(error::refused("bad-argument", text(), sql)))
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
