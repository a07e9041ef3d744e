//! The client against servers that are made up: what they say is written beforehand, or damaged.
//!
//! Real servers are asked by the host's tests: logins, encryption, every type of value, kills, lost connections.

mod damage;
mod login;
mod packets;
mod rows;

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::client::Client;
use crate::error::Error;
use crate::options::{Options, Place};
use crate::packets::TICK;
use crate::socket::Socket;

/// What a server says, packet by packet, each with its number.
#[derive(Clone, Default)]
struct Script(Vec<u8>);

impl Script {
    fn say(mut self, number: u8, packet: &[u8]) -> Self {
        let [a, b, c, ..] = packet.len().to_le_bytes();
        self.0.extend([a, b, c, number]);
        self.0.extend(packet);
        self
    }

    /// The greeting of a server that wants passwords in this way.
    fn greeting(plugin: &[u8]) -> Self {
        let greeting = [
            b"\x0a10.11.1-MariaDB\0\x07\0\0\0abcdefgh\0".as_slice(),
            // All there is but TLS and what goes with it; UTF-8; no transaction; 21 bytes of nonce; its second part.
            &[0xff, 0xf7, 45, 2, 0, 0xff, 0x81, 21],
            &[0; 10],
            b"ijklmnopqrst\0",
            plugin,
            b"\0",
        ]
        .concat();
        Self::default().say(0, &greeting)
    }

    /// From the greeting to the answer to the first question, `@@max_allowed_packet`.
    fn logged_in() -> Self {
        Self::greeting(b"mysql_native_password").let_in(2)
    }

    /// The login is done with the packet of this number.
    fn let_in(self, number: u8) -> Self {
        self.say(number, &[0, 0, 0, 2, 0, 0, 0])
            .say(1, &[1])
            .say(2, &column(b"longest", 0xfd))
            .say(3, b"\x0816777216")
            .say(4, &END)
    }
}

/// The end of rows.
const END: [u8; 7] = [0xfe, 0, 0, 2, 0, 0, 0];

/// The description of a column with this type.
fn column(name: &[u8], column_type: u8) -> Vec<u8> {
    let mut packet = b"\x03def\0\0\0".to_vec();
    for _ in 0..2 {
        packet.push(u8::try_from(name.len()).unwrap());
        packet.extend(name);
    }
    packet.extend([12, 45, 0, 255, 0, 0, 0, column_type, 0, 0, 0, 0, 0]);
    packet
}

/// A client of a server that says this, and then hangs up. The other end of its socket, which nobody reads, goes with it.
fn client(script: &[u8]) -> Result<(Client, UnixStream), Error> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(script).unwrap();
    theirs.shutdown(Shutdown::Write).unwrap();
    Ok((Client::over(socket(ours), &options(), None)?, theirs))
}

fn socket(stream: UnixStream) -> Socket {
    stream.set_read_timeout(Some(TICK)).unwrap();
    stream.set_write_timeout(Some(TICK)).unwrap();
    Socket::Unix(stream)
}

fn options() -> Options {
    Options::new(Place::Socket("nowhere".into()), "shop", "clerk", "secret")
}
