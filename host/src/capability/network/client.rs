//! One request: granted addresses only, redirects by hand, nothing of the host's own sent along.

use std::error::Error;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{fs, io};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Method, Response, redirect};
use url::Url;

use super::grant::{Border, PrivateAddress, shown};
use super::pace::Pace;
use crate::effect::{CallError, Failure, Fault};

/// After so many redirects it is a loop.
const MAX_REDIRECTS: u32 = 5;

/// One address of several may be dead; the next is tried after this.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Fields in the head of an answer. Its bytes are bounded by hyper, at 400 KiB.
const MAX_HEADERS: usize = 100;

/// Finds the addresses of a name. Blocking.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The system's own way of finding addresses.
pub(super) fn system_lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// The HTTP client of one stage. It is set up at the first request: reading the system's certificates takes a while.
pub(super) struct Client {
    border: Arc<Border>,
    lookup: Lookup,
    ca_file: Option<PathBuf>,
    http: OnceLock<reqwest::Client>,
}

impl Client {
    pub(super) fn new(border: Arc<Border>, lookup: Lookup, ca_file: Option<PathBuf>) -> Self {
        Self { border, lookup, ca_file, http: OnceLock::new() }
    }

    pub(super) fn border(&self) -> &Border {
        &self.border
    }

    /// Sends a request and follows redirects until a server answers. The body has not been read yet.
    ///
    /// # Errors
    /// Answers where the way leads out of the grant; "network-unavailable" where nobody answers; those of [`Pace`].
    pub(super) async fn fetch(
        &self,
        pace: &mut Pace<'_>,
        method: Method,
        first: &Url,
        headers: &HeaderMap,
    ) -> Result<Response, CallError> {
        let http = self.http()?;
        let mut url = first.clone();
        for hop in 0..=MAX_REDIRECTS {
            let request = http.request(method.clone(), url.clone()).headers(headers.clone());
            let response = pace.wait(request.send()).await?.map_err(|error| match trouble(&url, error) {
                CallError::Answer(failure) if hop > 0 => refuse_redirect(&url, &failure).into(),
                other => other,
            })?;
            match next_hop(&url, &response)? {
                None => return Ok(response),
                Some(next) => {
                    self.border.admit_url(&next).map_err(|failure| refuse_redirect(&next, &failure))?;
                    url = next;
                }
            }
        }
        let message = format!("{} leads through more than {MAX_REDIRECTS} redirects", shown(first));
        Err(CallError::answer("too-many-redirects", message))
    }

    fn http(&self) -> Result<&reqwest::Client, Fault> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = self.build()?;
        Ok(self.http.get_or_init(|| http))
    }

    fn build(&self) -> Result<reqwest::Client, Fault> {
        // reqwest takes the provider of the process and panics if there is none. Whoever set one before us is welcome.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let builder = reqwest::Client::builder()
            .user_agent(concat!("liftlock/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .connect_timeout(CONNECT_TIME)
            // Each call has a runtime of its own, and a connection dies with the runtime that made it.
            .pool_max_idle_per_host(0)
            .dns_resolver(Resolver { border: self.border.clone(), lookup: self.lookup.clone() });
        let builder = match (self.border.has_https(), &self.ca_file) {
            // No certificates at all: a host without them can still serve a grant of plain http.
            (false, _) => builder.tls_certs_only([]),
            (true, None) => builder,
            (true, Some(path)) => builder.tls_certs_merge(read_certificates(path)?),
        };
        builder.build().map_err(|error| {
            Fault::new("network-unavailable", format!("TLS cannot be set up: {}", root(&error)))
                .hint("install the package ca-certificates")
        })
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Fault> {
    let pem = fs::read(path).map_err(|error| Fault::io(path.display(), &error))?;
    let bad = |why: &str| Fault::new("bad-certificate", format!("{}: {why}", path.display()));
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| bad(&root(&error)))?;
    if certificates.is_empty() {
        return Err(bad("no certificate in PEM form"));
    }
    Ok(certificates)
}

/// Where a redirect leads. None if the answer is not one.
fn next_hop(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let broken = || Failure::new("redirect-refused", format!("{} redirects to what is no address", shown(url)));
    let location = location.to_str().map_err(|_| broken())?;
    let next = url.join(location).map_err(|_| broken())?;
    if url.scheme() == "https" && next.scheme() == "http" {
        let message = format!("{} redirects from https to http: {}", shown(url), shown(&next));
        return Err(Failure::new("redirect-refused", message));
    }
    Ok(Some(next))
}

/// The way leads out of the grant: says so, and why.
fn refuse_redirect(next: &Url, why: &Failure) -> Failure {
    let mut failure = Failure::new("redirect-refused", format!("redirected to {}: {}", shown(next), why.message));
    failure.extra.push(("cause".to_owned(), why.code.clone()));
    failure.extra.extend(why.extra.clone());
    failure
}

/// What an error of the HTTP library means.
pub(super) fn trouble(url: &Url, error: reqwest::Error) -> CallError {
    let error = error.without_url();
    if let Some(PrivateAddress(failure)) = causes(&error).find_map(|cause| cause.downcast_ref()) {
        return failure.clone().into();
    }
    let fault = Fault::new("network-unavailable", format!("{}: {}", shown(url), root(&error)));
    if causes(&error).any(is_tls) {
        return fault.hint("if the server's certificate is your own, name its authority in `ca_file`").into();
    }
    fault.into()
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    // An `io::Error` hides its payload from `source`.
    let inside = error.downcast_ref().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || inside.is_some_and(|inside| is_tls(inside))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost cause; the outer ones only say "error sending request".
fn root(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// Looks names up, and lets only admitted addresses be dialled: one look-up, no second that could answer otherwise.
struct Resolver {
    border: Arc<Border>,
    lookup: Lookup,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (border, lookup) = (self.border.clone(), self.lookup.clone());
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || lookup(name.as_str())).await??;
            let admitted = border.admit_addresses(&host, found)?;
            Ok(Box::new(admitted.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
