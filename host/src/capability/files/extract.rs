//! `extract`: a zip archive becomes a new tree beside a root.
//!
//! The first pass (`archive.rs`) has looked at everything. This is the second: directories, then files by two threads, then
//! links, then the modes of directories; each made new, relative to an open directory; limits counted on the bytes that come out;
//! one sync of the file system at the end. Modification times are now: PHP's opcache tells old code from new by them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use serde_json::Value;

use super::Files;
use super::archive::{self, Archive, ArchiveLimits, Plan, PlannedFile, RATIO_FLOOR};
use super::attributes::{Owner, set_mode};
use super::change::{Spot, Step, answer};
use super::dir::{Dir, modified};
use super::make::{Make, Note, fresh, key, new_directory};
use super::path::{escape, split};
use super::read::{Extracted, open_file};
use super::stage::StageFiles;
use crate::effect::{Access, CallError, Fault, Prepared};
use crate::io::fault;

const THREADS: usize = 2;
/// How many files a thread takes at once; they mostly lie in the same directory.
const BATCH: usize = 64;

impl StageFiles {
    /// Unpacks an artifact into a new tree beside a root, without the first `strip` directories of each name. The root need
    /// only be readable: nothing that it shows is changed.
    ///
    /// # Errors
    /// "not-granted", "read-only", "unknown-root", "not-found", "not-an-archive", "archive-damaged", "archive-unsafe",
    /// "archive-too-big", "archive-unsupported", "invalid-strip".
    pub fn prepare_extract(&self, seq: u64, artifact: &str, root: &str, strip: u32) -> Result<Prepared, CallError> {
        self.begin(seq)?;
        self.check_root(root, Access::Read)?;
        self.check_artifact(artifact)?;
        let root = self.root(root)?;
        let artifacts = Dir::open(&self.files.artifacts).map_err(|error| Fault::io("the artifacts", &error))?;
        let file = open_file(&artifacts, artifact.as_bytes(), artifact)?;
        let mut archive = archive::open(file, artifact, &self.files.limits)?;
        let plan = archive::plan(&mut archive, artifact, strip, &self.files.limits)?;

        let tree = format!("tree-{seq}");
        let staging = fresh(root, seq)?;
        let io = |error| Fault::io(artifact, &error);
        let made = new_directory(&staging, seq, root.owner).map_err(io)?;
        let parent_modified = modified(&staging.trees.stat().map_err(io)?);
        let spot = Spot { root: root.name.clone(), tree: Some(tree.clone()), path: String::new() };
        let step = Make { seq, spot, made, parent_modified, noted: true };
        let object = format!("{artifact} → {tree}");
        let change = Step::Make(step.clone()).record("extract", &object, false)?;
        let files = Arc::clone(&self.files);
        let job = Job { archive, plan, artifact: artifact.to_owned(), tree };
        Ok(Prepared {
            change,
            act: Box::new(move || match job.run(&files, &step) {
                Ok(answer) => step.publish(&files, &object, answer),
                Err(CallError::Answer(failure)) => {
                    let root = files.recorded_root(&step.spot.root)?;
                    step.clear(&*root.staging()?, &object)?;
                    Err(failure.into())
                }
                Err(fault) => Err(fault),
            }),
        })
    }
}

struct Job {
    archive: Archive,
    plan: Plan,
    artifact: String,
    tree: String,
}

impl Job {
    /// Fills the tree in the staging, makes it durable and notes the answer.
    fn run(&self, files: &Files, step: &Make) -> Result<Value, CallError> {
        let _work = files.meter.begin("files", Some(self.plan.files.len() as u64));
        let io = |error| CallError::from(Fault::io(&self.artifact, &error));
        let root = files.recorded_root(&step.spot.root)?;
        let staging = root.staging()?;
        let top = staging.tmp.sub(key(step.seq).as_bytes()).map_err(io)?;
        fault::point("files.extract").map_err(io)?;
        self.make_directories(&top, root.owner).map_err(io)?;
        let bytes = self.make_files(files, &top, root.owner)?;
        self.make_links(&top, root.owner).map_err(io)?;
        self.set_modes(&top).map_err(io)?;
        staging.sync_all().map_err(io)?;
        let entries = (self.plan.directories.len() + self.plan.files.len() + self.plan.links.len()) as u64;
        let answer = answer(&Extracted { tree: self.tree.clone(), entries, bytes, extra: Vec::new() })?;
        staging.put_note(&key(step.seq), &Note { answer: answer.clone(), copied: () }).map_err(io)?;
        Ok(answer)
    }

    fn make_directories(&self, top: &Dir, owner: Owner) -> io::Result<()> {
        let mut at = (Vec::new(), top.sub(b"")?);
        for path in self.plan.directories.keys() {
            let (parent, name) = split(path);
            enter(top, &mut at, parent)?;
            at.1.make_dir(name, 0o755)?;
            let new = at.1.sub(name)?;
            owner.give(&new)?;
            set_mode(&new, 0o755)?;
        }
        Ok(())
    }

    fn make_files(&self, files: &Files, top: &Dir, owner: Owner) -> Result<u64, CallError> {
        let pool = Pool {
            files,
            job: self,
            top,
            owner,
            next: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..THREADS).map(|_| scope.spawn(|| pool.work())).collect();
            let mine = pool.work();
            let theirs = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Fault::new("extract-failed", "a thread of the extraction died").into()))
            });
            theirs.chain([mine]).collect()
        });
        // A fault of the machine says more than what the other thread made of it.
        let mut errors: Vec<CallError> = results.into_iter().filter_map(Result::err).collect();
        errors.sort_by_key(|error| matches!(error, CallError::Answer(_)));
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(pool.bytes.into_inner()),
        }
    }

    fn make_links(&self, top: &Dir, owner: Owner) -> io::Result<()> {
        for (path, target) in &self.plan.links {
            let (parent, name) = split(path);
            let parent = top.sub(parent)?;
            parent.symlink(name, target)?;
            owner.give_link(&parent, name)?;
        }
        Ok(())
    }

    /// Last, so that a directory that forbids writing could be filled.
    fn set_modes(&self, top: &Dir) -> io::Result<()> {
        for (path, mode) in self.plan.directories.iter().rev().filter(|(_, mode)| **mode != 0o755) {
            set_mode(&top.sub(path)?, *mode)?;
        }
        Ok(())
    }
}

/// What the threads share.
struct Pool<'a> {
    files: &'a Files,
    job: &'a Job,
    top: &'a Dir,
    owner: Owner,
    next: AtomicUsize,
    bytes: AtomicU64,
    failed: AtomicBool,
}

impl Pool<'_> {
    /// Makes files until none is left.
    fn work(&self) -> Result<(), CallError> {
        let done = self.batches();
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        done
    }

    fn batches(&self) -> Result<(), CallError> {
        let mut archive = self.job.archive.clone();
        let mut buffer = vec![0; 128 << 10];
        let mut at = (Vec::new(), self.top.sub(b"").map_err(|error| Fault::io(&self.job.artifact, &error))?);
        loop {
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            let all = &self.job.plan.files;
            let Some(batch) = all.get(start..all.len().min(start + BATCH)).filter(|batch| !batch.is_empty()) else {
                return Ok(());
            };
            for planned in batch {
                if self.failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.files.keep_going()?;
                self.make(&mut archive, &mut at, planned, &mut buffer)?;
                self.files.meter.add(1);
            }
        }
    }

    fn make(
        &self,
        archive: &mut Archive,
        at: &mut (Vec<u8>, Dir),
        planned: &PlannedFile,
        buffer: &mut [u8],
    ) -> Result<(), CallError> {
        let io = |error| Fault::io(format!("{}:{}", self.job.tree, escape(&planned.path)), &error);
        let (parent, name) = split(&planned.path);
        enter(self.top, at, parent).map_err(io)?;
        let mut file = at.1.create(name, 0o600).map_err(io)?;
        self.inflate(archive, planned, &mut file, buffer)?;
        self.owner.give(&file).map_err(io)?;
        set_mode(&file, planned.mode).map_err(io)?;
        Ok(())
    }

    fn inflate(
        &self,
        archive: &mut Archive,
        planned: &PlannedFile,
        file: &mut File,
        buffer: &mut [u8],
    ) -> Result<(), CallError> {
        let name = &self.job.artifact;
        let limits = &self.files.limits;
        let mut entry = archive.by_index(planned.index).map_err(|error| archive::zip_error(name, &error))?;
        let packed = entry.compressed_size();
        let mut produced = 0;
        loop {
            let length = match entry.read(buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if archive::is_fault(&error) => return Err(Fault::io(name, &error).into()),
                Err(error) => return Err(archive::damaged(name, format!("{:?}: {error}", escape(&planned.path)))),
            };
            produced += length as u64;
            let total = self.bytes.fetch_add(length as u64, Ordering::Relaxed) + length as u64;
            check_limits(name, limits, produced, packed, total)?;
            file.write_all(&buffer[..length]).map_err(|error| Fault::io(&self.job.tree, &error))?;
            self.files.keep_going()?;
        }
        if produced != entry.size() {
            let text = format!("{:?} has {produced} bytes, not the {} it says", escape(&planned.path), entry.size());
            return Err(archive::damaged(name, text));
        }
        Ok(())
    }
}

fn check_limits(name: &str, limits: &ArchiveLimits, produced: u64, packed: u64, total: u64) -> Result<(), CallError> {
    if produced > limits.entry_bytes {
        return Err(archive::too_big(name, "a file with too many bytes", limits.entry_bytes));
    }
    if total > limits.bytes {
        return Err(archive::too_big(name, "too many bytes", limits.bytes));
    }
    if produced > RATIO_FLOOR && produced > packed.saturating_mul(limits.ratio) {
        return Err(archive::too_big(name, "a file that is packed too well to be honest", limits.ratio));
    }
    Ok(())
}

/// Goes to another directory of the new tree, if it is another.
fn enter(top: &Dir, at: &mut (Vec<u8>, Dir), path: &[u8]) -> io::Result<()> {
    if at.0 != path {
        *at = (path.to_vec(), top.sub(path)?);
    }
    Ok(())
}
