//! `--package`: a local copy of a package.

use liftlock::upgrade::Upgrade;

use super::output::{self, ErrorText};
use super::{Exit, Global};

/// An option of `check` and `apply`.
#[derive(clap::Args)]
pub(super) struct Package {
    /// Take the package from this file instead of downloading it; the pin holds, and `resume` remembers it
    ///
    /// With several packages in the pipeline: NAME=FILE, repeatable.
    #[arg(long = "package", value_name = "[NAME=]FILE")]
    pub(super) files: Vec<String>,
}

impl Package {
    /// Opens the installation with these packages.
    ///
    /// # Errors
    /// How the program ends. It has been told.
    pub(super) fn open(&self, global: &Global) -> Result<Upgrade, Exit> {
        let mut upgrade = global.open().map_err(|trouble| output::trouble(global, &trouble))?;
        upgrade.take_packages(&self.files).map_err(|fault| {
            let (message, hint) = (fault.message, fault.hint);
            let next = Some("liftlock apply --help");
            output::error(global, &ErrorText { hint, next, ..ErrorText::new(fault.code, message) });
            Exit::Usage
        })?;
        Ok(upgrade)
    }
}
