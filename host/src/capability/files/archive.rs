//! Reading a zip archive before anything of it is written: what it would make, or why it is refused.
//!
//! Nothing that the archive says is believed without a second look: names by the rules of [`super::path`], local headers
//! against the central directory, links by where they lead, sizes by what is really produced (in `extract.rs`).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zip::ZipArchive;
use zip::read::ZipFileEntry;
use zip::result::ZipError;

use super::path::{RelPath, escape, split};
use crate::effect::{CallError, Fault};

/// How much an archive may hold. Counted on what comes out, not on what the archive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes of one file.
    pub entry_bytes: u64,
    /// How often a file may be larger than its packed bytes, once it is over 1 MiB.
    pub ratio: u64,
    /// Levels of directories.
    pub depth: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { entries: 200_000, bytes: 8 << 30, entry_bytes: 2 << 30, ratio: 200, depth: 64 }
    }
}

/// A file smaller than this may have any ratio.
pub(super) const RATIO_FLOOR: u64 = 1 << 20;
/// The longest target of a symbolic link.
const MAX_LINK: u64 = 4096;

/// An archive that has passed: it can be cloned for another thread.
pub(super) type Archive = ZipArchive<Window>;

/// What an archive will make, in the order of the paths.
pub(super) struct Plan {
    /// Directories and their modes; a directory comes before what is in it.
    pub(super) directories: BTreeMap<Vec<u8>, u32>,
    /// Files, by path.
    pub(super) files: Vec<PlannedFile>,
    /// Symbolic links and their targets.
    pub(super) links: Vec<(Vec<u8>, Vec<u8>)>,
}

/// One file to make.
pub(super) struct PlannedFile {
    /// Its number in the archive.
    pub(super) index: usize,
    /// Where it goes.
    pub(super) path: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
}

/// The file is damaged or ends too early.
pub(super) fn damaged(name: &str, why: impl std::fmt::Display) -> CallError {
    CallError::answer("archive-damaged", format!("the archive {name} is damaged: {why}"))
}

/// The archive wants something that is never done.
fn unsafe_(name: &str, entry: &[u8], why: &str) -> CallError {
    let shown: String = escape(entry).chars().take(200).collect();
    CallError::answer("archive-unsafe", format!("the archive {name} is refused: {shown:?} {why}"))
}

/// The archive holds more than is allowed.
pub(super) fn too_big(name: &str, what: &str, limit: u64) -> CallError {
    CallError::answer("archive-too-big", format!("the archive {name} has {what}; the limit is {limit}"))
}

/// What the zip library says.
pub(super) fn zip_error(name: &str, error: &ZipError) -> CallError {
    match error {
        ZipError::Io(error) if is_fault(error) => Fault::io(name, error).into(),
        ZipError::UnsupportedArchive(why) => {
            CallError::answer("archive-unsupported", format!("the archive {name} cannot be read: {why}"))
        }
        ZipError::CompressionMethodNotSupported(method) => {
            let text = format!("the archive {name} is packed by method {method}, which is not supported");
            CallError::answer("archive-unsupported", text)
        }
        other => damaged(name, other),
    }
}

/// Whether an error of reading is the machine's, and not the archive's.
pub(super) fn is_fault(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
}

/// Opens an archive and looks at its directory.
pub(super) fn open(file: File, name: &str, limits: &ArchiveLimits) -> Result<Archive, CallError> {
    let window = Window::new(file).map_err(|error| Fault::io(name, &error))?;
    check_signature(&window, name)?;
    let declared = declared_entries(&window).map_err(|error| Fault::io(name, &error))?;
    if declared.is_some_and(|declared| declared > limits.entries) {
        return Err(too_big(name, "too many entries", limits.entries));
    }
    let mut archive = ZipArchive::new(window).map_err(|error| zip_error(name, &error))?;
    if archive.len() as u64 > limits.entries {
        return Err(too_big(name, "too many entries", limits.entries));
    }
    if archive.offset() != 0 {
        return Err(unsafe_(name, b"", "something stands before its beginning"));
    }
    archive.validate_header_consistency().map_err(|error| match error {
        ZipError::InvalidArchive(why) => unsafe_(name, b"", &why),
        other => zip_error(name, &other),
    })?;
    Ok(archive)
}

fn check_signature(window: &Window, name: &str) -> Result<(), CallError> {
    let mut head = [0; 512];
    let length = window.file.read_at(&mut head, 0).map_err(|error| Fault::io(name, &error))?;
    let head = &head[..length];
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(());
    }
    let text = head.trim_ascii_start().to_ascii_lowercase();
    let what = if text.is_empty() {
        "it is empty"
    } else if text.starts_with(b"<!doctype") || text.starts_with(b"<html") || text.starts_with(b"<?xml") {
        "it is a web page, perhaps an error page of the server"
    } else {
        "it does not begin as one"
    };
    Err(CallError::answer("not-an-archive", format!("{name} is no zip archive: {what}")))
}

/// How many entries the end record says there are: asked before the whole directory is read into memory.
fn declared_entries(window: &Window) -> io::Result<Option<u64>> {
    let length = window.length;
    let tail_start = length.saturating_sub(66_000);
    let mut tail = vec![0; usize::try_from(length - tail_start).map_err(io::Error::other)?];
    window.file.read_exact_at(&mut tail, tail_start)?;
    let Some(end) = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06") else { return Ok(None) };
    let field = |at: usize, size: usize| tail.get(at..at + size).map(little_endian);
    match field(end + 10, 2) {
        Some(0xffff) => {}
        count => return Ok(count),
    }
    let Some(zip64) = tail.windows(4).rposition(|bytes| bytes == b"PK\x06\x06") else { return Ok(Some(0xffff)) };
    Ok(field(zip64 + 32, 8))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Looks at every entry of an archive: the first of the two passes.
pub(super) fn plan(archive: &mut Archive, name: &str, strip: u32, limits: &ArchiveLimits) -> Result<Plan, CallError> {
    let mut planner = Planner {
        name,
        limits,
        plan: Plan { directories: BTreeMap::new(), files: Vec::new(), links: Vec::new() },
        folded: HashMap::new(),
        taken: HashMap::new(),
    };
    let mut declared = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(|error| zip_error(name, &error))?;
        declared = declared.saturating_add(entry.size());
        if declared > limits.bytes || entry.size() > limits.entry_bytes {
            return Err(too_big(name, "too many bytes", limits.bytes));
        }
        let Some(seen) = planner.entry(&entry, strip)? else { continue };
        match seen.kind {
            Kind::Directory => {
                planner.plan.directories.insert(seen.path, seen.mode);
            }
            Kind::File => planner.plan.files.push(PlannedFile { index, path: seen.path, mode: seen.mode }),
            Kind::Link => {
                let target = link_target(archive, index, name)?;
                check_link(&seen.path, &target).map_err(|why| unsafe_(name, &seen.path, why))?;
                planner.plan.links.push((seen.path, target));
            }
        }
    }
    planner.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Link,
}

struct Seen {
    path: Vec<u8>,
    kind: Kind,
    mode: u32,
}

struct Planner<'a> {
    name: &'a str,
    limits: &'a ArchiveLimits,
    plan: Plan,
    /// Paths as a file system without case would see them.
    folded: HashMap<String, Vec<u8>>,
    /// What each path is.
    taken: HashMap<Vec<u8>, Kind>,
}

impl Planner<'_> {
    /// Checks one entry; none if nothing is left of its name.
    fn entry(&mut self, entry: &ZipFileEntry<'_>, strip: u32) -> Result<Option<Seen>, CallError> {
        let raw = entry.name_raw();
        let refuse = |why: &str| unsafe_(self.name, raw, why);
        if entry.encrypted() {
            return Err(refuse("is encrypted"));
        }
        let kind = kind_of(entry).ok_or_else(|| refuse("is neither file, directory nor link"))?;
        // Some packers begin every name with the directory they were in.
        let named = raw.strip_prefix(b"./").unwrap_or(raw);
        if named.is_empty() && !raw.is_empty() {
            return Ok(None);
        }
        let spelled = if kind == Kind::Directory { named.strip_suffix(b"/").unwrap_or(named) } else { named };
        check_name(spelled).map_err(&refuse)?;
        let path = strip_leading(spelled, strip);
        if path.is_empty() {
            if kind == Kind::Directory {
                return Ok(None);
            }
            let text = format!("{:?} of the archive {} lies in fewer than {strip} directories", escape(raw), self.name);
            return Err(CallError::answer("invalid-strip", text));
        }
        if path.iter().filter(|&&b| b == b'/').count() >= self.limits.depth {
            return Err(refuse("lies too deep"));
        }
        if self.taken.insert(path.to_vec(), kind).is_some() {
            return Err(refuse("is there twice"));
        }
        let mode = mode_of(entry, kind);
        Ok(Some(Seen { path: path.to_vec(), kind, mode }))
    }

    /// Adds the directories that are only implied, and compares all paths with each other.
    fn finish(mut self) -> Result<Plan, CallError> {
        for path in self.taken.keys().cloned().collect::<Vec<_>>() {
            let mut above = split(&path).0;
            while !above.is_empty() {
                match self.taken.get(above) {
                    None => {
                        self.taken.insert(above.to_vec(), Kind::Directory);
                        self.plan.directories.insert(above.to_vec(), 0o755);
                    }
                    Some(Kind::Directory) => {}
                    Some(_) => return Err(unsafe_(self.name, &path, "lies below something that is no directory")),
                }
                above = split(above).0;
            }
        }
        if self.taken.len() as u64 > self.limits.entries {
            return Err(too_big(self.name, "too many entries", self.limits.entries));
        }
        for path in self.taken.into_keys() {
            let folded = String::from_utf8_lossy(&path).to_lowercase();
            if let Some(other) = self.folded.insert(folded, path.clone()) {
                let why = format!("differs from {:?} only in upper and lower case", escape(&other));
                return Err(unsafe_(self.name, &path, &why));
            }
        }
        self.plan.files.sort_unstable_by(|a, b| split(&a.path).cmp(&split(&b.path)));
        Ok(self.plan)
    }
}

fn check_name(name: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is an empty name");
    }
    if name.contains(&b'\\') {
        return Err("has a backslash");
    }
    if name.len() > 1 && name[1] == b':' && name[0].is_ascii_alphabetic() {
        return Err("names a drive");
    }
    RelPath::from_bytes(name).map(drop)
}

fn strip_leading(name: &[u8], strip: u32) -> &[u8] {
    let mut rest = name;
    for _ in 0..strip {
        match rest.iter().position(|&b| b == b'/') {
            Some(at) => rest = &rest[at + 1..],
            None => return b"",
        }
    }
    rest
}

fn kind_of(entry: &ZipFileEntry<'_>) -> Option<Kind> {
    let format = entry.unix_mode().unwrap_or(0) & 0o170_000;
    match format {
        0o040_000 => Some(Kind::Directory),
        0o120_000 if !entry.name_raw().ends_with(b"/") => Some(Kind::Link),
        0 | 0o100_000 if entry.is_dir() => Some(Kind::Directory),
        0 | 0o100_000 => Some(Kind::File),
        _ => None,
    }
}

/// Permission bits only: never setuid, setgid or sticky. A mode of nothing is a packer that knows no modes.
fn mode_of(entry: &ZipFileEntry<'_>, kind: Kind) -> u32 {
    let bits = entry.unix_mode().unwrap_or(0) & 0o777;
    match (kind, bits) {
        (Kind::Directory, 0) => 0o755,
        (Kind::Directory, bits) => bits | 0o700,
        (_, 0) => 0o644,
        (_, bits) => bits,
    }
}

fn link_target(archive: &mut Archive, index: usize, name: &str) -> Result<Vec<u8>, CallError> {
    let entry = archive.by_index(index).map_err(|error| zip_error(name, &error))?;
    let mut target = Vec::new();
    let read = entry.take(MAX_LINK + 1).read_to_end(&mut target);
    read.map_err(|error| if is_fault(&error) { Fault::io(name, &error).into() } else { damaged(name, error) })?;
    Ok(target)
}

/// A link may lead up only at its beginning, and not above the tree. No directory on the way can be a link itself (nothing
/// lies below a link), so this holds for the real path too, and for chains of links.
fn check_link(path: &[u8], target: &[u8]) -> Result<(), &'static str> {
    if target.is_empty() || target.len() as u64 > MAX_LINK {
        return Err("is a link with an empty or too long target");
    }
    if target.contains(&0) || target.contains(&b'\\') || target[0] == b'/' {
        return Err("is a link to an absolute or malformed path");
    }
    let levels = path.iter().filter(|&&b| b == b'/').count();
    let mut up = 0;
    let mut down = false;
    for part in target.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if down => return Err("is a link that leads down and up again"),
            b".." => up += 1,
            _ => down = true,
        }
    }
    if up > levels { Err("is a link that leads out of the archive") } else { Ok(()) }
}

/// A file that several threads can read at their own places.
#[derive(Clone)]
pub(super) struct Window {
    file: Arc<File>,
    length: u64,
    position: u64,
    /// Bytes around the last place: headers are read a few bytes at a time.
    buffer: Vec<u8>,
    start: u64,
}

const BUFFER: usize = 8 << 10;

impl Window {
    fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length, position: 0, buffer: Vec::new(), start: 0 })
    }

    fn buffered(&self) -> &[u8] {
        let offset = self.position.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.buffer.get(offset..)).unwrap_or_default()
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.buffered().is_empty() {
            if into.len() >= BUFFER {
                let length = self.file.read_at(into, self.position)?;
                self.position += length as u64;
                return Ok(length);
            }
            self.buffer.resize(BUFFER, 0);
            let length = self.file.read_at(&mut self.buffer, self.position)?;
            self.buffer.truncate(length);
            self.start = self.position;
        }
        let ready = self.buffered();
        let length = ready.len().min(into.len());
        into[..length].copy_from_slice(&ready[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::End(offset) => (self.length, offset),
            SeekFrom::Current(offset) => (self.position, offset),
        };
        self.position = base.checked_add_signed(offset).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
