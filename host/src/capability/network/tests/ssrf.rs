//! Ways to borrow the host's place in its network. The listener counts: nobody may arrive.

use std::{env, process::Command};

use super::super::testing::{Bench, Outcome, Reply, Server};

#[test]
fn forty_ways_to_write_an_inner_address_reach_nobody() {
    let server = Server::start(|_| Reply::whole(b"inside"));
    let port = server.port();
    let mut bench = Bench::new(&[]);
    // Names that are granted, and resolve to 127.0.0.1; literals that are not.
    bench.grant.origins = vec![
        "https://example.org".into(),
        format!("http://example.org:{port}"),
        format!("http://localhost:{port}"),
        format!("http://localhost.:{port}"),
    ];
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "0x7f.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0X7F000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.0.0.2",
        "127.255.255.254",
        "0",
        "0.0.0.0",
        "0x0",
        "%31%32%37.0.0.1",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "%6cocalhost",
        "example.org",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "203.0.113.1",
    ];
    let stage = bench.stage();
    for host in hosts {
        let url = format!("http://{host}:{port}/");
        assert_eq!(stage.get(&url, 10).failure().code, "private-address", "{url}");
        assert_eq!(stage.head(&url).failure().code, "private-address", "{url}");
    }
    let tricks = [
        format!("http://example.org@127.0.0.1:{port}/"),
        format!("http://user:pass@example.org:{port}/"),
        format!("http:\\\\127.0.0.1:{port}\\"),
        format!("http:127.0.0.1:{port}"),
        format!("h\nt\ttp://127.0.0.1:{port}/"),
        format!(" http://127.0.0.1:{port}/ "),
        format!("http://127.0.0.1:{port}/#@example.org"),
        format!("http://127.0.0.1:{port}\\@example.org/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://[fe80::1%25lo]:{port}/"),
        format!("http://[::1%lo]:{port}/"),
        format!("http://127.0.0.1:{port}:80/"),
        format!("http://127.0.0.256:{port}/"),
        format!("gopher://127.0.0.1:{port}/"),
        format!("file://127.0.0.1:{port}/etc/passwd"),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "unix:/run/docker.sock".to_owned(),
        format!("//127.0.0.1:{port}/"),
        format!("127.0.0.1:{port}"),
    ];
    for url in &tricks {
        let code = stage.get(url, 10).failure().code;
        assert!(matches!(&*code, "private-address" | "bad-url"), "{url}: {code}");
    }
    println!("url_forms={} connects={}", hosts.len() + tricks.len(), server.connections());
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_mixed_answer_of_the_resolver_dials_nobody() {
    let server = Server::start(|_| Reply::whole(b"inside"));
    let mut bench = Bench::new(&[]);
    bench.grant.origins = vec![format!("http://example.org:{}", server.port())];
    for addresses in [["127.0.0.1", "93.184.215.14"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1", "::1"]] {
        bench.addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let url = format!("http://example.org:{}/", server.port());
        assert_eq!(bench.stage().get(&url, 10).failure().code, "private-address");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_name_that_nobody_knows_is_a_fault() {
    let mut bench = Bench::new(&[]);
    bench.grant.origins = vec!["http://example.org".into()];
    bench.addresses = Vec::new();
    assert_eq!(bench.stage().get("http://example.org/", 10).fault().code, "network-unavailable");
}

#[test]
fn a_granted_private_address_is_reached_by_its_name() {
    let server = Server::start(|_| Reply::whole(b"inside"));
    let mut bench = Bench::new(&[]);
    bench.grant.origins = vec![format!("http://example.org:{}", server.port())];
    bench.grant.private = vec!["127.0.0.1".into()];
    let response = bench.stage().get(&format!("http://example.org:{}/a", server.port()), 10).unwrap();
    assert_eq!((response.status, &*response.body), (200, &b"inside"[..]));
}

#[test]
fn redirects_out_of_the_grant_reach_nobody() {
    let inside = Server::start(|_| Reply::whole(b"inside"));
    let port = inside.port();
    let targets = [
        (inside.origin(), "private-address"),
        (format!("http://localhost:{port}/"), "private-address"),
        (format!("http://0x7f.1:{port}/"), "private-address"),
        ("http://169.254.169.254/latest/meta-data/".into(), "private-address"),
        ("https://example.org/".into(), "not-granted"),
        ("//example.org/".into(), "not-granted"),
        ("file:///etc/passwd".into(), "bad-url"),
        ("gopher://127.0.0.1/".into(), "bad-url"),
        (format!("http://user:pass@localhost:{port}/"), "bad-url"),
    ];
    for (target, cause) in targets {
        let location = target.clone();
        let server = Server::start(move |_| Reply::redirect(&location));
        let mut bench = Bench::new(&[&server]);
        bench.grant.origins.push(format!("http://localhost:{port}"));
        let failure = bench.stage().get(&server.origin(), 10).failure();
        assert_eq!(failure.code, "redirect-refused", "{target}");
        assert!(failure.extra.contains(&("cause".into(), cause.into())), "{target}: {failure:?}");
        let mut bench = bench.pinned(b"inside");
        bench.grant.accept_unpinned = true;
        assert_eq!(bench.download(&server.origin()).failure().code, "redirect-refused", "{target}");
    }
    println!("redirects_out=9 connects={}", inside.connections());
    assert_eq!(inside.connections(), 0);
}

#[test]
fn a_loop_ends_after_five_redirects() {
    let server = Server::start(|request| Reply::redirect(&format!("/{}", request.number)));
    let failure = Bench::new(&[&server]).stage().get(&server.origin(), 10).failure();
    assert_eq!(failure.code, "too-many-redirects");
    assert_eq!(server.connections(), 6);
}

#[test]
fn five_redirects_between_granted_origins_are_followed_without_secrets() {
    let last = Server::start(|_| Reply::whole(b"here"));
    let target = last.origin();
    let first = Server::start(move |request| match request.number {
        4 => Reply::redirect(&format!("{target}/end")).header("Set-Cookie", "a=b"),
        n => Reply::redirect(&format!("/{n}?x=1")).header("Set-Cookie", "a=b"),
    });
    let response = Bench::new(&[&first, &last]).stage().get(&first.origin(), 10).unwrap();
    assert_eq!(response.url, format!("{}/end", last.origin()));
    assert_eq!(response.body, b"here");
    for request in first.requests().iter().chain(&last.requests()) {
        for name in ["authorization", "cookie", "referer", "proxy-authorization"] {
            assert!(!request.headers.contains_key(name), "{name} sent: {request:?}");
        }
        assert_eq!(request.headers["accept-encoding"], "identity");
    }
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    const INNER: &str = "LIFTLOCK_TEST_PROXIED";
    if env::var_os(INNER).is_some() {
        let server = Server::start(|_| Reply::whole(b"here"));
        assert_eq!(Bench::new(&[&server]).stage().get(&server.origin(), 10).unwrap().body, b"here");
        return;
    }
    // The environment of a process cannot be changed safely: the test calls itself.
    let proxy = Server::start(|_| Reply::whole(b"hijacked"));
    let name = "a_proxy_of_the_environment_is_not_asked";
    let mut child = Command::new(env::current_exe().unwrap());
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        child.env(variable, proxy.origin());
    }
    let output = child.arg(name).env(INNER, "1").env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(proxy.connections(), 0);
}
