//! What was written in the roots since the installation was opened again: what undo would lose.

use rustix::fs::FileType;

use super::Files;
use super::dir::kind;
use super::walk::walk;
use crate::effect::{CallError, Fault, Written};

/// Files whose inode was changed after a moment, in milliseconds since 1970. Directories do not count: they change with what
/// is in them. What was deleted since is not seen; undo brings it back.
pub(super) fn written(files: &Files, since: u64) -> Result<Written, Fault> {
    let mut written = Written::default();
    for root in &files.roots {
        let top = format!("{}:", root.name);
        let seen = walk(files, &root.dir, &top, &mut |found| {
            let changed = found.stat.st_ctime.saturating_mul(1000) + found.stat.st_ctime_nsec.cast_signed() / 1_000_000;
            let is_new = u64::try_from(changed).is_ok_and(|changed| changed > since);
            let is_own = || {
                let path = super::path::RelPath::from_bytes(found.path);
                path.is_ok_and(|path| files.own.contains(&super::full_path(root, &path)))
            };
            if is_new && kind(found.stat) != FileType::Directory && !is_own() {
                written.count += 1;
                written.first.get_or_insert_with(|| found.object(&top));
            }
            Ok(())
        });
        match seen {
            Ok(()) => {}
            Err(CallError::Fault(fault)) => return Err(fault),
            Err(CallError::Answer(failure)) => return Err(Fault::new("io-error", failure.message)),
        }
    }
    Ok(written)
}
