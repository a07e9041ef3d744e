//! Saving: connections that read, each with a thread of its own that compresses what it hands over.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::file::{FileEntry, SqlFile};
use super::moment;
use super::plan::{Part, Source, parts};
use super::programs;
use super::read::{Block, Reader};
use super::text::{COMMIT, HEAD};
use super::{Manifest, Quiet, TableEntry};
use crate::capability::database::SnapshotInfo;
use crate::capability::database::mysql::MysqlConfig;
use crate::capability::database::mysql::catalog::Catalog;
use crate::effect::Fault;

/// A file is full when it has so many bytes, before compression.
const FILE: u64 = 32 << 20;

/// Blocks of 1 MiB that wait between a reader and its writer.
const WAITING: usize = 4;

/// A buffer that a huge row made bigger than this is not used again.
const BUFFER: usize = 4 << 20;

/// Connections that read at once.
const MOST_READERS: usize = 4;

/// What the threads share.
struct Shared<'a> {
    config: &'a MysqlConfig,
    directory: &'a Path,
    sources: &'a [Source<'a>],
    parts: Mutex<VecDeque<Part>>,
    /// Each with the position of its table.
    files: Mutex<Vec<(usize, FileEntry)>>,
    failed: AtomicBool,
}

/// Writes all files, and returns what the manifest says.
pub(super) fn save(
    config: &MysqlConfig,
    catalog: &Catalog,
    tables: &[String],
    whole: bool,
    directory: &Path,
    quiet: Quiet,
) -> Result<Manifest, Fault> {
    let mut first = Reader::open(config)?;
    let sources = Source::all(catalog, tables, first.flavor)?;
    let mut readers = match quiet {
        Quiet::Frozen => {
            first.begin()?;
            vec![first]
        }
        Quiet::Live => moment::readers(config, first, most_readers(), &sources)?,
    };
    let consistency = quiet.consistency(readers.len());
    let next_ids = Catalog::next_ids(readers[0].link(), config)?;
    let shared_out = quiet == Quiet::Frozen || readers.len() > 1;
    let parts = parts(&mut readers[0], &sources, shared_out)?;
    while quiet == Quiet::Frozen && readers.len() < most_readers().min(parts.len()) {
        let mut reader = Reader::open(config)?;
        reader.begin()?;
        readers.push(reader);
    }
    let shared = Shared {
        config,
        directory,
        sources: &sources,
        parts: Mutex::new(parts),
        files: Mutex::default(),
        failed: AtomicBool::new(false),
    };
    let _work = config.meter.begin("rows", None);
    thread::scope(|scope| {
        let working: Vec<_> = readers.iter_mut().map(|reader| scope.spawn(|| shared.work(reader))).collect();
        // All are waited for; the first fault is told, if it is not that another failed.
        let done: Vec<_> = working.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(died()))).collect();
        let (stopped, faults): (Vec<_>, Vec<_>) =
            done.into_iter().filter_map(Result::err).partition(|fault| fault.code == "interrupted");
        faults.into_iter().chain(stopped).next().map_or(Ok(()), Err)
    })?;
    let data = shared.files.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut manifest = manifest(catalog, &sources, &next_ids, data, whole, quiet);
    manifest.info.extra.insert(0, ("consistency".to_owned(), consistency.to_owned()));
    manifest.files.extend(programs::save(config, readers[0].link(), &manifest, &sources, directory)?);
    manifest.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(manifest)
}

fn most_readers() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, MOST_READERS)
}

impl Shared<'_> {
    /// One connection: reads parts until there are no more.
    fn work(&self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let (send, receive) = sync_channel::<Block>(WAITING);
        let (give_back, empty) = channel::<Vec<u8>>();
        let done = thread::scope(|scope| {
            let writer = scope.spawn(|| self.write(receive, give_back));
            let fresh = || empty.try_recv().unwrap_or_default();
            let read = self.read(reader, fresh, |block| {
                // A closed channel: the writer failed, and says why.
                send.send(block).map_err(|_| interrupted())
            });
            drop(send);
            let written = writer.join().unwrap_or_else(|_| Err(died()));
            written.and(read)
        });
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        done
    }

    fn read(
        &self,
        reader: &mut Reader<'_>,
        mut fresh: impl FnMut() -> Vec<u8>,
        mut take: impl FnMut(Block) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let next = || self.parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(part) = next() {
            reader.read(self.sources, &part, &mut fresh, |block| {
                if self.config.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
                    return Err(interrupted());
                }
                take(block)
            })?;
        }
        Ok(())
    }

    /// Compresses blocks into files. A file has rows of one table only.
    fn write(&self, blocks: Receiver<Block>, give_back: Sender<Vec<u8>>) -> Result<(), Fault> {
        let mut open: Option<(usize, SqlFile)> = None;
        for Block { source, rows, mut text } in blocks {
            if let Some((of, file)) = open.take_if(|(of, file)| *of != source || file.length() >= FILE) {
                self.finish(of, file)?;
            }
            let (_, file) = match &mut open {
                Some(open) => open,
                none => none.insert((source, self.create(source)?)),
            };
            file.write(&text, rows)?;
            self.config.meter.add(rows);
            if text.capacity() <= BUFFER {
                text.clear();
                // The reader may be gone.
                let _ = give_back.send(text);
            }
        }
        open.map_or(Ok(()), |(of, file)| self.finish(of, file))
    }

    fn create(&self, source: usize) -> Result<SqlFile, Fault> {
        let mut file = SqlFile::create(self.directory, self.sources[source].next_file())?;
        file.write(HEAD.as_bytes(), 0)?;
        Ok(file)
    }

    fn finish(&self, source: usize, mut file: SqlFile) -> Result<(), Fault> {
        file.write(COMMIT.as_bytes(), 0)?;
        let entry = file.finish()?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push((source, entry));
        Ok(())
    }
}

/// The manifest, as far as rows go.
fn manifest(
    catalog: &Catalog,
    sources: &[Source<'_>],
    next_ids: &BTreeMap<String, u64>,
    mut data: Vec<(usize, FileEntry)>,
    whole: bool,
    quiet: Quiet,
) -> Manifest {
    data.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    let mut tables = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        let own = data.iter().filter(|(of, _)| *of == index).map(|(_, file)| file);
        let entry = TableEntry {
            rows: own.clone().map(|file| file.rows).sum(),
            next_id: next_ids.get(&source.table.name).copied(),
            data: own.map(|file| file.name.clone()).collect(),
        };
        tables.insert(source.table.name.clone(), entry);
    }
    let mut catalog = catalog.clone();
    catalog.tables.retain(|name, _| tables.contains_key(name));
    if !whole {
        catalog.views.clear();
        catalog.routines.clear();
        catalog.events.clear();
    }
    let mut extra = Vec::new();
    let loose = |source: &&Source<'_>| quiet == Quiet::Live && !source.table.transactional;
    let loose: Vec<_> = sources.iter().filter(loose).map(|source| source.table.name.as_str()).collect();
    if !loose.is_empty() {
        extra.push(("not-consistent".to_owned(), loose.join(", ")));
    }
    let info = SnapshotInfo {
        id: String::new(),
        tables: tables.len() as u64,
        rows: tables.values().map(|table| table.rows).sum(),
        bytes: 0,
        extra,
    };
    Manifest { info, catalog, tables, files: data.into_iter().map(|(_, file)| file).collect() }
}

fn interrupted() -> Fault {
    Fault::new("interrupted", "stopped in the middle of a snapshot")
}

/// A thread ended by a panic.
pub(super) fn died() -> Fault {
    Fault::new("internal", "a thread of a snapshot ended early")
}
