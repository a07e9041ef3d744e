//! Against a real server.

use mysql_async::OptsBuilder;

use super::*;
use crate::mariadb::{Client, Schema, shared};

struct Bench {
    schema: Schema,
    proxy: Proxy,
}

impl Bench {
    fn new() -> Self {
        let schema = Schema::new(&shared().unwrap(), "proxy").unwrap();
        schema.client().unwrap().run("CREATE TABLE t (n INT PRIMARY KEY)").unwrap();
        Self { proxy: Proxy::start(schema.socket()).unwrap(), schema }
    }

    fn client(&self) -> Result<Client> {
        let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(self.proxy.port());
        let options = options.user(Some(self.schema.user())).db_name(Some(self.schema.name())).prefer_socket(false);
        Client::new(options)
    }

    fn rows(&self) -> String {
        self.schema.client().unwrap().cell("SELECT COUNT(*) FROM t").unwrap()
    }
}

#[test]
fn what_is_cut_before_the_server_has_not_happened() {
    let bench = Bench::new();
    bench.proxy.cut(Cut::Before("insert".to_owned(), 2));
    let mut client = bench.client().unwrap();
    client.run("INSERT INTO t VALUES (1)").unwrap();
    client.run("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!((bench.rows().as_str(), bench.proxy.counts().cuts), ("1", 1));
    bench.client().unwrap().run("INSERT INTO t VALUES (2)").unwrap();
}

#[test]
fn what_was_answered_has_happened_though_the_client_does_not_hear_of_it() {
    let bench = Bench::new();
    for (what, sql) in [("COMMIT", "BEGIN; INSERT INTO t VALUES (1)"), ("ALTER TABLE", "SELECT 1")] {
        let mut client = bench.client().unwrap();
        client.run(sql).unwrap();
        bench.proxy.cut(Cut::Answered(what.to_owned(), 1));
        let last = if what == "COMMIT" { "COMMIT" } else { "ALTER TABLE t ADD COLUMN word TEXT" };
        client.run(last).unwrap_err();
        assert!(!bench.proxy.is_armed());
    }
    assert_eq!(bench.rows(), "1");
    bench.schema.client().unwrap().run("SELECT word FROM t").unwrap();
    assert_eq!(bench.proxy.counts().cuts, 2);
}

#[test]
fn a_cut_at_any_byte_is_noticed_by_the_client_and_the_next_connection_passes() {
    let bench = Bench::new();
    let (mut cut, mut whole) = (0, 0);
    for n in (0..700).step_by(7) {
        for to_server in [true, false] {
            bench.proxy.cut(if to_server { Cut::ToServer(n) } else { Cut::ToClient(n) });
            let done = bench.client().and_then(|mut client| client.run("SELECT n FROM t; REPLACE INTO t VALUES (1)"));
            match (done, bench.proxy.is_armed()) {
                (Err(_), false) => cut += 1,
                (Ok(()), true) => whole += 1,
                // Cut when all was done: a goodbye.
                (Ok(()), false) => {}
                (Err(error), true) => panic!("{n}: {error:#}"),
            }
            bench.proxy.disarm();
            bench.client().unwrap().run("SELECT 1").unwrap();
        }
    }
    assert!(cut > 50 && whole > 0, "{cut} {whole}");
    assert!(bench.proxy.counts().cuts >= cut, "{:?}", bench.proxy.counts());
}

#[test]
fn a_server_that_is_down_is_a_connection_that_ends() {
    let proxy = Proxy::start(Path::new("no-such-socket")).unwrap();
    let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(proxy.port());
    assert!(Client::new(options).is_err());
    assert_eq!(proxy.counts().connections, 0);
}

#[test]
fn connections_end_with_the_proxy() {
    let bench = Bench::new();
    let mut client = bench.client().unwrap();
    client.run("SELECT 1").unwrap();
    bench.proxy.cut_all();
    assert!(client.run("SELECT 1").is_err());
}
