//! The network: reading only, from origins that the operator granted, and packages that are exactly what was pinned.
//!
//! A stage names addresses, a server names others, a resolver names still others: none of them is trusted. Every address is
//! checked where it is about to be used: the stage's and each redirect's before the request (`grant`), the resolved ones as
//! they are handed to the dialler (`client`). What comes back is bounded in size and time (`pace`), and a package is
//! believed only by its digest (`download`), which comes from the bundle or the operator, never from the stage alone.
//!
//! Deliberately absent: methods other than GET and HEAD, proxies from the environment, cookies, credentials, decompression.

mod address;
mod client;
mod download;
mod grant;
mod pace;
mod shelf;
mod stage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::grant::NetworkGrant;
pub use self::pace::MinimumRate;
pub use self::stage::StageNetwork;

use self::client::{Lookup, system_lookup};
use self::shelf::{Shelf, Sum};
use crate::effect::{Capability, Change, Extra, Fault, Verdict};
use crate::meter::Meter;

/// [`Change::capability`] of this module.
const NAME: &str = "network";

/// What the network of one run works with.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The run's id.
    pub run: String,
    /// Where artifacts are kept; made at the first download, removed with the run's directory.
    pub artifacts: PathBuf,
    /// What packages must be, by artifact name: the bundle's pins and the operator's.
    pub pins: BTreeMap<String, Pin>,
    /// What a package may have whose pin says nothing about it. Bytes.
    pub max_size: u64,
    /// For one download or request, from the first address to the last byte.
    pub time: Duration,
    /// Below it a server is given up.
    pub minimum_rate: MinimumRate,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// True: stop waiting, as soon as possible.
    pub stop: Arc<AtomicBool>,
    /// Where downloads are counted.
    pub meter: Meter,
}

impl NetworkConfig {
    /// No pins; an hour for a download, at least 1 KiB/s, at most 4 GiB.
    #[must_use]
    pub fn new(run: impl Into<String>, artifacts: PathBuf, stop: Arc<AtomicBool>) -> Self {
        Self {
            run: run.into(),
            artifacts,
            pins: BTreeMap::new(),
            max_size: 4 << 30,
            time: Duration::from_secs(3600),
            minimum_rate: MinimumRate::default(),
            ca_file: None,
            stop,
            meter: Meter::default(),
        }
    }
}

/// What a package must be, as the bundle and the operator say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pin {
    /// Hex. Without it the package is unpinned.
    pub sha256: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Where it is, for a stage that gives no address of its own.
    pub url: Option<String>,
    /// The operator's own copy, taken instead of asking a server.
    pub file: Option<PathBuf>,
    /// Bytes; asked only where there is no `size`.
    pub max_size: Option<u64>,
}

/// What a stage expects of a package, in addition to its pin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedPin {
    /// Hex.
    pub sha256: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
}

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The address that answered in the end.
    pub url: String,
    /// Any.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came: never decompressed.
    pub body: Vec<u8>,
    /// For later versions.
    pub extra: Extra,
}

/// A package that is here, whole and as pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downloaded {
    /// Its id: the name of its file in the run's artifacts.
    pub artifact: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// "source": "file", if it is the operator's own copy; else "server".
    pub extra: Extra,
}

impl Downloaded {
    fn new(artifact: String, sum: Sum, source: &str) -> Self {
        Self { artifact, sha256: sum.sha256, size: sum.size, extra: vec![("source".to_owned(), source.to_owned())] }
    }
}

/// The network of one run, as the engine sees it.
pub struct Network {
    config: NetworkConfig,
    shelf: Shelf,
    lookup: Lookup,
}

/// What a download's change remembers.
#[derive(Deserialize)]
struct Undo {
    seq: u64,
    name: String,
    source: String,
}

impl Network {
    /// The network of a run. Nothing is asked or written yet.
    #[must_use]
    pub fn new(config: NetworkConfig) -> Self {
        Self::with_lookup(config, Arc::new(system_lookup))
    }

    fn with_lookup(config: NetworkConfig, lookup: Lookup) -> Self {
        let shelf = Shelf::new(config.artifacts.clone());
        Self { config, shelf, lookup }
    }

    /// The path of an artifact that a download of this run returned.
    #[must_use]
    pub fn artifact(&self, id: &str) -> Option<PathBuf> {
        let known = id.starts_with("artifact-") && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        known.then(|| self.config.artifacts.join(id)).filter(|path| path.is_file())
    }
}

impl Capability for Network {
    fn name(&self) -> &'static str {
        NAME
    }

    /// A file with an artifact's name is whole. One that is not what its name says was damaged, and is fetched again; a part
    /// that came is left for that.
    fn settle(&self, change: &Change) -> Result<Verdict, Fault> {
        let undo = read_undo(change)?;
        for artifact in self.shelf.find(undo.seq)? {
            if let Some(sum) = self.shelf.whole(&artifact)? {
                self.shelf.drop_unfinished(&undo.name)?;
                let done = Downloaded::new(artifact, sum, &undo.source);
                let value = serde_json::to_value(done).map_err(|error| Fault::new("internal", error.to_string()))?;
                return Ok(Verdict::Done(value));
            }
            self.shelf.take_away(&artifact)?;
        }
        Ok(Verdict::NotDone)
    }

    fn undo(&self, change: &Change) -> Result<(), Fault> {
        let undo = read_undo(change)?;
        self.shelf.drop_unfinished(&undo.name)?;
        self.shelf.find(undo.seq)?.iter().try_for_each(|artifact| self.shelf.take_away(artifact))
    }

    /// Nothing here comes out of the installation.
    fn recheck(&self, _done: &[Change]) -> Result<(), Fault> {
        Ok(())
    }

    /// The artifacts go with the run's directory.
    fn forget(&self) -> Result<(), Fault> {
        Ok(())
    }
}

fn read_undo(change: &Change) -> Result<Undo, Fault> {
    Undo::deserialize(&change.undo).map_err(|error| {
        Fault::new("journal-damaged", format!("the record of {} cannot be read: {error}", change.object))
    })
}
