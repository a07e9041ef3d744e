//! A directory tree as parts of a digest.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use anyhow::{Context, Result};

use super::sha256_hex;

/// Directories of the host's own, in the roots.
const OWN: &[u8] = b".liftlock-";

/// A part for each entry: `file <name>`, as type, mode, owner, and what there is of size, time, contents, target.
pub(super) fn parts(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut parts = BTreeMap::new();
    parts.insert("root".to_owned(), entry(root, &fs::symlink_metadata(root)?)?);
    walk(root, "", &mut parts)?;
    Ok(parts)
}

fn walk(directory: &Path, below: &str, parts: &mut BTreeMap<String, String>) -> Result<()> {
    for child in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let child = child?;
        if child.file_name().as_bytes().starts_with(OWN) {
            continue;
        }
        let path = child.path();
        let name = format!("{below}{}", escaped(&child.file_name()));
        let metadata = fs::symlink_metadata(&path)?;
        parts.insert(format!("file {name}"), entry(&path, &metadata)?);
        if metadata.is_dir() {
            walk(&path, &format!("{name}/"), parts)?;
        }
    }
    Ok(())
}

fn entry(path: &Path, metadata: &Metadata) -> Result<String> {
    let kind = metadata.file_type();
    let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
    let rights = format!("{mode:04o} {uid}:{gid}");
    Ok(if kind.is_dir() {
        format!("directory {rights}")
    } else if kind.is_symlink() {
        format!("link {uid}:{gid} -> {}", escaped(fs::read_link(path)?.as_os_str()))
    } else if kind.is_file() {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (size, time, part) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        format!("file {rights} {size} bytes, changed {time}.{part:09}, sha256 {}", sha256_hex(&bytes))
    } else if kind.is_fifo() {
        format!("fifo {rights}")
    } else {
        format!("special {rights}")
    })
}

/// A file's part without when it was changed; any other part as it is.
pub(super) fn without_time(part: &str) -> String {
    let time = part.split_once(", changed ").and_then(|(head, rest)| Some((head, rest.split_once(", ")?.1)));
    time.map_or_else(|| part.to_owned(), |(head, rest)| format!("{head}, {rest}"))
}

/// Reversible: bytes that are not printable ASCII, and the backslash, as `\xHH`; valid UTF-8 beyond ASCII stays.
fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() || letter == '\\' {
                text += &format!("\\x{:02X}", u32::from(letter));
            } else {
                text.push(letter);
            }
        }
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02X}");
        }
    }
    text
}
