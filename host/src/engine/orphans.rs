//! Who holds a lock whose taker is dead: a command of a killed run, which has inherited it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::escape;

/// The process that took the lock of a file, if it lives and has it open. The kernel goes on to name one that is dead.
pub(super) fn taker(file: &File) -> io::Result<Option<i32>> {
    let meta = file.metadata()?;
    let locks = fs::read_to_string("/proc/locks")?;
    let takers = locks.lines().filter_map(|line| parse(line, meta.ino()));
    Ok(takers.filter(|pid| *pid > 0).find(|pid| has_open(*pid, &meta).unwrap_or(true)))
}

/// Whether a process has a file open: no, if there is no such process; unknown, if it may not be looked at.
fn has_open(pid: i32, file: &Metadata) -> Option<bool> {
    let same = |found: &Metadata| (found.dev(), found.ino()) == (file.dev(), file.ino());
    match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(open) => Some(open.flatten().any(|fd| fs::metadata(fd.path()).is_ok_and(|found| same(&found)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    }
}

/// From `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`.
fn parse(line: &str, inode: u64) -> Option<i32> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, _, pid, place, ..] = fields.as_slice() else { return None };
    let here = place.rsplit(':').next()?.parse::<u64>().ok()? == inode;
    if here { pid.parse().ok() } else { None }
}

/// The processes that have a file open, but for this one: "4711 (php)". Those that may not be looked at are left out.
pub(super) fn holders(file: &File) -> io::Result<Vec<String>> {
    let meta = file.metadata()?;
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let mut holders = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != own) else { continue };
        if has_open(pid, &meta) == Some(true) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            holders.push(format!("{pid} ({})", escape::line(name.trim(), 50)));
        }
    }
    Ok(holders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_file_locks_of_this_file_count() {
        assert_eq!(parse("1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF", 5678), Some(1234));
        assert_eq!(parse("1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF", 678), None);
        assert_eq!(parse("1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF", 5678), None);
        assert_eq!(parse("1: -> FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF", 5678), None);
        assert_eq!(parse("", 1), None);
    }
}
