//! The smallest change of the text that changes a setting.

use std::ops::Range;

use super::array::{Array, Entry};
use super::error::Error;
use super::literal::{Key, Lines, Literal, Style};
use super::quoted;
use super::read::{Assignment, Settings};
use super::source::Source;
use super::token::Kind;

/// New text for some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    span: Range<usize>,
    text: String,
}

impl Edit {
    fn new(span: Range<usize>, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }
}

/// The text with some edits, which do not overlap.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| edit.span.start);
    let mut changed = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        changed.push_str(text.get(at..edit.span.start).unwrap_or_default());
        changed.push_str(&edit.text);
        at = edit.span.end;
    }
    changed.push_str(text.get(at..).unwrap_or_default());
    changed
}

/// Gives a key a value.
pub(super) fn set(source: &Source, settings: &Settings, key: &Key, value: &Literal) -> Result<Edit, Error> {
    let assigned = settings.assignments.iter().rev().find(|assignment| assignment.key == *key);
    let listed = settings.array.as_ref().and_then(|array| array.entries.iter().find(|entry| entry.key == *key));
    let old = match (assigned, listed) {
        (Some(assignment), _) => Some((assignment.statement.start, assignment.value.clone())),
        (None, Some(entry)) => Some((entry.start, entry.value.clone())),
        (None, None) => None,
    };
    if let Some((start, old)) = old {
        let style = style(source, settings, indent(source, source.start(start)));
        return Ok(Edit::new(source.span(old.clone()), in_place_of(source, old, value, &style)));
    }
    match (&settings.array, settings.assignments.last()) {
        (Some(array), _) => Ok(append(source, settings, array, key, value)),
        (None, Some(last)) => Ok(assign(source, settings, last, key, value)),
        (None, None) => Err(source.error(0, "no-array", "there is no array")),
    }
}

/// The new value, in the quotes of the old one.
fn in_place_of(source: &Source, old: Range<usize>, value: &Literal, style: &Style) -> String {
    let double =
        old.len() == 1 && source.kind(old.start) == Some(Kind::String) && source.word(old.start).starts_with('"');
    match value {
        Literal::String(text) if double => quoted::in_double(text),
        value => value.write(style),
    }
}

/// A new entry behind the last one.
fn append(source: &Source, settings: &Settings, array: &Array, key: &Key, value: &Literal) -> Edit {
    let text = source.text();
    let (open, close) = (source.end(array.open), source.start(array.close));
    let first = array.entries.first().map_or(close, |entry| source.start(entry.start));
    let by_line = text[open..first].contains('\n');
    let Some(last) = array.entries.last() else {
        let before = indent(source, open);
        if !by_line {
            return Edit::new(open..open, entry(source, None, key, value, &flat(source, settings)));
        }
        let indent = format!("{before}{}", step(source, settings));
        let style = style(source, settings, indent.clone());
        let new = entry(source, None, key, value, &style);
        let at = end_of_line(source, open).unwrap_or(open);
        return Edit::new(at..at, format!("{}{indent}{new},", line_end(source)));
    };
    let value_end = source.end(last.value.end - 1);
    let behind = last.comma.map_or(value_end, |comma| source.end(comma));
    let trailing = if last.comma.is_some() { "," } else { "" };
    if !by_line {
        let new = entry(source, Some(last), key, value, &flat(source, settings));
        let comma = if last.comma.is_some() { " " } else { ", " };
        return Edit::new(behind..behind, format!("{comma}{new}{trailing}"));
    }
    let indent = indent(source, source.start(last.start));
    let style = style(source, settings, indent.clone());
    let new = entry(source, Some(last), key, value, &style);
    let start = format!("{}{indent}", line_end(source));
    let comma = match last.comma {
        Some(_) => String::new(),
        // Before PHP 7.3 the label of a heredoc must have its line for itself.
        None if source.kind(last.value.end - 1) == Some(Kind::Heredoc) => format!("{start},"),
        None => ",".to_owned(),
    };
    let at = end_of_line(source, behind).unwrap_or(behind);
    Edit::new(behind..at, format!("{comma}{}{start}{new}{trailing}", &text[behind..at]))
}

/// A new statement behind the last one.
fn assign(source: &Source, settings: &Settings, last: &Assignment, key: &Key, value: &Literal) -> Edit {
    let indent = indent(source, source.start(last.statement.start));
    let value = value.write(&style(source, settings, indent.clone()));
    let (variable, key) = (source.word(last.statement.start), spelled(key, source.word(last.key_at)));
    let behind = source.end(last.statement.end - 1);
    let at = end_of_line(source, behind).unwrap_or(behind);
    Edit::new(at..at, format!("{}{indent}{variable}[{key}] = {value};", line_end(source)))
}

/// `'key' => value`, spaced and quoted like another entry.
fn entry(source: &Source, like: Option<&Entry>, key: &Key, value: &Literal, style: &Style) -> String {
    let spelled = spelled(key, like.map_or("'", |like| source.word(like.start)));
    let value = value.write(style);
    let spaces = like.and_then(|like| {
        let arrow = like.arrow?;
        let before = &source.text()[source.end(arrow - 1)..source.start(arrow)];
        let after = &source.text()[source.end(arrow)..source.start(arrow + 1)];
        let plain = |blank: &str| blank.bytes().all(|byte| byte == b' ');
        // Aligned arrows stay aligned.
        let width = source.word(like.start).chars().count() + before.len();
        let pad = match before.len() {
            0 => 0,
            1 => 1,
            _ => width.saturating_sub(spelled.chars().count()).max(1),
        };
        (plain(before) && plain(after)).then(|| (" ".repeat(pad), after.to_owned()))
    });
    let (before, after) = spaces.unwrap_or_else(|| (" ".to_owned(), " ".to_owned()));
    format!("{spelled}{before}=>{after}{value}")
}

/// A key in the quotes of another one.
fn spelled(key: &Key, like: &str) -> String {
    match key {
        Key::Int(int) => int.to_string(),
        Key::String(text) if like.starts_with('"') => quoted::in_double(text),
        Key::String(text) => quoted::in_single(text),
    }
}

/// Removes a key wherever it is written.
pub(super) fn remove(source: &Source, settings: &Settings, key: &Key) -> Vec<Edit> {
    let mut edits = Vec::new();
    if let Some(array) = &settings.array {
        let found = array.entries.iter().position(|entry| entry.key == *key);
        edits.extend(found.map(|index| Edit::new(entry_span(source, array, index), "")));
    }
    for assignment in settings.assignments.iter().filter(|assignment| assignment.key == *key) {
        let span = source.span(assignment.statement.clone());
        edits.push(Edit::new(whole_line(source, &span).unwrap_or(span), ""));
    }
    edits
}

/// What goes with an entry: its line; or where it shares one, what is between it and the next one.
fn entry_span(source: &Source, array: &Array, index: usize) -> Range<usize> {
    let entry = &array.entries[index];
    let start = source.start(entry.start);
    let end = entry.comma.map_or(source.end(entry.value.end - 1), |comma| source.end(comma));
    if let Some(line) = whole_line(source, &(start..end)) {
        return line;
    }
    let before = index.checked_sub(1).and_then(|index| array.entries[index].comma);
    match (entry.comma, before) {
        (Some(_), _) => start..blanks_after(source, end),
        // The last one: the comma before it separates nothing any more.
        (None, Some(comma)) => source.start(comma)..comment_after(source, end),
        (None, None) => start..end,
    }
}

/// The lines of a span, with the comment behind it, if nothing else is on them.
fn whole_line(source: &Source, span: &Range<usize>) -> Option<Range<usize>> {
    for token in source.tokens_before(span.start) {
        let text = &source.text()[token.span.clone()];
        match (token.kind, text.rfind('\n')) {
            (Kind::Space, Some(line)) => {
                let start = token.span.start + line + 1;
                let end = end_of_line(source, span.end)?;
                let line_end = if source.text()[end..].starts_with("\r\n") { 2 } else { 1 };
                return Some(start..end + line_end);
            }
            (Kind::Space, None) => {}
            (Kind::Comment, None) if text.starts_with("/*") => {}
            _ => return None,
        }
    }
    None
}

/// The end of the line, without its line feed, if only blanks and comments come before it.
fn end_of_line(source: &Source, at: usize) -> Option<usize> {
    for token in source.tokens_from(at) {
        let text = &source.text()[token.span.clone()];
        match (token.kind, text.find('\n')) {
            (Kind::Space, Some(line)) => {
                let line = if text[..line].ends_with('\r') { line - 1 } else { line };
                return Some(token.span.start + line);
            }
            (Kind::Space | Kind::Comment, None) => {}
            _ => return None,
        }
    }
    None
}

/// Behind the blanks after a comma. A line break stays.
fn blanks_after(source: &Source, at: usize) -> usize {
    match source.tokens_from(at).next() {
        Some(token) if token.kind == Kind::Space && !source.text()[token.span.clone()].contains('\n') => token.span.end,
        _ => at,
    }
}

/// Behind a comment in `/* */` on the same line, which belongs to what is before it.
fn comment_after(source: &Source, at: usize) -> usize {
    let mut end = at;
    for token in source.tokens_from(at) {
        let text = &source.text()[token.span.clone()];
        match token.kind {
            Kind::Space if !text.contains('\n') => {}
            Kind::Comment if text.starts_with("/*") && !text.contains('\n') => end = token.span.end,
            _ => break,
        }
    }
    end
}

fn style(source: &Source, settings: &Settings, indent: String) -> Style {
    let flat = flat(source, settings);
    let by_line = settings.array.as_ref().is_none_or(|array| {
        let first = array.entries.first().map_or(array.close, |entry| entry.start);
        source.text()[source.end(array.open)..source.start(first)].contains('\n')
    });
    let lines = Lines { end: line_end(source), indent, step: step(source, settings) };
    Style { lines: by_line.then_some(lines), ..flat }
}

/// Everything on one line.
fn flat(source: &Source, settings: &Settings) -> Style {
    Style { long: settings.array.as_ref().is_some_and(|array| source.is_mark(array.open, "(")), lines: None }
}

/// What an entry is indented more than the array.
fn step(source: &Source, settings: &Settings) -> String {
    let steps = settings.array.as_ref().and_then(|array| {
        let outer = indent(source, source.start(array.open));
        let inner = indent(source, source.start(array.entries.first()?.start));
        inner.strip_prefix(&outer).filter(|step| !step.is_empty()).map(str::to_owned)
    });
    steps.unwrap_or_else(|| "    ".to_owned())
}

/// The blanks that a byte's line starts with.
fn indent(source: &Source, at: usize) -> String {
    let before = source.text().get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.chars().take_while(|next| matches!(next, ' ' | '\t')).collect()
}

fn line_end(source: &Source) -> &'static str {
    if source.text().contains("\r\n") { "\r\n" } else { "\n" }
}
