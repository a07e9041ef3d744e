//! A schema of a test's own, and the account that it belongs to.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use super::{Client, text};

/// A schema on a private server. When the last of its clones is dropped, it is dropped too, with its accounts.
#[derive(Debug, Clone)]
pub struct Schema {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: PathBuf,
    name: String,
}

/// The names of what belongs to a schema begin with its own; accounts have at most so many characters on all servers.
const LONGEST: usize = 28;

impl Schema {
    /// Makes it, under a name of its own, with the account [`Schema::user`].
    ///
    /// # Errors
    /// What the server says.
    pub fn new(socket: &Path, name: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The last letter: no name is the beginning of another one.
        let unique = format!("{name}_{}_{}s", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let start = unique.len().saturating_sub(LONGEST);
        let name = unique.get(start..).unwrap_or(&unique).to_owned();
        let schema = Self { inner: Arc::new(Inner { socket: socket.to_owned(), name }) };
        let name = schema.name();
        // The host tries schema changes on empty clones, in schemas of its own.
        Client::root(socket)?.run(&format!(
            "CREATE DATABASE `{name}`; CREATE USER `{name}`@localhost; GRANT ALL ON `{}`.* TO `{name}`@localhost;
             GRANT ALL ON `liftlock\\_%`.* TO `{name}`@localhost",
            escaped(name)
        ))?;
        Ok(schema)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The account that may do everything in it, and in the host's scratch schemas. It has no password.
    #[must_use]
    pub fn user(&self) -> &str {
        self.name()
    }

    /// The server.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.inner.socket
    }

    /// A session of its account, in it.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn client(&self) -> Result<Client> {
        Client::login(self.socket(), self.user(), self.name())
    }

    /// A session of the administrator, in it.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn root(&self) -> Result<Client> {
        Client::login(self.socket(), "root", self.name())
    }

    /// Makes another account, with these rights alone: `SELECT, INSERT`. Returns its name. It goes with the schema.
    ///
    /// # Errors
    /// What the server says.
    pub fn account(&self, suffix: &str, rights: &str) -> Result<String> {
        let name = format!("{}_{suffix}", self.name());
        let schema = escaped(self.name());
        let sql = format!("CREATE USER `{name}`@localhost; GRANT {rights} ON `{schema}`.* TO `{name}`@localhost");
        self.root()?.run(&sql).with_context(|| format!("the account {name}"))?;
        Ok(name)
    }
}

impl Drop for Inner {
    /// The server may have been killed: then there is nothing to drop.
    fn drop(&mut self) {
        let drop = |client: &mut Client| -> Result<()> {
            let like = escaped(&self.name);
            client.run(&format!("DROP DATABASE `{}`", self.name))?;
            for account in client.rows(&format!("SELECT user, host FROM mysql.user WHERE user LIKE '{like}%'"))? {
                let [user, host] = [0, 1].map(|column| account.get(column).map(text).unwrap_or_default());
                client.run(&format!("DROP USER `{user}`@`{host}`"))?;
            }
            Ok(())
        };
        if let Ok(mut client) = Client::root(&self.socket) {
            let _ = drop(&mut client);
        }
    }
}

/// A name as a pattern that matches nothing else.
fn escaped(name: &str) -> String {
    name.replace('_', "\\_")
}
