//! The write-ahead log as a file: which pages it holds, as of the last commit.
//!
//! The format is a promise of SQLite's (<https://www.sqlite.org/fileformat2.html#walformat>): a header of 32 bytes, then frames of 24 bytes
//! and one page each; a frame counts if its salts are the header's and the running checksum fits, and only up to the last
//! frame that commits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};

const MAGIC: u32 = 0x377f_0682;
const HEADER: usize = 32;
const FRAME: usize = 24;

/// What the log holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wal {
    /// Where the newest version of each page starts in the file.
    pub(super) pages: BTreeMap<u32, u64>,
    /// Pages of the database after the last commit; 0 if there is none.
    pub(super) database_pages: u32,
}

/// Reads a log. Stops, without an error, where its valid part ends.
pub(super) fn read(file: &File, page_size: usize) -> io::Result<Wal> {
    let mut wal = Wal::default();
    let mut uncommitted = Vec::new();
    let mut input = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER];
    if !fill(&mut input, &mut header)? {
        return Ok(wal);
    }
    // The lowest bit of the magic number says in which byte order checksums are made.
    let big_endian = word(&header, 0) & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big_endian);
    let fits = word(&header, 0) & !1 == MAGIC && word(&header, 8) as usize == page_size;
    if !fits || sum != (word(&header, 24), word(&header, 28)) {
        return Ok(wal);
    }
    let mut frame = vec![0; FRAME + page_size];
    let mut at = HEADER as u64;
    while fill(&mut input, &mut frame)? {
        sum = checksum(checksum(sum, &frame[..8], big_endian), &frame[FRAME..], big_endian);
        if frame[8..16] != header[16..24] || sum != (word(&frame, 16), word(&frame, 20)) {
            break;
        }
        uncommitted.push((word(&frame, 0), at + FRAME as u64));
        let pages_at_commit = word(&frame, 4);
        if pages_at_commit > 0 {
            wal.database_pages = pages_at_commit;
            wal.pages.extend(uncommitted.drain(..));
        }
        at += frame.len() as u64;
    }
    Ok(wal)
}

/// Fills the buffer; false if the file ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(mut sum: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let number = |at: usize| {
            let four = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        sum.0 = sum.0.wrapping_add(number(0)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(number(4)).wrapping_add(sum.0);
    }
    sum
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
