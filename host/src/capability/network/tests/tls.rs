//! https: who is believed. The certificates in `tls/` are for these tests; they are valid for example.org until 2126.

use std::fs;

use super::super::testing::{Bench, Outcome, Reply, Server, authority};

/// A stage that may reach the server under this name, with a certificate authority of our own in `ca_file`.
fn trusting(server: &Server, name: &str) -> Bench {
    let mut bench = Bench::new(&[]);
    bench.grant.origins = vec![format!("https://{name}:{}", server.port())];
    bench.grant.private = vec!["127.0.0.1".into()];
    let ca_file = bench.directory.path().join("ca.pem");
    fs::write(&ca_file, authority()).unwrap();
    bench.config.ca_file = Some(ca_file);
    bench
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::secure(|_| Reply::whole(b"secret"));
    let mut bench = trusting(&server, "example.org");
    bench.config.ca_file = None;
    let fault = bench.stage().get(&bench.grant.origins[0], 10).fault();
    assert_eq!(fault.code, "network-unavailable", "{fault}");
    assert!(fault.hint.is_some());
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = Server::secure(|_| Reply::whole(b"secret"));
    let bench = trusting(&server, "example.com");
    let fault = bench.stage().get(&bench.grant.origins[0], 10).fault();
    assert_eq!(fault.code, "network-unavailable", "{fault}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_of_authorities_that_cannot_be_read_is_a_fault() {
    let server = Server::secure(|_| Reply::whole(b"secret"));
    let bench = trusting(&server, "example.org");
    let ca_file = bench.config.ca_file.clone().unwrap();
    fs::write(&ca_file, "nothing of that kind").unwrap();
    assert_eq!(bench.stage().get(&bench.grant.origins[0], 10).fault().code, "bad-certificate");
    fs::remove_file(&ca_file).unwrap();
    assert_eq!(bench.stage().get(&bench.grant.origins[0], 10).fault().code, "io-error");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_redirect_from_https_to_http_is_refused_even_between_granted_origins() {
    let plain = Server::start(|_| Reply::whole(b"anybody could have written this"));
    let target = plain.origin();
    let server = Server::secure(move |_| Reply::redirect(&target));
    let mut bench = trusting(&server, "example.org");
    bench.grant.origins.push(plain.origin());
    let failure = bench.stage().get(&bench.grant.origins[0], 100).failure();
    assert_eq!(failure.code, "redirect-refused");
    assert!(failure.message.contains("from https to http"), "{}", failure.message);
    assert_eq!(plain.connections(), 0);
}

#[test]
fn a_package_comes_over_https() {
    let server = Server::secure(|_| Reply::whole(b"package"));
    let bench = trusting(&server, "example.org").pinned(b"package");
    assert_eq!(bench.bytes(&bench.download(&bench.grant.origins[0]).unwrap()), b"package");
    assert_eq!(server.requests()[0].headers["host"], format!("example.org:{}", server.port()));
}
