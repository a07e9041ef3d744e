//! The compiler that makes guests: which one, and the environment it needs.
//!
//! rustup's own, where it has the wasm target; else Debian's `rustc-web` with a standard library that `setup` builds into a
//! private sysroot. Nothing of this reaches the builds for the host.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::layout::{Layout, WASM};
use crate::process;

/// What turns a Rust crate into a component.
const LINKER: &str = "wasm-component-ld";

/// A compiler for guests that is ready for use.
pub(crate) enum Guest {
    /// The toolchain that builds the host has the wasm target.
    Rustup,
    /// Debian's compiler, our sysroot, and the linkers of the host's toolchain.
    Debian {
        /// Where the standard library for wasm is.
        sysroot: PathBuf,
    },
}

/// Between flags in `CARGO_ENCODED_RUSTFLAGS`: they may hold spaces.
pub(crate) const FLAG_SEPARATOR: &str = "\u{1f}";

/// Debian's compiler.
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

impl Guest {
    /// A word or two, for people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rustup => "the toolchain's own wasm target",
            Self::Debian { .. } => "Debian's rustc-web with a sysroot of our own",
        }
    }

    /// `cargo <verb>` for the wasm target in a workspace of guests, optimised.
    ///
    /// # Errors
    /// If the host's compiler cannot be asked where its tools are.
    pub(crate) fn cargo(&self, layout: &Layout, workspace: &Path, verb: &str) -> Result<Command> {
        let mut command = process::cargo(workspace, verb);
        command.args(["--release", "--target", WASM]);
        command.env("CARGO_TARGET_DIR", layout.guest_target());
        command.env_remove("RUSTFLAGS");
        let mut flags = self.remaps(layout);
        match self {
            Self::Rustup => {
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
            }
            Self::Debian { sysroot } => {
                let tools = host_tools()?;
                command.env("RUSTC", DEBIAN_RUSTC);
                command.env("PATH", with_path(&tools.join("gcc-ld"))?);
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", tools.join(LINKER));
                flags.extend([OsString::from("--sysroot"), sysroot.clone().into()]);
            }
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsStr::new(FLAG_SEPARATOR)));
        Ok(command)
    }

    /// Without these a component, and so its digest, would depend on the directory it was built in. Of two that fit, the
    /// compiler takes the later one.
    fn remaps(&self, layout: &Layout) -> Vec<OsString> {
        let mut remaps = vec![remap(&layout.root, "/liftlock"), remap(&layout.guest_target(), "/target")];
        if let Self::Debian { sysroot } = self {
            remaps.push(remap(sysroot, "/sysroot"));
        }
        remaps.extend(remap_cargo_home());
        remaps
    }
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// Sources of other crates, wherever this user keeps them.
pub(crate) fn remap_cargo_home() -> Option<OsString> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    Some(remap(&home, "/cargo"))
}

fn with_path(directory: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = env::split_paths(&path).chain([directory.to_owned()]);
    Ok(env::join_paths(all)?)
}

/// `rustc -vV` of a compiler: its version, commit and host, one a line.
///
/// # Errors
/// If it is not there.
pub(crate) fn version(rustc: &str) -> Result<String> {
    process::output(Command::new(rustc).arg("-vV"))
}

/// Where a compiler keeps its libraries.
///
/// # Errors
/// If it is not there.
pub(crate) fn sysroot(rustc: &str) -> Result<PathBuf> {
    Ok(process::output(Command::new(rustc).args(["--print", "sysroot"]))?.trim_end().into())
}

/// The linkers that rustup brings with the host's toolchain.
pub(crate) fn host_tools() -> Result<PathBuf> {
    let about = version("rustc")?;
    let Some(host) = about.lines().find_map(|line| line.strip_prefix("host: ")) else {
        bail!("rustc -vV does not say its host");
    };
    Ok(sysroot("rustc")?.join("lib/rustlib").join(host).join("bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_machine_are_remapped() {
        let layout = Layout { root: "/somewhere".into(), target: "/elsewhere".into() };
        let remaps = Guest::Rustup.remaps(&layout);
        assert!(remaps.contains(&"--remap-path-prefix=/somewhere=/liftlock".into()), "{remaps:?}");
        assert!(remaps.contains(&"--remap-path-prefix=/elsewhere/guest/build=/target".into()), "{remaps:?}");
    }
}
