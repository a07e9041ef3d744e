//! The files of a restore point.
//!
//! ```text
//! catalog.json              every definition at the start, the next ids; its hash is in the run's journal
//! tables/users-5f2b…/       a table that was there at the start; empty until it is touched
//! tables/users-5f2b…/saved/ the table as it was before it was touched first: `table.json` and a dump in `rows`
//! tables/users-5f2b…/new/   the same on its way: left by a crash, made again
//! ```
//!
//! The directories are the only truth about what is saved, and looking at them is cheap enough for every statement.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::MysqlConfig;
use super::super::catalog::Catalog;
use super::super::dump::{self, Manifest, Quiet};
use super::orphans::Orphans;
use super::sealed;
use crate::effect::Fault;
use crate::io::{fault, make_private_dir, sync_dir};

/// The bytes of a table's name that a directory's name shows. The rest of it is a hash: names may be longer than a file's.
const SHOWN: usize = 60;

/// The file of a dump that has the hashes of all others.
const SUMS: &str = "SHA256SUMS";

/// The schema at the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Start {
    /// Every definition.
    pub(super) catalog: Catalog,
    /// The next id of each table that has one.
    pub(super) next_ids: BTreeMap<String, u64>,
}

/// What is known about a table that is saved, beside its dump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Label {
    /// The table's name at the start.
    table: String,
    /// SHA-256 of the dump's list of hashes.
    sums: String,
    /// Of the foreign keys on either side of it, as far as nothing on either side had been touched.
    orphans: Vec<Orphans>,
}

/// A saved table, read and found to be whole.
pub(super) struct Saved {
    /// Its name at the start.
    pub(super) table: String,
    /// Where its dump is.
    pub(super) rows: PathBuf,
    /// The dump's page.
    pub(super) manifest: Manifest,
    /// See [`Label::orphans`].
    pub(super) orphans: Vec<Orphans>,
}

/// The directory of a restore point.
pub(super) struct Point<'a> {
    config: &'a MysqlConfig,
}

impl<'a> Point<'a> {
    /// The one of this run, whether or not it is there.
    pub(super) fn of(config: &'a MysqlConfig) -> Self {
        Self { config }
    }

    /// Makes it: an empty place for each table, then `catalog.json`, whose presence says that the places are all there.
    /// Returns the hash of `catalog.json`.
    pub(super) fn create(&self, start: &Start) -> Result<String, Fault> {
        self.clear().map_err(|error| self.io(&error))?;
        let places = || {
            make_private_dir(&self.config.restore)?;
            make_private_dir(&self.tables())?;
            for table in start.catalog.tables.keys() {
                private_dir(&self.place(table))?;
            }
            sync_dir(&self.tables())
        };
        places().map_err(|error| self.io(&error))?;
        sealed::write(&self.catalog(), start)
    }

    /// Whether a table is still to be saved before it may be touched: it was there at the start.
    ///
    /// # Errors
    /// If there is no restore point.
    pub(super) fn wants(&self, table: &str) -> Result<bool, Fault> {
        let place = self.place(table);
        Ok(exists(&place).map_err(|error| self.io(&error))? && !self.is_saved(table)?)
    }

    /// Whether a table is saved.
    pub(super) fn is_saved(&self, table: &str) -> Result<bool, Fault> {
        exists(&self.place(table).join("saved")).map_err(|error| self.io(&error))
    }

    /// Refuses to go on without a restore point: without it every table would look as if the run had made it.
    pub(super) fn expect(&self) -> Result<(), Fault> {
        if exists(&self.catalog()).map_err(|error| self.io(&error))? {
            return Ok(());
        }
        let text = format!("database {}: a change before there is a restore point", self.config.name);
        Err(Fault::new("internal", text))
    }

    /// The schema at the start, with the hash of the file.
    pub(super) fn start(&self) -> Result<(Start, String), Fault> {
        sealed::read(&self.catalog()).map_err(|why| self.damaged(&why))
    }

    /// Writes a table's rows under a temporary name, durable, and reads them back.
    pub(super) fn write(&self, dumper: &MysqlConfig, start: &Start, table: &str) -> Result<(), Fault> {
        let site = self.place(table).join("new");
        let rows = site.join("rows");
        let prepare = || {
            fault::point("mysql.restore.save")?;
            clear_dir(&site)?;
            private_dir(&site)?;
            private_dir(&rows)
        };
        prepare().map_err(|error| self.io(&error))?;
        dump::save(dumper, &start.catalog, &[table.to_owned()], false, &rows, Quiet::Frozen).map(drop)
    }

    /// Adds what else is known of a table that was written, and renames it: it is saved.
    pub(super) fn seal(&self, table: &str, orphans: &[Orphans]) -> Result<(), Fault> {
        let place = self.place(table);
        let (site, saved) = (place.join("new"), place.join("saved"));
        let sums = fs::read(site.join("rows").join(SUMS)).map_err(|error| self.io(&error))?;
        let orphans = orphans.iter().filter(|orphans| orphans.concern(table)).cloned().collect();
        let label = Label { table: table.to_owned(), sums: sealed::hash(&sums), orphans };
        sealed::write(&site.join("table.json"), &label)?;
        let rename = || {
            fault::point("mysql.restore.rename")?;
            fs::rename(&site, &saved)?;
            sync_dir(&place)?;
            fault::point("mysql.restore.saved")
        };
        rename().map_err(|error| self.io(&error))
    }

    /// Reads every file of the restore point and compares: the start with the hash in the journal, each saved table with the
    /// start. Nothing has been changed if this fails.
    pub(super) fn verify(&self, sha256: &str) -> Result<(Start, Vec<Saved>), Fault> {
        let (start, found) = self.start()?;
        if found != sha256 {
            return Err(self.damaged(&format!("{} is not the run's own", self.catalog().display())));
        }
        let mut saved = Vec::new();
        for table in start.catalog.tables.keys() {
            if !exists(&self.place(table)).map_err(|error| self.io(&error))? {
                return Err(self.damaged(&format!("{} is missing", self.place(table).display())));
            }
            if self.is_saved(table)? {
                saved.push(self.verify_table(&start, table)?);
            }
        }
        Ok((start, saved))
    }

    fn verify_table(&self, start: &Start, table: &str) -> Result<Saved, Fault> {
        let directory = self.place(table).join("saved");
        let rows = directory.join("rows");
        let (label, _) = sealed::read::<Label>(&directory.join("table.json")).map_err(|why| self.damaged(&why))?;
        let page = rows.join(SUMS);
        let bytes = fs::read(&page).map_err(|error| self.damaged(&format!("{}: {error}", page.display())))?;
        if label.table != table || label.sums != sealed::hash(&bytes) {
            return Err(self.damaged(&format!("{} is not what was saved", page.display())));
        }
        let manifest = dump::verify(&rows).map_err(|fault| match fault.code {
            "snapshot-damaged" => self.damaged(&fault.message),
            _ => fault,
        })?;
        if manifest.catalog.tables.get(table) != start.catalog.tables.get(table) {
            return Err(self.damaged(&format!("{} has another definition than the start", rows.display())));
        }
        Ok(Saved { table: label.table, rows, manifest, orphans: label.orphans })
    }

    /// Removes what an earlier attempt to begin left. Refuses where a table is saved: that attempt was no attempt.
    fn clear(&self) -> io::Result<()> {
        let tables = self.tables();
        if exists(&tables)? {
            for place in fs::read_dir(&tables)? {
                let place = place?.path();
                if exists(&place.join("saved"))? {
                    return Err(io::Error::other(format!("{} is already in use", place.display())));
                }
            }
        }
        remove(&self.catalog())?;
        clear_dir(&tables)
    }

    fn catalog(&self) -> PathBuf {
        self.config.restore.join("catalog.json")
    }

    fn tables(&self) -> PathBuf {
        self.config.restore.join("tables")
    }

    fn place(&self, table: &str) -> PathBuf {
        self.tables().join(directory_name(table))
    }

    /// The restore point is not what was written.
    pub(super) fn damaged(&self, why: &str) -> Fault {
        Fault::new("restore-point-damaged", format!("restore point of database {}: {why}", self.config.name))
            .hint("the database is as the run left it; restore it from a backup of your own")
    }

    fn io(&self, error: &io::Error) -> Fault {
        Fault::io(format_args!("restore point of database {}", self.config.name), error)
    }
}

/// A name for a directory, the same for ever: as much of the table's name as a person needs, and a hash that tells it apart.
fn directory_name(table: &str) -> String {
    let mut name = String::new();
    for byte in table.bytes() {
        if name.len() >= SHOWN {
            break;
        }
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    format!("{name}-{}", &sealed::hash(table.as_bytes())[..16])
}

/// Whether there is something, and never "no" because it cannot be looked at.
fn exists(path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn remove(path: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_file(path))
}

fn clear_dir(path: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_dir_all(path))
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::directory_name;

    #[test]
    fn no_name_of_a_table_leaves_its_directory_or_is_too_long_for_it() {
        let long = "\u{4e00}".repeat(64);
        let other = format!("{}\u{4e01}", "\u{4e00}".repeat(63));
        let names = ["..", "a/b", "a\0b", "users", "Users", "a b", "a`b", "", &long, &other].map(directory_name);
        for name in &names {
            assert!(name.len() < 100 && !name.starts_with('.') && !name.contains(['/', '\0']), "{name}");
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names[3].starts_with("users-"));
    }
}
