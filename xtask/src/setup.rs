//! `setup`: makes this machine able to build guests and to run the tests.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::guest::{self, DEBIAN_RUSTC, Guest};
use crate::layout::{Layout, WASM};
use crate::mariadb;
use crate::process;

/// Make this machine able to build guests (the wasm target, or a standard library built from Debian's sources) and to run the
/// tests (MariaDB's programs)
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Debian's compiler and the sources of exactly its standard library.
const COMPILER: [&str; 2] = ["rustc-web", "rust-web-src"];
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library";

/// Programs that single tests look at; a test that needs one says so and is skipped where it is not there.
const TOOLS: [(&str, &str); 5] = [
    ("strace", "strace"),
    ("unzip", "unzip"),
    ("bsdtar", "libarchive-tools"),
    ("zstd", "zstd"),
    ("chromium", "chromium"),
];

pub(crate) fn run(layout: &Layout, _: &Arguments) -> Result<()> {
    let guest = all(layout)?;
    println!("guests are built with {}", guest.name());
    Ok(())
}

/// The compiler for guests, MariaDB, and what single tests look at.
///
/// # Errors
/// If there is no compiler or no MariaDB. What else is missing is only said.
pub(crate) fn all(layout: &Layout) -> Result<Guest> {
    let guest = ready(layout)?;
    mariadb::ready()?;
    tools();
    Ok(guest)
}

/// A compiler for guests, made ready if need be.
///
/// # Errors
/// If there is none; the message says what to install.
pub(crate) fn ready(layout: &Layout) -> Result<Guest> {
    if has_wasm(&guest::sysroot("rustc")?) {
        return Ok(Guest::Rustup);
    }
    // Whoever sets this to 0 does not want rustup to download.
    if env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0") {
        println!("setup: rustup target add {WASM}");
        if process::works(Command::new("rustup").args(["target", "add", WASM])) && has_wasm(&guest::sysroot("rustc")?) {
            return Ok(Guest::Rustup);
        }
    }
    debian_compiler()?;
    let sysroot = private_sysroot(layout)?;
    Ok(Guest::Debian { sysroot })
}

fn has_wasm(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(WASM).join("lib").is_dir()
}

/// Has Debian's compiler and its sources, in the same version.
fn debian_compiler() -> Result<()> {
    if !Path::new(DEBIAN_RUSTC).exists() || !Path::new(SOURCES).is_dir() {
        install(&COMPILER).context(
            "no compiler for guests. Either `rustup target add wasm32-unknown-unknown`, or, on Debian, as root: \
             `apt-get install rustc-web rust-web-src`",
        )?;
    }
    let versions = COMPILER.map(package_version);
    match versions {
        [Some(compiler), Some(sources)] if compiler == sources => Ok(()),
        [compiler, sources] => bail!(
            "{DEBIAN_RUSTC} must be of the package rustc-web, and rust-web-src of the same version; there is {} and {}",
            compiler.as_deref().unwrap_or("no rustc-web"),
            sources.as_deref().unwrap_or("no rust-web-src"),
        ),
    }
}

fn package_version(package: &str) -> Option<String> {
    process::output(Command::new("dpkg-query").args(["-W", "-f=${Version}", package])).ok()
}

/// What single tests look at. Missing ones are no error.
fn tools() {
    let path = env::var_os("PATH").unwrap_or_default();
    let there = |program: &str| env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let missing: Vec<_> = TOOLS.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty()
        && let Err(error) = install(&missing)
    {
        println!("setup: tests that need {} will be skipped ({error:#})", missing.join(", "));
    }
}

/// Installs packages. Never at the cost of others: nothing is removed.
///
/// # Errors
/// If this is not root, or no Debian; what apt says.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !process::works(Command::new("apt-get").arg("--version")) {
        bail!("installing {} takes root and apt-get", packages.join(" "));
    }
    println!("setup: apt-get install {}", packages.join(" "));
    let apt = |verb: &str, packages: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "-y",
            "-q",
            "--no-install-recommends",
            "--no-remove",
            verb,
        ]);
        process::output(command.args(packages))
    };
    if apt("install", packages).is_err() {
        apt("update", &[])?;
        apt("install", packages)?;
    }
    Ok(())
}

/// The standard library for wasm, built once from Debian's sources with Debian's compiler.
fn private_sysroot(layout: &Layout) -> Result<PathBuf> {
    let flags = std_flags();
    let key = short_digest(&format!("{}{flags:?}", guest::version(DEBIAN_RUSTC)?));
    let sysroot = layout.guest().join(format!("sysroot-{key}"));
    if has_wasm(&sysroot) {
        return Ok(sysroot);
    }
    println!("setup: building the standard library for {WASM} (once, about a minute)");
    let work = layout.guest().join(format!("std-{key}"));
    write_stub(&work)?;
    process::output(&mut build_std(&work, &flags))?;
    let partial = layout.guest().join(format!("sysroot-{key}.partial"));
    collect(&work, &partial)?;
    let _ = fs::remove_dir_all(&sysroot);
    fs::rename(&partial, &sysroot).with_context(|| format!("cannot finish {}", sysroot.display()))?;
    fs::remove_dir_all(&work)?;
    Ok(sysroot)
}

const STUB: &str = "stub";

fn write_stub(work: &Path) -> Result<()> {
    fs::create_dir_all(work.join("src")).with_context(|| format!("cannot make {}", work.display()))?;
    let manifest = format!("[package]\nname = \"{STUB}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    fs::write(work.join("Cargo.toml"), manifest)?;
    fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
    Ok(())
}

/// Bitcode, so that guests can be optimised as a whole; no path of this machine, so that their digests do not depend on it.
fn std_flags() -> OsString {
    let flags = [OsString::from("-Cembed-bitcode=yes")].into_iter().chain(guest::remap_cargo_home());
    flags.collect::<Vec<_>>().join(OsStr::new(guest::FLAG_SEPARATOR))
}

fn build_std(work: &Path, flags: &OsStr) -> Command {
    let mut command = process::cargo(work, "build");
    command
        .args(["--release", "-Zbuild-std=std,panic_abort", "--target", WASM])
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", SOURCES)
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env_remove("RUSTFLAGS");
    command
}

/// Copies the built libraries, but not the stub, into the form of a sysroot.
fn collect(work: &Path, sysroot: &Path) -> Result<()> {
    let libraries = sysroot.join("lib/rustlib").join(WASM).join("lib");
    let _ = fs::remove_dir_all(sysroot);
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(work.join("target").join(WASM).join("release/deps"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.ends_with(".rlib") && !name.starts_with(&format!("lib{STUB}-")) {
            fs::copy(&path, libraries.join(name))?;
        }
    }
    Ok(())
}

fn short_digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_without_the_target_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!has_wasm(directory.path()));
        fs::create_dir_all(directory.path().join("lib/rustlib").join(WASM).join("lib")).unwrap();
        assert!(has_wasm(directory.path()));
    }

    #[test]
    fn the_stub_does_not_get_into_the_sysroot() {
        let work = tempfile::tempdir().unwrap();
        let built = work.path().join("target").join(WASM).join("release/deps");
        fs::create_dir_all(&built).unwrap();
        for name in ["libstub-1.rlib", "libcore-2.rlib", "libcore-2.rmeta"] {
            fs::write(built.join(name), name).unwrap();
        }
        let sysroot = work.path().join("sysroot");
        collect(work.path(), &sysroot).unwrap();
        let names: Vec<_> = fs::read_dir(sysroot.join("lib/rustlib").join(WASM).join("lib"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["libcore-2.rlib"]);
    }
}
