//! A package comes from a server, in as many pieces as the line needs, and ends as exactly the pinned bytes or as an error.
//!
//! A part on disk is continued only if the server has promised, by a strong ETag, that it still has the very same bytes, and
//! the answer says so again. The digest is taken at the end, from the first byte on disk to the last: whatever went wrong
//! on the way, it is seen here. If a part from before was used, a wrong digest means one more try from the first byte.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE};
use reqwest::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use reqwest::{Method, Response};
use url::Url;

use super::client::{Client, trouble};
use super::grant::shown;
use super::pace::Pace;
use super::shelf::{Resume, Shelf, Sum, digest};
use crate::effect::{CallError, Failure, Fault};
use crate::io::fault;
use crate::meter::Meter;

/// Cuts of the line that one call survives, if something came before each.
const MAX_CUTS: u32 = 3;

/// What a package must be.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Lower-case hex. None only where the operator has accepted that.
    pub(super) sha256: Option<String>,
    /// Bytes.
    pub(super) size: Option<u64>,
    /// Bytes; for packages whose size nobody knows.
    pub(super) max_size: u64,
}

/// One download, into the shelf's partial file.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) shelf: &'a Shelf,
    pub(super) name: &'a str,
    pub(super) url: &'a Url,
    pub(super) wanted: &'a Wanted,
    pub(super) meter: &'a Meter,
}

/// How one request ended that was not an error.
enum Attempt {
    /// All bytes are on disk; some may have been there before.
    Whole { continued: bool },
    /// The line was cut after so many bytes.
    Cut { received: u64, why: CallError },
    /// The part on disk cannot be continued.
    Stale { status: u16 },
}

/// Where the bytes of an answer go.
struct Sink {
    file: File,
    /// Bytes on disk.
    length: u64,
    /// Bytes of the whole, if the server says.
    total: Option<u64>,
}

impl Download<'_> {
    /// Gets the package whole and as wanted.
    ///
    /// # Errors
    /// Answers about the server and the package; faults of line, time and disk, which leave the part on disk for later.
    pub(super) async fn run(&self, pace: &mut Pace<'_>) -> Result<Sum, CallError> {
        // Without a digest nothing would notice a part that a power cut has damaged.
        if self.wanted.sha256.is_none() {
            self.shelf.drop_unfinished(self.name)?;
        }
        let mut cuts = 0;
        let mut restarted = false;
        loop {
            match self.attempt(pace).await? {
                Attempt::Whole { continued } => match check(&self.shelf.partial(self.name), self.wanted)? {
                    Ok(sum) => return Ok(sum),
                    Err(_) if continued && !restarted => restarted = true,
                    Err(failure) => return Err(failure.into()),
                },
                Attempt::Cut { received, why } if received == 0 || cuts == MAX_CUTS => return Err(why),
                Attempt::Cut { .. } => {
                    cuts += 1;
                    continue;
                }
                Attempt::Stale { status } if restarted => return Err(self.bad_status(status)),
                Attempt::Stale { .. } => restarted = true,
            }
            self.shelf.drop_unfinished(self.name)?;
        }
    }

    async fn attempt(&self, pace: &mut Pace<'_>) -> Result<Attempt, CallError> {
        let part = self
            .shelf
            .unfinished(self.name)
            .filter(|(resume, length)| resume.url == self.url.as_str() && *length > 0 && *length <= resume.total);
        if part.as_ref().is_some_and(|(resume, length)| *length == resume.total) {
            return Ok(Attempt::Whole { continued: true });
        }
        let headers = part.as_ref().map_or_else(HeaderMap::new, |(resume, length)| range_headers(resume, *length));
        let response = self.client.fetch(pace, Method::GET, self.url, &headers).await?;
        let status = response.status().as_u16();
        let sink = match (status, part) {
            (200, _) => self.start_over(&response)?,
            (206, Some((resume, length))) if continues(&response, &resume, length) => {
                Sink { file: self.shelf.go_on(self.name)?, length, total: Some(resume.total) }
            }
            (206 | 416, _) => return Ok(Attempt::Stale { status }),
            _ => return Err(self.bad_status(status)),
        };
        let _work = self.meter.begin("bytes", sink.total);
        self.meter.add(sink.length);
        self.receive(pace, response, sink, status == 206).await
    }

    fn start_over(&self, response: &Response) -> Result<Sink, CallError> {
        let total = header(response, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if total.is_none() && self.wanted.sha256.is_none() && !response.headers().contains_key(TRANSFER_ENCODING) {
            let message = format!("{} does not say how long it is: a cut could not be noticed", shown(self.url));
            return Err(CallError::answer("unknown-size", message));
        }
        let resume = total.zip(strong_etag(response)).filter(|_| is_plain(response)).map(|(total, etag)| Resume {
            url: self.url.to_string(),
            etag,
            total,
        });
        Ok(Sink { file: self.shelf.begin(self.name, resume.as_ref())?, length: 0, total })
    }

    async fn receive(
        &self,
        pace: &mut Pace<'_>,
        mut response: Response,
        mut sink: Sink,
        continued: bool,
    ) -> Result<Attempt, CallError> {
        let disk = |error: io::Error| Fault::io(self.name, &error);
        let mut received = 0;
        loop {
            let bytes = match pace.wait(response.chunk()).await? {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(error) => return Ok(Attempt::Cut { received, why: trouble(self.url, error) }),
            };
            // After the first bytes, so that a refusal can say what they are.
            self.check_size(sink.length + bytes.len() as u64, sink.total, &bytes)?;
            if received == 0 {
                fault::point("network.write").map_err(disk)?;
            }
            pace.received(bytes.len());
            self.meter.add(bytes.len() as u64);
            sink.file.write_all(&bytes).map_err(disk)?;
            sink.length += bytes.len() as u64;
            received += bytes.len() as u64;
        }
        fault::point("network.received").map_err(disk)?;
        if sink.total.is_some_and(|total| total != sink.length) {
            let why = Fault::new("network-unavailable", format!("{} ended too early", shown(self.url)));
            return Ok(Attempt::Cut { received, why: why.into() });
        }
        Ok(Attempt::Whole { continued })
    }

    /// Stops as soon as it is clear that the package will not be as large as it must be.
    fn check_size(&self, length: u64, total: Option<u64>, bytes: &[u8]) -> Result<(), Failure> {
        let coming = total.unwrap_or(length).max(length);
        match self.wanted.size {
            Some(size) if coming > size || total.is_some_and(|total| total != size) => {
                Err(size_mismatch(size, coming, bytes))
            }
            None if coming > self.wanted.max_size => {
                let limit = self.wanted.max_size;
                let message = format!("{} is larger than the {limit} bytes that a package may have", shown(self.url));
                Err(Failure::new("too-large", message))
            }
            // More than the server itself has promised, which only a length-less 206 can do.
            None if total.is_some_and(|total| length > total) => {
                Err(size_mismatch(total.unwrap_or(length), length, bytes))
            }
            _ => Ok(()),
        }
    }

    fn bad_status(&self, status: u16) -> CallError {
        let mut failure = Failure::new("http-status", format!("{} answered with status {status}", shown(self.url)));
        failure.extra.push(("status".to_owned(), status.to_string()));
        failure.into()
    }
}

/// Compares a file on disk with what it must be.
///
/// # Errors
/// Outer: the disk. Inner: "size-mismatch", "pin-mismatch", "too-large".
pub(super) fn check(path: &Path, wanted: &Wanted) -> Result<Result<Sum, Failure>, Fault> {
    let read = || -> io::Result<(Sum, Vec<u8>)> {
        let mut start = Vec::new();
        File::open(path)?.take(512).read_to_end(&mut start)?;
        Ok((digest(path)?, start))
    };
    let (sum, start) = read().map_err(|error| Fault::io(path.display(), &error))?;
    if let Some(size) = wanted.size.filter(|size| *size != sum.size) {
        return Ok(Err(size_mismatch(size, sum.size, &start)));
    }
    if let Some(sha256) = wanted.sha256.as_ref().filter(|sha256| **sha256 != sum.sha256) {
        return Ok(Err(pin_mismatch(sha256, &sum.sha256, &start)));
    }
    if wanted.size.is_none() && sum.size > wanted.max_size {
        let message = format!("{} bytes are more than the {} that a package may have", sum.size, wanted.max_size);
        return Ok(Err(Failure::new("too-large", message)));
    }
    Ok(Ok(sum))
}

fn size_mismatch(expected: u64, got: u64, start: &[u8]) -> Failure {
    let message = format!("the package must have {expected} bytes, this has {got}{}", web_page(start));
    let extra = vec![("expected".to_owned(), expected.to_string()), ("got".to_owned(), got.to_string())];
    Failure { extra, ..Failure::new("size-mismatch", message) }
}

pub(super) fn pin_mismatch(expected: &str, got: &str, start: &[u8]) -> Failure {
    let message = format!("the package must have sha256 {expected}, this has {got}{}", web_page(start));
    let extra = vec![("expected".to_owned(), expected.to_owned()), ("got".to_owned(), got.to_owned())];
    Failure { extra, ..Failure::new("pin-mismatch", message) }
}

/// The usual reason for a wrong package: a login or error page with status 200.
fn web_page(start: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head") {
        "; it is a web page, not the package"
    } else {
        ""
    }
}

fn range_headers(resume: &Resume, length: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // An ETag that is no header value was not read from one: then there is no range, and the answer is whole.
    if let (Ok(range), Ok(etag)) =
        (HeaderValue::try_from(format!("bytes={length}-")), HeaderValue::try_from(&resume.etag))
    {
        headers.insert(RANGE, range);
        headers.insert(IF_RANGE, etag);
    }
    headers
}

/// Whether a 206 continues exactly the part on disk, to the end.
fn continues(response: &Response, resume: &Resume, length: u64) -> bool {
    let last = resume.total - 1;
    let range = format!("bytes {length}-{last}/{}", resume.total);
    header(response, &CONTENT_RANGE) == Some(&range)
        && strong_etag(response).as_ref() == Some(&resume.etag)
        && is_plain(response)
        && header(response, &CONTENT_LENGTH).is_none_or(|text| text == (resume.total - length).to_string())
}

fn strong_etag(response: &Response) -> Option<String> {
    let etag = header(response, &ETAG)?;
    let quoted = etag.len() >= 2 && etag.starts_with('"') && etag.ends_with('"');
    quoted.then(|| etag.to_owned())
}

fn is_plain(response: &Response) -> bool {
    header(response, &CONTENT_ENCODING).is_none_or(|coding| coding == "identity")
}

/// A header that comes once and is readable.
fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    let mut values = response.headers().get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}
