//! The host's own files around an installation: what must not be left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Site;

/// How a run's id is written in a list, and the number of an effect, for two runs to be compared.
const RUN: &str = "<run>";
const NUMBER: &str = "<n>";

/// What a run that was killed before it began may leave: it holds nothing.
const NOTHING: [&str; 3] = ["journal.jsonl", "seed", "seed.new"];

/// The paths, from the installation's directory, of all files that are no part of the application: state, backups, staging.
/// Compiled code is left out. One that a run has made twice (two backups) is listed as such.
///
/// # Errors
/// What the file system says.
pub(super) fn list(site: &Site) -> Result<BTreeSet<String>> {
    let mut found = Vec::new();
    for directory in [&site.state, &site.backup] {
        if directory.is_dir() {
            walk(&site.directory, directory, &mut found)?;
        }
    }
    for entry in fs::read_dir(&site.root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(".liftlock") {
            found.push(format!("www/{name}"));
        }
    }
    let mut list = BTreeSet::new();
    for run in runs(&site.state)? {
        let (mut own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| path.contains(&run));
        for path in &mut own {
            *path = without_number(path, &run).replace(&run, RUN);
        }
        own.sort_unstable();
        let twice = own.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| format!("a second {}", pair[0]));
        list.extend(twice);
        list.extend(own);
        found = others;
    }
    // What belongs to no run.
    list.extend(found);
    Ok(list)
}

/// `<run>-3-main` is the backup that the third effect has made; an effect that was repeated has another number.
fn without_number(path: &str, run: &str) -> String {
    let Some((head, tail)) = path.split_once(&format!("{run}-")) else { return path.to_owned() };
    let name = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{head}{run}-{NUMBER}{name}")
}

/// The ids of the runs.
fn runs(state: &Path) -> Result<Vec<String>> {
    let directory = state.join("runs");
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn walk(top: &Path, directory: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if name != "cache" {
                walk(top, &entry.path(), found)?;
            }
        } else if NOTHING.iter().all(|nothing| name != *nothing) {
            found.push(entry.path().strip_prefix(top)?.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_an_effect_is_left_out() {
        assert_eq!(
            without_number("backup/20260101t0-ab-12-main/main.sqlite", "20260101t0-ab"),
            "backup/20260101t0-ab-<n>-main/main.sqlite"
        );
        assert_eq!(
            without_number("state/runs/20260101t0-ab/spool/1", "20260101t0-ab"),
            "state/runs/20260101t0-ab/spool/1"
        );
    }
}
