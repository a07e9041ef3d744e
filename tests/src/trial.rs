//! A fault that is made for real, what is then told of it, and whether the command that is told helps when the fault is gone.

use std::any::Any;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use toml_edit::{Array, value};

use crate::disk::SmallDisk;
use crate::fixture::Database;
use crate::fixture::mautic::{Data, Files, Size};
use crate::host::Ended;
use crate::mariadb::{self, Schema, Server};
use crate::newsletter::Newsletter;
use crate::{places, watched};

/// Somebody who is not root: commands run as them.
const NOBODY: u32 = 65534;
/// Longer than this no command takes here.
const MOST_TIME: Duration = Duration::from_mins(5);

/// A site, and what is wrong around it.
pub struct Trial {
    held: Held,
    /// The installation.
    pub site: Newsletter,
    /// A server of its own, if it has one.
    pub server: Option<Arc<Mutex<Server>>>,
    /// The small disk that the site is on, if it is.
    pub disk: Option<SmallDisk>,
    /// What commands of the operator's may see: a file with a name is a switch.
    pub hand: TempDir,
}

/// Guards of faults: the fault is gone when they are dropped.
type Held = Arc<Mutex<Vec<Box<dyn Any + Send>>>>;

impl Trial {
    /// A plain site on the shared server.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn plain() -> Result<Self> {
        Self::with(Data::default())
    }

    /// A site with these rows on the shared server.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn with(data: Data) -> Result<Self> {
        Self::of(Newsletter::new(Size::Small, Files::default(), data)?)
    }

    /// A site on a server of its own.
    ///
    /// # Errors
    /// What the server or the file system says.
    pub fn on_own_server() -> Result<Self> {
        let server = Server::start()?;
        let parent = places::cache()?;
        let site = Newsletter::on(server.socket(), &parent, Size::Small, Files::default(), Data::default())?;
        Ok(Self { server: Some(Arc::new(Mutex::new(server))), ..Self::of(site)? })
    }

    /// A site on a disk of its own.
    ///
    /// # Errors
    /// If this is not root.
    pub fn on_small_disk() -> Result<Self> {
        let hand = tempfile::tempdir()?;
        let disk = SmallDisk::mount(&hand.path().join("disk"), "size=2g")?;
        let site = Newsletter::on(&mariadb::shared()?, disk.path(), Size::Small, Files::default(), Data::default())?;
        Ok(Self { disk: Some(disk), hand, ..Self::of(site)? })
    }

    fn of(site: Newsletter) -> Result<Self> {
        let hand = tempfile::tempdir()?;
        fs::set_permissions(hand.path(), Permissions::from_mode(0o755))?;
        share_compiled_code(&site)?;
        Ok(Self { held: Held::default(), site, hand, server: None, disk: None })
    }

    /// A path below the root.
    #[must_use]
    pub fn root(&self, path: &str) -> PathBuf {
        self.site.installation.root.join(path)
    }

    /// Its schema.
    ///
    /// # Errors
    /// If it has none.
    pub fn schema(&self) -> Result<&Schema> {
        match &self.site.installation.database {
            Database::Server(schema) => Ok(schema),
            Database::File(path) => bail!("{} is no schema", path.display()),
        }
    }

    /// Does something to the database, as the operator would.
    ///
    /// # Errors
    /// What the server says.
    pub fn sql(&self, sql: &str) -> Result<()> {
        self.schema()?.client()?.run(sql)
    }

    /// Keeps the guard of a fault until [`Trial::release`].
    pub fn hold(&self, guard: impl Any + Send) {
        held(&self.held).push(Box::new(guard));
    }

    /// The faults that are held are gone.
    pub fn release(&self) {
        held(&self.held).clear();
    }

    /// Does something as soon as a path is asked for at the vendor's. A guard that it returns is held.
    pub fn when_asked_for<G: Any + Send>(&self, path: &str, act: impl FnOnce() -> Result<G> + Send + 'static) {
        let guards = Arc::clone(&self.held);
        self.site.vendor.before(path, move || match act() {
            Ok(guard) => held(&guards).push(Box::new(guard)),
            // Told by the run, which does not meet the fault.
            Err(error) => println!("the fault could not be made: {error:#}"),
        });
    }

    /// Runs a shell script once, as soon as the new version is live.
    ///
    /// # Errors
    /// What the file system says.
    pub fn after_switch(&self, script: &str) -> Result<()> {
        let path = self.hand.path().join("after-switch.sh");
        fs::write(&path, format!("set -e\nrm \"$0\"\n{script}\n"))?;
        let once = format!("test ! -e {0} || sh {0}", path.display());
        self.site.installation.configure(|document| {
            document["hooks"]["after-switch"] =
                value(Array::from_iter([Array::from_iter(["sh", "-c", once.as_str()])]));
        })
    }

    /// Grants a slot a command of the operator's: a shell script, which finds `$HAND`, and may change the database.
    ///
    /// # Errors
    /// What the file system says.
    pub fn command(&self, slot: &str, name: &str, script: &str) -> Result<()> {
        let schema = self.schema()?;
        let socket = schema.socket().parent().context("the socket is in no directory")?;
        fs::set_permissions(socket, Permissions::from_mode(0o711))?;
        fs::write(self.hand.path().join(name), script)?;
        self.site.installation.configure(|document| document["grants"][slot]["command"][name] = value("run"))?;
        let mut text = fs::read_to_string(&self.site.installation.settings)?;
        let user = match rustix::process::geteuid().is_root() {
            true => format!("user = \"{NOBODY}:{NOBODY}\"\n"),
            false => String::new(),
        };
        text += &format!(
            "\n[commands.{name}]\nargv = [\"sh\", \"{hand}/{name}\"]\n{user}environment = [\"HAND={hand}\", \
             \"SOCKET={}\", \"ACCOUNT={}\", \"SCHEMA={}\"]\nreach = {{ databases = [\"main\"] }}\n",
            schema.socket().display(),
            schema.user(),
            schema.name(),
            hand = self.hand.path().display()
        );
        Ok(fs::write(&self.site.installation.settings, text)?)
    }

    /// Sets or removes a switch that the operator's commands see.
    ///
    /// # Errors
    /// What the file system says.
    pub fn switch(&self, name: &str, on: bool) -> Result<()> {
        let path = self.hand.path().join(name);
        let done = if on { fs::write(path, "") } else { fs::remove_file(path) };
        Ok(done?)
    }

    /// Puts something else in the place of a file, which comes back as it was with [`Trial::put_back`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.root(path), &self.aside(path), bytes)
    }

    /// See [`Trial::replace`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn put_back(&self, path: &str) -> Result<()> {
        Ok(fs::rename(self.aside(path), self.root(path))?)
    }

    /// Where a file is while something else is in its place.
    #[must_use]
    pub fn aside(&self, path: &str) -> PathBuf {
        self.site.installation.directory.join(path.replace('/', "-"))
    }

    /// Runs a command as it is printed: `liftlock resume`.
    ///
    /// # Errors
    /// If it cannot be started, or takes for ever.
    pub fn run(&self, command: &str, json: bool) -> Result<Ended> {
        let command = command.strip_prefix("liftlock ").unwrap_or(command);
        let mut arguments: Vec<&str> = command.split(' ').collect();
        if json {
            arguments.extend(["--format", "json"]);
        }
        Ok(watched::run(&self.site.host, &arguments, MOST_TIME)?.ended)
    }
}

/// Puts something else in the place of a file.
///
/// # Errors
/// What the file system says.
pub fn replace(path: &Path, aside: &Path, bytes: &[u8]) -> Result<()> {
    fs::rename(path, aside)?;
    Ok(fs::write(path, bytes)?)
}

fn held(guards: &Held) -> std::sync::MutexGuard<'_, Vec<Box<dyn Any + Send>>> {
    guards.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compiling the components takes longer than all else: once for all sites.
fn share_compiled_code(site: &Newsletter) -> Result<()> {
    let compiled = places::cache()?.join("compiled");
    for directory in [&compiled, &site.installation.state] {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(symlink(compiled, site.installation.state.join("cache"))?)
}

/// How a run meets a fault, and so what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Before a run begins.
    Found,
    /// By a stage, which fails.
    Failed,
    /// By a stage's check just before it.
    Checked,
    /// By a stage that no repair can help in this run.
    ForGood,
    /// The same by its check.
    CheckedForGood,
    /// By the host: the run stops where it is.
    Stopped,
    /// By a stage of a run that has failed before, and is kept.
    Again,
}

impl Met {
    /// The exit code and the next command of `apply`, or of `apply --on-failure keep`.
    fn told(self, keep: bool) -> (i32, &'static str) {
        match (self, keep) {
            (Self::Found, _) => (5, "liftlock check"),
            (Self::Stopped | Self::Again, _) | (Self::Failed | Self::Checked, true) => (4, "liftlock resume"),
            (Self::ForGood | Self::CheckedForGood, true) => (4, "liftlock undo"),
            (Self::Failed | Self::ForGood, false) => (3, "liftlock apply"),
            (Self::Checked | Self::CheckedForGood, false) => (5, "liftlock apply"),
        }
    }
}

/// One fault.
pub struct Fault {
    /// What is wrong.
    pub what: &'static str,
    /// The slot that meets it.
    pub slot: &'static str,
    /// How.
    pub met: Met,
    /// What must be told of its cause.
    pub words: &'static [&'static str],
    /// The site.
    pub site: fn() -> Result<Trial>,
    /// Makes the fault, or sees to it that it comes.
    pub make: fn(&Trial) -> Result<()>,
    /// Takes it away.
    pub cure: fn(&Trial) -> Result<()>,
    /// What is live is not touched yet when it is met.
    pub untouched: bool,
    /// Without the fault the site is the same again as before it, to the byte.
    pub same: bool,
}

/// Of all trials.
static FAULTS: AtomicU32 = AtomicU32::new(0);
static SHOWN: AtomicU32 = AtomicU32::new(0);
static CURED: AtomicU32 = AtomicU32::new(0);

/// What was counted: faults, times they were shown, times they were cured by the command that was told.
#[must_use]
pub fn counted() -> [u32; 3] {
    [&FAULTS, &SHOWN, &CURED].map(|count| count.load(Ordering::SeqCst))
}

impl Fault {
    /// Makes it twice: once told to people, once to programs; once put back at once, once kept.
    ///
    /// # Errors
    /// What is not as it must be.
    pub fn prove(&self, code: &str) -> Result<()> {
        FAULTS.fetch_add(1, Ordering::SeqCst);
        for keep in [false, true] {
            let manner = if keep { "kept, as JSON" } else { "put back, for people" };
            self.once(code, keep).with_context(|| format!("{} ({manner})", self.what))?;
        }
        Ok(())
    }

    fn once(&self, code: &str, keep: bool) -> Result<()> {
        let trial = (self.site)()?;
        (self.make)(&trial)?;
        let (exit, next) = self.met.told(keep);
        let command = match (self.met, keep) {
            (Met::Again, _) => "resume",
            (_, true) => "apply --on-failure keep",
            (_, false) => "apply",
        };
        let ended = trial.run(command, keep)?.expect(exit)?;
        let told = if keep { of_json(&ended, code)? } else { of_text(&ended, code)? };
        ensure!(told.next == [next], "{:?} is told, and not {next}\n{}{}", told.next, ended.stdout, ended.stderr);
        let missing: Vec<_> =
            self.words.iter().chain([&self.slot]).filter(|word| !told.text.contains(**word)).collect();
        ensure!(missing.is_empty(), "{missing:?} is not told: {}", told.text);
        SHOWN.fetch_add(1, Ordering::SeqCst);
        (self.cure)(&trial)?;
        let put_back = next == "liftlock apply";
        if self.same && (self.untouched || put_back) {
            trial.site.is_before()?;
        }
        helps(&trial, next)?;
        if self.same && next == "liftlock undo" {
            trial.site.is_before()?;
        }
        CURED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Runs the command that was told, and what it tells in turn, until the site is up, or down again.
fn helps(trial: &Trial, next: &str) -> Result<()> {
    let ended = trial.run(next, false)?.expect(0).with_context(|| next.to_owned())?;
    match next {
        "liftlock check" => {
            let told = next_in(&ended);
            ensure!(told == ["liftlock apply"], "{told:?}");
            helps(trial, "liftlock apply")
        }
        "liftlock undo" => Ok(()),
        _ => trial.site.is_upgraded().map(drop),
    }
}

struct Told {
    next: Vec<String>,
    text: String,
}

fn next_in(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines().chain(ended.stderr.lines());
    lines.filter_map(|line| line.trim_start().strip_prefix("next: ")).map(str::to_owned).collect()
}

fn of_text(ended: &Ended, code: &str) -> Result<Told> {
    let lines: Vec<_> = ended.stderr.lines().chain(ended.stdout.lines()).collect();
    let is_it = |line: &&&str| line.contains(code) && (line.starts_with("error[") || line.starts_with('✗'));
    let line =
        lines.iter().find(is_it).with_context(|| format!("{code} is not told\n{}{}", ended.stdout, ended.stderr))?;
    Ok(Told { next: next_in(ended), text: (*line).to_owned() })
}

fn of_json(ended: &Ended, code: &str) -> Result<Told> {
    let objects = ended.objects()?;
    let next = objects.iter().filter_map(|object| object["next"].as_str()).map(str::to_owned).collect();
    let told = objects.iter().rev().find(|object| has_code(object, code));
    let text = told.with_context(|| format!("nothing has the code {code}\n{}", ended.stdout))?.to_string();
    Ok(Told { next, text })
}

fn has_code(object: &Value, code: &str) -> bool {
    let finding = &object["finding"];
    let facts = finding["extra"].as_array();
    let beside = facts.into_iter().flatten().any(|fact| fact[0] == "application-code" && fact[1] == code);
    object["code"] == code || object["application_code"] == code || finding["code"] == code || beside
}
