//! The end of what a command writes: the newest bytes, as lines in which nothing steers a terminal.

use std::collections::VecDeque;

use crate::escape;

/// Bytes that are kept.
const KEPT: usize = 64 << 10;
/// Bytes of one line that are shown.
const LINE: usize = 8 << 10;

/// The last bytes of a stream that may be endless.
#[derive(Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    /// Bytes that were dropped.
    pub(super) left_out: u64,
}

impl Tail {
    /// More of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..surplus);
        self.left_out += surplus as u64;
    }

    /// What is there, for people and guests. A first line that was cut is left out too.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let whole = match text.split_once('\n') {
            Some((_, rest)) if self.left_out > 0 => rest,
            _ => &text,
        };
        let lines: Vec<String> = whole.lines().map(|line| escape::line(line, LINE)).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_only_text() {
        let mut tail = Tail::default();
        tail.push(b"one\r\n\x1b]0;owned\x07two\n\xff\xe2\x80\xae");
        assert_eq!(tail.text(), "one\n\\u{1b}]0;owned\\u{7}two\n\u{fffd}\\u{202e}");
        assert_eq!(tail.left_out, 0);
    }

    #[test]
    fn a_flood_leaves_its_end() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        let text = tail.text();
        assert!(text.len() <= KEPT && text.ends_with("\nline 99999"), "{}", text.len());
        assert!(text.starts_with("line "), "a whole line is the first");
        assert!(tail.left_out > 1_000_000);
        let mut tail = Tail::default();
        tail.push(&vec![b'x'; 10 << 20]);
        assert!(tail.text().len() <= LINE + 100);
    }
}
