//! Tests of the merge, on files that are a time and a word.

use std::collections::BTreeMap;

use liftlock_sdk::look::Listing;

use super::*;

/// Files by path: when they were written, and what is in them. No word: a link.
struct Files {
    listing: Listing,
    files: BTreeMap<String, (u64, Option<&'static str>)>,
}

fn files(directories: &[&str], files: &[(&str, u64, &'static str)]) -> Files {
    let paths: Vec<&str> = directories.iter().copied().chain(files.iter().map(|(path, ..)| *path)).collect();
    let word = |word: &'static str| (word != "link").then_some(word);
    let files = files.iter().map(|(path, time, text)| ((*path).to_owned(), (*time, word(text)))).collect();
    Files { listing: Listing::new(&paths), files }
}

impl Look for Files {
    fn find(&self, path: &str) -> Result<Found, Failure> {
        self.listing.find(path)
    }

    fn names(&self, path: &str) -> Result<Vec<String>, Failure> {
        self.listing.names(path)
    }
}

impl Compare for Files {
    fn facts(&self, path: &str) -> Result<Option<Facts>, Failure> {
        let facts = |(modified, word): &(u64, Option<&str>)| {
            word.map(|word| Facts { size: word.len() as u64, modified: *modified })
        };
        Ok(self.files.get(path).and_then(facts))
    }

    fn digest(&self, path: &str) -> Result<String, Failure> {
        let word = self.files.get(path).and_then(|(_, word)| *word);
        word.map(str::to_owned).ok_or_else(|| Failure::new("not-found", path))
    }
}

const MARK: (&str, u64, &str) = ("version.txt", 10_000, "2");
const THEMES: &[&str] = &["themes/", "themes/blank/"];

fn merge(live: &[(&str, u64, &'static str)], new: &[(&str, u64, &'static str)], mark: Option<&str>) -> Merged {
    let live: Vec<_> = live.iter().copied().chain([MARK]).collect();
    let merge = Merge { paths: vec!["themes".to_owned()], mark: mark.map(str::to_owned), witness: None };
    merge.resolve(&files(THEMES, &live), &files(THEMES, new), &[]).unwrap()
}

#[test]
fn a_file_that_only_differs_is_no_change_of_the_users() {
    let merged = merge(&[("themes/blank/a", 10_000, "old")], &[("themes/blank/a", 99_999, "new")], Some("version.txt"));
    assert_eq!(
        merged,
        Merged { replaced: vec![("themes/blank/a".to_owned(), Some("old".to_owned()))], ..Merged::default() }
    );
}

#[test]
fn what_the_update_wrote_in_its_hour_is_the_vendors() {
    let at = |time| merge(&[("themes/blank/a", time, "old")], &[("themes/blank/a", 0, "new")], Some("version.txt"));
    assert_eq!(at(13_599).replaced, [("themes/blank/a".to_owned(), Some("old".to_owned()))]);
    assert_eq!(at(13_600).kept, ["themes/blank/a"]);
}

#[test]
fn a_file_written_after_the_update_stays_the_users_own() {
    let merged = merge(&[("themes/blank/a", 50_000, "mine")], &[("themes/blank/a", 0, "them")], Some("version.txt"));
    assert_eq!(merged, Merged { kept: vec!["themes/blank/a".to_owned()], ..Merged::default() });
}

#[test]
fn without_a_mark_what_differs_is_the_users_own() {
    for mark in [None, Some("gone.txt")] {
        let merged = merge(&[("themes/blank/a", 1, "old")], &[("themes/blank/a", 0, "new")], mark);
        assert_eq!(merged.kept, ["themes/blank/a"]);
    }
}

#[test]
fn where_all_times_are_the_same_what_differs_is_the_users_own() {
    let kept = |written| {
        let live = files(THEMES, &[MARK, ("local.php", written, "x"), ("themes/blank/a", 10_000, "old")]);
        let (mark, witness) = (Some("version.txt".to_owned()), Some("local.php".to_owned()));
        let merge = Merge { paths: vec!["themes".to_owned()], mark, witness };
        let merged = merge.resolve(&live, &files(THEMES, &[("themes/blank/a", 0, "new")]), &[]).unwrap();
        merged.kept == ["themes/blank/a"]
    };
    assert!(kept(10_000) && kept(13_600) && kept(6_400));
    assert!(!kept(13_601) && !kept(6_399));
}

#[test]
fn what_is_the_same_is_left_alone_and_what_is_only_here_is_carried() {
    let live = [("themes/blank/a", 50_000, "same"), ("themes/blank/mine", 1, "x")];
    let merged = merge(&live, &[("themes/blank/a", 0, "same"), ("themes/blank/new", 0, "y")], Some("version.txt"));
    let own = Pair { from: "themes/blank/mine".to_owned(), to: "themes/blank/mine".to_owned() };
    assert_eq!(merged, Merged { carries: vec![own], ..Merged::default() });
}

#[test]
fn a_link_in_the_place_of_a_file_is_the_users_own() {
    let merged = merge(&[("themes/blank/a", 1, "link")], &[("themes/blank/a", 0, "new")], Some("version.txt"));
    assert_eq!(merged.kept, ["themes/blank/a"]);
}

#[test]
fn what_is_carried_anyway_is_not_looked_at() {
    let carried = [Pair { from: "themes/blank".to_owned(), to: "themes/blank".to_owned() }];
    let live = files(THEMES, &[("themes/blank/a", 1, "x")]);
    let merge = Merge { paths: vec!["themes".to_owned()], mark: None, witness: None };
    assert_eq!(merge.resolve(&live, &files(&["themes/"], &[]), &carried), Ok(Merged::default()));
}
