//! Roundcube in a small size: a real upgrade, all of its stages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::{Site, Workload};
use crate::fixture::Database;
use crate::fixture::roundcube::{Fixture, Options, PACKAGE, Size, Template};
use crate::http::Server;
use crate::mariadb::Schema;
use crate::{places, zoo};

/// A few users are enough: the migrations are the same.
const USERS: u32 = 5;

/// Roundcube 1.4, to be raised to 1.6.
pub struct Roundcube {
    template: Template,
    bundle: TempDir,
    server: Server,
    size: Size,
    /// The socket of the database's server, if it is on one.
    database: Option<PathBuf>,
}

impl Roundcube {
    /// The application in this size, and a server for its package.
    ///
    /// # Errors
    /// If Debian's package is not to be had.
    pub fn new(size: Size) -> Result<Self> {
        let template = Fixture::new(size).prepare(&places::cache()?)?;
        let server = Server::start([(PACKAGE, template.package()?)])?;
        Ok(Self { template, bundle: copy_of_bundle("roundcube")?, server, size, database: None })
    }

    /// The same with each database in a schema of its own on this server, a zoo beside it.
    #[must_use]
    pub fn on(self, socket: &Path) -> Self {
        Self { database: Some(socket.to_owned()), ..self }
    }
}

/// A copy of an application's bundle, which may be built anew in the meantime.
pub(super) fn copy_of_bundle(application: &str) -> Result<TempDir> {
    let pipeline = places::pipeline(application)?;
    let bundle = tempfile::tempdir()?;
    for entry in fs::read_dir(pipeline.parent().unwrap_or(&pipeline))? {
        let entry = entry?;
        fs::copy(entry.path(), bundle.path().join(entry.file_name()))?;
    }
    Ok(bundle)
}

impl Workload for Roundcube {
    fn name(&self) -> &'static str {
        match (self.size, &self.database) {
            (Size::Full, None) => "roundcube-full",
            (Size::Small, None) => "roundcube",
            (Size::Full, Some(_)) => "roundcube-full-on-a-server",
            (Size::Small, Some(_)) => "roundcube-on-a-server",
        }
    }

    fn install(&self, directory: &Path) -> Result<Site> {
        let mut options = Options::new(self.bundle.path().join("pipeline.toml"), self.server.origin()).users(USERS);
        if let Some(socket) = &self.database {
            options = options.on(Schema::new(socket, "crash")?);
        }
        let site = self.template.installation(directory, &options)?;
        if let Database::Server(schema) = &site.database {
            zoo::fill_beside_webmail(schema)?;
        }
        commands(&site)?;
        Ok(site)
    }

    fn complaints(&self, site: &Site, up: bool) -> Result<Vec<String>> {
        let mut complaints = Vec::new();
        if site.directory.join(STOPPED).exists() {
            complaints.push("what the freeze stopped was not started again".to_owned());
        }
        match fs::read(site.directory.join(SERVED)) {
            Ok(served) if served == fs::read(site.root.join(CODE))? => {}
            Ok(_) => complaints.push("the last hook ran before the last switch".to_owned()),
            Err(_) if up => complaints.push("the hook after the switch did not run".to_owned()),
            Err(_) => {}
        }
        Ok(complaints)
    }
}

/// As cron, say: there as long as it is stopped.
const STOPPED: &str = "stopped";
/// As PHP's opcache, say: the code that is served, and where it comes from.
const SERVED: &str = "served.php";
const CODE: &str = "program/include/iniset.php";

/// The operator's commands: they must be run however often the host is killed.
fn commands(site: &Site) -> Result<()> {
    let (stopped, served) = (site.directory.join(STOPPED), site.directory.join(SERVED));
    let (stopped, served, code) = (stopped.display(), served.display(), site.root.join(CODE));
    let settings = fs::read_to_string(&site.settings)?;
    let drain = "drain = \"0s\"\n";
    ensure!(settings.contains(drain), "the fixture has another [freeze]");
    let freeze = format!("{drain}stop = [[\"touch\", \"{stopped}\"]]\nstart = [[\"rm\", \"-f\", \"{stopped}\"]]\n");
    let hooks = format!("[hooks]\nafter-switch = [[\"cp\", \"{}\", \"{served}\"]]\n", code.display());
    Ok(fs::write(&site.settings, settings.replace(drain, &freeze) + &hooks)?)
}
