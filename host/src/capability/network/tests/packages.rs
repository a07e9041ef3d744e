//! Pins: who may say what a package is, and what happens to one that is something else.

use std::fs;

use super::super::testing::{Bench, Outcome, Reply, Server, downloaded, noise, sha256};
use super::super::{ExpectedPin, Pin};
use crate::effect::{Capability, Verdict};

fn expected(bytes: &[u8]) -> ExpectedPin {
    ExpectedPin { sha256: Some(sha256(bytes)), size: Some(bytes.len() as u64) }
}

#[test]
fn a_pin_of_the_stage_alone_is_no_pin() {
    let server = Server::start(|_| Reply::whole(b"evil"));
    let mut bench = Bench::new(&[&server]);
    // A size is no pin either.
    bench.config.pins.insert("sized".into(), Pin { size: Some(4), ..Pin::default() });
    for name in ["package", "sized"] {
        let prepared = bench.stage().prepare_download(1, &server.origin(), name, Some(&expected(b"evil"))).map(|_| ());
        let failure = prepared.failure();
        assert_eq!(failure.code, "unpinned-package");
        assert!(failure.message.contains(&format!("[artifacts.{name}] sha256 = \"…\"")), "{}", failure.message);
        assert!(failure.message.contains("accept = [\"UNPINNED-PACKAGE\"]"), "{}", failure.message);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_stage_cannot_weaken_a_pin() {
    let server = Server::start(|_| Reply::whole(b"evil"));
    let bench = Bench::new(&[&server]).pinned(b"good");
    let stage = bench.stage();
    let ask = |expect: &ExpectedPin| {
        let prepared = stage.prepare_download(1, &server.origin(), "package", Some(expect));
        prepared.and_then(|prepared| (prepared.act)()).failure().code
    };
    assert_eq!(ask(&expected(b"evil")), "pin-mismatch");
    assert_eq!(ask(&ExpectedPin { size: Some(3), ..ExpectedPin::default() }), "size-mismatch");
    assert_eq!(ask(&ExpectedPin { sha256: Some("abc".into()), size: None }), "bad-pin");
    assert_eq!(server.connections(), 0);
    assert_eq!(ask(&ExpectedPin::default()), "pin-mismatch");
}

#[test]
fn a_stage_can_add_to_an_accepted_package() {
    let server = Server::start(|_| Reply::whole(b"other"));
    let mut bench = Bench::new(&[&server]);
    bench.grant.accept_unpinned = true;
    let prepared = bench.stage().prepare_download(1, &server.origin(), "package", Some(&expected(b"these"))).unwrap();
    assert_eq!((prepared.act)().failure().code, "pin-mismatch");
    assert_eq!(bench.bytes(&bench.download(&server.origin()).unwrap()), b"other");
}

#[test]
fn names_that_lead_out_of_the_directory_are_refused() {
    let server = Server::start(|_| Reply::whole(b"x"));
    let mut bench = Bench::new(&[&server]);
    bench.grant.accept_unpinned = true;
    for name in ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a b", "a\0", "ä", &"a".repeat(101)] {
        let prepared = bench.stage().prepare_download(1, &server.origin(), name, None).map(|_| ());
        assert_eq!(prepared.failure().code, "bad-name", "{name:?}");
    }
    for id in ["../secret", "partial-package", "artifact-../x", ""] {
        assert_eq!(bench.network().artifact(id), None, "{id}");
    }
}

#[test]
fn a_web_page_instead_of_the_package_is_called_so() {
    let page = b"\n<!DOCTYPE html><html><title>Please log in</title>".to_vec();
    let body = page.clone();
    let server = Server::start(move |_| Reply::whole(&body).header("Content-Type", "text/html"));
    let failure = Bench::new(&[&server]).pinned(b"package").download(&server.origin()).failure();
    assert_eq!(failure.code, "size-mismatch");
    assert!(failure.message.contains("it is a web page, not the package"), "{}", failure.message);

    let failure = Bench::new(&[&server]).pinned(&noise(1, page.len())).download(&server.origin()).failure();
    assert_eq!(failure.code, "pin-mismatch");
    assert!(failure.message.contains("it is a web page, not the package"), "{}", failure.message);
    assert!(failure.extra.contains(&("got".into(), sha256(&page))));
}

#[test]
fn wrong_bytes_sizes_and_statuses_leave_nothing_behind() {
    let good = noise(1, 5000);
    let (same_size, longer) = (noise(2, 5000), noise(1, 5001));
    let server = Server::start(move |request| match &*request.path {
        "/bytes" => Reply::whole(&same_size),
        "/short" => Reply::whole(&same_size[..4999]),
        "/long" => Reply::whole(&longer),
        "/chunked-long" => Reply::status(200)
            .header("Transfer-Encoding", "chunked")
            .body(b"1389\r\n")
            .body(&[b"1389\r\n", &*longer, b"\r\n0\r\n\r\n"].concat()),
        "/empty" => Reply::whole(b""),
        "/missing" => Reply::status(404).header("Content-Length", 0),
        "/error" => Reply::status(500).header("Content-Length", 0),
        "/nothing" => Reply::status(204),
        "/unasked" => Reply::part(&same_size, 0),
        _ => Reply::status(304),
    });
    let bench = Bench::new(&[&server]).pinned(&good);
    let expected = [
        ("/bytes", "pin-mismatch"),
        ("/short", "size-mismatch"),
        ("/long", "size-mismatch"),
        ("/chunked-long", "size-mismatch"),
        ("/empty", "size-mismatch"),
        ("/missing", "http-status"),
        ("/error", "http-status"),
        ("/nothing", "http-status"),
        ("/unasked", "http-status"),
        ("/not-modified", "http-status"),
    ];
    for (path, code) in expected {
        let failure = bench.download(&format!("{}{path}", server.origin())).failure();
        assert_eq!(failure.code, code, "{path}: {}", failure.message);
        assert_eq!(bench.files(), [""; 0], "{path}");
    }
}

#[test]
fn an_unpinned_package_that_could_be_cut_unnoticed_is_refused() {
    let server = Server::start(|_| Reply::status(200).body(b"perhaps all"));
    let mut bench = Bench::new(&[&server]);
    bench.grant.accept_unpinned = true;
    assert_eq!(bench.download(&server.origin()).failure().code, "unknown-size");
    let bench = bench.pinned(b"perhaps all");
    assert_eq!(bench.bytes(&bench.download(&server.origin()).unwrap()), b"perhaps all");
}

#[test]
fn the_operators_package_is_checked_like_any_other() {
    let server = Server::start(|_| Reply::whole(b"from the server"));
    let mut bench = Bench::new(&[&server]).pinned(b"from the operator");
    let path = bench.directory.path().join("package.zip");
    bench.config.pins.get_mut("package").unwrap().file = Some(path.clone());

    assert_eq!(bench.download(&server.origin()).failure().code, "package-missing");
    fs::create_dir(&path).unwrap();
    assert_eq!(bench.download(&server.origin()).failure().code, "package-missing");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "from the intruder").unwrap();
    assert_eq!(bench.download(&server.origin()).failure().code, "pin-mismatch");
    assert_eq!(bench.files(), [""; 0]);

    fs::write(&path, "from the operator").unwrap();
    let done = bench.download("https://not-granted.example/").unwrap();
    assert_eq!(bench.bytes(&done), b"from the operator");
    assert_eq!(done.extra, [("source".to_owned(), "file".to_owned())]);
    assert!(path.exists());
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_download_is_settled_and_undone_by_its_name() {
    let good = noise(1, 5000);
    let body = good.clone();
    let server = Server::start(move |_| Reply::whole(&body));
    let bench = Bench::new(&[&server]).pinned(&good);
    let network = bench.network();
    let prepared = bench.stage().prepare_download(7, &server.origin(), "package", None).unwrap();
    let change = prepared.change.clone();
    assert_eq!((&*change.capability, &*change.verb, change.touches), ("network", "download", false));

    assert_eq!(network.settle(&change).unwrap(), Verdict::NotDone);
    network.undo(&change).unwrap();
    assert_eq!(server.connections(), 0, "preparing asks nobody");

    let value = (prepared.act)().unwrap();
    assert_eq!(network.settle(&change).unwrap(), Verdict::Done(value.clone()));
    let done = downloaded(value);
    assert_eq!(bench.files(), [&*done.artifact]);
    assert_eq!(done.artifact, format!("artifact-7-{}", &sha256(&good)[..16]));

    network.undo(&change).unwrap();
    network.undo(&change).unwrap();
    assert_eq!(bench.files(), [""; 0]);
    assert_eq!(network.settle(&change).unwrap(), Verdict::NotDone);
}

#[test]
fn a_damaged_artifact_is_not_settled_as_done() {
    let server = Server::start(|_| Reply::whole(b"good"));
    let bench = Bench::new(&[&server]).pinned(b"good");
    let prepared = bench.stage().prepare_download(7, &server.origin(), "package", None).unwrap();
    let change = prepared.change.clone();
    let done = downloaded((prepared.act)().unwrap());
    fs::write(bench.network().artifact(&done.artifact).unwrap(), "gone").unwrap();
    assert_eq!(bench.network().settle(&change).unwrap(), Verdict::NotDone);
    assert_eq!(bench.files(), [""; 0]);
}
