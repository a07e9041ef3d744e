//! One connection to the server, for one thread: its calls block.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Opts, Params, Row};
use tokio::runtime::{Builder, Runtime};

use super::MysqlConfig;
use super::account::Tls;
use super::drive::drive;
use super::error;
use super::watchdog::{Ended, Killer, Limit, watched};
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

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Rows.
    pub(super) affected: u64,
    /// The id that the last INSERT made.
    pub(super) last_id: Option<u64>,
}

/// A connection. Dropped: it is closed.
pub(super) struct Link {
    // Before the runtime: a connection says goodbye on its own runtime.
    connection: Option<Conn>,
    runtime: Runtime,
    killer: Killer,
}

/// What a stream of rows holds of its connection.
pub(super) struct Parts<'a> {
    pub(super) connection: &'a mut Conn,
    pub(super) runtime: &'a Runtime,
    pub(super) killer: &'a Killer,
}

impl Link {
    /// Connects, with the host's settings: UTF-8, time-outs, autocommit.
    pub(super) fn open(config: &MysqlConfig, account: Account) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::io(format_args!("database {}", config.name), &error))?;
        let connect = |options: &Opts| {
            let connecting = async { tokio::time::timeout(CONNECT_TIME, Conn::new(options.clone())).await };
            let answer = drive(&runtime, connecting).unwrap_or_else(|error| Ok(Err(error)));
            answer.map_err(|_| error::unreachable(config, "it does not answer"))
        };
        let mut options = config.options(account, true);
        let mut answer = connect(&options)?;
        // Said before anybody has logged in.
        let clear_only = matches!(answer, Err(Error::Driver(DriverError::NoClientSslFlagFromServer)));
        if clear_only && config.server.tls == Tls::Preferred {
            options = config.options(account, false);
            answer = connect(&options)?;
        }
        let connection = answer.map_err(|error| error::connecting(config, &error))?;
        let killer = Killer::new(options, connection.id());
        Ok(Self { connection: Some(connection), runtime, killer })
    }

    /// The server's number for this session.
    pub(super) fn id(&self) -> u32 {
        self.connection.as_ref().map_or(0, Conn::id)
    }

    /// Does something with the connection. The future must not be given up half way: the connection would be unusable.
    pub(super) fn with<T>(&mut self, act: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        let connection = self.connection.as_mut().ok_or_else(closed)?;
        drive(&self.runtime, act(connection)).unwrap_or_else(|error| {
            self.connection = None;
            Err(error)
        })
    }

    /// The same, ended by `KILL QUERY` when its limit is reached. Its end is awaited all the same.
    pub(super) fn watched<T>(
        &mut self,
        limit: &Limit,
        act: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>,
    ) -> Result<T, Ended> {
        let Parts { connection, runtime, killer } = self.parts()?;
        watched(runtime, killer, limit, act(connection))
    }

    /// The connection itself, for a result that is read bit by bit.
    pub(super) fn parts(&mut self) -> Result<Parts<'_>, Error> {
        let connection = self.connection.as_mut().ok_or_else(closed)?;
        Ok(Parts { connection, runtime: &self.runtime, killer: &self.killer })
    }

    /// A statement on this session was killed: what the server noted too late, or the driver has still to clear away, must not
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
    pub(super) fn run(&mut self, sql: &str) -> Result<Ran, Error> {
        self.with(async |connection| {
            let result = connection.query_iter(sql).await?;
            let ran = Ran { affected: result.affected_rows(), last_id: result.last_insert_id() };
            result.drop_result().await?;
            Ok(ran)
        })
    }

    /// All rows of a query of the host's own, by the text protocol. For results that are small.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        self.with(async |connection| connection.query(sql).await)
    }

    /// The same by the binary protocol, with parameters.
    pub(super) fn ask(&mut self, sql: &str, params: impl Into<Params> + Send) -> Result<Vec<Row>, Error> {
        self.with(async |connection| connection.exec(sql, params).await)
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

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // The server notices a closed socket too: no need to wait long, or to tell.
            let bye = async { tokio::time::timeout(Duration::from_secs(1), connection.disconnect()).await };
            let _ = drive(&self.runtime, bye);
        }
    }
}

fn closed() -> Error {
    Error::Driver(DriverError::ConnectionClosed)
}
