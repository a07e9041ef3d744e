//! An installation of Mautic on a server, and what must be true of it when it has been raised to the new version.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use anyhow::{Result, ensure};
use data_encoding::HEXUPPER;

use crate::fixture::mautic::versions::{KEPT, NUMBER_OF_2, OF_3};
use crate::fixture::mautic::{
    CHANGED_THEME_FILE, CUSTOM, Data, Files, Fixture, NEW_VERSION, OLD_VERSION, Options, SPOOL, Size, Template, Vendor,
    version,
};
use crate::fixture::{FLAG, PAGE, STATUS};
use crate::mariadb::Schema;
use crate::site::Site;
use crate::{mariadb, places};

/// One of it, with its vendor's server beside it.
pub struct Newsletter {
    /// What it was made of.
    pub template: Template,
    /// Where the package and the control file are.
    pub vendor: Vendor,
    site: Site,
    files: Files,
    data: Data,
}

impl Deref for Newsletter {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl DerefMut for Newsletter {
    fn deref_mut(&mut self) -> &mut Site {
        &mut self.site
    }
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
            Options::new(schema, places::pipeline("mautic")?, vendor.origin()).files(files.clone()).data(data.clone());
        let installation = template.installation(directory.path(), &options)?;
        let site = Site::new(installation, directory, version, OLD_VERSION)?;
        Ok(Self { template, vendor, site, files, data })
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
                    "SELECT GROUP_CONCAT(DISTINCT DATA_TYPE) FROM information_schema.COLUMNS JOIN {p}lead_fields ON BINARY alias = BINARY COLUMN_NAME \
                     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{p}leads' AND type = 'multiselect'"
                ),
                "text",
            ),
            (format!("SELECT COUNT(*) FROM {p}migrations"), &versions),
            (format!("SELECT COUNT(*) - COUNT(DISTINCT version) FROM {p}migrations"), "0"),
        ];
        Ok(self.says(&wanted)? + self.properties()?)
    }

    /// Values that PHP has serialised.
    fn properties(&self) -> Result<usize> {
        let p = &self.installation.prefix;
        let wanted = self.data.upgraded_properties();
        for (table, id, bytes) in &wanted {
            let bytes = bytes.as_ref().map_or_else(|| "none".to_owned(), |bytes| HEXUPPER.encode(bytes));
            self.says(&[(
                format!("SELECT COALESCE(HEX(properties), 'none') FROM {p}{table} WHERE id = {id}"),
                bytes.as_str(),
            )])?;
        }
        Ok(wanted.len())
    }

    fn tree(&self) -> Result<usize> {
        let root = &self.installation.root;
        ensure!(self.version()? == NEW_VERSION, "the files are of version {}", self.version()?);
        let mut there = vec![
            "shop",
            ".well-known",
            "media/files/0a1b2c3d.pdf",
            "media/css/ours.css",
            "translations/de_AT/config.json",
            "bin/console",
            "var/cache",
        ];
        if self.files.custom_plugin && self.files.custom_theme {
            there.extend(CUSTOM);
        }
        let gone = [
            "translations/de_AT/config.php",
            "app/version.txt",
            "app/console",
            "app/spool",
            FLAG,
            PAGE,
            STATUS,
            "upgrade_v3.php",
        ];
        let paths = self.has(&there, &gone)?;
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
        Ok(paths + 7)
    }
}
