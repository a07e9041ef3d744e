//! Readers of single values: each takes an item and says what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeValue};
use url::Url;

use super::document::{Item, Wrong, kind_of};
use super::suggest::did_you_mean;
use super::units::{parse_duration, parse_size};
use crate::escape;

/// The value is of the right type but means nothing.
pub(super) fn bad(message: impl Into<String>, hint: impl Into<Option<String>>) -> Wrong {
    Wrong { code: "bad-value", message: message.into(), hint: hint.into(), at: None }
}

fn wrong_type(expected: &str, item: &Item<'_>) -> Wrong {
    let message = format!("expected {expected}, found {}", kind_of(item));
    Wrong { code: "wrong-type", message, hint: None, at: None }
}

/// Any text.
pub(super) fn text(item: &Item<'_>) -> Result<String, Wrong> {
    item.get_ref().as_str().map(str::to_owned).ok_or_else(|| wrong_type("a text", item))
}

/// A text for people, in one line: nothing in it can move the cursor or turn the reading direction.
pub(super) fn line(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    let escaped = |c: &char| escape::line(c.encode_utf8(&mut [0; 4]), 4) != c.to_string();
    match text.chars().find(escaped) {
        Some(c) => Err(bad(format!("has the character U+{:04X}, which does not belong in a line", u32::from(c)), None)),
        None if text.trim().is_empty() => Err(bad("is empty", None)),
        None => Ok(text),
    }
}

/// A name of a pipeline, slot, root, database, artifact, port or parameter.
pub(super) fn name(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    if is_name(&text) {
        return Ok(text);
    }
    let hint = "small letters, digits, - and _, at most 64, starting with a letter or digit";
    Err(bad(format!("{text:?} cannot be a name"), hint.to_owned()))
}

/// Names become file names, TOML keys and words of a message: they are bare keys of TOML, whatever they are used for.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= 64
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// An error code of the application: one word.
pub(super) fn code(item: &Item<'_>) -> Result<String, Wrong> {
    let text = line(item)?;
    if text.contains(char::is_whitespace) { Err(bad(format!("{text:?} is not one word"), None)) } else { Ok(text) }
}

/// true or false.
pub(super) fn boolean(item: &Item<'_>) -> Result<bool, Wrong> {
    item.get_ref().as_bool().ok_or_else(|| wrong_type("true or false", item))
}

/// A whole number from 1.
pub(super) fn count(item: &Item<'_>) -> Result<u64, Wrong> {
    match integer(item)? {
        number if number > 0 => Ok(number.unsigned_abs()),
        _ => Err(bad("must be at least 1", None)),
    }
}

fn integer(item: &Item<'_>) -> Result<i64, Wrong> {
    let integer = item.get_ref().as_integer().ok_or_else(|| wrong_type("an integer", item))?;
    i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| bad("is too big", None))
}

/// A version of the format of a file. There is one.
pub(super) fn format(item: &Item<'_>) -> Result<(), Wrong> {
    match integer(item)? {
        1 => Ok(()),
        other => {
            let hint = Some("this host reads format 1".to_owned());
            Err(Wrong { code: "unknown-format", message: format!("format {other} is not known"), hint, at: None })
        }
    }
}

/// Bytes, as in "256 MiB", more than none.
pub(super) fn size(item: &Item<'_>) -> Result<u64, Wrong> {
    let text = item.get_ref().as_str().ok_or_else(|| wrong_type("a size like \"256 MiB\"", item))?;
    let hint = "write a number and B, KiB, MiB or GiB, as in \"256 MiB\"".to_owned();
    parse_size(text).filter(|size| *size > 0).ok_or_else(|| bad(format!("{text:?} is not a size"), hint))
}

/// The exact size of a file: an integer, or as in [`size`].
pub(super) fn exact_size(item: &Item<'_>) -> Result<u64, Wrong> {
    if item.get_ref().is_integer() { count(item) } else { size(item) }
}

/// A duration, as in "10m".
pub(super) fn duration(item: &Item<'_>) -> Result<Duration, Wrong> {
    let text = item.get_ref().as_str().ok_or_else(|| wrong_type("a duration like \"10m\"", item))?;
    let hint = "write a number and ms, s, m, h or d, as in \"10m\"".to_owned();
    parse_duration(text).ok_or_else(|| bad(format!("{text:?} is not a duration"), hint))
}

/// A duration that is a limit: more than none.
pub(super) fn time_limit(item: &Item<'_>) -> Result<Duration, Wrong> {
    let limit = duration(item)?;
    if limit.is_zero() { Err(bad("must be more than nothing", None)) } else { Ok(limit) }
}

/// A SHA-256 in hex; lower case afterwards.
pub(super) fn sha256(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(bad("is not a SHA-256: 64 hex digits", None))
}

/// A path of the operator's, wherever it points.
pub(super) fn path(item: &Item<'_>) -> Result<PathBuf, Wrong> {
    let text = text(item)?;
    if text.is_empty() || text.contains('\0') { Err(bad("is not a path", None)) } else { Ok(text.into()) }
}

/// A path that stays below where it starts.
pub(super) fn path_below(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let stays = !text.is_empty() && Path::new(&text).components().all(plain) && !text.contains(['\0', '\\']);
    if stays {
        return Ok(text);
    }
    Err(bad(format!("{text:?} is not a plain relative path"), "no leading slash, no . and no ..".to_owned()))
}

/// The name of a file in a root itself, and none of the host's own.
pub(super) fn file_in_root(item: &Item<'_>) -> Result<String, Wrong> {
    let text = path_below(item)?;
    if text.contains('/') || text.starts_with(".liftlock-") {
        return Err(bad(format!("{text:?} is not the name of a file in the root itself"), None));
    }
    Ok(text)
}

/// An address to download from, without a password.
pub(super) fn url(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    let url = web_address(&text)?;
    Ok(url.into())
}

fn web_address(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).map_err(|e| bad(format!("{text:?} is not an address: {e}"), None))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad(format!("{:?} is not https or http", url.scheme()), None));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("an address with a password would get into logs", None));
    }
    Ok(url)
}

/// Scheme, host and port.
pub(super) fn origin(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    let url = web_address(&text)?;
    let origin = url.origin().ascii_serialization();
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(bad(format!("{text:?} is more than an origin"), format!("write {origin:?}")));
    }
    Ok(origin)
}

/// Private addresses as the operator names them: one, or a network.
pub(super) fn private_address(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(address, bits)| (address, Some(bits)));
    let longest = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let fits = |address| bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= longest(address)));
    if address.parse().is_ok_and(fits) {
        return Ok(text);
    }
    let hint = "write an IP address or a network, as in \"10.0.0.5\" or \"10.0.0.0/8\"".to_owned();
    Err(bad(format!("{text:?} is not an address"), hint))
}

/// A parameter of a stage: text, whole number, true or false, or a list of texts, which are joined by line feeds.
pub(super) fn param(item: &Item<'_>) -> Result<String, Wrong> {
    match item.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(_) => Ok(integer(item)?.to_string()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Array(_) => Ok(list(param_element)(item)?.join("\n")),
        _ => Err(wrong_type("a text, an integer, a boolean or a list of texts", item)),
    }
}

fn param_element(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    if text.contains('\n') { Err(bad("a text in a list cannot have line feeds", None)) } else { Ok(text) }
}

/// A text, or a whole number as text.
pub(super) fn scalar(item: &Item<'_>) -> Result<String, Wrong> {
    if item.get_ref().is_integer() { Ok(integer(item)?.to_string()) } else { text(item) }
}

/// The name of a table or column.
pub(super) fn identifier(item: &Item<'_>) -> Result<String, Wrong> {
    let text = text(item)?;
    if is_identifier(&text) { Ok(text) } else { Err(bad(format!("{text:?} is no name of a table or column"), None)) }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// Which row: columns, and what is in them there.
pub(super) fn conditions(item: &Item<'_>) -> Result<BTreeMap<String, String>, Wrong> {
    let table = item.get_ref().as_table().ok_or_else(|| wrong_type("a table like { setting = \"…\" }", item))?;
    let pair = |(key, item): (&Spanned<DeString<'_>>, &Item<'_>)| match key.get_ref() {
        column if is_identifier(column) => Ok((column.to_string(), scalar(item)?)),
        column => Err(bad(format!("{column:?} is no name of a column"), None)),
    };
    let row = table.iter().map(pair).collect::<Result<BTreeMap<_, _>, _>>()?;
    if row.is_empty() { Err(bad("must name a column and what is in it", None)) } else { Ok(row) }
}

/// A list of what `read` reads. A mistake has the line of its element.
pub(super) fn list<T>(read: impl Fn(&Item<'_>) -> Result<T, Wrong>) -> impl Fn(&Item<'_>) -> Result<Vec<T>, Wrong> {
    move |item| {
        let array = item.get_ref().as_array().ok_or_else(|| wrong_type("a list", item))?;
        let located = |element: &Item<'_>| {
            read(element).map_err(|wrong| Wrong { at: wrong.at.or(Some(element.span().start)), ..wrong })
        };
        array.iter().map(located).collect()
    }
}

/// One of a few words, as what it stands for.
pub(super) fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Item<'_>) -> Result<T, Wrong> {
    move |item| {
        let text = text(item)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        let hint = || did_you_mean(&text, words.iter().map(|(word, _)| *word));
        found.ok_or_else(|| bad(format!("{text:?} is not a known word"), hint()))
    }
}

/// A list without repetition.
pub(super) fn set<T: Ord>(
    read: impl Fn(&Item<'_>) -> Result<T, Wrong>,
) -> impl Fn(&Item<'_>) -> Result<BTreeSet<T>, Wrong> {
    let read = list(read);
    move |item| Ok(read(item)?.into_iter().collect())
}
