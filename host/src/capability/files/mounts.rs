//! Mount points below a directory. What is mounted there must neither be moved nor deleted with it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::effect::Fault;

/// A mount point at or below a path without links.
pub(super) fn below(path: &Path) -> Result<Option<PathBuf>, Fault> {
    let table = std::fs::read("/proc/self/mountinfo").map_err(|error| Fault::io("the list of mounts", &error))?;
    Ok(parse(&table).find(|mount| mount.starts_with(path)))
}

fn parse(table: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    let lines = table.split(|&b| b == b'\n');
    lines
        .filter_map(|line| line.split(|&b| b == b' ').nth(4))
        .map(|field| PathBuf::from(OsString::from_vec(plain(field))))
}

/// The kernel writes blanks, tabs, newlines and backslashes of a path as three octal digits.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_mounts_with_blanks_in_their_names() {
        let table = b"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / /srv/my\\040app/media rw - ext4 /dev/b rw\n";
        let all: Vec<_> = parse(table).collect();
        assert_eq!(all, [PathBuf::from("/"), PathBuf::from("/srv/my app/media")]);
    }

    #[test]
    fn proc_is_a_mount_and_is_below_the_top() {
        assert!(below(Path::new("/proc")).unwrap().is_some());
        assert!(below(Path::new("/")).unwrap().is_some());
        assert!(below(Path::new("/no-such-directory")).unwrap().is_none());
    }
}
