//! What a stage may ask for: origins that match exactly, and addresses that names may lead to.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Origin, Url};

use super::address::{Ranges, reserved};
use crate::effect::Failure;

/// No address that anybody uses is longer; a megabyte of it would be copied into every message. Bytes.
const MAX_URL: usize = 8 * 1024;

/// What the operator allows one slot on the network.
#[derive(Debug, Clone, Default)]
pub struct NetworkGrant {
    /// The slot, for the line that a refusal prints.
    pub slot: String,
    /// Scheme, host and port, nothing else: "https://example.org", "http://127.0.0.1:8000".
    pub origins: Vec<String>,
    /// Addresses ("10.0.0.5") and networks ("fd00::/8") that the granted names may lead to although they are not public.
    pub private: Vec<String>,
    /// The operator has accepted `UNPINNED-PACKAGE` for this slot.
    pub accept_unpinned: bool,
    /// In `check` and `verify`: every call is refused.
    pub closed: bool,
}

/// A grant that has been read: every address passes here before anything is dialled.
#[derive(Debug)]
pub(super) struct Border {
    slot: String,
    origins: Vec<Origin>,
    private: Ranges,
}

impl Border {
    /// Reads a grant.
    ///
    /// # Errors
    /// "bad-grant", with the entry that cannot be read.
    pub(super) fn read(grant: &NetworkGrant) -> Result<Self, Failure> {
        let origins = grant.origins.iter().map(|text| read_origin(&grant.slot, text)).collect::<Result<_, _>>()?;
        let private = Ranges::parse(&grant.private).map_err(|text| {
            let slot = &grant.slot;
            let message = format!(
                "[grants.{slot}] private-addresses: \"{text}\" is neither an address nor a network like 10.0.0.0/8"
            );
            Failure::new("bad-grant", message)
        })?;
        Ok(Self { slot: grant.slot.clone(), origins, private })
    }

    /// Whether any granted origin is spoken to in TLS.
    pub(super) fn has_https(&self) -> bool {
        self.origins.iter().any(|origin| matches!(origin, Origin::Tuple(scheme, ..) if scheme == "https"))
    }

    /// Reads the address that a stage asks for and checks it.
    ///
    /// # Errors
    /// "bad-url", "private-address", "not-granted".
    pub(super) fn admit(&self, text: &str) -> Result<Url, Failure> {
        if text.len() > MAX_URL {
            return Err(Failure::new("bad-url", format!("the address is longer than {MAX_URL} bytes")));
        }
        let url = Url::parse(text).map_err(|error| Failure::new("bad-url", format!("not an address: {error}")))?;
        self.admit_url(&url)?;
        Ok(url)
    }

    /// Checks an address, the first or one that a server sent us to.
    ///
    /// # Errors
    /// As [`Border::admit`].
    pub(super) fn admit_url(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::new("bad-url", format!("only http and https are spoken, not {}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::new("bad-url", "an address may not carry a user name or a password"));
        }
        if self.origins.contains(&url.origin()) {
            return Ok(());
        }
        // The operator names a private address by its origin, so one that comes here was not named.
        match url.host().and_then(literal).and_then(|address| Some((address, reserved(address)?))) {
            Some((address, what)) => Err(self.private_address(&address.to_string(), address, what, Some(url))),
            None => Err(self.not_granted(url)),
        }
    }

    /// Checks the addresses that a granted name has right now; these, and no others, are dialled.
    ///
    /// One foreign address among them refuses all: such an answer is how a name is made to point inside.
    ///
    /// # Errors
    /// The first address that is neither public nor granted.
    pub(super) fn admit_addresses(&self, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, PrivateAddress> {
        for &address in &found {
            if let Some(what) = reserved(address).filter(|_| !self.private.contains(address)) {
                return Err(PrivateAddress(self.private_address(host, address, what, None)));
            }
        }
        Ok(found)
    }

    fn not_granted(&self, url: &Url) -> Failure {
        let origin = url.origin().ascii_serialization();
        let line = format!("[grants.{}] network = [\"{origin}\"]", self.slot);
        let mut failure = Failure::new("not-granted", format!("{origin} is not granted; to allow it: {line}"));
        failure.extra.push(("allow".to_owned(), line));
        failure
    }

    fn private_address(&self, host: &str, address: IpAddr, what: &str, literal: Option<&Url>) -> Failure {
        let line = match literal {
            Some(url) => format!("[grants.{}] network = [\"{}\"]", self.slot, url.origin().ascii_serialization()),
            None => format!("[grants.{}] private-addresses = [\"{address}\"]", self.slot),
        };
        let place = if literal.is_some() { String::new() } else { format!("leads to {address}, which ") };
        let message = format!("{host} {place}is not a public address ({what}); to allow it: {line}");
        let mut failure = Failure::new("private-address", message);
        failure.extra.push(("allow".to_owned(), line));
        failure
    }
}

/// The address that the host is, in whatever notation it was written.
fn literal(host: Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn read_origin(slot: &str, text: &str) -> Result<Origin, Failure> {
    let bad = |why: &str| Failure::new("bad-grant", format!("[grants.{slot}] network: \"{text}\" {why}"));
    let url = Url::parse(text).map_err(|_| bad("is no origin like \"https://example.org\""))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https"));
    }
    if text.contains('*') {
        return Err(bad("has a wildcard: name every host"));
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(bad("is more than scheme, host and port"));
    }
    Ok(url.origin())
}

/// A granted name leads to an address that is not public. Comes back through the HTTP library as the cause of its error.
#[derive(Debug)]
pub(super) struct PrivateAddress(pub(super) Failure);

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for PrivateAddress {}

/// An address as messages show it: without the query, which may carry a key.
pub(super) fn shown(url: &Url) -> String {
    match url.origin() {
        origin @ Origin::Tuple(..) => format!("{}{}", origin.ascii_serialization(), url.path()),
        Origin::Opaque(_) => format!("{}:{}", url.scheme(), url.path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn border(origins: &[&str], private: &[&str]) -> Result<Border, Failure> {
        let own = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect();
        let grant =
            NetworkGrant { slot: "fetch".into(), origins: own(origins), private: own(private), ..Default::default() };
        Border::read(&grant)
    }

    fn refusal(border: &Border, url: &str) -> String {
        border.admit(url).unwrap_err().code
    }

    #[test]
    fn a_grant_that_says_more_or_less_than_an_origin_is_refused() {
        let bad = [
            "example.org",
            "https://",
            "https://*.example.org",
            "https://example.org/path",
            "https://example.org/?q",
            "https://user@example.org",
            "ftp://example.org",
            "file:///etc/passwd",
        ];
        for text in bad {
            assert_eq!(border(&[text], &[]).unwrap_err().code, "bad-grant", "{text}");
        }
        assert_eq!(border(&[], &["10.0.0.0/40"]).unwrap_err().code, "bad-grant");
    }

    #[test]
    fn another_scheme_host_or_port_is_not_granted() {
        let border = border(&["https://example.org", "http://plain.example:8080"], &[]).unwrap();
        let foreign = [
            "http://example.org/",
            "https://example.org:8443/",
            "https://www.example.org/",
            "https://example.org.evil.test/",
            "https://example.org./",
            "https://plain.example:8080/",
            "http://plain.example/",
        ];
        for url in foreign {
            assert_eq!(refusal(&border, url), "not-granted", "{url}");
        }
    }

    #[test]
    fn a_refusal_prints_the_line_that_allows_it() {
        let failure = border(&[], &[]).unwrap().admit("https://example.org/a?key=secret").unwrap_err();
        let line = "[grants.fetch] network = [\"https://example.org\"]";
        assert_eq!(failure.extra, [("allow".to_owned(), line.to_owned())]);
        assert!(failure.message.ends_with(line), "{}", failure.message);
        assert!(!failure.message.contains("secret"));
    }

    #[test]
    fn other_schemes_and_credentials_are_no_addresses_for_us() {
        let border = border(&["https://example.org"], &[]).unwrap();
        for url in
            ["file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "data:,x", "", "/path", "https://"]
        {
            assert_eq!(refusal(&border, url), "bad-url", "{url}");
        }
        let failure = border.admit("https://user:hunter2@example.org/").unwrap_err();
        assert_eq!(failure.code, "bad-url");
        assert!(!failure.message.contains("hunter2"));
        assert_eq!(refusal(&border, &format!("https://example.org/{}", "a".repeat(MAX_URL))), "bad-url");
    }

    #[test]
    fn a_mixed_answer_is_refused_whole() {
        let border = border(&["https://example.org"], &["10.0.0.5"]).unwrap();
        let found = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<IpAddr>>();
        let refused = border.admit_addresses("example.org", found(&["93.184.215.14", "10.0.0.6"])).unwrap_err();
        assert!(refused.0.message.contains("[grants.fetch] private-addresses = [\"10.0.0.6\"]"), "{refused}");
        let mixed = found(&["93.184.215.14", "10.0.0.5"]);
        assert_eq!(border.admit_addresses("example.org", mixed.clone()).unwrap(), mixed);
    }

    #[test]
    fn what_is_granted_passes() {
        let border = border(&["https://Example.org:443/", "http://127.0.0.1:8000", "http://[::1]:1"], &[]).unwrap();
        for url in ["https://example.org/a/b?c#d", "http://127.0.0.1:8000/x", "http://0x7f.1:8000/", "http://[0::1]:1/"]
        {
            border.admit(url).unwrap();
        }
        assert!(border.has_https());
    }
}
