//! Where things are in the repository and in its target directory.

use std::env;
use std::path::{Path, PathBuf};

/// The target of the guests: no libc, and a component imports only what the contract names.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The directories that the commands work in.
pub(crate) struct Layout {
    /// The repository.
    pub(crate) root: PathBuf,
    /// What cargo builds into.
    pub(crate) target: PathBuf,
}

impl Layout {
    /// Finds the repository that this program was built from, and the target directory (`CARGO_TARGET_DIR`).
    pub(crate) fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().unwrap_or(root);
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Self { root, target }
    }

    /// The workspace of the stages.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// The workspace of the small guests that the tests use.
    pub(crate) fn test_guests(&self) -> PathBuf {
        self.root.join("tests/fixtures/guests")
    }

    /// All that belongs to the guests' compiler.
    pub(crate) fn guest(&self) -> PathBuf {
        self.target.join("guest")
    }

    /// What cargo builds guests into.
    pub(crate) fn guest_target(&self) -> PathBuf {
        self.guest().join("build")
    }

    /// What guests are built into for this machine: for clippy and their unit tests.
    pub(crate) fn guest_host_target(&self) -> PathBuf {
        self.guest().join("host")
    }

    /// Finished bundles, one directory an application.
    pub(crate) fn bundles(&self) -> PathBuf {
        self.target.join("bundles")
    }

    /// The components of the tests' guests.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The stage that is built outside the repository.
    pub(crate) fn outside_stage(&self) -> PathBuf {
        self.root.join("tests/fixtures/outside")
    }

    /// Its components.
    pub(crate) fn outside(&self) -> PathBuf {
        self.target.join("outside")
    }

    /// What runs a command with a private server around it, built with the tests.
    pub(crate) fn with_mariadb(&self) -> PathBuf {
        self.target.join("debug/with-mariadb")
    }

    /// The demonstration, built with the tests.
    pub(crate) fn demo(&self) -> PathBuf {
        self.target.join("debug/liftlock-demo")
    }
}
