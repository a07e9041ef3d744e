//! An installation of WHMCS on a server, and what must be true of it when it has been raised to the new version, or patched.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::fixture::whmcs::{
    CUSTOM, CUSTOM_ADMIN, CUSTOMISED, Data, Files, Fixture, OLD_VERSION, Options, Package, SECRET, Settings, Size,
    Template, database_version, version,
};
use crate::fixture::{Database, FLAG, Installation, PAGE, STATUS};
use crate::host::Ended;
use crate::http::Server;
use crate::mariadb::Schema;
use crate::site::Site;
use crate::{mariadb, places};

/// One of it, with its vendor's server beside it.
pub struct Billing {
    /// What it was made of.
    pub template: Template,
    site: Site,
    package: Package,
    files: Files,
    data: Data,
    _server: Server,
}

impl Deref for Billing {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Billing {
    /// Makes one on the shared server, to be upgraded by this package.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn new(package: Package, size: Size, files: Files, data: Data) -> Result<Self> {
        Self::with(package, size, files, data, |_, _| {})
    }

    /// The same where the operator says something else.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn with(
        package: Package,
        size: Size,
        files: Files,
        data: Data,
        change: impl FnOnce(&mut Settings, &Schema),
    ) -> Result<Self> {
        let template = Fixture::new(size).prepare(&places::cache()?)?;
        let server = Server::start([(package.path(), template.package(package)?)])?;
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let schema = Schema::new(&mariadb::shared()?, "whmcs")?;
        let mut settings = Settings::new(package, places::pipeline(package.bundle())?, server.origin());
        change(&mut settings, &schema);
        let options = Options { files: files.clone(), data: data.clone(), schema, settings };
        let installation = template.installation(directory.path(), &options)?;
        let site = Site::new(installation, directory, version, files.version.as_deref().unwrap_or(OLD_VERSION))?;
        Ok(Self { template, site, package, files, data, _server: server })
    }

    /// Runs a command that must fail with this exit code. Returns what it said, as JSON.
    ///
    /// # Errors
    /// All that it printed.
    pub fn fails(&self, command: &str, exit: i32) -> Result<Vec<Value>> {
        let words = command.split(' ').chain(["--format", "json"]);
        self.host.run(words)?.expect(exit).with_context(|| command.to_owned())?.objects()
    }

    /// What `check` finds: the severity of each code, and the finding.
    ///
    /// # Errors
    /// What it printed, if that is no JSON.
    pub fn findings(&self) -> Result<BTreeMap<String, Value>> {
        findings(&self.host.run(["check", "--format", "json"])?)
    }

    /// The same by another user, who is given all of the installation but these paths of the root.
    ///
    /// # Errors
    /// What the file system says.
    pub fn findings_of(&self, user: u32, but: &[&str]) -> Result<BTreeMap<String, Value>> {
        let Installation { directory, root, .. } = &self.installation;
        std::os::unix::fs::chown(directory, Some(user), Some(user))?;
        for path in crate::fixture::tree::list(directory)? {
            let path = directory.join(path);
            let mine = !but.iter().any(|but| path == root.join(but));
            let owner = if mine { user } else { 0 };
            std::os::unix::fs::lchown(&path, Some(owner), Some(owner))?;
        }
        // What does not belong to the user is there to be read, as a careless upload as root leaves it.
        for path in but {
            let path = root.join(path);
            let mode = if path.is_dir() { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        let mut command = self.host.command(["check", "--format", "json"]);
        let output = command.uid(user).gid(user).stdin(Stdio::null()).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        findings(&Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Lets commands of another user through to it and to its server, and gives that user the files that they write.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_to_others(&self) -> Result<()> {
        let Database::Server(schema) = &self.installation.database else { return Ok(()) };
        for path in [self.installation.directory.as_path(), schema.socket().parent().context("no directory")?] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    /// The version that the database says it is.
    ///
    /// # Errors
    /// If it does not say.
    pub fn database_version(&self) -> Result<String> {
        database_version(&self.installation.database)
    }

    /// All that is true of a site that was upgraded. Returns how many things were looked at.
    ///
    /// # Errors
    /// The first that is not true.
    pub fn is_upgraded(&self) -> Result<usize> {
        let version = self.package.version();
        let said = (self.version()?, self.database_version()?);
        ensure!(said == (version.to_owned(), version.to_owned()), "files and database are of {said:?}");
        Ok(2 + self.rows()? + self.tree()?)
    }

    fn rows(&self) -> Result<usize> {
        let rows = |table: &str| format!("SELECT COUNT(*) FROM {table}");
        let column = |table: &str, column: &str| {
            format!(
                "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' AND COLUMN_NAME = '{column}'"
            )
        };
        let is_release = self.package == Package::Release;
        let there = if is_release { "1" } else { "0" };
        let clients = self.data.clients.to_string();
        let mut wanted = vec![
            (column("tblclients", "marketing_consent"), "1"),
            ("SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'UpdaterStatus'".to_owned(), "0"),
            ("SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'Version'".to_owned(), "1"),
            ("SELECT COUNT(*) = 0 FROM tblclients WHERE marketing_consent <> (language = 'german' AND status = 'Active')".to_owned(), "1"),
            (column("tblhosting", "billing_days"), there),
            (column("tbltickets", "pinned_at"), there),
            (column("tblinvoice_payments", "paid_at"), there),
        ];
        for table in ["tblclients", "tblhosting", "tblinvoices", "tblinvoiceitems", "tbltickets"] {
            wanted.push((rows(table), &clients));
        }
        let paid = "SELECT COUNT(*) FROM tblinvoices WHERE datepaid <> '0000-00-00 00:00:00'";
        let paid = if is_release { self.installation.database.cell(paid)? } else { "0".to_owned() };
        if is_release {
            wanted.push((rows("tblinvoice_payments"), &paid));
            // Dates that are all zeros are no error of the users', and stay.
            wanted.push(("SELECT COUNT(*) > 0 FROM tblhosting WHERE nextduedate = '0000-00-00'".to_owned(), "1"));
            wanted.push((
                "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE <> 'InnoDB'"
                    .to_owned(),
                "0",
            ));
        }
        self.says(&wanted)
    }

    fn tree(&self) -> Result<usize> {
        let root = &self.installation.root;
        let admin = if self.files.custom_admin { CUSTOM_ADMIN } else { "admin" };
        let login = format!("{admin}/login.php");
        let mut there = vec![
            "configuration.php",
            "crons/config.php",
            ".htaccess",
            "blog/latest/photo.jpg",
            ".well-known/security.txt",
            "attachments/482913_scan.pdf",
            "attachments/index.php",
            "downloads/manual of ours.zip",
            "templates_c/0f2a_0.file.header.tpl.php",
            &login,
        ];
        there.extend(if self.files.custom { CUSTOM.as_slice() } else { &[] });
        let overrides = format!("{admin}/lang/overrides/english.php");
        there.extend(self.files.custom.then_some(overrides.as_str()));
        let mut gone = vec!["install", FLAG, PAGE, STATUS, ".new-version", "patch-set.json"];
        gone.extend(self.files.custom_admin.then_some("admin"));
        match self.package {
            Package::Release => {
                there.push("modules/servers/deploycloud/deploycloud.php");
                gone.push("includes/old_only.php");
            }
            Package::PatchSet => {
                there.extend(["vendor/whmcs/whmcs-foundation/src/Hotfix/Case8121.php", "includes/old_only.php"]);
            }
        }
        let paths = self.has(&there, &gone)?;
        let settings = fs::metadata(root.join("configuration.php"))?.permissions().mode() & 0o777;
        ensure!(settings == 0o400, "configuration.php has mode {settings:o}");
        ensure!(fs::read_to_string(root.join("configuration.php"))?.contains(SECRET), "the settings are others");
        let changed = if self.files.customised { CUSTOMISED.as_slice() } else { &[] };
        for path in changed {
            let kept = fs::read_to_string(root.join(path))?.contains("Our imprint");
            // A patch set says which files it mends: those are not left as they were.
            let patched = self.package == Package::PatchSet && self.template.new_tree(self.package).join(path).exists();
            ensure!(kept != patched, "{path}: what people changed in it is there: {kept}");
        }
        let mended = self.template.new_tree(self.package).join("admin/login.php");
        ensure!(fs::read(root.join(&login))? == fs::read(mended)?, "{login} is not the package's");
        Ok(paths + changed.len() + 3)
    }
}

fn findings(ended: &Ended) -> Result<BTreeMap<String, Value>> {
    let said = ended.objects().with_context(|| ended.stderr.clone())?;
    let found = said.iter().filter_map(|object| {
        let finding = object.get("finding")?;
        Some((finding["code"].as_str()?.to_owned(), finding.clone()))
    });
    Ok(found.collect())
}
