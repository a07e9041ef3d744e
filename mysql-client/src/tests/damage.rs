//! Servers that say what no server says: an error each time, never a panic, and an end.

use super::{END, Script, client, column};
use crate::error::Error;
use crate::row::TextRow;

/// How many damaged conversations.
const TIMES: u32 = 20_000;

/// Numbers that look like chance and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// Two questions, one of each kind.
fn conversation() -> Vec<u8> {
    let prepared = [0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0];
    let row = [&[0, 0], &7_i32.to_le_bytes()[..], &[11, 0xea, 7, 11, 22, 18, 5, 9, 1, 0, 0, 0]].concat();
    Script::logged_in()
        .say(1, &[2])
        .say(2, &column(b"name", 0xfd))
        .say(3, &column(b"made", 12))
        .say(4, b"\x05Alice\x0a2026-11-22")
        .say(5, b"\xfb\x00")
        .say(6, &END)
        .say(1, &prepared)
        .say(2, &column(b"?", 0xfd))
        .say(3, &column(b"id", 3))
        .say(4, &column(b"made", 12))
        .say(1, &[2])
        .say(2, &column(b"id", 3))
        .say(3, &column(b"made", 12))
        .say(4, &row)
        .say(5, &END)
        .0
}

/// Rows that were read. Not more than there can be: a conversation that never ends would be one of its own.
fn talk(script: &[u8]) -> Result<usize, Error> {
    let (mut client, _server) = client(script)?;
    let columns = client.query("SELECT name, made FROM people")?.columns;
    let mut rows = 0;
    while let Some(row) = client.row()? {
        rows += 1;
        let _ = TextRow::new(row).count() == columns.len();
    }
    let found = client.rows_of("SELECT id, made FROM people WHERE name = ?", ("Alice",))?;
    Ok(rows + found.len())
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    let whole = conversation();
    assert_eq!(talk(&whole).unwrap(), 3);
    for length in 0..whole.len() {
        assert!(talk(&whole[..length]).is_err(), "cut at {length}");
    }
    let mut dice = Dice(0x5eed);
    let (mut errors, mut rows) = (0, 0);
    for _ in 0..TIMES {
        let mut script = whole.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(script.len());
            script[at] = match dice.below(3) {
                0 => 0xff,
                1 => script[at].wrapping_add(1),
                _ => dice.below(256) as u8,
            };
        }
        match talk(&script) {
            Ok(count) => rows += count,
            Err(_) => errors += 1,
        }
    }
    assert!(errors > TIMES / 10, "the damage does none");
    println!("cut={} damaged={TIMES} errors={errors} rows={rows} panics=0", whole.len());
}
