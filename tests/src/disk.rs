//! File systems and files that say no: a small disk that is full, a file that nobody can change or remove.
//!
//! Real ones: made by `mount` and `chattr`, which only root may, and unmade when they are dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A file system of its own that is soon full.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it there; `options` as `size=64k`, `nr_inodes=1`.
    ///
    /// # Errors
    /// If this is not root.
    pub fn mount(at: &Path, options: &str) -> Result<Self> {
        fs::create_dir_all(at)?;
        let options = format!("mode=700,{options}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at))?;
        Ok(Self(at.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it other options.
    ///
    /// # Errors
    /// What `mount` says.
    pub fn remount(&self, options: &str) -> Result<()> {
        Self::remount_at(&self.0, options)
    }

    /// Gives other options to the one that is mounted there.
    ///
    /// # Errors
    /// What `mount` says.
    pub fn remount_at(at: &Path, options: &str) -> Result<()> {
        run(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(at))
    }

    /// Another file or directory finds no room on the one that is mounted there. Nothing happens to those that are there.
    ///
    /// # Errors
    /// What the system says.
    pub fn fill_at(at: &Path) -> Result<()> {
        let about = rustix::fs::statvfs(at)?;
        Self::remount_at(at, &format!("nr_inodes={}", about.f_files - about.f_ffree))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A file or directory that not even root can change, rename or remove.
pub struct Immutable(PathBuf);

impl Immutable {
    /// Makes it so.
    ///
    /// # Errors
    /// If this is not root, or the file system has no such attribute.
    pub fn new(path: &Path) -> Result<Self> {
        run(Command::new("chattr").arg("+i").arg(path))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(&self.0).status();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("this test needs {program}, which only root may use: run the tests as root ({})", why.trim());
    }
    Ok(())
}
