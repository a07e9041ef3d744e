//! One connection to the server, for one thread: its calls block.

use std::time::Duration;

use mysql_client::{Client, Done, Error, Params, Row};

use super::MysqlConfig;
use super::error;
use super::watchdog::{Ended, Killer, Limit, at_most};
use crate::effect::Fault;

/// The longest wait for a server that does not answer at all.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The host's own: snapshots, definitions, restore.
    Host,
    /// The one for the stages' SQL: the host's, if the operator named no smaller one.
    Stage,
}

/// A connection. Dropped: it is closed.
pub(super) struct Link {
    client: Client,
    killer: Killer,
}

impl Link {
    /// Connects, with the host's settings: UTF-8, time-outs, autocommit.
    pub(super) fn open(config: &MysqlConfig, account: Account) -> Result<Self, Fault> {
        let options = config.options(account);
        let mut client = Client::connect(&options, Some(at_most(CONNECT_TIME)))
            .map_err(|error| error::connecting(config, &error))?;
        client.watch(None);
        let killer = Killer::new(options, client.id());
        Ok(Self { client, killer })
    }

    /// The server's number for this session.
    pub(super) fn id(&self) -> u32 {
        self.client.id()
    }

    /// The connection itself.
    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Does something with the connection, ended by `KILL QUERY` when its limit is reached. Its end is awaited all the same.
    pub(super) fn watched<T>(
        &mut self,
        limit: &Limit,
        act: impl FnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Ended> {
        self.killer.watched(&mut self.client, limit, act)
    }

    /// A statement on this session was killed: what the server noted too late, or the client has still to clear away, must not
    /// hit the next one.
    pub(super) fn absorb_kill(&mut self) {
        for _ in 0..3 {
            match self.run("DO 0") {
                Err(Error::Server(_)) => {}
                _ => return,
            }
        }
    }

    /// Runs a statement of the host's own, and leaves out its rows.
    pub(super) fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<Done, Error> {
        self.client.run(sql)
    }

    /// All rows of a query of the host's own, by the text protocol. For results that are small.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        self.client.rows(sql)
    }

    /// The same by the binary protocol, with parameters.
    pub(super) fn ask(&mut self, sql: &str, params: impl Into<Params>) -> Result<Vec<Row>, Error> {
        self.client.rows_of(sql, params)
    }

    /// Does something without the server's strictness, which refuses to write a table or a row that has zeros for dates already.
    pub(super) fn lenient<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> Result<T, Error> {
        let mode = self.rows("SELECT @@SESSION.sql_mode")?;
        let mode: String = mode.first().and_then(|row| row.get_opt(0)?.ok()).unwrap_or_default();
        self.run("SET SESSION sql_mode = ''")?;
        let done = act(self);
        self.ask("SET SESSION sql_mode = ?", (mode,))?;
        Ok(done)
    }
}
