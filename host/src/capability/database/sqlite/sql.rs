//! SQL as tokens: enough to tell the kind of a statement and to show its shape without values.
//!
//! It is no parser and no wall (that is [`super::guard`]); it says "no" earlier, and in clearer words.

/// A token of SQLite's dialect. Blanks and comments are none.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    /// A bare word: keyword or name.
    Word(&'a str),
    /// A quoted name, with its quotes.
    Quoted(&'a str),
    /// A text, a blob or a number.
    Literal,
    /// A parameter.
    Parameter(&'a str),
    /// Anything else, one character.
    Mark(&'a str),
}

/// How a statement starts, in capitals: "SELECT". Empty if there is none.
pub(super) fn first_word(sql: &str) -> String {
    match tokens(sql).next() {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// Whether a bare word occurs anywhere, as `ROLLBACK` does in `INSERT OR ROLLBACK`. Quoted names do not count.
pub(super) fn has_word(sql: &str, wanted: &str) -> bool {
    tokens(sql).any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted)))
}

/// The statement with `?` for each literal, at most `most` bytes: fit for journals and messages.
pub(super) fn shape(sql: &str, most: usize) -> String {
    let mut shape = String::new();
    for token in tokens(sql) {
        let text = match token {
            Token::Word(text) | Token::Quoted(text) | Token::Parameter(text) | Token::Mark(text) => text,
            Token::Literal => "?",
        };
        let glued = matches!(text, "," | ")" | ";" | ".") || shape.ends_with(['(', '.']) || shape.is_empty();
        if shape.len() + text.len() + 1 > most {
            shape.push('…');
            break;
        }
        if !glued {
            shape.push(' ');
        }
        shape.push_str(text);
    }
    shape
}

fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        rest = skip_blank(rest);
        let length = token_length(rest);
        let (text, behind) = rest.split_at_checked(length)?;
        rest = behind;
        classify(text)
    })
}

fn classify(text: &str) -> Option<Token<'_>> {
    Some(match text.as_bytes() {
        [] => return None,
        [b'\'', ..] | [b'x' | b'X', b'\'', ..] | [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => Token::Literal,
        [b'"' | b'`' | b'[', ..] => Token::Quoted(text),
        [b'?' | b':' | b'@' | b'$', ..] => Token::Parameter(text),
        [first, ..] if is_word(*first) => Token::Word(text),
        _ => Token::Mark(text),
    })
}

/// Bytes of the token that the text starts with.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let word = |from: usize| from + bytes[from..].iter().take_while(|byte| is_word(**byte)).count();
    match bytes {
        [] => 0,
        [b'x' | b'X', b'\'', ..] => 1 + quoted_length(&bytes[1..], b'\''),
        [quote @ (b'\'' | b'"' | b'`'), ..] => quoted_length(bytes, *quote),
        [b'[', ..] => bytes.iter().position(|byte| *byte == b']').map_or(bytes.len(), |end| end + 1),
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => number_length(bytes),
        [b'?' | b':' | b'@' | b'$', ..] => word(1),
        [first, ..] if is_word(*first) => word(0),
        _ => text.chars().next().map_or(0, char::len_utf8),
    }
}

fn number_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let signed_exponent = matches!(byte, b'+' | b'-') && matches!(bytes[length - 1], b'e' | b'E');
        if !(is_word(*byte) || *byte == b'.' || signed_exponent) {
            break;
        }
        length += 1;
    }
    length
}

fn quoted_length(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at] == quote, bytes.get(at + 1) == Some(&quote)) {
            (true, true) => at += 2,
            (true, false) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn skip_blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.split_once('\n').map_or("", |(_, behind)| behind);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = comment.split_once("*/").map_or("", |(_, behind)| behind);
        } else {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_hidden_in_text_name_or_comment_is_no_word() {
        for sql in
            ["SELECT 'x ROLLBACK'", "SELECT \"ROLLBACK\"", "-- ROLLBACK\nSELECT 1", "/* ROLLBACK */ SELECT [ROLLBACK]"]
        {
            assert!(!has_word(sql, "ROLLBACK"), "{sql}");
        }
        for sql in ["INSERT OR/**/rollback INTO t", "insert or\nRollBack into t", "SELECT 'it''s' ROLLBACK"] {
            assert!(has_word(sql, "ROLLBACK"), "{sql}");
        }
    }

    #[test]
    fn the_first_word_stands_behind_comments() {
        assert_eq!(first_word(" /* ; */ -- x\n select 1"), "SELECT");
        assert_eq!(first_word("(select 1)"), "");
        assert_eq!(first_word("/* open"), "");
        assert_eq!(first_word(""), "");
    }

    #[test]
    fn a_shape_shows_no_value() {
        let sql = "INSERT INTO \"my t\"(a,b) VALUES ('sec''ret', x'00ff', 1.5e-7, :name, ?2) -- why";
        assert_eq!(shape(sql, 500), "INSERT INTO \"my t\" (a, b) VALUES (?, ?, ?, :name, ?2)");
        assert_eq!(shape("SELECT t.a FROM t WHERE a = 'open", 500), "SELECT t.a FROM t WHERE a = ?");
        assert_eq!(shape("SELECT 'ü' ÄÖ + .5 ∞", 500), "SELECT ? ÄÖ + ? ∞");
        assert!(shape(&"SELECT 1 + ".repeat(1000), 100).len() <= 104);
    }
}
