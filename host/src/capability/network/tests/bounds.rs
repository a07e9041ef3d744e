//! Servers that never end, and calls that are not allowed at all.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::super::MinimumRate;
use super::super::testing::{Bench, Outcome, Reply, Server};

/// Gives a server up after this.
const WINDOW: Duration = Duration::from_millis(200);

fn hasty(server: &Server) -> Bench {
    let mut bench = Bench::new(&[server]);
    bench.config.minimum_rate = MinimumRate { bytes: 100, window: WINDOW };
    bench.grant.accept_unpinned = true;
    bench
}

#[test]
fn in_check_and_verify_there_is_no_network() {
    let server = Server::start(|_| Reply::whole(b"x"));
    let mut bench = Bench::new(&[&server]).pinned(b"x");
    bench.grant.closed = true;
    let stage = bench.stage();
    assert_eq!(stage.get(&server.origin(), 1).failure().code, "closed");
    assert_eq!(stage.head(&server.origin()).failure().code, "closed");
    assert_eq!(bench.download(&server.origin()).failure().code, "closed");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_body_larger_than_asked_for_is_refused() {
    let server = Server::start(|request| match &*request.path {
        "/endless" => Reply::status(200).body(&[b'x'; 1000]).endless(),
        "/lying" => Reply::status(200).header("Content-Length", 1_u64 << 40).body(&[b'x'; 1000]).endless(),
        _ => Reply::whole(&[b'x'; 1000]),
    });
    let stage = Bench::new(&[&server]).stage();
    for path in ["", "/endless", "/lying"] {
        assert_eq!(stage.get(&format!("{}{path}", server.origin()), 999).failure().code, "too-large", "{path}");
    }
    let failure = stage.get(&format!("{}/endless", server.origin()), u64::MAX).failure();
    assert_eq!(failure.code, "too-large", "8 MiB whatever the stage asks for");
    assert_eq!(stage.get(&server.origin(), 1000).unwrap().body.len(), 1000);
}

#[test]
fn huge_heads_are_refused() {
    let line = "a".repeat(1000);
    let server = Server::start(move |request| {
        let (count, length) = if request.path == "/many" { (10_000, 1) } else { (90, 1000) };
        (0..count).fold(Reply::status(200), |reply, n| reply.header(&format!("x-{n}"), &line[..length]))
    });
    let stage = Bench::new(&[&server]).stage();
    assert_eq!(stage.get(&format!("{}/many", server.origin()), 10).fault().code, "network-unavailable");
    assert_eq!(stage.get(&format!("{}/large", server.origin()), 10).failure().code, "too-large");
}

#[test]
fn a_server_that_drips_or_says_nothing_is_given_up() {
    let server = Server::start(|request| match &*request.path {
        "/silent" => {
            thread::sleep(WINDOW * 5);
            Reply::whole(b"x")
        }
        _ => Reply::status(200).header("Content-Length", 1000).body(&[b'x'; 1000]).drip(Duration::from_millis(20)),
    });
    let bench = hasty(&server);
    for path in ["/silent", "/drip"] {
        let began = Instant::now();
        let url = format!("{}{path}", server.origin());
        assert_eq!(bench.stage().get(&url, 2000).fault().code, "deadline", "{path}");
        assert_eq!(bench.download(&url).fault().code, "deadline", "{path}");
        assert!(began.elapsed() < WINDOW * 8, "{path} took {:?}", began.elapsed());
    }
}

#[test]
fn the_total_time_ends_a_download_that_is_just_fast_enough() {
    let server = Server::start(|_| {
        Reply::status(200).header("Content-Length", 9000).body(&[b'x'; 9000]).drip(Duration::from_millis(1))
    });
    let mut bench = hasty(&server);
    bench.config.minimum_rate.bytes = 10;
    bench.config.time = Duration::from_millis(500);
    assert_eq!(bench.download(&server.origin()).fault().code, "deadline");
}

#[test]
fn an_endless_package_is_cut_at_the_largest_size() {
    let server =
        Server::start(|_| Reply::status(200).header("Transfer-Encoding", "chunked").body(b"4\r\nxxxx\r\n").endless());
    let mut bench = hasty(&server);
    bench.config.max_size = 100_000;
    assert_eq!(bench.download(&server.origin()).failure().code, "too-large");
    assert_eq!(bench.files(), [""; 0]);
}

#[test]
fn a_stop_is_heard_while_waiting() {
    let server = Server::start(|_| {
        thread::sleep(Duration::from_secs(2));
        Reply::whole(b"x")
    });
    let bench = Bench::new(&[&server]);
    let stop = bench.config.stop.clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        stop.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    assert_eq!(bench.stage().get(&server.origin(), 10).fault().code, "interrupted");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_refused_connection_is_a_fault() {
    let server = Server::start(|_| Reply::whole(b"x"));
    let bench = Bench::new(&[&server]).pinned(b"x");
    let url = server.origin();
    drop(server);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(bench.stage().get(&url, 10).fault().code, "network-unavailable");
    assert_eq!(bench.download(&url).fault().code, "network-unavailable");
}

#[test]
fn gzip_stays_gzip() {
    let server = Server::start(|_| Reply::whole(b"\x1f\x8bnot unpacked").header("Content-Encoding", "gzip"));
    assert_eq!(Bench::new(&[&server]).stage().get(&server.origin(), 100).unwrap().body, b"\x1f\x8bnot unpacked");
}

#[test]
fn any_status_is_an_answer_and_head_has_no_body() {
    let server = Server::start(|request| match &*request.method {
        "HEAD" => Reply::status(404).header("Content-Length", 1000).header("X-Name", "value"),
        _ => Reply::status(503).header("Content-Length", 4).body(b"busy"),
    });
    let stage = Bench::new(&[&server]).stage();
    let head = stage.head(&server.origin()).unwrap();
    assert_eq!((head.status, head.body.len()), (404, 0));
    assert!(head.headers.contains(&("x-name".into(), "value".into())));
    let get = stage.get(&server.origin(), 10).unwrap();
    assert_eq!((get.status, &*get.body), (503, &b"busy"[..]));
}

#[test]
fn a_caller_inside_a_runtime_does_not_matter() {
    let server = Server::start(|_| Reply::whole(b"x"));
    let bench = Bench::new(&[&server]).pinned(b"x");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        bench.stage().get(&server.origin(), 1).unwrap();
        bench.download(&server.origin()).unwrap();
    });
}
