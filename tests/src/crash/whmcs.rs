//! WHMCS in a small size, on a server: incremental steps, and by the patch set files that are replaced one by one.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::roundcube::copy_of_bundle;
use super::{Site, Workload};
use crate::fixture::whmcs::{Data, Files, Fixture, Options, Package, Settings, Size, Template};
use crate::http::Server;
use crate::mariadb::Schema;
use crate::places;

/// A few are enough: the statements are the same.
const CLIENTS: u32 = 20;

/// WHMCS 8.12, to be raised to 8.13 or patched, with all that people can have changed.
pub struct Whmcs {
    template: Template,
    package: Package,
    bundle: tempfile::TempDir,
    server: Server,
    socket: PathBuf,
    flag_in_row: bool,
}

impl Whmcs {
    /// Each copy gets a schema of its own on this server.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(package: Package, socket: &Path) -> Result<Self> {
        let template = Fixture::new(Size::Small).prepare(&places::cache()?)?;
        let server = Server::start([(package.path(), template.package(package)?)])?;
        let (bundle, socket) = (copy_of_bundle(package.bundle())?, socket.to_owned());
        Ok(Self { template, package, bundle, server, socket, flag_in_row: false })
    }

    /// The same with WHMCS's own maintenance mode as the flag.
    #[must_use]
    pub fn flag_in_row(self) -> Self {
        Self { flag_in_row: true, ..self }
    }
}

impl Workload for Whmcs {
    fn name(&self) -> &'static str {
        self.package.bundle()
    }

    fn install(&self, directory: &Path) -> Result<Site> {
        let pipeline = self.bundle.path().join("pipeline.toml");
        let options = Options {
            files: Files::rich(),
            data: Data::default().clients(CLIENTS),
            schema: Schema::new(&self.socket, "crash")?,
            settings: Settings {
                flag_in_row: self.flag_in_row,
                ..Settings::new(self.package, pipeline, self.server.origin())
            },
        };
        self.template.installation(directory, &options)
    }
}
