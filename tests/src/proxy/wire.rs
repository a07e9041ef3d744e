//! As much of the protocol as the proxy understands: packets have a length of three bytes and a number; a client's packet with
//! the number 0 is a command.

use std::collections::HashMap;
use std::mem;

const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

/// Bytes of a header, and of a command that are looked at.
const HEADER: usize = 4;
const LOOKED: usize = 256;

/// What a client sends, taken apart.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Of the packet that is being read: its header, then its beginning.
    read: Vec<u8>,
    /// Bytes of the packet that are still to come.
    left: usize,
    /// Whether the packet is looked at: it is a command that is not known yet.
    looking: bool,
    /// The statement whose number the server is about to tell.
    preparing: Option<String>,
    prepared: HashMap<[u8; 4], String>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its beginning, in capitals, blanks in front left out.
    text: String,
    /// Where its packet begins in the piece; 0 if that was before.
    pub(super) start: usize,
}

impl Sent {
    /// Whether it begins so.
    pub(super) fn begins(&self, start: &str) -> bool {
        self.text.starts_with(&start.to_uppercase())
    }
}

impl Commands {
    /// The statements that are known from this piece on: their beginning has come, or all of them.
    pub(super) fn sent(&mut self, piece: &[u8]) -> Vec<Sent> {
        let (mut found, mut at, mut start) = (Vec::new(), 0, 0);
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            if self.left == 0 && self.read.len() < HEADER {
                if self.read.is_empty() {
                    start = at;
                }
                let taken = rest.len().min(HEADER - self.read.len());
                self.read.extend(rest.iter().take(taken));
                at += taken;
                self.header();
                continue;
            }
            let taken = rest.len().min(self.left);
            if self.looking {
                let wanted = (HEADER + LOOKED).saturating_sub(self.read.len());
                self.read.extend(rest.iter().take(taken.min(wanted)));
            }
            self.left -= taken;
            at += taken;
            if self.looking && (self.left == 0 || self.read.len() == HEADER + LOOKED) {
                self.looking = false;
                found.extend(self.command().map(|text| Sent { text, start }));
            }
            if self.left == 0 {
                self.read.clear();
            }
        }
        found
    }

    /// The header is complete, or not yet.
    fn header(&mut self) {
        if let [a, b, c, number] = self.read[..] {
            self.left = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
            self.looking = number == 0;
            if self.left == 0 {
                self.read.clear();
            }
        }
    }

    /// The statement in the packet that was read, if it is one.
    fn command(&mut self) -> Option<String> {
        let (kind, rest) = self.read.get(HEADER..)?.split_first()?;
        match *kind {
            QUERY => Some(beginning(rest)),
            PREPARE => {
                self.preparing = Some(beginning(rest));
                None
            }
            EXECUTE => self.prepared.get(rest.first_chunk::<4>()?).cloned(),
            _ => None,
        }
    }

    /// What the server answers: a statement that was prepared has a number.
    pub(super) fn answered(&mut self, piece: &[u8]) {
        if let Some(text) = mem::take(&mut self.preparing)
            && let Some((0, rest)) = piece.get(HEADER..).and_then(<[u8]>::split_first).map(|(ok, rest)| (*ok, rest))
            && let Some(number) = rest.first_chunk::<4>()
        {
            self.prepared.insert(*number, text);
        }
    }
}

fn beginning(sql: &[u8]) -> String {
    String::from_utf8_lossy(sql).trim_start().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        let length = u32::try_from(1 + rest.len()).unwrap().to_le_bytes();
        [&length[..3], &[number, kind], rest].concat()
    }

    fn texts(sent: Vec<Sent>) -> Vec<String> {
        sent.into_iter().map(|sent| sent.text).collect()
    }

    #[test]
    fn what_is_no_command_is_no_statement() {
        let mut commands = Commands::default();
        let handshake = packet(1, QUERY, b"COMMIT");
        assert_eq!(commands.sent(&handshake), []);
        assert_eq!(commands.sent(&packet(0, 0x0e, b"")), [], "a ping");
        assert_eq!(commands.sent(&[0, 0, 0, 1]), [], "an empty packet");
        assert_eq!(texts(commands.sent(&packet(0, QUERY, b" commit"))), ["COMMIT"]);
    }

    #[test]
    fn a_statement_in_pieces_is_found_once() {
        let bytes = [packet(0, QUERY, b"select 1"), packet(0, QUERY, b"alter table t"), packet(0, QUERY, &[b'x'; 999])]
            .concat();
        let whole = Commands::default().sent(&bytes);
        assert_eq!(whole.iter().map(|sent| sent.start).collect::<Vec<_>>(), [0, 13, 31]);
        for size in [1, 2, 3, 5, 7, 300] {
            let mut commands = Commands::default();
            let found: Vec<_> = bytes.chunks(size).flat_map(|piece| commands.sent(piece)).collect();
            assert_eq!(texts(found), texts(whole.clone()), "in pieces of {size}");
        }
    }

    #[test]
    fn a_prepared_statement_counts_when_it_is_executed() {
        let mut commands = Commands::default();
        assert_eq!(commands.sent(&packet(0, PREPARE, b"UPDATE c SET n = ?")), []);
        commands.answered(&packet(1, 0, &[7, 0, 0, 0, 0, 0]));
        assert_eq!(texts(commands.sent(&packet(0, EXECUTE, &[7, 0, 0, 0, 0]))), ["UPDATE C SET N = ?"]);
        assert_eq!(commands.sent(&packet(0, EXECUTE, &[8, 0, 0, 0, 0])), []);
    }
}
