//! Packets: what client and server say to each other, each with its length and number before it.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::time::Duration;

use crate::socket::Socket;

/// How long a socket waits before somebody looks whether it should.
pub const TICK: Duration = Duration::from_millis(50);

/// Called with each read from the socket, and at every [`TICK`] while there is nothing to read or no way to write. Its error
/// gives the connection up.
pub type Watch = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The longest packet. What is longer goes in several, the last of which is shorter.
const LONGEST: usize = 0xff_ff_ff;

/// Length (three bytes) and number.
const HEADER: usize = 4;

/// What is read from the socket at once.
const ROOM: usize = 64 << 10;

/// Memory that a long packet took is given back if it is more.
const KEPT: usize = 4 << 20;

/// The longest answer, as no server has a longer one: `max_allowed_packet` ends at 1 GiB.
const ANSWER: usize = 1 << 30;

/// A connection that sends and reads packets.
pub(crate) struct Packets {
    pub(crate) socket: Socket,
    watch: Option<Watch>,
    /// What has been read; `unread` of it is still to be looked at.
    read: Vec<u8>,
    unread: Range<usize>,
    /// Where the packet is: in `read`, or all of `long`.
    packet: Range<usize>,
    long: Vec<u8>,
    written: Vec<u8>,
    /// Of the next packet, in whichever direction.
    number: u8,
}

impl Packets {
    pub(crate) fn new(socket: Socket, watch: Option<Watch>) -> Self {
        Self {
            socket,
            watch,
            read: vec![0; ROOM],
            unread: 0..0,
            packet: 0..0,
            long: Vec::new(),
            written: Vec::new(),
            number: 0,
        }
    }

    /// Who is asked whether to go on; returns who was before.
    pub(crate) fn watch(&mut self, watch: Option<Watch>) -> Option<Watch> {
        std::mem::replace(&mut self.watch, watch)
    }

    /// Reads the next packet.
    pub(crate) fn advance(&mut self) -> io::Result<()> {
        self.long = Vec::new();
        self.packet = self.one()?;
        if self.packet.len() < LONGEST {
            return Ok(());
        }
        let mut long = self.read[self.packet.clone()].to_vec();
        loop {
            let part = self.one()?;
            if long.len() + part.len() > ANSWER {
                return Err(strange("an answer is longer than there are any"));
            }
            long.extend_from_slice(&self.read[part.clone()]);
            if part.len() < LONGEST {
                self.long = long;
                return Ok(());
            }
        }
    }

    /// The packet that [`Packets::advance`] has read.
    #[inline(always)]
    pub(crate) fn packet(&self) -> &[u8] {
        if self.long.is_empty() { &self.read[self.packet.clone()] } else { &self.long }
    }

    /// Begins a new exchange: a command and what belongs to it.
    pub(crate) fn command(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.number = 0;
        self.send(parts)
    }

    /// Sends bytes as one packet, or as several: one that is as long as can be always has another behind it.
    pub(crate) fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut left: usize = parts.iter().map(|part| part.len()).sum();
        self.written.clear();
        let mut length = self.head(left);
        let mut room = length;
        for part in parts {
            let mut part = *part;
            while !part.is_empty() {
                let (now, later) = part.split_at(part.len().min(room));
                self.written.extend_from_slice(now);
                (part, room, left) = (later, room - now.len(), left - now.len());
                if room == 0 && length == LONGEST {
                    length = self.head(left);
                    room = length;
                }
            }
        }
        self.write()
    }

    /// The header of a packet, with so many bytes still to be sent. Returns how many of them are its own.
    fn head(&mut self, left: usize) -> usize {
        let length = left.min(LONGEST);
        let [a, b, c, ..] = length.to_le_bytes();
        self.written.extend_from_slice(&[a, b, c, self.number]);
        self.number = self.number.wrapping_add(1);
        length
    }

    fn write(&mut self) -> io::Result<()> {
        let mut from = 0;
        while from < self.written.len() {
            match self.socket.write(&self.written[from..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => from += count,
                Err(error) if is_tick(&error) => self.look()?,
                Err(error) => return Err(error),
            }
        }
        if self.written.capacity() > KEPT {
            self.written = Vec::new();
        }
        loop {
            match self.socket.flush() {
                Err(error) if is_tick(&error) => self.look()?,
                done => return done,
            }
        }
    }

    /// A packet of at most [`LONGEST`] bytes: where it is.
    fn one(&mut self) -> io::Result<Range<usize>> {
        self.need(HEADER)?;
        let at = self.unread.start;
        let length =
            usize::from(self.read[at]) | usize::from(self.read[at + 1]) << 8 | usize::from(self.read[at + 2]) << 16;
        if self.read[at + 3] != self.number {
            return Err(strange("a packet is out of order"));
        }
        self.number = self.number.wrapping_add(1);
        self.unread.start += HEADER;
        self.need(length)?;
        let start = self.unread.start;
        self.unread.start += length;
        Ok(start..start + length)
    }

    /// Reads until there are so many bytes.
    #[inline(always)]
    fn need(&mut self, bytes: usize) -> io::Result<()> {
        if self.unread.len() >= bytes { Ok(()) } else { self.fill(bytes) }
    }

    #[inline(never)]
    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        self.read.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        if self.read.len() < bytes {
            self.read.resize(bytes.next_multiple_of(ROOM), 0);
        } else if self.read.len() > KEPT && bytes <= ROOM && self.unread.len() <= ROOM {
            self.read.truncate(ROOM);
            self.read.shrink_to_fit();
        }
        while self.unread.len() < bytes {
            self.look()?;
            match self.socket.read(&mut self.read[self.unread.end..]) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed the connection"));
                }
                Ok(count) => self.unread.end += count,
                Err(error) if is_tick(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn look(&mut self) -> io::Result<()> {
        self.watch.as_mut().map_or(Ok(()), |watch| watch())
    }
}

/// Nothing has come or gone for a [`TICK`], or a signal came.
fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn strange(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
