//! A small installation with a pipeline of one slot, the guest `bench` in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use liftlock::bundle::sha256_hex;
use liftlock::effect::Finding;
use liftlock::engine::event::Event;
use liftlock::engine::sink::{Progress, Sink};
use liftlock::engine::{Ending, OnFailure};
use liftlock::upgrade::{Trouble, Upgrade};
use rusqlite::Connection;
use tempfile::TempDir;

use super::native::text;
use super::{places, server};
use crate::Result;

/// The installation.
pub struct Site {
    directory: TempDir,
    /// Lines about the database, for `installation.toml`.
    place: String,
}

impl Site {
    /// Makes it: an empty root, and a database that these statements fill.
    pub fn new(sql: &str) -> Result<Self> {
        let site = Self::with("sqlite = \"main.db\"".to_owned())?;
        Connection::open(site.database())?.execute_batch(sql)?;
        Ok(site)
    }

    /// The same with a schema on a private server. Its guest must not change anything.
    pub fn on_server(socket: &Path, schema: &str) -> Result<Self> {
        Self::with(format!("socket = {:?}\nuser = \"{}\"\nschema = \"{schema}\"", text(socket)?, server::USER))
    }

    fn with(place: String) -> Result<Self> {
        let site = Self { directory: places::directory()?, place };
        fs::create_dir(site.path("www"))?;
        fs::create_dir(site.path("bundle"))?;
        fs::copy(places::component()?, site.path("bundle/bench.wasm"))?;
        Ok(site)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("main.db")
    }

    /// An upgrade with these parameters for the guest. What is left of the one before is removed.
    pub fn upgrade(&self, params: &str) -> Result<Upgrade> {
        let runs = self.path("state/runs");
        if runs.exists() {
            fs::remove_dir_all(runs)?;
            if self.database().exists() {
                Connection::open(self.database())?.execute_batch("DROP TABLE IF EXISTS liftlock_marker")?;
            }
        }
        let component = sha256_hex(&fs::read(self.path("bundle/bench.wasm"))?);
        let pipeline = PIPELINE.replace("COMPONENT", &component).replace("PARAMS", params);
        fs::write(self.path("bundle/pipeline.toml"), &pipeline)?;
        let settings = SETTINGS.replace("PIPELINE", &sha256_hex(pipeline.as_bytes())).replace("PLACE", &self.place);
        fs::write(self.path("installation.toml"), settings)?;
        open(&self.path("installation.toml"))
    }

    /// Runs the guest with these parameters. Returns the seconds from the start to the end of its stage.
    pub fn apply(&self, params: &str) -> Result<f64> {
        let watch = Stopwatch::default();
        let upgrade = self.upgrade(params)?;
        let mut engine = upgrade.start(watch.sink(), OnFailure::Keep).map_err(shown)?;
        match engine.drive() {
            Ending::Done => watch.seconds(),
            other => Err(format!("{params}: {other:?}").into()),
        }
    }

    /// Runs the guest with these parameters, and `fail` beside them. Returns what can be resumed as often as one likes.
    pub fn fail(&self, params: &str) -> Result<Failed> {
        let upgrade = self.upgrade(&format!("{params}, fail = \"yes\""))?;
        let mut engine = upgrade.start(Stopwatch::default().sink(), OnFailure::Keep).map_err(shown)?;
        match engine.drive() {
            Ending::Failed => Ok(Failed(upgrade)),
            other => Err(format!("{params}: {other:?}").into()),
        }
    }
}

/// A run whose stage has failed, with its recording.
pub struct Failed(Upgrade);

impl Failed {
    /// Replays the stage to its end, where it fails again. Returns the seconds.
    pub fn replay(&mut self) -> Result<f64> {
        let watch = Stopwatch::default();
        let mut engine = self.0.resume(|_| watch.sink(), OnFailure::Keep).map_err(shown)?;
        match engine.drive() {
            Ending::Failed => watch.seconds(),
            other => Err(format!("the replay: {other:?}").into()),
        }
    }
}

fn open(settings: &Path) -> Result<Upgrade> {
    Upgrade::open(settings, Arc::new(AtomicBool::new(false)), |_| None).map_err(shown)
}

fn shown(trouble: Trouble) -> Box<dyn std::error::Error> {
    format!("{trouble:?}").into()
}

/// When the last stage started and ended, as the journal's events say it.
#[derive(Clone, Default)]
struct Stopwatch(Arc<Mutex<(Option<Instant>, Option<Instant>)>>);

impl Stopwatch {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(self.clone())
    }

    fn seconds(&self) -> Result<f64> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (Some(start), Some(end)) => Ok((end - start).as_secs_f64()),
            _ => Err("no stage has run".into()),
        }
    }
}

impl Sink for Stopwatch {
    fn event(&mut self, event: &Event) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StageStarted { .. } => *times = (Some(Instant::now()), None),
            Event::StageApplied { .. } | Event::StageFailed { .. } => times.1 = Some(Instant::now()),
            _ => {}
        }
    }

    fn progress(&mut self, _: u32, _: &Progress) {}
    fn log(&mut self, _: u32, _: &str, _: &str) {}
    fn finding(&mut self, _: &str, _: &Finding) {}
    fn note(&mut self, _: &str) {}
}

const PIPELINE: &str = r#"format = 1
name = "bench"
title = "Something to measure"
from = "1"
to = "2"

[databases.main]
[roots.app]

[[slot]]
name = "bench"
component = "bench.wasm"
sha256 = "COMPONENT"
params = { PARAMS }
asks = [{ capability = "database", object = "main", access = "write", reason = "to measure" }]
"#;

const SETTINGS: &str = r#"format = 1
name = "bench"
state = "state"

[pipeline]
path = "bundle/pipeline.toml"
sha256 = "PIPELINE"

[roots.app]
path = "www"

[databases.main]
PLACE

[grants.bench]
database.main = "write"

[freeze]
drain = "0s"
"#;
