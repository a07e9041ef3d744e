//! Passwords: which server is told them, and how.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::thread;

use super::{Script, options, socket};
use crate::client::Client;
use crate::error::Error;
use crate::options::{Place, Tls};

/// "I do not know this password by heart: say it."
const SAY_IT: [u8; 2] = [1, 4];

/// What a client says to a server behind a unix socket, and how it fares.
fn by_socket(script: &Script) -> (Result<(), Error>, Vec<u8>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&script.0).unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    let done = Client::over(socket(ours), &options(), None).map(drop);
    let mut said = Vec::new();
    theirs.read_to_end(&mut said).unwrap();
    (done, said)
}

/// The same over a network.
fn by_network(script: &Script) -> (Result<(), Error>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = script.0.clone();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&script).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        said
    });
    let options = crate::Options { place: Place::Tcp("127.0.0.1".to_owned(), port), tls: Tls::Off, ..options() };
    let done = Client::connect(&options, None).map(drop);
    (done, server.join().unwrap())
}

fn tells(said: &[u8]) -> bool {
    said.windows(6).any(|bytes| bytes == b"secret")
}

/// MySQL 8: the server has compared what it knows already, or has to be told once.
#[test]
fn a_password_is_told_only_where_nobody_can_listen() {
    let known = Script::greeting(b"caching_sha2_password").say(2, &[1, 3]).let_in(3);
    let unknown = Script::greeting(b"caching_sha2_password").say(2, &SAY_IT).let_in(4);
    let (done, said) = by_socket(&known);
    assert!(done.is_ok() && !tells(&said), "{done:?}");
    let (done, said) = by_socket(&unknown);
    assert!(done.is_ok() && said.windows(7).any(|bytes| bytes == b"secret\0"), "{done:?}");
    let (done, said) = by_network(&known);
    assert!(done.is_ok() && !tells(&said), "{done:?}");
    let (done, said) = by_network(&unknown);
    assert!(matches!(&done, Err(Error::Login(text)) if text.contains("`tls`")), "{done:?}");
    assert!(!tells(&said));
}

#[test]
fn no_server_talks_us_into_a_way_that_tells_more() {
    for plugin in ["mysql_clear_password", "mysql_old_password", "dialog", ""] {
        let request = [b"\xfe", plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
        let script = Script::greeting(b"mysql_native_password").say(2, &request).let_in(4);
        for (done, said) in [by_socket(&script), by_network(&script)] {
            assert!(matches!(&done, Err(Error::Login(text)) if text.contains(plugin)), "{plugin}: {done:?}");
            assert!(!tells(&said), "{plugin}");
        }
    }
    // One switch is enough.
    let request = b"\xfemysql_native_password\0abcdefghijklmnopqrst\0";
    let once = Script::greeting(b"caching_sha2_password").say(2, request);
    assert!(by_socket(&once.clone().let_in(4)).0.is_ok());
    assert!(matches!(by_socket(&once.say(4, request)).0, Err(Error::Malformed(_))));
}
