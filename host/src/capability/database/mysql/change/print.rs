//! Fingerprints: what a schema looks like, in hashes, for the journal has no values, and comments and defaults may hold some.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::catalog::{Catalog, Program, quoted, without_implied_keys};
use super::statement::{without_definer, without_trigger_table};

/// Objects by kind and name ("table users"), each with a hash of its definition; what is not there is not in it.
///
/// Neither the account that a program belongs to is part of it, for a clone's is another, nor the next id of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print(BTreeMap<String, Look>);

/// What one object looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    /// All that is shown of it.
    exact: String,
    /// A table with keys: the same but for keys that the server may have made itself, see [`without_implied_keys`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loose: Option<String>,
}

impl Look {
    fn exact(exact: String) -> Self {
        Self { exact, loose: None }
    }

    fn table(definition: &str) -> Self {
        Self { exact: hash(&[definition]), loose: Some(hash(&[&without_implied_keys(definition)])) }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.exact == other.exact || (self.loose.is_some() && self.loose == other.loose)
    }
}

impl Print {
    /// That of a catalog.
    pub(super) fn of(catalog: &Catalog) -> Self {
        Self::renamed(catalog, str::to_owned)
    }

    /// That of a clone, in whose definitions the name of its schema becomes that of the original.
    pub(super) fn of_clone(catalog: &Catalog, clone: &str, original: &str) -> Self {
        Self::renamed(catalog, |definition| definition.replace(&quoted(clone), &quoted(original)))
    }

    fn renamed(catalog: &Catalog, rename: impl Fn(&str) -> String) -> Self {
        let mut print = BTreeMap::new();
        print.insert(
            "the database's character set".to_owned(),
            Look::exact(format!("{} {}", catalog.charset, catalog.collation)),
        );
        for table in catalog.tables.values() {
            print.insert(format!("table {}", table.name), Look::table(&rename(&table.definition)));
            for (place, trigger) in table.triggers.iter().enumerate() {
                // Its table and its place apart from the rest: all that a clone's trigger shows without the body.
                let place = Look::exact(format!("{} {place}", table.name));
                print.insert(format!("the table of trigger {}", trigger.name), place);
                let definition = without_trigger_table(&rename(&trigger.definition));
                print.insert(format!("trigger {}", trigger.name), program(trigger, &definition));
            }
        }
        let views = catalog.views.values().map(|view| (format!("view {}", view.name), view));
        let routines = catalog.routines.iter().map(|(name, routine)| (name.clone(), routine));
        let events = catalog.events.values().map(|event| (format!("event {}", event.name), event));
        let programs = views.chain(routines).chain(events);
        print.extend(programs.map(|(name, it)| (name, program(it, &rename(&it.definition)))));
        Self(print)
    }

    /// What becomes of this when the same happens to it that made `after` out of `clone`. None if the clone was not like
    /// this where it matters: then it proves nothing.
    pub(super) fn follow(&self, clone: &Self, after: &Self) -> Option<Self> {
        let like_us = |name: &String| clone.0.get(name) == self.0.get(name);
        if !clone.0.keys().filter(|name| name.starts_with("table ")).all(like_us) {
            return None;
        }
        let mut expected = self.0.clone();
        for (name, was) in &clone.0 {
            match after.0.get(name) {
                Some(is) if is == was => {}
                Some(is) if like_us(name) => {
                    expected.insert(name.clone(), is.clone());
                }
                Some(_) => return None,
                None => {
                    expected.remove(name);
                }
            }
        }
        for (name, is) in after.0.iter().filter(|(name, _)| !clone.0.contains_key(*name)) {
            if expected.insert(name.clone(), is.clone()).is_some() {
                return None;
            }
        }
        Some(Self(expected))
    }

    /// The names of the tables in it.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.keys().filter_map(|name| name.strip_prefix("table "))
    }

    /// The objects in which two differ.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        self.differing(other, |one, other| one == other)
    }

    /// The same, but for keys that the server may have made itself.
    pub(super) fn great_differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        self.differing(other, Look::is_like)
    }

    fn differing<'a>(&'a self, other: &'a Self, like: impl Fn(&Look, &Look) -> bool) -> Vec<&'a str> {
        let names: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |name: &&String| match (self.0.get(*name), other.0.get(*name)) {
            (Some(one), Some(other)) => !like(one, other),
            _ => true,
        };
        names.into_iter().filter(differs).map(String::as_str).collect()
    }
}

fn program(program: &Program, definition: &str) -> Look {
    let [client, connection, database] = &program.collations;
    let parts = [&without_definer(definition), &program.sql_mode, &program.time_zone, client, connection, database];
    Look::exact(hash(&parts.map(String::as_str)))
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::{Look, Print};

    fn print(parts: &[(&str, &str)]) -> Print {
        Print(parts.iter().map(|(name, is)| ((*name).to_owned(), Look::exact((*is).to_owned()))).collect())
    }

    #[test]
    fn a_clone_that_was_not_like_the_table_proves_nothing() {
        let before = print(&[("table a", "1"), ("view v", "1")]);
        let unlike = print(&[("table a", "2")]);
        assert_eq!(before.follow(&unlike, &unlike), None);
        assert_eq!(before.follow(&print(&[("view v", "2")]), &print(&[("view v", "3")])), None);
        assert_eq!(before.follow(&print(&[]), &print(&[("table a", "9")])), None);
    }

    #[test]
    fn what_happened_to_the_clone_is_what_is_expected_and_the_rest_stays() {
        let before =
            print(&[("table a", "1"), ("table b", "1"), ("trigger t", "body"), ("the table of trigger t", "a 0")]);
        let clone = print(&[("table a", "1"), ("trigger t", "stub"), ("the table of trigger t", "a 0")]);
        let after = print(&[("table c", "2"), ("trigger t", "stub"), ("the table of trigger t", "c 0")]);
        let expected =
            print(&[("table b", "1"), ("table c", "2"), ("trigger t", "body"), ("the table of trigger t", "c 0")]);
        assert_eq!(before.follow(&clone, &after), Some(expected.clone()));
        let differences = ["table a", "table c", "the table of trigger t"];
        assert_eq!(before.differences(&expected), differences);
        assert_eq!(before.follow(&clone, &clone), Some(before.clone()));
    }
}
