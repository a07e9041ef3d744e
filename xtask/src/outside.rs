//! A stage built as another vendor would: outside the repository, with nothing of it but a copy of `wit/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle;
use crate::guest::Guest;
use crate::layout::{Layout, WASM};
use crate::process;

/// The component of each set of features.
const VARIANTS: [(&str, &str); 3] =
    [("acme-backup", ""), ("acme-backup-greedy", "greedy"), ("acme-backup-deaf", "deaf")];

/// Builds it, if it is not there as it is to be. Returns how many components there are.
///
/// # Errors
/// If it does not build, or a file cannot be read or written.
pub(crate) fn build(layout: &Layout, guest: &Guest) -> Result<usize> {
    let sources = [layout.outside_stage(), layout.root.join("wit")];
    let inputs = digest(&sources)? + "\n" + guest.name() + "\n";
    let stamp = layout.outside().join("inputs");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        return Ok(VARIANTS.len());
    }
    let place = Outside::new()?;
    copy(&sources[0], &place.0)?;
    copy(&sources[1], &place.0.join("wit"))?;
    for (name, features) in VARIANTS {
        process::run(guest.cargo(layout, &place.0, "build")?.args(["--locked", "--features", features]))?;
        let built = layout.guest_target().join(WASM).join("release/acme_backup.wasm");
        bundle::put(&layout.outside().join(format!("{name}.wasm")), &fs::read(built)?)?;
    }
    bundle::put(&stamp, inputs.as_bytes())?;
    Ok(VARIANTS.len())
}

/// A directory that is not in the repository, removed afterwards.
struct Outside(PathBuf);

impl Outside {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("liftlock-outside-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for path in files(from)? {
        let new = to.join(path.strip_prefix(from)?);
        fs::create_dir_all(new.parent().unwrap_or(to))?;
        fs::copy(&path, &new).with_context(|| format!("cannot copy {}", path.display()))?;
    }
    Ok(())
}

fn digest(directories: &[PathBuf]) -> Result<String> {
    let mut digests = String::new();
    for directory in directories {
        for path in files(directory)? {
            let name = path.strip_prefix(directory)?.display().to_string();
            digests += &format!("{name} {}\n", bundle::hex_digest(&fs::read(&path)?));
        }
    }
    Ok(bundle::hex_digest(digests.as_bytes()))
}

/// All files below, in order.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_digest() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("src")).unwrap();
        fs::write(directory.path().join("src/lib.rs"), "one").unwrap();
        let sources = [directory.path().to_owned()];
        let one = digest(&sources).unwrap();
        fs::write(directory.path().join("src/lib.rs"), "two").unwrap();
        assert_ne!(digest(&sources).unwrap(), one);
    }
}
