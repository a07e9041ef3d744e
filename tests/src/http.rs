//! A small web server on the loopback, for packages to be downloaded from.
//!
//! It answers GET and HEAD of the files it was given, with ETag and single ranges. It stops when it is dropped. Each file can be
//! exchanged while it runs, and can be served as badly as real servers do: [`Misbehaviour`].

mod door;
mod misbehaviour;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::digest::sha256_hex;

pub use door::Door;
pub use misbehaviour::Misbehaviour;

/// A running server.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    files: RwLock<BTreeMap<String, Arc<File>>>,
    before: Mutex<BTreeMap<String, Moment>>,
    stop: AtomicBool,
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// What is done when a request comes, while the client waits.
type Moment = Box<dyn FnOnce() + Send>;

struct File {
    bytes: Vec<u8>,
    etag: String,
    misbehaviour: Option<Misbehaviour>,
}

impl File {
    fn new(bytes: Vec<u8>, misbehaviour: Option<Misbehaviour>) -> Arc<Self> {
        Arc::new(Self { etag: format!("\"{}\"", &sha256_hex(&bytes)[..16]), bytes, misbehaviour })
    }
}

impl Server {
    /// Serves files by their paths: `("/package.zip", bytes)`.
    ///
    /// # Errors
    /// If the loopback has no port left.
    pub fn start(files: impl IntoIterator<Item = (impl Into<String>, Vec<u8>)>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on the loopback")?;
        let address = listener.local_addr()?;
        let files = files.into_iter().map(|(path, bytes)| (path.into(), File::new(bytes, None))).collect();
        let state = Arc::new(State { files: RwLock::new(files), ..State::default() });
        let shared = Arc::clone(&state);
        let stop = Arc::clone(&state);
        let accept =
            move || accept(&listener, || stop.stop.load(Ordering::SeqCst), move |stream| serve(stream, &shared));
        let thread = thread::Builder::new().name("web server".to_owned()).spawn(accept)?;
        Ok(Self { address, state, thread: Some(thread) })
    }

    /// `http://127.0.0.1:<port>`, as a grant names it.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves this at a path from now on, well.
    pub fn put(&self, path: impl Into<String>, bytes: Vec<u8>) {
        self.state.set(path.into(), File::new(bytes, None));
    }

    /// Serves what is at a path in this way from now on; well again, if none is named. Nothing happens where nothing is.
    pub fn misbehave(&self, path: &str, how: Option<Misbehaviour>) {
        if let Some(file) = self.state.file(path) {
            self.state.set(path.to_owned(), File::new(file.bytes.clone(), how));
        }
    }

    /// Does something as soon as the next request for a path comes, before it is answered: a moment in a run that a test can name.
    pub fn before(&self, path: &str, act: impl FnOnce() + Send + 'static) {
        let mut before = self.state.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.insert(path.to_owned(), Box::new(act));
    }

    /// How many requests were answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of files were sent.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::SeqCst)
    }
}

impl State {
    fn file(&self, path: &str) -> Option<Arc<File>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn set(&self, path: String, file: Arc<File>) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(path, file);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(
    listener: &TcpListener,
    is_over: impl Fn() -> bool,
    serve: impl Fn(&TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) {
    let serve = Arc::new(serve);
    for stream in listener.incoming() {
        if is_over() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let serve = Arc::clone(&serve);
        // Detached: a client that says nothing must not keep the server from stopping.
        thread::spawn(move || {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = serve(&stream);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;

struct Request {
    method: String,
    path: String,
    range: Option<String>,
    if_range: Option<String>,
}

/// One request a connection.
fn serve(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let Some(request) = read_request(stream)? else { return Ok(()) };
    let number = state.requests.fetch_add(1, Ordering::SeqCst);
    let act = state.before.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.path);
    if let Some(act) = act {
        act();
    }
    let mut out = stream;
    if request.method != "GET" && request.method != "HEAD" {
        return out.write_all(&head("405 Method Not Allowed", 0, ""));
    }
    let Some(file) = state.file(&request.path) else {
        return out.write_all(&head("404 Not Found", 0, ""));
    };
    let with_body = request.method == "GET";
    let etag = match &file.misbehaviour {
        Some(Misbehaviour::NotFound) => return out.write_all(&head("404 Not Found", 0, "")),
        Some(Misbehaviour::Page) => return out.write_all(&misbehaviour::page(with_body)),
        Some(Misbehaviour::WrongEtag) => format!("\"wrong-{number}\""),
        Some(Misbehaviour::Truncated { .. } | Misbehaviour::Slow { .. }) | None => file.etag.clone(),
    };
    let size = file.bytes.len();
    let mut headers = format!("ETag: {etag}\r\nAccept-Ranges: bytes\r\n");
    // Of another version than the client has, it gets the whole.
    let lies = matches!(file.misbehaviour, Some(Misbehaviour::WrongEtag));
    let same = lies || request.if_range.is_none_or(|wanted| wanted == etag);
    let (status, part) = match request.range.filter(|_| same).map(|range| parse_range(&range, size)) {
        None => ("200 OK", 0..size),
        Some(Some(part)) => {
            headers += &format!("Content-Range: bytes {}-{}/{size}\r\n", part.start, part.end - 1);
            ("206 Partial Content", part)
        }
        Some(None) => {
            headers += &format!("Content-Range: bytes */{size}\r\n");
            return out.write_all(&head("416 Range Not Satisfiable", 0, &headers));
        }
    };
    out.write_all(&head(status, part.len(), &headers))?;
    if with_body { send(stream, state, &file, part) } else { Ok(()) }
}

/// The bytes of a file, as the file's misbehaviour has them.
fn send(mut stream: &TcpStream, state: &State, file: &File, part: Range<usize>) -> std::io::Result<()> {
    let body = &file.bytes[part];
    let (body, piece, pause) = match file.misbehaviour {
        Some(Misbehaviour::Truncated { after }) => (&body[..after.min(body.len())], PIECE, Duration::ZERO),
        Some(Misbehaviour::Slow { piece, pause }) => (body, piece.max(1), pause),
        _ => (body, PIECE, Duration::ZERO),
    };
    for piece in body.chunks(piece) {
        stream.write_all(piece)?;
        state.bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        thread::sleep(pause);
    }
    Ok(())
}

fn head(status: &str, length: usize, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn read_request(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream.take(16 * 1024));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut request = Request { method: method.to_owned(), path: path.to_owned(), range: None, if_range: None };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Some(request));
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.trim().to_owned()),
            "if-range" => request.if_range = Some(value.trim().to_owned()),
            _ => {}
        }
    }
}

/// `bytes=a-`, `bytes=a-b`, `bytes=-n`. None where no byte of the file is meant.
fn parse_range(range: &str, size: usize) -> Option<Range<usize>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let part = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => from..to.saturating_add(1).min(size),
        (Ok(from), Err(_)) if to.is_empty() => from..size,
        (Err(_), Ok(last)) if from.is_empty() => size.saturating_sub(last)..size,
        _ => return None,
    };
    (part.start < part.end).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &Server, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(format!("{request}\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end..].to_vec())
    }

    fn server() -> Server {
        Server::start([("/p.zip", b"0123456789".to_vec())]).unwrap()
    }

    #[test]
    fn what_is_not_there_is_404_and_a_post_405() {
        let server = server();
        assert!(ask(&server, "GET /other HTTP/1.1").0.starts_with("HTTP/1.1 404 "));
        assert!(ask(&server, "POST /p.zip HTTP/1.1").0.starts_with("HTTP/1.1 405 "));
    }

    #[test]
    fn a_range_behind_the_end_is_416() {
        assert!(ask(&server(), "GET /p.zip HTTP/1.1\r\nRange: bytes=10-").0.starts_with("HTTP/1.1 416 "));
    }

    #[test]
    fn another_etag_gets_the_whole() {
        let (head, body) = ask(&server(), "GET /p.zip HTTP/1.1\r\nRange: bytes=4-\r\nIf-Range: \"other\"");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(body, b"0123456789");
    }

    #[test]
    fn whole_head_and_part() {
        let server = server();
        let (head, body) = ask(&server, "GET /p.zip HTTP/1.1");
        assert!(head.contains("Content-Length: 10\r\n") && head.contains("ETag: \""), "{head}");
        assert_eq!(body, b"0123456789");
        assert_eq!(ask(&server, "HEAD /p.zip HTTP/1.1").1, b"");
        let (head, body) = ask(&server, "GET /p.zip HTTP/1.1\r\nrange: bytes=4-5");
        assert!(head.contains("Content-Range: bytes 4-5/10\r\n"), "{head}");
        assert_eq!(body, b"45");
        assert_eq!(ask(&server, "GET /p.zip HTTP/1.1\r\nRange: bytes=-3").1, b"789");
        assert_eq!((server.requests(), server.bytes()), (4, 15));
    }

    #[test]
    fn a_server_that_misbehaves_does_it_as_it_was_told_and_stops_when_told() {
        let server = server();
        let whole = |server: &Server| ask(server, "GET /p.zip HTTP/1.1");
        server.misbehave("/p.zip", Some(Misbehaviour::NotFound));
        assert!(whole(&server).0.starts_with("HTTP/1.1 404 "));
        server.misbehave("/p.zip", Some(Misbehaviour::Page));
        let (head, body) = whole(&server);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Type: text/html"), "{head}");
        assert!(body.starts_with(b"<!DOCTYPE html>") && head.contains(&format!("Content-Length: {}\r\n", body.len())));
        server.misbehave("/p.zip", Some(Misbehaviour::Truncated { after: 4 }));
        let (head, body) = whole(&server);
        assert!(head.contains("Content-Length: 10\r\n") && body == b"0123", "{head}");
        assert_eq!(ask(&server, "GET /p.zip HTTP/1.1\r\nRange: bytes=4-").1, b"4567", "it can be resumed");
        let pause = Duration::from_millis(5);
        server.misbehave("/p.zip", Some(Misbehaviour::Slow { piece: 2, pause }));
        let start = std::time::Instant::now();
        assert_eq!(whole(&server).1, b"0123456789");
        assert!(start.elapsed() >= pause * 5);
        server.misbehave("/p.zip", None);
        assert_eq!(whole(&server).1, b"0123456789");
        server.misbehave("/other", Some(Misbehaviour::Page));
        assert!(ask(&server, "GET /other HTTP/1.1").0.starts_with("HTTP/1.1 404 "), "there is nothing to spoil");
    }

    #[test]
    fn a_wrong_etag_is_another_one_each_time_and_ranges_are_served_under_it() {
        let server = server();
        server.misbehave("/p.zip", Some(Misbehaviour::WrongEtag));
        let etag = |head: &str| head.lines().find(|line| line.starts_with("ETag: ")).unwrap().to_owned();
        let (first, _) = ask(&server, "GET /p.zip HTTP/1.1");
        let (second, body) = ask(&server, "GET /p.zip HTTP/1.1\r\nRange: bytes=4-\r\nIf-Range: \"other\"");
        assert_ne!(etag(&first), etag(&second));
        assert!(second.starts_with("HTTP/1.1 206 ") && body == b"456789", "{second}");
    }

    #[test]
    fn a_moment_is_the_next_request_for_its_path_and_no_other() {
        let server = server();
        let (sender, receiver) = std::sync::mpsc::channel();
        server.before("/p.zip", move || sender.send("now").unwrap());
        ask(&server, "GET /q HTTP/1.1");
        assert!(receiver.try_recv().is_err());
        ask(&server, "GET /p.zip HTTP/1.1");
        assert_eq!(receiver.try_recv(), Ok("now"));
        ask(&server, "GET /p.zip HTTP/1.1");
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn a_file_can_be_exchanged_while_the_server_runs() {
        let server = server();
        server.put("/p.zip", b"new".to_vec());
        server.put("/q.json", b"{}".to_vec());
        assert_eq!(ask(&server, "GET /p.zip HTTP/1.1").1, b"new");
        assert_eq!(ask(&server, "GET /q.json HTTP/1.1").1, b"{}");
    }
}
