//! The network as one stage has it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use reqwest::header::HeaderMap;
use reqwest::{Method, Response as HttpResponse};
use serde_json::json;
use url::Url;

use super::client::{Client, trouble};
use super::download::{Download, Wanted, check, pin_mismatch};
use super::grant::{Border, NetworkGrant, shown};
use super::pace::Pace;
use super::shelf::Sum;
use super::{Downloaded, ExpectedPin, NAME, Network, Pin, Response};
use crate::effect::{CallError, Change, Failure, Fault, Prepared};
use crate::io::fault;

/// What a stage may read at most with one `get`. Bytes.
const MAX_BODY: u64 = 8 * 1024 * 1024;

/// What all fields of an answer's head may have together. Bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The network, behind the border of one slot's grant.
#[derive(Clone)]
pub struct StageNetwork {
    network: Arc<Network>,
    client: Arc<Client>,
    slot: String,
    accept_unpinned: bool,
    closed: bool,
}

/// Where a package comes from.
enum Source {
    /// The operator's own copy.
    File(PathBuf),
    Server(Url),
}

impl Source {
    /// As [`Downloaded::extra`] has it.
    fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Server(_) => "server",
        }
    }

    /// A wrong package is told with where it came from.
    fn told(&self, failure: Failure) -> Failure {
        if !["size-mismatch", "pin-mismatch"].contains(&failure.code.as_str()) {
            return failure;
        }
        let place = match self {
            Self::File(path) => path.display().to_string(),
            Self::Server(url) => shown(url),
        };
        Failure { message: format!("{place}: {}", failure.message), ..failure }
    }
}

impl StageNetwork {
    /// The network for one slot.
    ///
    /// # Errors
    /// "bad-grant" where the grant cannot be read.
    pub fn new(network: Arc<Network>, grant: NetworkGrant) -> Result<Self, Failure> {
        let border = Arc::new(Border::read(&grant)?);
        let client = Arc::new(Client::new(border, network.lookup.clone(), network.config.ca_file.clone()));
        let NetworkGrant { slot, accept_unpinned, closed, .. } = grant;
        Ok(Self { network, client, slot, accept_unpinned, closed })
    }

    /// GET, with at most `max_bytes` of body (never more than 8 MiB). Any status is an answer.
    ///
    /// # Errors
    /// Answers: "closed", "bad-url", "not-granted", "private-address", "redirect-refused", "too-many-redirects", "too-large".
    /// Faults: "network-unavailable", "deadline", "interrupted".
    pub fn get(&self, url: &str, max_bytes: u64) -> Result<Response, CallError> {
        self.ask(Method::GET, url, max_bytes.min(MAX_BODY))
    }

    /// HEAD.
    ///
    /// # Errors
    /// As [`StageNetwork::get`].
    pub fn head(&self, url: &str) -> Result<Response, CallError> {
        self.ask(Method::HEAD, url, 0)
    }

    fn ask(&self, method: Method, url: &str, max_bytes: u64) -> Result<Response, CallError> {
        self.check_open()?;
        let url = self.client.border().admit(url)?;
        self.online(async |pace| {
            let response = self.client.fetch(pace, method, &url, &HeaderMap::new()).await?;
            read_response(pace, response, max_bytes).await
        })
    }

    /// Describes a download: the pin is known and the address granted, but nothing has been asked yet.
    ///
    /// The pin of the bundle or the operator decides; `expect` can only add to it. `act` returns a [`Downloaded`]. After a
    /// fault the part that came stays for the next time; after an answer nothing stays.
    ///
    /// # Errors
    /// Answers: as [`StageNetwork::get`], and "bad-name", "bad-pin", "unpinned-package", "pin-mismatch", "size-mismatch",
    /// "package-missing". `act` adds "http-status" and "unknown-size", and the fault "disk-full".
    pub fn prepare_download(
        &self,
        seq: u64,
        url: &str,
        name: &str,
        expect: Option<&ExpectedPin>,
    ) -> Result<Prepared, CallError> {
        self.check_open()?;
        check_name(name)?;
        let pin = self.network.config.pins.get(name);
        let wanted = self.wanted(name, pin, expect)?;
        let source = self.source(url, pin)?;
        self.network.shelf.make()?;
        let change = Change {
            capability: NAME.to_owned(),
            verb: "download".to_owned(),
            object: format!("artifact:{name}"),
            touches: false,
            undo: json!({ "seq": seq, "name": name, "source": source.name() }),
        };
        let (stage, name) = (self.clone(), name.to_owned());
        let act = move || {
            let downloaded = stage.download(seq, &name, &source, &wanted)?;
            serde_json::to_value(downloaded).map_err(|error| Fault::new("internal", error.to_string()).into())
        };
        Ok(Prepared { change, act: Box::new(act) })
    }

    fn download(&self, seq: u64, name: &str, source: &Source, wanted: &Wanted) -> Result<Downloaded, CallError> {
        let shelf = &self.network.shelf;
        let gotten = match source {
            Source::File(path) => self.copy(path, name, wanted),
            Source::Server(url) => self.online(async |pace| {
                Download { client: &self.client, shelf, name, url, wanted, meter: &self.network.config.meter }
                    .run(pace)
                    .await
            }),
        };
        let sum = match gotten {
            Ok(sum) => sum,
            Err(CallError::Answer(failure)) => {
                shelf.drop_unfinished(name)?;
                return Err(source.told(failure).into());
            }
            Err(fault) => return Err(fault),
        };
        let artifact = shelf.place(name, seq, &sum)?;
        Ok(Downloaded::new(artifact, sum, source.name()))
    }

    /// Takes the operator's own copy, by reflink where the file system can.
    fn copy(&self, path: &Path, name: &str, wanted: &Wanted) -> Result<Sum, CallError> {
        let mut from = File::open(path).map_err(|error| unreadable(path, &error))?;
        let mut to = self.network.shelf.begin(name, None)?;
        fault::point("network.copy")
            .and_then(|()| io::copy(&mut from, &mut to))
            .map_err(|error| Fault::io(path.display(), &error))?;
        Ok(check(&self.network.shelf.partial(name), wanted)??)
    }

    /// What the package must be: the pin, and what the stage adds to it.
    fn wanted(&self, name: &str, pin: Option<&Pin>, expect: Option<&ExpectedPin>) -> Result<Wanted, Failure> {
        let pinned = pin.and_then(|pin| pin.sha256.as_deref()).map(|text| hex(name, text)).transpose()?;
        if pinned.is_none() && !self.accept_unpinned {
            return Err(unpinned(&self.slot, name));
        }
        let expected = expect.and_then(|pin| pin.sha256.as_deref()).map(|text| hex(name, text)).transpose()?;
        let size = pin.and_then(|pin| pin.size);
        let expected_size = expect.and_then(|pin| pin.size);
        if let (Some(pinned), Some(expected)) = (&pinned, &expected)
            && pinned != expected
        {
            return Err(pin_mismatch(pinned, expected, &[]));
        }
        if let (Some(size), Some(expected)) = (size, expected_size)
            && size != expected
        {
            let message = format!("{name} is pinned at {size} bytes, the stage expects {expected}");
            return Err(Failure::new("size-mismatch", message));
        }
        let max_size = pin.and_then(|pin| pin.max_size).unwrap_or(self.network.config.max_size);
        Ok(Wanted { sha256: pinned.or(expected), size: size.or(expected_size), max_size })
    }

    fn source(&self, url: &str, pin: Option<&Pin>) -> Result<Source, CallError> {
        let Some(path) = pin.and_then(|pin| pin.file.as_ref()) else {
            // A stage that knows no address leaves it to the bundle or the operator.
            let known = pin.and_then(|pin| pin.url.as_deref()).filter(|_| url.is_empty());
            return Ok(Source::Server(self.client.border().admit(known.unwrap_or(url))?));
        };
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !metadata.is_file() {
            return Err(CallError::answer("package-missing", format!("{} is not a file", path.display())));
        }
        Ok(Source::File(path.clone()))
    }

    fn check_open(&self) -> Result<(), Failure> {
        if self.closed {
            return Err(Failure::new("closed", "there is no network in `check` and `verify`"));
        }
        Ok(())
    }

    /// Runs a conversation with servers on a thread and a runtime of its own: the caller may be inside another runtime.
    fn online<T: Send>(
        &self,
        work: impl AsyncFnOnce(&mut Pace<'_>) -> Result<T, CallError> + Send,
    ) -> Result<T, CallError> {
        let config = &self.network.config;
        let talk = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Fault::io("asynchronous runtime", &error))?;
            let mut pace = Pace::start(config.time, config.minimum_rate, &config.stop);
            let outcome = runtime.block_on(work(&mut pace));
            // A look-up of a name cannot be interrupted; it is left to end by itself.
            runtime.shutdown_timeout(Duration::ZERO);
            outcome
        };
        thread::scope(|scope| scope.spawn(talk).join())
            .unwrap_or_else(|_| Err(Fault::new("internal", "the network thread panicked").into()))
    }
}

async fn read_response(pace: &mut Pace<'_>, mut response: HttpResponse, max_bytes: u64) -> Result<Response, CallError> {
    let url = response.url().clone();
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_HEAD {
        return Err(CallError::answer("too-large", format!("the head of {} is too large", shown(&url))));
    }
    let mut body = Vec::new();
    while let Some(bytes) = pace.wait(response.chunk()).await?.map_err(|error| trouble(&url, error))? {
        pace.received(bytes.len());
        if (body.len() + bytes.len()) as u64 > max_bytes {
            let message = format!("{} is larger than the {max_bytes} bytes asked for", shown(&url));
            return Err(CallError::answer("too-large", message));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(Response { url: url.into(), status: response.status().as_u16(), headers, body, extra: Vec::new() })
}

/// A package's name becomes part of a file's name.
fn check_name(name: &str) -> Result<(), Failure> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(good) {
        return Err(Failure::new("bad-name", "a package's name is 1 to 100 letters, digits, '-', '_' and '.'"));
    }
    Ok(())
}

fn hex(name: &str, text: &str) -> Result<String, Failure> {
    if text.len() != 64 || !text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Failure::new("bad-pin", format!("the sha256 of {name} is not 64 hexadecimal digits")));
    }
    Ok(text.to_ascii_lowercase())
}

fn unpinned(slot: &str, name: &str) -> Failure {
    let line = format!("[artifacts.{name}] sha256 = \"…\"");
    let message = format!(
        "nobody has said what {name} must be; pin it in installation.toml: {line}, \
         or accept whatever comes: [grants.{slot}] accept = [\"UNPINNED-PACKAGE\"]"
    );
    Failure { extra: vec![("allow".to_owned(), line)], ..Failure::new("unpinned-package", message) }
}

/// The operator's package cannot be opened: not there is an answer, anything else is not the stage's business.
fn unreadable(path: &Path, error: &io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::NotFound => {
            CallError::answer("package-missing", format!("the operator's package {} is not there", path.display()))
        }
        _ => Fault::io(path.display(), error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_package_is_told_with_its_place_and_without_its_token() {
        let source = Source::Server(Url::parse("https://example.org/m.zip?token=secret").unwrap());
        let told = source.told(Failure::new("size-mismatch", "the package must have 5 bytes, this has 4")).message;
        assert!(told.starts_with("https://example.org/m.zip") && told.ends_with("this has 4"), "{told}");
        assert!(!told.contains("secret"), "{told}");
        assert_eq!(source.told(Failure::new("http-status", "404")).message, "404");
        let file = Source::File("/srv/m.zip".into());
        assert!(file.told(Failure::new("pin-mismatch", "x")).message.starts_with("/srv/m.zip: "));
    }
}
