//! Unpacking: the host checks every name first, makes the tree beside the root, and has it on disk when it says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use liftlock::capability::files::{ArchiveLimits, Extracted, Files, FilesConfig, FilesGrant, RootConfig, StageFiles};
use liftlock::effect::{Access, CallError};
use liftlock::meter::Meter;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::line::{Goal, Line};
use super::native::{Timed, by_turns, is_there, run, settle, text, time};
use super::places;
use crate::Result;

const FILES: usize = 4_000;
const PACKAGE: &str = "artifact-0";

pub fn measure(tell: &mut dyn FnMut(Line)) -> Result<()> {
    let unpacking = Unpacking::new(FILES, 10 << 10)?;
    let tool = |command: Vec<&'static str>, sync: bool| -> Timed<'_> {
        let unpacking = &unpacking;
        Box::new(move || unpacking.by(&command, sync))
    };
    let (unzip, bsdtar) = (["unzip", "-q", "ZIP", "-d", "OUT"], ["bsdtar", "-C", "OUT", "-xf", "ZIP"]);
    let host: Timed<'_> = Box::new(|| unpacking.by_host());
    let [host, unzip, unzip_sync, bsdtar, bsdtar_sync] = by_turns([
        host,
        tool(unzip.to_vec(), false),
        tool(unzip.to_vec(), true),
        tool(bsdtar.to_vec(), false),
        tool(bsdtar.to_vec(), true),
    ])?;
    let megabytes = fs::metadata(unpacking.package())?.len() >> 20;
    let what = format!("extract {FILES} files (zip of {megabytes} MiB), durable");
    for (tool, seconds, goal) in [
        ("`unzip -q`, `sync -f`", unzip_sync, Some(Goal::Ratio(1.0))),
        ("`bsdtar -xf`, `sync -f`", bsdtar_sync, Some(Goal::Ratio(1.0))),
        ("`unzip -q`, not durable", unzip, None),
        ("`bsdtar -xf`, not durable", bsdtar, None),
    ] {
        let line = Line::new(what.clone(), host).against(tool, seconds);
        tell(match goal {
            Some(goal) => line.goal(goal),
            None => line,
        });
    }
    Ok(())
}

/// A package, and a root beside which it is unpacked. What was unpacked is kept to the end: a file system that has just
/// deleted thousands of files is slow to make new ones.
pub struct Unpacking {
    directory: TempDir,
    kept: AtomicU32,
}

impl Unpacking {
    /// A package of so many files, `size` bytes of text on the average. Its one top directory is left out when it is unpacked.
    pub fn new(files: usize, size: usize) -> Result<Self> {
        let unpacking = Self { directory: places::directory()?, kept: AtomicU32::new(0) };
        fs::create_dir(unpacking.path("artifacts"))?;
        fs::create_dir(unpacking.root())?;
        write(&unpacking.package(), files, size)?;
        Ok(unpacking)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("www")
    }

    fn package(&self) -> PathBuf {
        self.path("artifacts").join(PACKAGE)
    }

    /// A new place for something that is kept.
    fn aside(&self) -> PathBuf {
        self.path(&format!("kept{}", self.kept.fetch_add(1, Ordering::Relaxed)))
    }

    /// The files capability of a run, and a stage's view of it.
    pub fn open(&self) -> Result<(Arc<Files>, StageFiles)> {
        let files = Arc::new(Files::open(FilesConfig {
            run: "bench".into(),
            roots: vec![RootConfig { name: "app".into(), path: self.root(), owner: None }],
            protected: Vec::new(),
            artifacts: self.path("artifacts"),
            limits: ArchiveLimits::default(),
            stop: Arc::new(AtomicBool::new(false)),
            meter: Meter::default(),
        })?);
        let grant = FilesGrant {
            slot: "bench".into(),
            roots: BTreeMap::from([("app".into(), Access::Write)]),
            trees: BTreeSet::new(),
            artifacts: BTreeSet::from([PACKAGE.to_owned()]),
            read_only: false,
        };
        let stage = StageFiles::new(files.clone(), grant);
        Ok((files, stage))
    }

    /// Unpacks as a run does. Returns the tree's id.
    pub fn extract(&self, stage: &StageFiles) -> Result<String> {
        let prepared = stage.prepare_extract(1, PACKAGE, "app", 1).map_err(shown)?;
        let made: Extracted = serde_json::from_value((prepared.act)().map_err(shown)?)?;
        Ok(made.tree)
    }

    fn by_host(&self) -> Result<f64> {
        settle(self.directory.path())?;
        let (_, stage) = self.open()?;
        let seconds = time(|| self.extract(&stage))?;
        fs::rename(self.root(), self.aside())?;
        fs::create_dir(self.root())?;
        Ok(seconds)
    }

    /// Unpacks by another program.
    fn by(&self, command: &[&str], sync: bool) -> Result<f64> {
        if !is_there(command[0]) {
            return Ok(f64::NAN);
        }
        let (package, out) = (self.package(), self.aside());
        fs::create_dir(&out)?;
        settle(self.directory.path())?;
        let (zip, to) = (text(&package)?, text(&out)?);
        let words: Vec<&str> = command
            .iter()
            .map(|word| match *word {
                "ZIP" => zip,
                "OUT" => to,
                other => other,
            })
            .collect();
        time(|| {
            run(words[0], &words[1..])?;
            if sync { run("sync", &["-f", to]) } else { Ok(()) }
        })
    }
}

/// An error of a capability.
pub fn shown(error: CallError) -> Box<dyn std::error::Error> {
    format!("{error:?}").into()
}

/// Something like an application in PHP: text that packs to a quarter, forty files a directory, files of all sizes.
fn write(path: &Path, files: usize, size: usize) -> Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    let options = SimpleFileOptions::default().unix_permissions(0o644);
    let mut noise = Noise(1);
    for number in 0..files {
        zip.start_file(format!("package/entry{:03}/file{number:05}.php", number / 40), options)?;
        let length = noise.below(2 * size);
        let mut text = String::with_capacity(length + 32);
        while text.len() < length {
            text += WORDS[noise.below(WORDS.len())];
            text += &noise.below(1000).to_string();
        }
        zip.write_all(text.as_bytes())?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

const WORDS: [&str; 12] = [
    "<?php\n",
    "function ",
    "return $this->",
    "public static ",
    "array(",
    ");\n",
    " => ",
    "if (!empty($",
    "/** @var ",
    "foreach ($rows as $",
    "    ",
    "}\n",
];

/// The same numbers each time (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
    }
}
