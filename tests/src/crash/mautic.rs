//! Mautic in a small size, on a server: thirteen stages, schema changes driven by what is there, users' data that is carried.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::roundcube::copy_of_bundle;
use super::{Site, Workload};
use crate::fixture::mautic::{Data, Files, Fixture, Options, Size, Template, Vendor};
use crate::mariadb::Schema;
use crate::places;

/// A few are enough: the statements are the same.
const CONTACTS: u32 = 20;

/// The secret that webhooks get is random, another in each run, so that no two runs would end alike: here they have one.
const SECRETS: &str =
    "ALTER TABLE webhooks ADD secret VARCHAR(255) DEFAULT NULL; UPDATE webhooks SET secret = 'here already'";

/// Mautic 2.16, to be raised to 3.0, with all that people can have changed.
pub struct Mautic {
    template: Template,
    bundle: tempfile::TempDir,
    vendor: Vendor,
    socket: PathBuf,
}

impl Mautic {
    /// Each copy gets a schema of its own on this server.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(socket: &Path) -> Result<Self> {
        let template = Fixture::new(Size::Small).prepare(&places::cache()?)?;
        let vendor = Vendor::start(&template)?;
        Ok(Self { template, bundle: copy_of_bundle("mautic")?, vendor, socket: socket.to_owned() })
    }
}

impl Workload for Mautic {
    fn name(&self) -> &'static str {
        "mautic"
    }

    fn install(&self, directory: &Path) -> Result<Site> {
        let schema = Schema::new(&self.socket, "crash")?;
        let database = schema.clone();
        let mut options = Options::new(schema, self.bundle.path().join("pipeline.toml"), self.vendor.origin())
            .files(Files::rich())
            .data(Data { contacts: CONTACTS, half_applied: true, ..Data::default() });
        // Beside the root: it tells times, in which no two runs are alike.
        options.settings.more = "[log]\nfile = \"upgrade_log.txt\"\n".to_owned();
        let site = self.template.installation(directory, &options)?;
        database.root()?.run(SECRETS)?;
        Ok(site)
    }
}
