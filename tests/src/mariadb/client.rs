//! One blocking session.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

pub use mysql_async::Value;

/// The values of a row: bytes as the server sends them in text, or NULL.
pub type Row = Vec<Value>;

/// A session. Dropped: it is closed.
pub struct Client {
    connection: Option<Conn>,
    runtime: Runtime,
}

const CONNECT: Duration = Duration::from_secs(30);
const GOODBYE: Duration = Duration::from_secs(1);

impl Client {
    /// A session of the administrator of a private server, in no schema.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn root(socket: &Path) -> Result<Self> {
        Self::new(account(socket, "root"))
    }

    /// A session of an account without a password, in a schema.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn login(socket: &Path, user: &str, schema: &str) -> Result<Self> {
        Self::new(account(socket, user).db_name(Some(schema)))
    }

    /// Any session.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn new(options: OptsBuilder) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connecting = async { timeout(CONNECT, Conn::new(options)).await };
        let connection = runtime.block_on(connecting).context("the server does not answer")?;
        Ok(Self { connection: Some(connection.context("cannot connect")?), runtime })
    }

    /// The server's number for it: `KILL`, `information_schema.PROCESSLIST`.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.connection.as_ref().map_or(0, Conn::id)
    }

    /// Runs statements, separated by semicolons. Bodies of triggers and routines need no delimiter.
    ///
    /// # Errors
    /// What the server says of the first one that fails.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.with(sql, async |connection| connection.query_drop(sql).await)
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// What the server says.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        let rows: Vec<mysql_async::Row> = self.with(sql, async |connection| connection.query(sql).await)?;
        Ok(rows.into_iter().map(mysql_async::Row::unwrap).collect())
    }

    /// All rows of a query, one at a time: as many as one likes.
    ///
    /// # Errors
    /// What the server says.
    pub fn each(&mut self, sql: &str, mut row: impl FnMut(Row) + Send) -> Result<()> {
        self.with(sql, async |connection| {
            let result = connection.query_iter(sql).await?;
            result.for_each_and_drop(|values| row(values.unwrap())).await
        })
    }

    /// The first value of the first row, as text.
    ///
    /// # Errors
    /// What the server says; if there is no row.
    pub fn cell(&mut self, sql: &str) -> Result<String> {
        let rows = self.rows(sql)?;
        let value = rows.first().and_then(|row| row.first()).with_context(|| format!("no row: {sql}"))?;
        Ok(text(value))
    }

    /// The first value of each row, as text.
    ///
    /// # Errors
    /// What the server says.
    pub fn column(&mut self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql)?.iter().filter_map(|row| row.first()).map(text).collect())
    }

    fn with<T>(&mut self, sql: &str, act: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>) -> Result<T> {
        const SHOWN: usize = 200;
        let connection = self.connection.as_mut().context("the session is closed")?;
        let done = self.runtime.block_on(act(connection));
        done.with_context(|| sql.chars().take(SHOWN).collect::<String>())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let goodbye = async { timeout(GOODBYE, connection.disconnect()).await };
            let _ = self.runtime.block_on(goodbye);
        }
    }
}

/// A value as a person would read it.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::NULL => "NULL".to_owned(),
        other => other.as_sql(false),
    }
}

fn account(socket: &Path, user: &str) -> OptsBuilder {
    let socket = Some(socket.display().to_string());
    OptsBuilder::default().socket(socket).user(Some(user)).prefer_socket(false)
}
