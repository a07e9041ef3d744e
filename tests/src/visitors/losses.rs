//! What is there of what visitors have written, and what is not.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Place, Story, TABLES, Written, path_now};
use crate::fixture::{Database, Installation};
use crate::mariadb::text;

/// What is there now, of all that visitors may have written.
pub struct Present {
    root: PathBuf,
    rows: HashSet<(&'static str, String)>,
    points: BTreeMap<u32, String>,
}

impl Present {
    /// Reads the rows. Files are read when they are asked for.
    ///
    /// # Errors
    /// What the server says.
    pub fn read(installation: &Installation) -> Result<Self> {
        let Database::Server(schema) = &installation.database else { bail!("Mautic is on a server") };
        let (mut client, p) = (schema.client()?, &installation.prefix);
        let mut rows = HashSet::new();
        for (table, column) in TABLES {
            let sql = format!("SELECT {column} FROM {p}{table} WHERE {column} LIKE 'visitor-%'");
            rows.extend(client.column(&sql)?.into_iter().map(|key| (table, key)));
        }
        let sql = format!(
            "SELECT l.firstname FROM {p}companies_leads c JOIN {p}leads l ON l.id = c.lead_id WHERE l.firstname LIKE 'visitor-%'"
        );
        rows.extend(client.column(&sql)?.into_iter().map(|key| ("companies_leads", key)));
        let mut points = BTreeMap::new();
        for row in client.rows(&format!("SELECT id, points FROM {p}leads WHERE id < 10"))? {
            if let [id, value] = row.as_slice() {
                points.insert(text(id).parse()?, text(value));
            }
        }
        Ok(Self { root: installation.root.clone(), rows, points })
    }

    /// What is at a place.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<String> {
        let read = |path: &str| fs::read_to_string(path_now(&self.root, path)).ok();
        match place {
            Place::File(path) => read(path),
            Place::Line(path, line) => read(path)?.lines().any(|one| one == line).then(|| line.clone()),
            Place::Row(table, key) => self.rows.contains(&(*table, key.clone())).then(String::new),
            Place::Points(id) => self.points.get(id).cloned(),
        }
    }
}

/// What was lost of what must be there.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    /// How many writes of files must be there.
    pub writes: usize,
    /// How many writes of rows.
    pub rows: usize,
    /// Those of files that are not.
    pub lost_writes: Vec<Place>,
    /// Those of rows.
    pub lost_rows: Vec<Place>,
}

/// Compares. `must` says which writes must be there; what was written to the same place later may be there instead, be it one
/// that must or not.
#[must_use]
pub fn losses(story: &Story, present: &Present, must: impl Fn(&Written) -> bool) -> Losses {
    let mut by_place: BTreeMap<&Place, Vec<&Written>> = BTreeMap::new();
    for written in &story.written {
        by_place.entry(&written.place).or_default().push(written);
    }
    let mut losses = Losses::default();
    for (place, writes) in by_place {
        let Some(last) = writes.iter().rposition(|write| must(write)) else { continue };
        let number = writes.iter().filter(|write| must(write)).count();
        let is = present.at(place);
        let lost = !writes[last..].iter().any(|write| write.value == is);
        let (all, list) = match place.is_file() {
            true => (&mut losses.writes, &mut losses.lost_writes),
            false => (&mut losses.rows, &mut losses.lost_rows),
        };
        *all += number;
        if lost {
            list.push(place.clone());
        }
    }
    losses
}
