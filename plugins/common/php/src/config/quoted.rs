//! Strings: where they end, what they say, how they are written.

use super::token::{continues_name, starts_name};

/// Why the end of a string is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclear {
    NotClosed,
    /// `{$…}` or `${…}`: any code may be in it, with quotes of its own.
    Code,
    /// Before PHP 7.3 the label of a heredoc ends it only on a line of its own, since then also indented or followed by more.
    Label,
}

/// The length of the string in single quotes that `text` starts with.
pub(super) fn single_length(text: &str) -> Result<usize, Unclear> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'\'' => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Unclear::NotClosed)
}

/// The length of the string in double quotes that `text` starts with.
pub(super) fn double_length(text: &str) -> Result<usize, Unclear> {
    let mut bytes = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        match (byte, bytes.peek().map(|(_, next)| *next)) {
            (b'\\', _) => {
                bytes.next();
            }
            (b'{', Some(b'$')) | (b'$', Some(b'{')) => return Err(Unclear::Code),
            (b'"', _) => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Unclear::NotClosed)
}

/// The length of the heredoc that `text` starts with, up to behind its label. None if it is none.
pub(super) fn heredoc_length(text: &str) -> Result<Option<usize>, Unclear> {
    let Some(head) = Head::of(text) else { return Ok(None) };
    let mut at = head.length;
    let mut newer = None;
    for line in text[head.length..].split_inclusive('\n') {
        let trimmed = line.trim_start_matches([' ', '\t']);
        let after = trimmed.strip_prefix(head.label);
        if let Some(after) = after.filter(|after| !after.bytes().next().is_some_and(continues_name)) {
            let end = at + line.len() - after.len();
            let older = trimmed.len() == line.len() && matches!(after.trim_end_matches(['\r', '\n']), "" | ";");
            match newer {
                // Both rules find the same end.
                None if older => return head.checked(text, end).map(Some),
                None => newer = Some(end),
                Some(_) if older => return Err(Unclear::Label),
                Some(_) => {}
            }
        }
        at += line.len();
    }
    newer.map_or(Err(Unclear::NotClosed), |end| head.checked(text, end).map(Some))
}

/// The first line of a heredoc.
struct Head<'a> {
    label: &'a str,
    /// `<<<'LABEL'`: nothing in it has a meaning.
    raw: bool,
    /// Bytes to the first line of the text.
    length: usize,
}

impl<'a> Head<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let line = text.strip_prefix("<<<")?.split_inclusive('\n').next()?;
        let spelled = line.strip_suffix('\n')?.trim_end_matches('\r').trim_start_matches([' ', '\t']);
        let quoted = |quote: char| spelled.strip_prefix(quote)?.strip_suffix(quote);
        let label = quoted('\'').or_else(|| quoted('"')).unwrap_or(spelled);
        let named = label.bytes().next().is_some_and(starts_name) && label.bytes().all(continues_name);
        named.then(|| Self { label, raw: spelled.starts_with('\''), length: 3 + line.len() })
    }

    fn checked(&self, text: &str, end: usize) -> Result<usize, Unclear> {
        let body = &text[self.length..end];
        if !self.raw && (body.contains("{$") || body.contains("${")) {
            return Err(Unclear::Code);
        }
        Ok(end)
    }
}

/// What a string token says. None if that depends on variables, is not UTF-8, or is spelled so that this reader is not sure.
pub(super) fn value(token: &str) -> Option<String> {
    match token.bytes().next()? {
        b'\'' => Some(single_value(token.get(1..token.len() - 1)?)),
        b'"' => double_value(token.get(1..token.len() - 1)?),
        _ => heredoc_value(token),
    }
}

fn single_value(inner: &str) -> String {
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(next) = chars.next() {
        let escaped = if next == '\\' { chars.next_if(|after| matches!(after, '\\' | '\'')) } else { None };
        value.push(escaped.unwrap_or(next));
    }
    value
}

fn double_value(inner: &str) -> Option<String> {
    let mut value = Vec::with_capacity(inner.len());
    let mut rest = inner.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after.first()) {
            (b'$', Some(next)) if starts_name(*next) => return None,
            (b'\\', Some(_)) => escape(after, &mut value)?,
            _ => {
                value.push(*first);
                after
            }
        };
    }
    String::from_utf8(value).ok()
}

/// Reads what comes after a backslash; returns the rest.
fn escape<'a>(after: &'a [u8], value: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (first, rest) = after.split_first()?;
    let plain = match first {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'v' => 0x0b,
        b'e' => 0x1b,
        b'f' => 0x0c,
        b'\\' | b'$' | b'"' => *first,
        b'0'..=b'7' => return coded(after, 3, 8, value),
        b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => return coded(rest, 2, 16, value),
        // `\u{…}` means something since PHP 7.0 only, and what follows a backslash otherwise stays as it is.
        b'u' if rest.first() == Some(&b'{') => return None,
        _ => {
            value.extend([b'\\', *first]);
            return Some(rest);
        }
    };
    value.push(plain);
    Some(rest)
}

/// A byte by its number, in at most so many digits.
fn coded<'a>(digits: &'a [u8], most: usize, radix: u32, value: &mut Vec<u8>) -> Option<&'a [u8]> {
    let length = digits.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let (number, rest) = digits.split_at(length);
    let number = u32::from_str_radix(std::str::from_utf8(number).ok()?, radix).ok()?;
    value.push(u8::try_from(number).ok()?);
    Some(rest)
}

fn heredoc_value(token: &str) -> Option<String> {
    let head = Head::of(token)?;
    let body = token.get(head.length..token.len() - head.label.len())?;
    // An indented label takes as much away from each line: seen by PHP from 7.3 on only.
    let body = if body.is_empty() { "" } else { body.strip_suffix('\n')? };
    let body = body.strip_suffix('\r').unwrap_or(body);
    let plain = head.raw || !body.contains(['$', '\\']);
    plain.then(|| body.to_owned())
}

/// The text in single quotes.
pub(super) fn in_single(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The text in double quotes.
pub(super) fn in_double(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}
