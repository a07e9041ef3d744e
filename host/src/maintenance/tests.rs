//! The page in a root, from freeze to thaw, without a server and without a browser.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::bundle::{FlagFile, Page};
use crate::engine::{Standing, Way, now};

const RUN: &str = "20260101t000000000-abcdef";

fn settings(lease: Duration) -> Page {
    let (root, file, status) = ("app".into(), "maintenance.html".into(), "status.json".into());
    Page { root, file, status, lease, retry_after: Duration::from_secs(7), title: None, message: None }
}

fn standing(stage: u32) -> Standing {
    Standing { since: now(), stage, stages: 9, way: Way::Forward }
}

fn face(root: &Path, lease: u64) -> Face {
    Face::new(root, &settings(Duration::from_millis(lease)), RUN)
}

fn status(root: &Path) -> Status {
    Status::read(&root.join("status.json")).unwrap()
}

fn page(root: &Path) -> String {
    fs::read_to_string(root.join("maintenance.html")).unwrap()
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn site() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_page_is_there_from_freeze_to_thaw_and_nothing_is_left() {
    let site = site();
    let face = face(site.path(), 60_000);
    face.place(standing(3)).unwrap();
    assert_eq!(names(site.path()), ["maintenance.html", "status.json"]);
    assert!(page(site.path()).contains("stage 3 of 9"));
    face.hold(standing(4));
    until("it does not say how far it is", || page(site.path()).contains("stage 4 of 9"));
    assert_eq!((status(site.path()).stage, status(site.path()).doing), (4, Doing::Forward));
    face.remove().unwrap();
    drop(face);
    assert_eq!(names(site.path()), [""; 0]);
}

#[test]
fn it_may_be_placed_and_removed_twice() {
    let site = site();
    let face = face(site.path(), 60_000);
    face.place(standing(1)).unwrap();
    face.place(standing(2)).unwrap();
    until("the second is not said", || status(site.path()).stage == 2);
    face.remove().unwrap();
    face.remove().unwrap();
    assert_eq!(names(site.path()), [""; 0]);
}

#[test]
fn placing_it_again_and_its_heart_do_not_get_in_each_others_way() {
    let site = site();
    let face = face(site.path(), 4);
    for stage in 1..=200 {
        face.place(standing(stage)).unwrap();
    }
    face.remove().unwrap();
    assert_eq!(names(site.path()), [""; 0]);
}

#[test]
fn what_a_dead_process_has_left_is_taken_over() {
    let site = site();
    // A temporary file was just being written.
    face(site.path(), 60_000).place(standing(5)).unwrap();
    fs::write(site.path().join(format!(".liftlock-{RUN}-status.json")), "{\"lift").unwrap();
    let next = face(site.path(), 60_000);
    next.hold(Standing { way: Way::Back, ..standing(5) });
    until("it is not taken over", || status(site.path()).doing == Doing::Back);
    until("the page says something else", || page(site.path()).contains("put back"));
    next.remove().unwrap();
    assert_eq!(names(site.path()), [""; 0]);
}

#[test]
fn the_heart_beats_while_it_is_shown_and_not_after() {
    let site = site();
    let face = face(site.path(), 80);
    face.place(standing(1)).unwrap();
    let first = status(site.path()).heartbeat;
    until("it does not beat", || status(site.path()).heartbeat > first + 60);
    assert!(status(site.path()).is_alive(now()));
    face.stop();
    let last = status(site.path());
    assert_eq!(last.doing, Doing::Stopped);
    assert!(page(site.path()).contains("The upgrade has stopped") && !page(site.path()).contains("stage 1"));
    thread::sleep(Duration::from_millis(120));
    assert_eq!(status(site.path()), last, "it beats after its end");
    face.remove().unwrap();
    thread::sleep(Duration::from_millis(120));
    assert_eq!(names(site.path()), [""; 0], "it has come back");
}

#[test]
fn a_run_that_ends_frozen_says_at_once_that_it_has_stopped() {
    let site = site();
    let face = face(site.path(), 60_000);
    face.place(standing(2)).unwrap();
    drop(face);
    assert_eq!(status(site.path()).doing, Doing::Stopped);
    assert!(!status(site.path()).is_alive(now()));
}

#[test]
fn without_a_sign_of_life_the_lease_runs_out() {
    let alive = Status::new(RUN, standing(1), false, 10_000, 2_000);
    assert!(alive.is_alive(9_000) && alive.is_alive(12_000) && !alive.is_alive(12_001));
}

#[test]
fn what_is_not_this_runs_is_refused_and_left() {
    let other = Face::new(site().path(), &settings(Duration::from_secs(60)), "another-run");
    drop(other);
    for (name, text) in [
        ("maintenance.html", "<!DOCTYPE html>\n<title>Back soon</title>"),
        ("maintenance.html", "<!DOCTYPE html>\n<!-- liftlock maintenance page, run another-run -->\n"),
        ("maintenance.html", ""),
        ("status.json", "{\"state\": \"all is well\"}"),
        ("status.json", ""),
    ] {
        let site = site();
        fs::write(site.path().join(name), text).unwrap();
        let face = face(site.path(), 80);
        assert_eq!(face.place(standing(1)).unwrap_err().code, "freeze-failed", "{text}");
        face.hold(standing(2));
        face.remove().unwrap();
        assert_eq!(names(site.path()), [name]);
        assert_eq!(fs::read_to_string(site.path().join(name)).unwrap(), text);
    }
}

#[test]
fn a_link_is_nothing_of_ours() {
    let (site, outside) = (site(), tempfile::NamedTempFile::new().unwrap());
    face(site.path(), 60_000).place(standing(1)).unwrap();
    fs::copy(site.path().join("maintenance.html"), outside.path()).unwrap();
    fs::remove_file(site.path().join("maintenance.html")).unwrap();
    std::os::unix::fs::symlink(outside.path(), site.path().join("maintenance.html")).unwrap();
    let next = face(site.path(), 60_000);
    assert_eq!(next.place(standing(1)).unwrap_err().code, "freeze-failed");
    next.remove().unwrap();
    assert!(names(site.path()).contains(&"maintenance.html".to_owned()));
}

#[test]
fn ours_is_known_by_its_run() {
    let site = site();
    face(site.path(), 60_000).place(standing(1)).unwrap();
    assert_eq!(run_of_page(&site.path().join("maintenance.html")).as_deref(), Some(RUN));
    assert_eq!(status(site.path()).run, RUN);
    assert_eq!(run_of_page(&site.path().join("status.json")), None);
    assert_eq!(run_of_page(&site.path().join("nothing")), None);
}

#[test]
fn the_operators_words_are_text_and_nothing_else() {
    let words = "</script><script>alert('x')</script> {{message}} {{settings}} & \"more\"";
    let own = Page {
        title: Some(words.to_owned()),
        message: Some(words.to_owned()),
        status: "</script>.json".to_owned(),
        ..settings(Duration::from_secs(60))
    };
    let text = page::html(&own, &Status::new(RUN, standing(1), false, 0, 60_000));
    let escaped = "&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; {{message}} {{settings}} &amp; &quot;more&quot;";
    assert_eq!(text.matches(escaped).count(), 3, "{text}");
    assert_eq!((text.matches("<script>").count(), text.matches("</script>").count()), (1, 1), "{text}");
}

/// Nothing from elsewhere, readable by everybody, with or without JavaScript.
#[test]
fn the_page_stands_alone_and_has_what_a_reader_needs() {
    let text = page::html(&settings(Duration::from_secs(60)), &Status::new(RUN, standing(1), false, 0, 60_000));
    for foreign in ["http://", "https://", "//cdn", "src=", "<link", "url(", "@import"] {
        assert!(!text.contains(foreign), "{foreign}:\n{text}");
    }
    for needed in [
        "<html lang=\"en\">",
        "<main>",
        "<h1>",
        "role=\"status\" aria-live=\"polite\"",
        "name=\"viewport\"",
        "prefers-color-scheme: dark",
        "<noscript><meta http-equiv=\"refresh\" content=\"7\"></noscript>",
        "At 00:00:00 UTC an upgrade was going on: stage 1 of 9.",
        "If it is later than 00:01:00 UTC now, the upgrade has stopped",
    ] {
        assert!(text.contains(needed), "{needed}:\n{text}");
    }
    assert!(!text.contains(env!("CARGO_PKG_VERSION")) && !text.contains("{{"), "{text}");
}

#[test]
fn a_flag_is_put_there_and_taken_away_and_one_of_somebody_else_is_left() {
    let site = site();
    let (root, path, content) = ("app".into(), ".maintenance".into(), "closed".into());
    let flag = FlagInFile::new(site.path(), &FlagFile { root, path, content });
    flag.place().unwrap();
    flag.place().unwrap();
    assert_eq!(fs::read_to_string(flag.path()).unwrap(), "closed");
    fs::write(flag.path(), "clo").unwrap();
    flag.place().unwrap();
    flag.remove().unwrap();
    flag.remove().unwrap();
    assert_eq!(names(site.path()), [""; 0]);
    fs::write(flag.path(), "closed for ever").unwrap();
    assert_eq!(flag.place().unwrap_err().code, "freeze-failed");
    flag.remove().unwrap();
    assert_eq!(names(site.path()), [".maintenance"]);
}
