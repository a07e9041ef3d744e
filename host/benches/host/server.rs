//! A private MariaDB server, which `with-mariadb` has started around this program, and a schema on it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use tokio::runtime::{Builder, Runtime};

use super::native::text;
use crate::Result;

/// The variable with its socket.
const SOCKET: &str = "LIFTLOCK_TEST_MYSQL_SOCKET";

/// The administrator of a private server: he has no password.
pub const USER: &str = "root";

/// A schema, dropped in the end. It is alone on its server.
pub struct Schema {
    pub socket: PathBuf,
    pub name: &'static str,
}

impl Schema {
    /// Makes it and fills it; none if there is no server.
    pub fn new(name: &'static str, sql: &str) -> Result<Option<Self>> {
        let Some(socket) = env::var_os(SOCKET) else { return Ok(None) };
        let schema = Self { socket: socket.into(), name };
        let mut connection = Connection::new(&schema.socket, None)?;
        connection.run(&format!(
            "DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name}; {sql}"
        ))?;
        Ok(Some(schema))
    }

    pub fn connection(&self) -> Result<Connection> {
        Connection::new(&self.socket, Some(self.name))
    }

    /// Runs a command line of the shell, with `$LOGIN` and `$SCHEMA` in it, for the usual tools.
    pub fn shell(&self, line: &str) -> Result<()> {
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("set -euo pipefail; {line}")]).stdin(Stdio::null()).stdout(Stdio::null());
        let output =
            shell.env("LOGIN", format!("-u {USER} -S {}", text(&self.socket)?)).env("SCHEMA", self.name).output()?;
        if !output.status.success() {
            return Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(())
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Ok(mut connection) = Connection::new(&self.socket, None) {
            let _ = connection.run(&format!("DROP DATABASE IF EXISTS {}", self.name));
        }
    }
}

/// A blocking connection, for what the host does not do.
pub struct Connection {
    pub runtime: Runtime,
    pub own: Conn,
}

impl Connection {
    fn new(socket: &Path, schema: Option<&str>) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let options = OptsBuilder::default().socket(socket.to_str()).user(Some(USER)).db_name(schema);
        let own = runtime.block_on(Conn::new(options.prefer_socket(false)))?;
        Ok(Self { runtime, own })
    }

    /// Runs statements, separated by semicolons.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.own.query_drop(sql))?)
    }
}
