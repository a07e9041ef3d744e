//! A web server that misbehaves on purpose, and a stage in front of it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use super::shelf::digest;
use super::{Downloaded, Network, NetworkConfig, NetworkGrant, Pin, StageNetwork};
use crate::effect::{CallError, Failure, Fault};

/// One request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// How many came before on this server.
    pub(super) number: usize,
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
}

impl Request {
    /// The first byte asked for.
    pub(super) fn range(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// One answer, down to the bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    head: String,
    body: Vec<u8>,
    cut: Option<usize>,
    endless: bool,
    drip: Option<Duration>,
}

impl Reply {
    /// A status and nothing else; the length is to be added.
    pub(super) fn status(status: u16) -> Self {
        Self { head: format!("HTTP/1.1 {status} X\r\nConnection: close\r\n"), ..Self::default() }
    }

    /// 200 with a body and its length.
    pub(super) fn whole(body: &[u8]) -> Self {
        Self::status(200).header("Content-Length", body.len()).body(body)
    }

    /// 206 with the bytes from `start`, as it should be.
    pub(super) fn part(body: &[u8], start: usize) -> Self {
        let (last, total) = (body.len().saturating_sub(1), body.len());
        Self::status(206)
            .header("Content-Range", format!("bytes {start}-{last}/{total}"))
            .header("Content-Length", total - start)
            .body(&body[start..])
    }

    pub(super) fn redirect(location: &str) -> Self {
        Self::status(302).header("Location", location).header("Content-Length", 0)
    }

    pub(super) fn raw(bytes: &str) -> Self {
        Self { head: bytes.to_owned(), ..Self::default() }
    }

    pub(super) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.head += &format!("{name}: {}\r\n", value.to_string());
        self
    }

    pub(super) fn etag(self, etag: &str) -> Self {
        self.header("ETag", etag)
    }

    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Closes the connection after so many bytes of the body.
    pub(super) fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    /// Repeats the body for ever.
    pub(super) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// Sends byte by byte with a pause between.
    pub(super) fn drip(mut self, pause: Duration) -> Self {
        self.drip = Some(pause);
        self
    }

    fn send(&self, stream: &mut impl Write) -> io::Result<()> {
        write!(stream, "{}\r\n", self.head)?;
        let body = &self.body[..self.cut.unwrap_or(usize::MAX).min(self.body.len())];
        loop {
            for piece in body.chunks(if self.drip.is_some() { 1 } else { 64 * 1024 }) {
                stream.write_all(piece)?;
                self.drip.into_iter().for_each(thread::sleep);
            }
            if !self.endless {
                return stream.flush();
            }
        }
    }
}

/// A server on 127.0.0.1 that ends with its value.
pub(super) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Speaks plain http.
    pub(super) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, answer)
    }

    /// Speaks https, as example.org with a certificate of [`authority`].
    pub(super) fn secure(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tests/tls/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/tls/server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::listen(Some(Arc::new(config)), answer)
    }

    fn listen(tls: Option<Arc<ServerConfig>>, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            stop: Arc::default(),
        };
        let (connections, requests, stop) = (server.connections.clone(), server.requests.clone(), server.stop.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, answer, tls) = (requests.clone(), answer.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &requests, &*answer),
                    Some(tls) => {
                        serve(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), &requests, &*answer)
                    }
                });
            }
        });
        server
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: impl Read + Write, requests: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(&mut stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let mut words = first.split(' ').map(str::to_owned);
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut requests = requests.lock().unwrap();
    let request = Request { number: requests.len(), method, path, headers };
    requests.push(request.clone());
    drop(requests);
    let _ = answer(&request).send(&mut stream);
}

/// Who has signed the certificate of [`Server::secure`].
pub(super) fn authority() -> &'static [u8] {
    include_bytes!("tests/tls/ca.pem")
}

/// A run with one stage, in a directory of its own.
pub(super) struct Bench {
    pub(super) directory: TempDir,
    pub(super) config: NetworkConfig,
    pub(super) grant: NetworkGrant,
    /// What every name resolves to.
    pub(super) addresses: Vec<IpAddr>,
}

impl Bench {
    /// May reach these servers.
    pub(super) fn new(servers: &[&Server]) -> Self {
        let directory = TempDir::new().unwrap();
        let config = NetworkConfig::new("run-1", directory.path().join("artifacts"), Arc::default());
        let origins = servers.iter().map(|server| server.origin()).collect();
        let grant = NetworkGrant { slot: "fetch".into(), origins, ..NetworkGrant::default() };
        Self { directory, config, grant, addresses: vec!["127.0.0.1".parse().unwrap()] }
    }

    /// Pins "package" to these bytes.
    pub(super) fn pinned(mut self, bytes: &[u8]) -> Self {
        let pin = Pin { sha256: Some(sha256(bytes)), size: Some(bytes.len() as u64), ..Pin::default() };
        self.config.pins.insert("package".into(), pin);
        self
    }

    pub(super) fn network(&self) -> Arc<Network> {
        let addresses = self.addresses.clone();
        Arc::new(Network::with_lookup(self.config.clone(), Arc::new(move |_| Ok(addresses.clone()))))
    }

    pub(super) fn stage(&self) -> StageNetwork {
        StageNetwork::new(self.network(), self.grant.clone()).unwrap()
    }

    /// Downloads "package" as effect 7.
    pub(super) fn download(&self, url: &str) -> Result<Downloaded, CallError> {
        let prepared = self.stage().prepare_download(7, url, "package", None)?;
        (prepared.act)().map(downloaded)
    }

    /// The bytes of an artifact.
    pub(super) fn bytes(&self, downloaded: &Downloaded) -> Vec<u8> {
        std::fs::read(self.network().artifact(&downloaded.artifact).unwrap()).unwrap()
    }

    /// The names in the artifacts' directory.
    pub(super) fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.config.artifacts) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(super) fn downloaded(value: Value) -> Downloaded {
    serde_json::from_value(value).unwrap()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    digest(file.path()).unwrap().sha256
}

/// Bytes that look like nothing, and like no other seed's.
pub(super) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    })
    .take(length)
    .collect()
}

pub(super) trait Outcome {
    /// The failure, where one is expected.
    fn failure(self) -> Failure;
    /// The fault, where one is expected.
    fn fault(self) -> Fault;
}

impl<T: std::fmt::Debug> Outcome for Result<T, CallError> {
    fn failure(self) -> Failure {
        match self {
            Err(CallError::Answer(failure)) => failure,
            other => panic!("expected an answer, got {other:?}"),
        }
    }

    fn fault(self) -> Fault {
        match self {
            Err(CallError::Fault(fault)) => fault,
            other => panic!("expected a fault, got {other:?}"),
        }
    }
}
