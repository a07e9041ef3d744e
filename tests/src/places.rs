//! Where the things are that were built for the tests.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The target directory that this test was built into.
///
/// # Errors
/// If this program is not in one.
pub fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("where is this program?")?;
    let debug =
        program.ancestors().find(|path| path.file_name().is_some_and(|name| name == "debug" || name == "release"));
    let target =
        debug.and_then(Path::parent).with_context(|| format!("{} is in no target directory", program.display()))?;
    Ok(target.to_owned())
}

/// The host's binary, with fault points. `LIFTLOCK_TEST_BINARY` names another one: a copy that no build replaces in a long run.
///
/// # Errors
/// If it was not built.
pub fn liftlock() -> Result<PathBuf> {
    if let Some(program) = env::var_os("LIFTLOCK_TEST_BINARY") {
        return Ok(program.into());
    }
    built("debug/liftlock", "cargo build --workspace --features liftlock/faults")
}

/// The `pipeline.toml` of an application's bundle.
///
/// # Errors
/// If it was not built.
pub fn pipeline(application: &str) -> Result<PathBuf> {
    built(&format!("bundles/{application}/pipeline.toml"), "cargo xtask plugins")
}

/// The component of one of the tests' own guests.
///
/// # Errors
/// If it was not built.
pub fn guest(name: &str) -> Result<PathBuf> {
    built(&format!("guests/{name}.wasm"), "cargo xtask plugins")
}

/// A component of the vendor who has nothing of this repository but `wit/`.
///
/// # Errors
/// If it was not built.
pub fn outside(name: &str) -> Result<PathBuf> {
    built(&format!("outside/{name}.wasm"), "cargo xtask plugins")
}

/// Where fixtures are kept between runs.
///
/// # Errors
/// If this program is in no target directory.
pub fn cache() -> Result<PathBuf> {
    Ok(target()?.join("fixtures"))
}

fn built(path: &str, by: &str) -> Result<PathBuf> {
    let path = target()?.join(path);
    if !path.is_file() {
        bail!("{} is not there; `{by}` makes it", path.display());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_built_is_named_with_its_command() {
        let error = pipeline("no-such-application").unwrap_err().to_string();
        assert!(error.ends_with("`cargo xtask plugins` makes it"), "{error}");
    }
}
