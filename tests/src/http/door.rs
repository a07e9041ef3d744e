//! An operator's web server in front of an application: as long as the maintenance page is there it shows that, with 503.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

use super::{accept, head, read_request};
use crate::fixture::{FLAG, PAGE, STATUS};

/// A running one, on the loopback.
pub struct Door {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What it serves.
struct Site {
    root: PathBuf,
    application: Box<dyn Fn() -> String + Send + Sync>,
    /// Seconds that its clock is ahead of the right one.
    ahead: i64,
}

impl Door {
    /// Opens one to a root. The application answers with a text; the server's clock is so many seconds ahead.
    ///
    /// # Errors
    /// If the loopback has no port left.
    pub fn open(root: &Path, ahead: i64, application: impl Fn() -> String + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on the loopback")?;
        let address = listener.local_addr()?;
        let site = Site { root: root.to_owned(), application: Box::new(application), ahead };
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&stop);
        let accept = move || accept(&listener, || over.load(Ordering::SeqCst), move |stream| site.serve(stream));
        let thread = thread::Builder::new().name("door".to_owned()).spawn(accept)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// An address in it. Paths that are no files are the application's.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Site {
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let Some(request) = read_request(stream)? else { return Ok(()) };
        let (status, kind, body) = self.answer(&request.path);
        let now = jiff::Timestamp::now().as_second() + self.ahead;
        let date = jiff::Timestamp::from_second(now).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let more = format!("Content-Type: {kind}\r\nCache-Control: no-store\r\nRetry-After: 30\r\nDate: {date}\r\n");
        stream.write_all(&head(status, body.len(), &more))?;
        stream.write_all(&body)
    }

    /// As the README's examples for nginx and Apache do it.
    fn answer(&self, path: &str) -> (&'static str, &'static str, Vec<u8>) {
        const HTML: &str = "text/html; charset=utf-8";
        if path == format!("/{STATUS}") {
            return match fs::read(self.root.join(STATUS)) {
                Ok(status) => ("200 OK", "application/json", status),
                Err(_) => ("404 Not Found", HTML, b"not found".to_vec()),
            };
        }
        if let Ok(page) = fs::read(self.root.join(PAGE)) {
            return ("503 Service Unavailable", HTML, page);
        }
        if self.root.join(FLAG).exists() {
            return ("503 Service Unavailable", HTML, b"<p>closed by the application itself".to_vec());
        }
        ("200 OK", HTML, format!("<!DOCTYPE html><title>site</title><p>{}", (self.application)()).into_bytes())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
