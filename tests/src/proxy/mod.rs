//! A proxy in front of a server that cuts a connection where a test likes: at the n-th byte, before a statement gets to the
//! server, or when the server has answered it and the client has not heard.
//!
//! It listens on a port of loopback, speaks to a unix socket, and understands as much of the protocol as it must: where a packet
//! begins, and which statement is in it. Encrypted connections pass, but nothing is found in them.

mod wire;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use wire::{Commands, Sent};

/// Where a connection is to be cut. Once: what comes afterwards passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Behind so many bytes of all clients together, counted from when this was said.
    ToServer(u64),
    /// Behind so many bytes of the server.
    ToClient(u64),
    /// The n-th statement (from 1) that begins so, in capitals, does not get to the server: `ALTER TABLE`, `COMMIT`.
    Before(String, u64),
    /// The server has begun to answer the n-th statement that begins so, and the client hears nothing of it.
    Answered(String, u64),
}

/// What has passed since the proxy was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub connections: u64,
    /// Bytes of clients.
    pub to_server: u64,
    /// Bytes of the server.
    pub to_client: u64,
    /// Statements: prepared ones count when they are executed.
    pub statements: u64,
    /// Connections that were cut.
    pub cuts: u64,
}

/// The proxy. Dropped: it takes no more connections, and those that it has are cut.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: PathBuf,
    ended: AtomicBool,
    plan: Mutex<Plan>,
    connections: Mutex<Vec<Arc<Pair>>>,
}

#[derive(Debug, Default)]
struct Plan {
    cut: Option<Cut>,
    /// Of what the cut counts, since it was said.
    passed: u64,
    counts: Counts,
}

/// Both ends of a connection.
#[derive(Debug)]
struct Pair {
    client: TcpStream,
    server: UnixStream,
    /// The next bytes of the server are an answer that is not to be delivered.
    withhold: AtomicBool,
}

impl Proxy {
    /// In front of this socket.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn start(server: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            ended: AtomicBool::new(false),
            plan: Mutex::default(),
            connections: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if own.ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(client) = client {
                    // The server may be down: then the client sees a connection that ends.
                    let _ = serve(&own, client);
                }
            }
        });
        Ok(Self { port, shared })
    }

    /// The port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts a connection there. What was said before is forgotten.
    pub fn cut(&self, cut: Cut) {
        let mut plan = lock(&self.shared.plan);
        (plan.cut, plan.passed) = (Some(cut), 0);
    }

    /// Whether a connection is still to be cut: the place has not come.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        lock(&self.shared.plan).cut.is_some()
    }

    /// Cuts nothing from here on.
    pub fn disarm(&self) {
        lock(&self.shared.plan).cut = None;
    }

    /// Cuts all connections that there are.
    pub fn cut_all(&self) {
        for pair in lock(&self.shared.connections).drain(..) {
            pair.cut();
        }
    }

    /// What has passed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        lock(&self.shared.plan).counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.cut_all();
        // Wakes the thread that listens.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(shared: &Arc<Shared>, client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let server = UnixStream::connect(&shared.server)?;
    let pair = Arc::new(Pair { client, server, withhold: AtomicBool::new(false) });
    let mut connections = lock(&shared.connections);
    connections.retain(|pair| Arc::strong_count(pair) > 1);
    connections.push(Arc::clone(&pair));
    drop(connections);
    lock(&shared.plan).counts.connections += 1;
    let commands = Arc::new(Mutex::new(Commands::default()));
    for up in [true, false] {
        let (shared, pair, commands) = (Arc::clone(shared), Arc::clone(&pair), Arc::clone(&commands));
        thread::spawn(move || {
            let _ = if up { pair.up(&shared, &commands) } else { pair.down(&shared, &commands) };
            pair.cut();
        });
    }
    Ok(())
}

/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;

impl Pair {
    /// From the client to the server, until one of them ends.
    fn up(&self, shared: &Shared, commands: &Mutex<Commands>) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let length = (&self.client).read(&mut piece)?;
            let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            let sent = lock(commands).sent(bytes);
            let pass = shared.up(bytes.len() as u64, &sent);
            self.withhold.fetch_or(pass.withhold, Ordering::SeqCst);
            (&self.server).write_all(bytes.get(..pass.bytes).unwrap_or(bytes))?;
            if pass.cut {
                return Ok(());
            }
        }
    }

    /// From the server to the client.
    fn down(&self, shared: &Shared, commands: &Mutex<Commands>) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let length = (&self.server).read(&mut piece)?;
            let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            if self.withhold.load(Ordering::SeqCst) {
                shared.is_cut();
                return Ok(());
            }
            lock(commands).answered(bytes);
            let pass = shared.down(bytes.len() as u64);
            (&self.client).write_all(bytes.get(..pass.bytes).unwrap_or(bytes))?;
            if pass.cut {
                return Ok(());
            }
        }
    }

    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

/// How much of a piece is passed on.
#[derive(Debug, Clone, Copy)]
struct Pass {
    bytes: usize,
    cut: bool,
    withhold: bool,
}

impl Pass {
    const ALL: Self = Self { bytes: usize::MAX, cut: false, withhold: false };

    fn cut(bytes: u64) -> Self {
        Self { bytes: usize::try_from(bytes).unwrap_or(usize::MAX), cut: true, withhold: false }
    }
}

impl Shared {
    fn up(&self, length: u64, sent: &[Sent]) -> Pass {
        let mut plan = lock(&self.plan);
        plan.counts.to_server += length;
        plan.counts.statements += sent.len() as u64;
        match plan.cut.clone() {
            Some(Cut::ToServer(n)) => plan.pass(length, n),
            Some(Cut::Before(start, n)) => match plan.find(sent, &start, n) {
                Some(found) => plan.cut_behind(found.start as u64),
                None => Pass::ALL,
            },
            Some(Cut::Answered(start, n)) if plan.find(sent, &start, n).is_some() => {
                plan.cut = None;
                Pass { withhold: true, ..Pass::ALL }
            }
            _ => Pass::ALL,
        }
    }

    fn down(&self, length: u64) -> Pass {
        let mut plan = lock(&self.plan);
        plan.counts.to_client += length;
        match plan.cut {
            Some(Cut::ToClient(n)) => plan.pass(length, n),
            _ => Pass::ALL,
        }
    }

    /// An answer was kept back.
    fn is_cut(&self) {
        lock(&self.plan).counts.cuts += 1;
    }
}

impl Plan {
    /// So many bytes of those that are counted, of which the n-th is the last to pass.
    fn pass(&mut self, length: u64, n: u64) -> Pass {
        let left = n.saturating_sub(self.passed);
        self.passed += length;
        if length < left { Pass::ALL } else { self.cut_behind(left) }
    }

    fn cut_behind(&mut self, bytes: u64) -> Pass {
        self.cut = None;
        self.counts.cuts += 1;
        Pass::cut(bytes)
    }

    /// The statement that is the n-th to begin so, if it is among these.
    fn find<'s>(&mut self, sent: &'s [Sent], start: &str, n: u64) -> Option<&'s Sent> {
        sent.iter().find(|sent| {
            let matches = sent.begins(start);
            self.passed += u64::from(matches);
            matches && self.passed == n
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
