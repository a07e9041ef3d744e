//! A MariaDB server of our own: on a socket in a directory of its own, there within half a second, killed as often as a test likes.
//!
//! The machine's own server is never spoken to. Nothing but the programs is shared with it: no settings, no data, no port.
//! A server ends with the process that started it, however that ends, and its directory is removed, at the latest by the next one.

mod client;
mod directory;
mod install;
mod process;
mod schema;

use std::env;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::fixture::tree;
use directory::Directory;
use process::Process;

pub use client::{Client, Row, Value, text};
pub use directory::Place;
pub use schema::Schema;

/// The variable with the socket of the server that all suites may use (`cargo xtask test` sets it). Who kills a server starts
/// one of his own.
pub const SOCKET: &str = "LIFTLOCK_TEST_MYSQL_SOCKET";

/// Longer than this no start takes, recovery included.
const START: Duration = Duration::from_mins(1);

/// For data of tests: a few megabytes.
const SMALL: [&str; 4] = [
    "--innodb-buffer-pool-size=64M",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=8M",
];

/// How a server is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    place: Place,
    arguments: Vec<String>,
    data: Option<PathBuf>,
}

impl Options {
    /// Small, and in memory if there is room: a killed server loses nothing that it has written.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its data on the disk that the tests are built on.
    #[must_use]
    pub fn on_disk(mut self) -> Self {
        self.place = Place::Disk;
        self
    }

    /// An argument of `mariadbd`, behind ours: `--general-log`, `--innodb-buffer-pool-size=1G`, `--log-bin`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// On a copy of data that were made once, by `fill`, and are kept between runs under this name.
    ///
    /// # Errors
    /// What `fill` and the server say.
    pub fn kept(mut self, name: &str, fill: impl FnOnce(&Server) -> Result<()>) -> Result<Self> {
        let kept = directory::cache()?.join(format!("kept-{name}"));
        if !kept.is_dir() {
            let mut server = self.start()?;
            fill(&server)?;
            server.stop()?;
            fs::rename(server.directory.data(), &kept).context("cannot keep the data")?;
        }
        self.data = Some(kept);
        Ok(self)
    }

    /// Every statement that it gets is noted: [`Server::statements`].
    #[must_use]
    pub fn noting(self) -> Self {
        self.argument("--general-log").argument(format!("--general-log-file={NOTED}"))
    }

    /// Starts it.
    ///
    /// # Errors
    /// If MariaDB is not installed, in words that say what to install; what the server says if it does not come up.
    pub fn start(&self) -> Result<Server> {
        let directory = Directory::new(self.place)?;
        match &self.data {
            Some(kept) => tree::copy(kept, &directory.data())?,
            None => install::copy_data(&directory.data())?,
        }
        let mut server = Server { options: self.clone(), process: None, directory };
        server.restart()?;
        Ok(server)
    }
}

/// A running server, or one that was killed. Dropped: it is killed, and its directory removed.
#[derive(Debug)]
pub struct Server {
    options: Options,
    // Before the directory: it must not write there any more.
    process: Option<Process>,
    directory: Directory,
}

/// The log of all statements, in the data directory.
const NOTED: &str = "statements.log";

impl Server {
    /// A small one.
    ///
    /// # Errors
    /// As [`Options::start`].
    pub fn start() -> Result<Self> {
        Options::new().start()
    }

    /// The socket that it listens on; the same one after a [`Server::restart`].
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.directory.socket()
    }

    /// The process; none if it was killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Kills it as a power cut would, but for what the system still writes. Returns when it is gone.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Asks it to end, as a package upgrade does, and waits for it.
    ///
    /// # Errors
    /// If it does not end within a minute.
    pub fn stop(&mut self) -> Result<()> {
        let Some(process) = self.process.take() else { return Ok(()) };
        process.end(START).context("the server does not stop")
    }

    /// Starts it again on the same data; kills it before if it runs. Returns when it listens.
    ///
    /// # Errors
    /// What the server says if it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.kill9();
        let _ = fs::remove_file(self.socket());
        let mut command = install::server()?;
        let data = self.directory.data();
        command.arg("--skip-networking").args(SMALL);
        let (pid, log) = (self.directory.pid(), self.log());
        let paths = [
            ("datadir", &*data),
            ("tmpdir", &data),
            ("socket", self.socket()),
            ("pid-file", &pid),
            ("log-error", &log),
        ];
        for (name, path) in paths {
            command.arg(format!("--{name}={}", path.display()));
        }
        command.args(&self.options.arguments);
        let process = Process::start(command)?;
        let start = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            if process.has_ended() || start.elapsed() > START {
                bail!("the private server does not come up:\n{}", self.complaints());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process = Some(process);
        Ok(())
    }

    /// A session of the administrator, in no schema.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn client(&self) -> Result<Client> {
        Client::root(self.socket())
    }

    /// Runs statements, separated by semicolons, in a session of their own.
    ///
    /// # Errors
    /// What the server says of the first one that fails.
    pub fn run(&self, sql: &str) -> Result<()> {
        self.client()?.run(sql)
    }

    /// All rows of a query, in a session of its own.
    ///
    /// # Errors
    /// What the server says.
    pub fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        self.client()?.rows(sql)
    }

    /// A schema of its own on it, with an account that may do everything in it and nothing else.
    ///
    /// # Errors
    /// What the server says.
    pub fn schema(&self, name: &str) -> Result<Schema> {
        Schema::new(self.socket(), name)
    }

    /// What it has noted of all statements, if it was to.
    ///
    /// # Errors
    /// If it was not.
    pub fn statements(&self) -> Result<String> {
        let bytes = fs::read(self.directory.data().join(NOTED)).context("the server notes no statements")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What it says of itself: starts, recoveries, crashes.
    #[must_use]
    pub fn complaints(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("error.log")
    }
}

/// The socket of the server that suites share: the one of the environment, or one that this process starts for itself.
///
/// # Errors
/// As [`Options::start`].
pub fn shared() -> Result<PathBuf> {
    static OURS: Mutex<Option<Server>> = Mutex::new(None);
    if let Some(socket) = env::var_os(SOCKET) {
        return Ok(socket.into());
    }
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match ours.take() {
        Some(server) => server,
        None => Server::start()?,
    };
    Ok(ours.insert(server).socket().to_owned())
}

#[cfg(test)]
mod tests;
