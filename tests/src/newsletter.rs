//! An installation of Mautic on a server, and what must be true of it when it has been raised to the new version.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use toml_edit::DocumentMut;

use crate::digest::Digest;
use crate::fixture::mautic::versions::{KEPT, NUMBER_OF_2, OF_3};
use crate::fixture::mautic::{
    CHANGED_THEME_FILE, CUSTOM, Data, Files, Fixture, Installation, NEW_VERSION, OLD_VERSION, Options, SPOOL, Size,
    Template, Vendor,
};
use crate::fixture::{FLAG, PAGE, STATUS};
use crate::host::{Ended, Host};
use crate::mariadb::Schema;
use crate::{mariadb, places};

/// One of it, with its vendor's server beside it.
pub struct Newsletter {
    /// What it was made of.
    pub template: Template,
    /// The files, the schema, the settings.
    pub installation: Installation,
    /// The host, pointed at it.
    pub host: Host,
    /// Where the package and the control file are.
    pub vendor: Vendor,
    /// What it was before anything was done to it.
    pub before: Digest,
    files: Files,
    _directory: TempDir,
}

impl Newsletter {
    /// Makes one on the shared server.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn new(size: Size, files: Files, data: Data) -> Result<Self> {
        Self::on(&mariadb::shared()?, &places::cache()?, size, files, data)
    }

    /// Makes one on a server of a test's own, in a directory below this one.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn on(server: &Path, parent: &Path, size: Size, files: Files, data: Data) -> Result<Self> {
        let template = Fixture::new(size).prepare(&places::cache()?)?;
        let vendor = Vendor::start(&template)?;
        let directory = tempfile::tempdir_in(parent)?;
        let schema = Schema::new(server, "mautic")?;
        let options =
            Options::new(schema, places::pipeline("mautic")?, vendor.origin()).files(files.clone()).data(data);
        let installation = template.installation(directory.path(), &options)?;
        let host = Host::new(&installation.settings)?;
        let before = installation.digest()?;
        Ok(Self { template, installation, host, vendor, before, files, _directory: directory })
    }

    /// Runs a command that must work.
    ///
    /// # Errors
    /// All that it printed.
    pub fn succeeds(&self, command: &str) -> Result<Ended> {
        self.host.run(command.split(' '))?.expect(0).with_context(|| command.to_owned())
    }

    /// Changes values in `installation.toml`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn settings(&self, change: impl FnOnce(&mut DocumentMut)) -> Result<()> {
        let mut document: DocumentMut = fs::read_to_string(&self.installation.settings)?.parse()?;
        change(&mut document);
        Ok(fs::write(&self.installation.settings, document.to_string())?)
    }

    /// What is different from what it was before.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn differences(&self) -> Result<Vec<String>> {
        Ok(self.before.diff(&self.installation.digest()?))
    }

    /// All that is true of a site that was upgraded. Returns how many things were looked at.
    ///
    /// # Errors
    /// The first that is not true.
    pub fn is_upgraded(&self) -> Result<usize> {
        Ok(self.rows()? + self.tree()?)
    }

    fn rows(&self) -> Result<usize> {
        let p = &self.installation.prefix;
        let column = |table: &str, column: &str| {
            format!(
                "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{p}{table}' AND COLUMN_NAME = '{column}'"
            )
        };
        let table = |table: &str| {
            format!(
                "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{p}{table}'"
            )
        };
        let versions = (NUMBER_OF_2 + OF_3.len() - KEPT.len()).to_string();
        let wanted = [
            (column("webhooks", "secret"), "1"),
            (format!("SELECT COUNT(*) FROM {p}webhooks WHERE COALESCE(secret, '') = ''"), "0"),
            (column("companies_leads", "manually_added"), "0"),
            (column("companies_leads", "manually_removed"), "0"),
            (table("sync_object_field_change_report"), "1"),
            (table("sync_object_mapping"), "1"),
            (column("users", "online_status"), "0"),
            (column("lead_devices", "device_fingerprint"), "0"),
            (format!("SELECT COUNT(*) FROM {p}categories WHERE bundle = '0'"), "0"),
            (
                format!(
                    "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{p}lead_donotcontact' AND COLUMN_NAME = 'channel_id' AND SEQ_IN_INDEX = 1"
                ),
                "1",
            ),
            (
                format!(
                    "SELECT COUNT(*) FROM {p}lead_fields WHERE type = 'lookup' AND properties LIKE '%s:4:\"list\";s:%'"
                ),
                "0",
            ),
            (format!("SELECT COUNT(*) FROM {p}migrations"), &versions),
            (format!("SELECT COUNT(*) - COUNT(DISTINCT version) FROM {p}migrations"), "0"),
        ];
        for (sql, wanted) in &wanted {
            let found = self.installation.database.cell(sql)?;
            ensure!(found == *wanted, "{sql}: {found}, not {wanted}");
        }
        Ok(wanted.len())
    }

    fn tree(&self) -> Result<usize> {
        let root = &self.installation.root;
        ensure!(
            self.installation.version()? == NEW_VERSION,
            "the files are of version {}",
            self.installation.version()?
        );
        let mut there = vec![
            "shop",
            ".well-known",
            "media/files/0a1b2c3d.pdf",
            "media/css/ours.css",
            "translations/de_AT",
            "bin/console",
            "var/cache",
        ];
        if self.files.custom_plugin && self.files.custom_theme {
            there.extend(CUSTOM);
        }
        let gone = ["app/version.txt", "app/console", "app/spool", FLAG, PAGE, STATUS, "upgrade_v3.php"];
        for path in &there {
            ensure!(root.join(path).exists(), "{path} is not there");
        }
        for path in gone {
            ensure!(!root.join(path).exists(), "{path} is still there");
        }
        let mails = fs::read_dir(root.join(SPOOL.replace("app/", "var/"))).map_or(0, Iterator::count);
        ensure!(mails == self.files.spooled_mails as usize, "{mails} mails wait");
        if self.files.changed_theme {
            ensure!(
                fs::read_to_string(root.join(CHANGED_THEME_FILE))?.contains("Our imprint"),
                "the theme's change is lost"
            );
        }
        let settings = fs::read_to_string(root.join("app/config/local.php"))?;
        for (text, wanted) in [
            ("var/cache", true),
            ("var/logs", true),
            ("'theme' => 'blank'", true),
            // Of a plugin: another setting of the same name.
            ("'theme' => 'Mauve'", true),
            ("getenv(", true),
            ("track_by_fingerprint", false),
        ] {
            ensure!(settings.contains(text) == wanted, "local.php: {text}, expected: {wanted}");
        }
        Ok(there.len() + gone.len() + 7)
    }

    /// Whether it is of the old version again, to the last row.
    ///
    /// # Errors
    /// What is different.
    pub fn is_before(&self) -> Result<()> {
        let differences = self.differences()?;
        ensure!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
        ensure!(
            self.installation.version()? == OLD_VERSION,
            "the files are of version {}",
            self.installation.version()?
        );
        Ok(())
    }
}
