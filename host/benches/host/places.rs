//! Where things are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;

/// The target directory that this program was built into.
fn target() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let release = program.ancestors().find(|path| path.ends_with("release") || path.ends_with("debug"));
    Ok(release.and_then(Path::parent).ok_or("this program is in no target directory")?.to_owned())
}

/// The component that is measured.
pub fn component() -> Result<PathBuf> {
    let path = target()?.join("guests/bench.wasm");
    if !path.is_file() {
        return Err(format!("{} is not there; `cargo xtask plugins` makes it", path.display()).into());
    }
    Ok(path)
}

/// A directory of its own on a real disk.
pub fn directory() -> Result<TempDir> {
    let all = target()?.join("bench");
    fs::create_dir_all(&all)?;
    Ok(tempfile::tempdir_in(all)?)
}
