//! One Roundcube, the server that has its package, and the host pointed at it: for tests that spoil something.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use toml_edit::value;

use crate::digest::{Digest, sha256_hex};
use crate::fixture::Database;
use crate::fixture::roundcube::{Fixture, OLD_VERSION, Options, PACKAGE, Size, Template, version};
use crate::host::Ended;
use crate::http::Server;
use crate::mariadb::{Schema, shared};
use crate::site::Site;
use crate::{places, watched, zoo};

/// A Roundcube of 50 users and 150 files, with all that an operator has.
pub struct Webmail {
    /// What it was made from.
    pub template: Template,
    /// As it was made, to the byte.
    pub before: Digest,
    site: Site,
    _server: Server,
}

impl Deref for Webmail {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// Longer than this no command takes here.
const MOST_TIME: Duration = Duration::from_mins(2);

impl Webmail {
    /// Makes one, with the right package on its server.
    ///
    /// # Errors
    /// What [`Fixture::prepare`] says.
    pub fn new() -> Result<Self> {
        Self::with_package(|package| package)
    }

    /// Makes one whose server has something else in the package's place. It is pinned as the right one.
    ///
    /// # Errors
    /// What [`Fixture::prepare`] says.
    pub fn with_package(spoil: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<Self> {
        Self::make(spoil, None)
    }

    /// Makes one with its database in a schema of its own on this server, a zoo beside it.
    ///
    /// # Errors
    /// What [`Fixture::prepare`] and the server say.
    pub fn on(socket: &Path) -> Result<Self> {
        Self::make(|package| package, Some(Schema::new(socket, "webmail")?))
    }

    fn make(spoil: impl FnOnce(Vec<u8>) -> Vec<u8>, schema: Option<Schema>) -> Result<Self> {
        let template = Fixture::new(Size::Small).prepare(&places::cache()?)?;
        let server = Server::start([(PACKAGE, spoil(template.package()?))])?;
        let directory = tempfile::tempdir_in(places::cache()?)?;
        let mut options = Options::new(places::pipeline("roundcube")?, server.origin()).users(50);
        options.schema = schema;
        let installation = template.installation(directory.path(), &options)?;
        if let Database::Server(schema) = &installation.database {
            zoo::fill_beside_webmail(schema)?;
        }
        let site = Site::new(installation, directory, version, OLD_VERSION)?;
        Ok(Self { template, before: site.installation.exact_digest()?, site, _server: server })
    }

    /// Changes the text of `installation.toml`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn edit(&self, change: impl FnOnce(String) -> String) -> Result<()> {
        let text = fs::read_to_string(&self.installation.settings)?;
        Ok(fs::write(&self.installation.settings, change(text))?)
    }

    /// The line of `installation.toml` that begins so, from 1.
    ///
    /// # Errors
    /// If there is none.
    pub fn line(&self, start: &str) -> Result<usize> {
        let text = fs::read_to_string(&self.installation.settings)?;
        let line = text.lines().position(|line| line.starts_with(start));
        Ok(line.with_context(|| format!("no line begins with {start}"))? + 1)
    }

    /// Copies the bundle, so that it can be changed. Returns its directory.
    ///
    /// # Errors
    /// What the file system says.
    pub fn own_bundle(&self) -> Result<PathBuf> {
        let bundle = self.installation.directory.join("bundle");
        fs::create_dir(&bundle)?;
        let pipeline = places::pipeline("roundcube")?;
        for entry in fs::read_dir(pipeline.parent().context("a bundle is in a directory")?)? {
            let entry = entry?;
            fs::copy(entry.path(), bundle.join(entry.file_name()))?;
        }
        self.installation.configure(|document| document["pipeline"]["path"] = value("bundle/pipeline.toml"))?;
        Ok(bundle)
    }

    /// Pins the bundle as it is now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn pin_bundle(&self) -> Result<()> {
        let pipeline = fs::read(self.installation.directory.join("bundle/pipeline.toml"))?;
        self.installation.configure(|document| document["pipeline"]["sha256"] = value(sha256_hex(&pipeline)))
    }

    /// Does something to the database, as the operator would.
    ///
    /// # Errors
    /// What the database says.
    pub fn sql(&self, sql: &str) -> Result<()> {
        self.installation.database.run(sql)
    }

    /// Runs a command, with JSON for output.
    ///
    /// # Errors
    /// If it cannot be started, or takes for ever.
    pub fn run(&self, command: &str) -> Result<Ended> {
        let arguments: Vec<&str> = command.split(' ').chain(["--format", "json"]).collect();
        Ok(watched::run(&self.host, &arguments, MOST_TIME)?.ended)
    }

    /// A command that must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn succeeds(&self, command: &str) -> Result<Ended> {
        self.run(command)?.expect(0)
    }

    /// A command fails: with this exit code and this code, in words that name all of `words`, telling one next command.
    ///
    /// # Errors
    /// If it is not so.
    pub fn fails(&self, command: &str, exit: i32, code: &str, words: &[&str]) -> Result<Value> {
        let ended = self.run(command)?.expect(exit)?;
        let objects = ended.objects()?;
        let next = objects.iter().filter(|object| object["next"].is_string()).count();
        ensure!(next == 1, "{next} next commands are told\n{}", ended.stdout);
        let told = |object: &&Value| object["code"] == code || object["finding"]["code"] == code;
        let Some(told) = objects.iter().rev().find(told) else {
            bail!("nothing has the code {code}\n{}", ended.stdout)
        };
        let missing: Vec<_> = words.iter().filter(|word| !told.to_string().contains(**word)).collect();
        ensure!(missing.is_empty(), "{missing:?} is not named: {told}");
        Ok(told.clone())
    }

    /// Nothing of the installation has changed, to the byte.
    ///
    /// # Errors
    /// What has changed.
    pub fn is_as_it_was(&self) -> Result<()> {
        let changed = self.before.diff(&self.installation.exact_digest()?);
        ensure!(changed.is_empty(), "changed: {changed:?}");
        Ok(())
    }

    /// The installation is as one is that was upgraded without any trouble.
    ///
    /// # Errors
    /// What is different.
    pub fn is_upgraded(&self) -> Result<()> {
        let on_server = matches!(self.installation.database, Database::Server(_));
        let different = undisturbed(on_server)?.diff(&self.look()?);
        ensure!(different.is_empty(), "not as after an undisturbed run: {different:?}");
        Ok(())
    }

    /// What users could tell apart, but for the times of new files.
    fn look(&self) -> Result<Digest> {
        Ok(self.installation.digest()?.without_new_times(&self.before))
    }
}

/// One that was upgraded without any trouble, made once for each kind of database.
fn undisturbed(on_server: bool) -> Result<Digest> {
    static UNDISTURBED: Mutex<[Option<Digest>; 2]> = Mutex::new([None, None]);
    let mut known = UNDISTURBED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = &mut known[usize::from(on_server)];
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let site = if on_server { Webmail::on(&shared()?)? } else { Webmail::new()? };
    site.succeeds("apply")?;
    Ok(known.insert(site.look()?).clone())
}
