//! Tests of walking and listing, without a host.

use super::*;

fn entry(name: &str, kind: &str) -> Entry {
    Entry { name: name.to_owned(), kind: kind.to_owned(), size: 0, mode: 0o644, modified: 0, extra: Vec::new() }
}

/// A directory that only knows how to be listed: names, directories with a slash at the end.
fn listing(names: &[&str]) -> Vec<Entry> {
    names
        .iter()
        .map(|name| match name.strip_suffix('/') {
            Some(name) => entry(name, "directory"),
            None => entry(name, "file"),
        })
        .collect()
}

#[test]
fn a_failing_directory_ends_the_walk() {
    let mut found = walk(String::new(), |directory| match directory {
        "" => Ok(listing(&["a/", "b"])),
        _ => Err(Failure::new("not-found", "gone")),
    });
    assert_eq!(found.next().unwrap().unwrap().name, "a");
    assert_eq!(found.next().unwrap().unwrap_err().code, "not-found");
    assert!(found.next().is_none());
}

#[test]
fn a_failing_page_ends_the_list() {
    let mut found = pages(|after| match after {
        None => Ok(listing(&["a"])),
        Some(_) => Err(Failure::new("not-found", "gone")),
    });
    assert_eq!(found.next().unwrap().unwrap().name, "a");
    assert_eq!(found.next().unwrap().unwrap_err().code, "not-found");
    assert!(found.next().is_none());
}

#[test]
fn a_deep_tree_is_walked_without_recursion() {
    let depth = walk(String::new(), |directory| {
        Ok(if directory.matches('/').count() < 2_000 { listing(&["d/"]) } else { Vec::new() })
    })
    .count();
    assert_eq!(depth, 2_001);
}

#[test]
fn each_directory_comes_before_what_is_in_it() {
    let names: Vec<_> = walk("top".to_owned(), |directory| {
        Ok(match directory {
            "top" => listing(&["a/", "b"]),
            "top/a" => listing(&["x", "y/"]),
            _ => Vec::new(),
        })
    })
    .map(|entry| entry.unwrap().name)
    .collect();
    assert_eq!(names, ["top/a", "top/a/x", "top/a/y", "top/b"]);
}

#[test]
fn pages_are_asked_for_behind_the_last_name() {
    let all = listing(&["a", "b", "c", "d", "e"]);
    let mut asked = Vec::new();
    let names: Vec<_> = pages(|after| {
        asked.push(after.map(str::to_owned));
        let behind = all.iter().filter(|entry| after.is_none_or(|after| entry.name.as_str() > after));
        Ok(behind.take(2).cloned().collect())
    })
    .map(|entry| entry.unwrap().name)
    .collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(asked, [None, Some("b".to_owned()), Some("d".to_owned()), Some("e".to_owned())]);
}

#[test]
fn parents_are_the_directories_on_the_way() {
    assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
    assert_eq!(parents("a").count(), 0);
    assert_eq!((join("", "a"), join("a", "b")), ("a".to_owned(), "a/b".to_owned()));
}
