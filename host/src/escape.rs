//! Text of a guest, a server or a file on its way to a person: nothing in it may steer a terminal or pretend to be ours.

use std::fmt::Write;

/// Escapes control characters (C0, C1, DEL), and the characters that reorder or hide text, as `\u{…}`; cuts at `max` bytes.
///
/// ```
/// assert_eq!(liftlock::escape::line("a\x1b[31m\r\nb", 100), "a\\u{1b}[31m\\r\\nb");
/// assert_eq!(liftlock::escape::line("abcdef", 3), "abc… (3 bytes more)");
/// ```
#[must_use]
pub fn line(text: &str, max: usize) -> String {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = String::with_capacity(end + 16);
    for c in text[..end].chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            c if c.is_control() || hides(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    if end < text.len() {
        let _ = write!(out, "… ({} bytes more)", text.len() - end);
    }
    out
}

/// Zero-width, bidirectional and line-separating characters, and tags.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_title_sequence_a_clipboard_write_and_a_c1_control_are_only_text() {
        for attack in ["\x1b]0;owned\x07", "\x1b]52;c;AAAA\x07", "\u{9b}2J", "a\x08\x08b"] {
            let shown = line(attack, 1000);
            assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
        }
    }

    #[test]
    fn text_that_is_turned_round_is_shown_as_it_is() {
        assert_eq!(line("undo \u{202e}KO", 1000), "undo \\u{202e}KO");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(line("ää", 3), "ä… (2 bytes more)");
    }
}
