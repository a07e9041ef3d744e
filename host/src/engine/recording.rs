//! The recording: the conversation of one stage with the host, call by call, so that a killed stage can be replayed.
//!
//! A frame is the digest of function and arguments (8 bytes), the length of the answer (4 bytes) and the answer in postcard. The first frame
//! names what the recording is valid for: host version, component, parameters. Frames are collected in memory and flushed
//! before every durable point (marker, intent), which names the length then reached; after a crash the file is cut to the
//! length that the last durable point names. Without the cut a replay would answer from frames whose effects never happened.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::effect::Fault;
use crate::io::{AppendFile, fault};

const HEAD: usize = 12;
/// Bytes of frames that are collected in memory: a stage may read more than there is.
const MEMORY: usize = 1 << 20;
/// Bytes of a call that is hashed where it stands.
const SMALL: usize = 256;

/// Digest of a call: the function's name and its arguments. The journal has it too, so it is keyed with a secret of the run: a
/// short argument cannot be guessed from it.
///
/// # Errors
/// If the arguments cannot be serialised.
pub fn call_digest<A: Serialize>(key: u64, function: &str, arguments: &A) -> Result<u64, Fault> {
    // Most arguments are small: hashed in one go, without memory of their own.
    let mut small = [0; SMALL];
    if let Some(bytes) = placed(function, arguments, &mut small) {
        return Ok(xxh3_64_with_seed(bytes, key));
    }
    let bytes = postcard::to_extend(arguments, function.as_bytes().to_vec())
        .map_err(|e| Fault::new("host-bug", format!("the arguments of {function} cannot be recorded: {e}")))?;
    Ok(xxh3_64_with_seed(&bytes, key))
}

/// A call in a place of this size, if it fits.
fn placed<'a, A: Serialize>(function: &str, arguments: &A, place: &'a mut [u8; SMALL]) -> Option<&'a [u8]> {
    let (name, rest) = place.split_at_mut_checked(function.len())?;
    name.copy_from_slice(function.as_bytes());
    let used = postcard::to_slice(arguments, rest).ok()?.len();
    place.get(..function.len() + used)
}

/// A recording that is being written, and whose beginning may have to be replayed first.
pub struct Recording {
    file: AppendFile,
    pending: Vec<u8>,
    replay: Option<Replay>,
}

struct Replay {
    frames: BufReader<File>,
    left: u64,
    /// The answer that was read last.
    answer: Vec<u8>,
}

/// What the recording says to a call.
pub enum Answer<T> {
    /// The recorded answer.
    Recorded(T),
    /// The recording ends before this call: it is live.
    Live,
    /// Another call stands here.
    Other,
}

impl Recording {
    /// Opens a recording, cut to its valid length, and replays it from the beginning. `head` names what it is valid for;
    /// `then` is the answer of a call that ended behind that length and was kept elsewhere.
    ///
    /// # Errors
    /// "recording-of-another-build" if `head` differs; "recording-damaged" if the file is shorter than `valid`.
    pub fn open<H: Serialize, T: Serialize>(
        path: &Path,
        valid: u64,
        then: Option<(u64, T)>,
        head: &H,
    ) -> Result<Self, Fault> {
        let fault = |e: io::Error| match e.kind() {
            io::ErrorKind::InvalidData => damaged(&e.to_string()),
            _ => Fault::io(format_args!("opening the recording {}", path.display()), &e),
        };
        let keep = (!fault::mutant("recording-not-cut")).then_some(valid);
        let file = AppendFile::open(path, keep).map_err(fault)?;
        let mut recording = Self { file, pending: Vec::new(), replay: None };
        let head = call_digest(0, "recording", head)?;
        if recording.file.is_empty() {
            recording.push(head, &())?;
            return Ok(recording);
        }
        if let Some((call, answer)) = then {
            recording.push(call, &answer)?;
            recording.flush()?;
        }
        let mut reader = File::open(path).map_err(fault)?;
        reader.seek(SeekFrom::Start(0)).map_err(fault)?;
        let left = recording.file.len();
        recording.replay =
            Some(Replay { frames: BufReader::with_capacity(256 << 10, reader), left, answer: Vec::new() });
        match recording.answer::<()>(head)? {
            Answer::Recorded(()) => Ok(recording),
            _ => Err(Fault::new(
                "recording-of-another-build",
                "the stage was begun by another version of Liftlock, of the component or of its parameters",
            )),
        }
    }

    /// Looks a call up. Once it says [`Answer::Live`], it says so for good.
    ///
    /// # Errors
    /// "recording-damaged".
    pub fn answer<T: DeserializeOwned>(&mut self, call: u64) -> Result<Answer<T>, Fault> {
        let Some(replay) = &mut self.replay else { return Ok(Answer::Live) };
        if replay.left == 0 {
            self.replay = None;
            return Ok(Answer::Live);
        }
        let (recorded, bytes) = replay.frame()?;
        if recorded != call {
            return Ok(Answer::Other);
        }
        postcard::from_bytes(bytes).map(Answer::Recorded).map_err(|e| damaged(&e.to_string()))
    }

    /// Adds the answer of a live call.
    ///
    /// # Errors
    /// If it cannot be serialised.
    pub fn push<T: Serialize>(&mut self, call: u64, answer: &T) -> Result<(), Fault> {
        let start = self.pending.len();
        self.pending.extend_from_slice(&call.to_le_bytes());
        self.pending.extend_from_slice(&[0; 4]);
        let bug = |e: postcard::Error| Fault::new("host-bug", format!("an answer cannot be recorded: {e}"));
        self.pending = postcard::to_extend(answer, std::mem::take(&mut self.pending)).map_err(bug)?;
        let length = self.pending.len() - start - HEAD;
        let length =
            u32::try_from(length).map_err(|_| Fault::new("recording-full", "an answer is larger than 4 GiB"))?;
        self.pending[start + 8..start + HEAD].copy_from_slice(&length.to_le_bytes());
        if self.pending.len() >= MEMORY { self.write() } else { Ok(()) }
    }

    /// Bytes of the recording, what is not flushed yet included.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.file.len() + self.pending.len() as u64
    }

    /// Bytes that are behind us: what was replayed and what was added.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.length() - self.replay.as_ref().map_or(0, |r| r.left)
    }

    /// Whether a call is still answered from the file.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.replay.as_ref().is_some_and(|r| r.left > 0)
    }

    /// Drops what is behind `length`, as far as it is not on disk yet.
    pub fn cut_pending(&mut self, length: u64) {
        let keep = length.saturating_sub(self.file.len());
        self.pending.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
    }

    /// Makes all frames durable.
    ///
    /// # Errors
    /// What the file system says.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.write()?;
        if fault::mutant("recording-not-synced") {
            return Ok(());
        }
        self.file.sync().map_err(|e| Fault::io("writing the recording", &e))
    }

    /// Moves the frames to the file, durable or not: what is behind the last durable point does not count anyway.
    fn write(&mut self) -> Result<(), Fault> {
        if !self.pending.is_empty() {
            self.file.append(&self.pending).map_err(|e| Fault::io("writing the recording", &e))?;
            self.pending.clear();
        }
        Ok(())
    }
}

impl Replay {
    fn frame(&mut self) -> Result<(u64, &[u8]), Fault> {
        let mut head = [0; HEAD];
        let fault = |e: io::Error| damaged(&e.to_string());
        self.frames.read_exact(&mut head).map_err(fault)?;
        let [c0, c1, c2, c3, c4, c5, c6, c7, l0, l1, l2, l3] = head;
        let call = u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]);
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let size = HEAD as u64 + length;
        if size > self.left {
            return Err(damaged("a frame is cut short"));
        }
        self.answer.resize(usize::try_from(length).map_err(|e| damaged(&e.to_string()))?, 0);
        self.frames.read_exact(&mut self.answer).map_err(fault)?;
        self.left -= size;
        Ok((call, &self.answer))
    }
}

fn damaged(why: &str) -> Fault {
    Fault::new("recording-damaged", format!("the recording of the stage is damaged: {why}"))
}
