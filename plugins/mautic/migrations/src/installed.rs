//! The migrations that an installed Mautic brings: the names of its files, never what is in them.

use std::collections::BTreeSet;

use liftlock_sdk::prelude::*;

use crate::version::Version;

/// Where the files are, in Mautic 2 as in Mautic 3.
pub const DIRECTORY: &str = "app/migrations";

/// The versions of the files below a root; empty if there is no such directory.
///
/// # Errors
/// What the host says.
pub fn read(root: &Directory) -> Result<BTreeSet<Version>, Failure> {
    if !root.exists(DIRECTORY)? {
        return Ok(BTreeSet::new());
    }
    let entries = root.list(DIRECTORY)?;
    Ok(entries
        .iter()
        .filter(|entry| entry.kind == "file")
        .filter_map(|entry| Version::from_file(&entry.name))
        .collect())
}
