//! Packets on their way.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use super::{Script, client, column, socket};
use crate::error::Error;
use crate::packets::{Packets, TICK};

const LONGEST: usize = 0xff_ff_ff;

fn pair() -> (Packets, Packets) {
    let (one, other) = UnixStream::pair().unwrap();
    (Packets::new(socket(one), None), Packets::new(socket(other), None))
}

#[test]
fn what_is_sent_arrives_however_long_it_is() {
    let (mut from, mut to) = pair();
    let lengths = [0, 1, 70_000, LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST, 3, 2 * LONGEST + 70_000];
    let whole: Arc<[u8]> = (0..2 * LONGEST + 70_000).map(|at| (at % 251) as u8).collect();
    let sent = Arc::clone(&whole);
    let sending = thread::spawn(move || {
        for length in lengths {
            // In parts, one of which ends where a packet does.
            let cut = length.min(LONGEST);
            from.send(&[&sent[..cut / 2], &sent[cut / 2..cut], &[], &sent[cut..length]]).unwrap();
        }
    });
    for length in lengths {
        to.advance().unwrap();
        assert!(to.packet() == &whole[..length], "{length}");
    }
    sending.join().unwrap();
    assert_eq!(to.advance().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    println!("lengths={}", lengths.len());
}

#[test]
fn a_packet_with_another_number_is_refused() {
    let script = Script::default().say(0, b"\x0a1\0").say(0, b"x");
    let error = client(&script.0).map(drop).unwrap_err();
    assert!(matches!(error, Error::Malformed(_)), "too short: {error}");
    let script = Script::default().say(1, b"\x0a1\0");
    assert!(client(&script.0).map(drop).unwrap_err().to_string().contains("out of order"));
}

#[test]
fn who_waits_is_asked_and_may_end_it() {
    let (mut packets, _silent) = pair();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    packets.watch(Some(Box::new(move || match count.fetch_add(1, Ordering::Relaxed) {
        0..4 => Ok(()),
        _ => Err(io::Error::other("enough")),
    })));
    let began = Instant::now();
    assert_eq!(packets.advance().unwrap_err().to_string(), "enough");
    assert!(began.elapsed() >= TICK * 3, "{:?}", began.elapsed());
    // Nor is it waited for somebody who does not read.
    assert_eq!(packets.send(&[&vec![0; 4 << 20]]).unwrap_err().to_string(), "enough");
    println!("asked={}", asked.load(Ordering::Relaxed));
}

/// A connection that says goodbye half way may not be asked again.
#[test]
fn a_broken_connection_stays_broken_and_an_error_breaks_nothing() {
    let script = Script::logged_in()
        .say(1, b"\xff\x28\x04#42000no such thing")
        .say(1, &[1])
        .say(2, &column(b"a", 3))
        .say(3, b"\x011")
        .say(4, b"\xff\x28\x04#70100killed in the middle")
        .say(1, &[0, 7, 9, 3, 0, 2, 0])
        .say(1, &[1]);
    let (mut client, _server) = client(&script.0).unwrap();
    assert_eq!(client.id(), 7);
    let error = client.query("SELEC 1").unwrap_err();
    assert_eq!(error.to_string(), "ERROR 1064 (42000): no such thing");
    client.query("SELECT a FROM t").unwrap();
    assert_eq!(client.row().unwrap(), Some(b"\x011".as_slice()));
    assert!(client.row().unwrap_err().leaves_connection());
    assert_eq!(client.row().unwrap(), None);
    let done = client.run("UPDATE t SET a = 1").unwrap();
    assert_eq!((done.affected, done.last_id, done.warnings, client.in_transaction()), (7, Some(9), 2, true));
    assert!(matches!(client.query("SELECT 1").unwrap_err(), Error::Io(_)), "the server is gone");
    assert!(matches!(client.query("SELECT 1").unwrap_err(), Error::Closed));
    assert!(matches!(client.execute("SELECT 1", &[]).unwrap_err(), Error::Closed));
}

#[test]
fn a_server_that_asks_for_a_file_gets_none() {
    let script = Script::logged_in().say(1, b"\xfb/etc/passwd");
    let (mut client, mut server) = client(&script.0).unwrap();
    assert!(matches!(client.query("SELECT 1").unwrap_err(), Error::Malformed(_)));
    drop(client);
    let mut said = Vec::new();
    server.read_to_end(&mut said).unwrap();
    assert!(said.ends_with(b"\x09\0\0\0\x03SELECT 1"), "{said:?}");
}

#[test]
fn what_is_longer_than_the_server_takes_is_not_sent() {
    let script = Script::logged_in().say(1, &[0, 0, 0, 2, 0, 0, 0]);
    let (mut client, _server) = client(&script.0).unwrap();
    let error = client.query(vec![b' '; 16 << 20]).unwrap_err();
    assert!(matches!(error, Error::TooLong(length) if length == (16 << 20) + 1), "{error}");
    client.run("DO 0").unwrap();
}
