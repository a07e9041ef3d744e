//! `SET`: which settings mean nothing to a session of the host, or nothing more than how it is connected anyway.

use crate::split::{Piece, Token};

/// They change how fast or how loud the server is, not what it does.
const WITHOUT_MEANING: [&str; 2] = ["sql_notes", "unique_checks"];

/// The host speaks UTF-8, and the files are UTF-8.
const CHARSETS: [&str; 3] = ["character_set_client", "character_set_connection", "character_set_results"];

/// How a session's own setting may be called.
const OWN: [&str; 5] = ["@@session.", "@@local.", "@@", "session ", "local "];

/// The first setting of `SET …` that is neither settled nor without meaning.
pub(super) fn first_that_matters(assignments: &[Piece<'_>], settled: &[String]) -> Option<String> {
    assignments
        .split(|piece| piece.text == ",")
        .map(Assignment::read)
        .find(|assignment| !assignment.is_without_meaning(settled))
        .map(|assignment| assignment.name)
}

/// A name, and what is assigned to it. Both in small letters; the value without quotes.
struct Assignment {
    name: String,
    value: String,
}

impl Assignment {
    fn read(pieces: &[Piece<'_>]) -> Self {
        let words = |count: usize| pieces.iter().take(count).map(|piece| piece.text.to_lowercase()).collect::<Vec<_>>();
        let (name, value) = match pieces.iter().position(|piece| piece.text == "=") {
            Some(equals) => (joined(&pieces[..equals]), &pieces[equals + 1..]),
            None if words(1) == ["names"] || words(1) == ["charset"] => (words(1).concat(), &pieces[1..]),
            None if words(2) == ["character", "set"] => (words(2).join(" "), &pieces[2..]),
            None => (joined(pieces), &pieces[..0]),
        };
        let value = match value {
            // `NAMES x COLLATE y` and expressions are more than a value.
            [one] if !matches!(one.token, Token::Word(_)) => one.text.trim_matches(['\'', '"']).to_lowercase(),
            other => joined(other),
        };
        let name = name.trim_end_matches(':').trim_end();
        let own = OWN.iter().find_map(|prefix| name.strip_prefix(prefix));
        Self { name: own.unwrap_or(name).replace('`', ""), value }
    }

    fn is_without_meaning(&self, settled: &[String]) -> bool {
        let (name, value) = (self.name.as_str(), self.value.as_str());
        let is_utf8 = ["utf8", "utf8mb3", "utf8mb4"].contains(&value);
        if name.starts_with('@') {
            // What a setting was, kept to be put back.
            return value.starts_with("@@");
        }
        let is_put_back = value.starts_with('@') && !value.starts_with("@@");
        is_put_back
            || WITHOUT_MEANING.contains(&name)
            || (is_utf8 && (CHARSETS.contains(&name) || ["names", "charset", "character set"].contains(&name)))
            || settled.iter().any(|settled| settled.eq_ignore_ascii_case(name))
    }
}

/// The pieces in small letters, with a blank where there is one.
fn joined(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && pieces[index - 1].end() < piece.at {
            text.push(' ');
        }
        text += &piece.text.to_lowercase();
    }
    text
}
