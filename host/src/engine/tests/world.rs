//! A world in memory that outlives the engine: a key-value "disk" with effects, a "database" with transactions, and pictures
//! of everything at each moment a crash could fall on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::effect::{CallError, Capability, Change, Fault, Finding, Marker, Prepared, Setting, Store, Verdict};
use crate::engine::event::Event;
use crate::engine::sink::{Progress, Sink};

#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Things {
    pub(super) disk: BTreeMap<String, String>,
    pub(super) rows: Vec<i64>,
    /// The id that each row got.
    pub(super) ids: Vec<u64>,
    /// The last id that was given: a rollback does not take it back.
    pub(super) last_id: u64,
    /// Statements that committed by themselves.
    pub(super) schema: Vec<String>,
    pub(super) marker: Option<Marker>,
    /// The application's own flag.
    pub(super) flag: String,
}

#[derive(Default)]
struct Inner {
    things: Things,
    /// The open batch: what is lost in a crash.
    batch: Option<Vec<(i64, u64)>>,
    pictures: Vec<(PathBuf, Things)>,
    directory: Option<PathBuf>,
    /// Since the last touch every session was closed.
    closed: bool,
    /// The restore point holds everything.
    covered: bool,
    /// What was copied before the freeze is not what it was.
    changed: bool,
}

/// The world. Clones share it.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<Inner>>);

impl World {
    pub(super) fn of(things: Things) -> Self {
        Self(Arc::new(Mutex::new(Inner { things, ..Inner::default() })))
    }

    /// From here on, takes a picture of world and run directory at every moment.
    pub(super) fn watch(&self, directory: &Path) {
        self.inner().directory = Some(directory.to_owned());
    }

    pub(super) fn things(&self) -> Things {
        self.inner().things.clone()
    }

    /// Without the marker, which stays until the commit.
    pub(super) fn visible(&self) -> Things {
        Things { marker: None, ..self.things() }
    }

    pub(super) fn pictures(&self) -> Vec<(PathBuf, Things)> {
        std::mem::take(&mut self.inner().pictures)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A crash could fall here.
    pub(super) fn moment(&self) {
        let mut inner = self.inner();
        let Some(directory) = inner.directory.clone() else { return };
        let copy = directory.with_extension(inner.pictures.len().to_string());
        copy_tree(&directory, &copy);
        let things = inner.things.clone();
        inner.pictures.push((copy, things));
    }

    pub(super) fn insert(&self, row: i64) {
        {
            let mut inner = self.inner();
            inner.things.last_id += 1;
            let id = inner.things.last_id;
            inner.batch.as_mut().expect("a batch is open").push((row, id));
        }
        self.moment();
    }

    /// A statement that commits by itself.
    pub(super) fn prepare_alter(&self, name: &str) -> Prepared {
        assert!(self.inner().batch.is_none(), "no batch is open");
        let change = Change {
            capability: "disk".into(),
            verb: "alter".into(),
            object: name.into(),
            touches: true,
            undo: json!(self.things().schema.len()),
        };
        self.moment();
        let (world, name) = (self.clone(), name.to_owned());
        let act = move || {
            world.moment();
            world.inner().things.schema.push(name);
            world.moment();
            Ok(json!(0))
        };
        Prepared { change, act: Box::new(act) }
    }

    /// A program that nobody watches: writes to the disk, to the rows and to the schema. `code` is how it ends.
    pub(super) fn prepare_command(&self, code: i32) -> Prepared {
        assert!(self.inner().batch.is_none(), "no batch is open");
        let change = Change {
            capability: "disk".into(),
            verb: "run".into(),
            object: "command".into(),
            touches: true,
            undo: json!(self.things().disk),
        };
        self.moment();
        let world = self.clone();
        let act = move || {
            assert!(world.inner().closed && world.inner().covered, "a session is open, or not all of it is saved");
            world.moment();
            let count = world.things().disk.len();
            world.inner().things.disk.insert(format!("cache-{count}"), format!("ended with {code}"));
            world.moment();
            world.inner().things.rows.push(i64::from(code) + 100);
            world.moment();
            world.inner().things.schema.push(format!("by a command {count}"));
            world.moment();
            Ok(json!(code))
        };
        Prepared { change, act: Box::new(act) }
    }

    /// Somebody else is at it.
    /// Whether what was copied before the freeze has changed since.
    pub(super) fn change_what_was_copied(&self, changed: bool) {
        self.inner().changed = changed;
    }

    pub(super) fn foreign_write(&self) {
        self.inner().things.rows.push(-1);
    }

    pub(super) fn count(&self) -> usize {
        let inner = self.inner();
        inner.things.rows.len() + inner.batch.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn prepare_write(&self, key: &str, value: &str) -> Result<Prepared, CallError> {
        if key == "forbidden" {
            return Err(CallError::answer("not-granted", "no"));
        }
        let before = self.things().disk.get(key).cloned();
        let change = Change {
            capability: "disk".into(),
            verb: "write".into(),
            object: key.into(),
            touches: true,
            undo: json!({ "before": before, "after": value }),
        };
        self.moment();
        let (world, key, value) = (self.clone(), key.to_owned(), value.to_owned());
        let act = move || {
            world.moment();
            world.inner().things.disk.insert(key, value);
            world.moment();
            Ok(json!(7))
        };
        Ok(Prepared { change, act: Box::new(act) })
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Capability for World {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn settle(&self, change: &Change) -> Result<Verdict, Fault> {
        if change.verb == "run" {
            return Ok(Verdict::Again);
        }
        if change.verb == "alter" {
            let done = change.undo.as_u64() < Some(self.things().schema.len() as u64);
            return Ok(if done { Verdict::Done(json!(0)) } else { Verdict::NotDone });
        }
        let now = self.things().disk.get(&change.object).cloned();
        let done = now.as_deref() == change.undo["after"].as_str();
        Ok(if done { Verdict::Done(json!(7)) } else { Verdict::NotDone })
    }

    fn undo(&self, change: &Change) -> Result<(), Fault> {
        if change.verb == "alter" {
            return Ok(());
        }
        if change.verb == "run" {
            self.inner().things.disk = serde_json::from_value(change.undo.clone()).unwrap();
            self.moment();
            return Ok(());
        }
        match change.undo["before"].as_str() {
            Some(before) => self.inner().things.disk.insert(change.object.clone(), before.into()),
            None => self.inner().things.disk.remove(&change.object),
        };
        self.moment();
        Ok(())
    }

    fn recheck(&self, _: &[Change]) -> Result<(), Fault> {
        self.moment();
        if self.inner().changed {
            return Err(Fault::new("changed-before-freeze", "somebody wrote"));
        }
        Ok(())
    }

    fn forget(&self) -> Result<(), Fault> {
        self.moment();
        Ok(())
    }
}

impl Store for World {
    fn name(&self) -> &str {
        "main"
    }

    fn marker(&self) -> Result<Option<Marker>, Fault> {
        Ok(self.things().marker)
    }

    fn begin(&self, expected: Option<&Marker>) -> Result<(), Fault> {
        assert_eq!(self.things().marker.as_ref(), expected);
        let mut inner = self.inner();
        (inner.batch, inner.closed) = (Some(Vec::new()), false);
        Ok(())
    }

    fn commit(&self, new: &Marker) -> Result<(), Fault> {
        self.moment();
        {
            let mut inner = self.inner();
            let batch = inner.batch.take().unwrap_or_default();
            inner.things.ids.extend(batch.iter().map(|(_, id)| *id));
            inner.things.rows.extend(batch.iter().map(|(row, _)| *row));
            inner.things.marker = Some(new.clone());
        }
        self.moment();
        Ok(())
    }

    fn rollback(&self) -> Result<(), Fault> {
        self.inner().batch = None;
        Ok(())
    }

    fn restore_point(&self, _: &Path) -> Result<Value, Fault> {
        let things = self.things();
        Ok(json!([things.rows, things.ids, things.last_id, things.schema, things.flag]))
    }

    fn cover(&self) -> Result<(), Fault> {
        self.inner().covered = true;
        self.moment();
        Ok(())
    }

    fn restore(&self, saved: &Value) -> Result<(), Fault> {
        let (rows, ids, last_id, schema, flag) = serde_json::from_value(saved.clone()).unwrap();
        {
            let mut inner = self.inner();
            let disk = inner.things.disk.clone();
            inner.things = Things { disk, rows, ids, last_id, schema, marker: None, flag };
        }
        self.moment();
        Ok(())
    }

    fn stamp(&self) -> Result<String, Fault> {
        let things = self.things();
        Ok(json!([things.rows.len(), things.schema.len(), things.flag.len(), things.last_id]).to_string())
    }

    fn written_since(&self, stamp: &str) -> Result<Option<String>, Fault> {
        let (then, now) = (parse(stamp), parse(&self.stamp()?));
        Ok((then[..3] != now[..3]).then(|| "the database main".to_owned()))
    }

    fn rewind(&self, stamp: &str) -> Result<(), Fault> {
        self.inner().things.last_id = parse(stamp)[3];
        self.moment();
        Ok(())
    }

    fn setting(&self, _: &Setting) -> Result<Value, CallError> {
        Ok(json!(self.things().flag))
    }

    fn set(&self, _: &Setting, value: &Value, stamp: &str) -> Result<Option<String>, CallError> {
        let is_untouched = !stamp.is_empty() && Store::written_since(self, stamp)?.is_none();
        self.moment();
        self.inner().things.flag = Setting::words(value).unwrap_or_default();
        self.moment();
        Ok(if is_untouched { Some(self.stamp()?) } else { None })
    }

    fn forget(&self) -> Result<(), Fault> {
        self.inner().things.marker = None;
        Ok(())
    }

    fn close(&self) {
        self.inner().closed = true;
    }
}

fn parse(stamp: &str) -> [u64; 4] {
    serde_json::from_str(stamp).unwrap()
}

/// Every durable event is a moment, too.
pub(super) struct Watcher(pub(super) World);

impl Sink for Watcher {
    fn event(&mut self, _: &Event) {
        self.0.moment();
    }

    fn progress(&mut self, _: u32, _: &Progress) {}
    fn log(&mut self, _: u32, _: &str, _: &str) {}
    fn finding(&mut self, _: &str, _: &Finding) {}
    fn note(&mut self, _: &str) {}
}
