//! The application's own flag, where it is a row of its database.
//!
//! What the row said before the first freeze of a run is kept in the run's directory, durable before the row is changed: it is undo
//! data, and a value, of which the journal has none. Whoever opens the installation again puts that back, whatever happened in
//! between: kills, a second freeze for `undo`, a stage that has set the row itself, a restore of the table (which has the flag on).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bundle::FlagRow;
use crate::effect::{CallError, Failure, Fault, Setting, Stamps, Store};
use crate::io::{fault, write_atomic};

/// The file of what the row said before, below `restore` in the run's directory. No database can have this name.
const KEPT: &str = "flag.json";

/// A row that closes the application as long as it has a certain value.
pub struct FlagInRow {
    flag: FlagRow,
    stores: Vec<Arc<dyn Store>>,
    kept: PathBuf,
}

/// Which row it is, and what it said before.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    database: String,
    setting: Setting,
    before: Value,
}

/// Whether a flag is on now.
///
/// # Errors
/// The answer "no-such-setting" if there is not exactly one such row; where the database cannot be asked.
pub fn is_on(flag: &FlagRow, store: &dyn Store) -> Result<bool, CallError> {
    Ok(says(&store.setting(&flag.setting)?, &flag.value))
}

impl FlagInRow {
    /// The flag of an installation with these databases, in a run with this directory.
    #[must_use]
    pub fn new(flag: &FlagRow, stores: Vec<Arc<dyn Store>>, directory: &Path) -> Self {
        Self { flag: flag.clone(), stores, kept: directory.join("restore").join(KEPT) }
    }

    /// Turns it on. May be done again after a crash.
    ///
    /// # Errors
    /// "freeze-failed" if there is not exactly one such row; where the database cannot be written to.
    pub fn place(&self) -> Result<(), Fault> {
        let failed = |error| told(error, "freeze-failed", "correct [maintenance] flag in installation.toml");
        let kept = match self.kept()? {
            Some(kept) if !fault::mutant("flag-kept-anew") => kept,
            _ => self.keep().map_err(failed)?,
        };
        let store = self.store(&kept)?;
        if says(&store.setting(&kept.setting).map_err(failed)?, &self.flag.value) {
            return Ok(());
        }
        point("maintenance.flag")?;
        store.set(&kept.setting, &json!(self.flag.value), "").map_err(failed)?;
        point("maintenance.flag-on")
    }

    /// Puts back what the row said before. Gets the stamps of the run's databases, and returns that of the row's, if it was written to
    /// and nobody else has written to the table since.
    ///
    /// After a kill in here there is nothing more to be done, nor to be told from what others have written meanwhile: the stamp
    /// stays, and `undo` takes our write for theirs.
    ///
    /// # Errors
    /// "thaw-failed" if there is no such row any more; where the database cannot be written to.
    pub fn remove(&self, stamps: &Stamps) -> Result<Stamps, Fault> {
        let failed = |error| {
            let hint = "put the row back, or take `flag` out of [maintenance] if this version has no such row";
            told(error, "thaw-failed", hint)
        };
        let Some(kept) = self.kept()? else { return Ok(Stamps::new()) };
        let store = self.store(&kept)?;
        if store.setting(&kept.setting).map_err(failed)? == kept.before {
            return Ok(Stamps::new());
        }
        point("maintenance.unflag")?;
        let stamp = stamps.get(&kept.database).filter(|_| !fault::mutant("flag-stamp-not-renewed"));
        let stamp = store.set(&kept.setting, &kept.before, stamp.map_or("", String::as_str)).map_err(failed)?;
        point("maintenance.unflagged")?;
        Ok(stamp.map(|stamp| (kept.database, stamp)).into_iter().collect())
    }

    fn kept(&self) -> Result<Option<Kept>, Fault> {
        let bytes = match fs::read(&self.kept) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Fault::io(format_args!("reading {}", self.kept.display()), &e)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Fault::new("restore-point-damaged", format!("{}: {e}", self.kept.display()))
                .hint("set the application's maintenance flag by hand, and remove this file")
        })
    }

    /// Makes durable what the row says now.
    fn keep(&self) -> Result<Kept, CallError> {
        let FlagRow { database, setting, .. } = self.flag.clone();
        let mut kept = Kept { database, setting, before: Value::Null };
        kept.before = self.store(&kept)?.setting(&kept.setting)?;
        write_atomic(&self.kept, json!(kept).to_string().as_bytes(), 0o600)
            .map_err(|e| Fault::io("keeping what the maintenance flag was", &e))?;
        Ok(kept)
    }

    fn store(&self, kept: &Kept) -> Result<&dyn Store, Fault> {
        let store = self.stores.iter().find(|store| store.name() == kept.database);
        store.map(AsRef::as_ref).ok_or_else(|| {
            let text = format!("the maintenance flag is in the database {}, which is not there now", kept.database);
            Fault::new("database-missing", text)
                .hint(format!("put [databases.{}] back into installation.toml", kept.database))
        })
    }
}

fn says(value: &Value, word: &str) -> bool {
    Setting::words(value).is_some_and(|words| words == word)
}

fn told(error: CallError, code: &'static str, hint: &str) -> Fault {
    match error {
        CallError::Answer(Failure { message, .. }) => Fault::new(code, message).hint(hint),
        CallError::Fault(fault) => fault,
    }
}

fn point(name: &'static str) -> Result<(), Fault> {
    fault::point(name).map_err(|e| Fault::io("the maintenance flag", &e))
}
