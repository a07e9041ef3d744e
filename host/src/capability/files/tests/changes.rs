//! Each kind of change: settled rightly before and after, and undone exactly.

use super::*;

type Prepare = fn(&Site, u64) -> Result<Prepared, CallError>;

/// Every change that a root can see, but the switch.
const CHANGES: &[(&str, Prepare)] = &[
    ("write a new file", |s, seq| s.stage.prepare_write(seq, &app(), "new.txt", b"new")),
    ("write over a file", |s, seq| s.stage.prepare_write(seq, &app(), "config/local.php", b"secret = 2")),
    ("write nothing over a file", |s, seq| s.stage.prepare_write(seq, &app(), "index.php", b"")),
    ("append", |s, seq| s.stage.prepare_append(seq, &app(), "index.php", b" and more")),
    ("append nothing", |s, seq| s.stage.prepare_append(seq, &app(), "index.php", b"")),
    ("make-dir", |s, seq| s.stage.prepare_make_dir(seq, &app(), "config/new")),
    ("remove a file", |s, seq| s.stage.prepare_remove(seq, &app(), "index.php")),
    ("remove a directory", |s, seq| s.stage.prepare_remove(seq, &app(), "media")),
    ("remove a link", |s, seq| s.stage.prepare_remove(seq, &app(), "escape")),
    ("rename a file", |s, seq| s.stage.prepare_rename(seq, &app(), "index.php", "config/old.php")),
    ("rename a directory", |s, seq| s.stage.prepare_rename(seq, &app(), "media/2024", "config/2024")),
    ("set-mode of a file", |s, seq| s.stage.prepare_set_mode(seq, &app(), "index.php", 0o600)),
    ("set-mode of a directory", |s, seq| s.stage.prepare_set_mode(seq, &app(), "config", 0o700)),
    ("set the same mode", |s, seq| s.stage.prepare_set_mode(seq, &app(), "config/local.php", 0o640)),
    ("copy-tree of a file", |s, seq| s.stage.prepare_copy_tree(seq, &app(), "index.php", &media(), "index.php")),
    ("copy-tree", |s, seq| s.stage.prepare_copy_tree(seq, &app(), "media", &app(), "config/copy")),
    ("copy-tree of a whole root", |s, seq| s.stage.prepare_copy_tree(seq, &app(), "", &app(), "copy")),
    ("move-tree", |s, seq| s.stage.prepare_move_tree(seq, &app(), "media", &media(), "moved")),
];

fn settle(site: &Site, change: &Change) -> Verdict {
    site.files.settle(change).unwrap()
}

fn each(check: impl Fn(&Site, &str, Prepared, Vec<String>)) {
    for (name, prepare) in CHANGES {
        let site = Site::new();
        let before = site.picture();
        let prepared = prepare(&site, site.next()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        check(&site, name, prepared, before);
    }
}

#[test]
fn what_was_not_done_is_seen_as_not_done_and_leaves_nothing() {
    each(|site, name, prepared, before| {
        let verdict = settle(site, &prepared.change);
        if !name.contains("nothing") && !name.contains("same") || name.contains("over") {
            assert_eq!(verdict, Verdict::NotDone, "{name}");
        }
        assert_eq!(site.picture(), before, "{name}");
        assert_eq!(
            fs::read_dir(site.path("app")).unwrap().count(),
            5 + usize::from(site.path("app/.liftlock-r1").exists())
        );
    });
}

#[test]
fn undo_of_what_was_not_done_changes_nothing() {
    each(|site, name, prepared, before| {
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{name}");
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{name}, twice");
    });
}

#[test]
fn what_was_done_is_seen_as_done_with_the_same_answer() {
    each(|site, name, prepared, before| {
        let answer = (prepared.act)().unwrap();
        if !name.contains("same") && !name.contains("append nothing") {
            assert_ne!(site.picture(), before, "{name}");
        }
        assert_eq!(settle(site, &prepared.change), Verdict::Done(answer.clone()), "{name}");
        let other = Files::open(FilesConfig {
            run: "r1".to_owned(),
            roots: ["app", "media"].map(|n| RootConfig { name: n.to_owned(), path: site.path(n), owner: None }).into(),
            protected: Vec::new(),
            artifacts: site.path("artifacts"),
            limits: ArchiveLimits::default(),
            stop: Arc::default(),
            meter: Meter::default(),
        });
        assert_eq!(other.unwrap().settle(&prepared.change).unwrap(), Verdict::Done(answer), "{name}, in a new process");
    });
}

#[test]
fn undo_brings_back_inode_mode_owner_times_and_links() {
    each(|site, name, prepared, before| {
        (prepared.act)().unwrap();
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{name}");
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{name}, twice");
        site.files.forget().unwrap();
        site.files.forget().unwrap();
        assert_eq!(site.picture(), before, "{name}, forgotten");
        assert!(!site.path("app/.liftlock-r1").exists(), "{name}");
    });
}

#[test]
fn the_record_survives_the_journal() {
    each(|site, name, prepared, before| {
        let text = serde_json::to_string(&prepared.change).unwrap();
        assert!(!text.contains("secret"), "{name}: {text}");
        (prepared.act)().unwrap();
        let read: Change = serde_json::from_str(&text).unwrap();
        assert!(read.touches);
        site.files.undo(&read).unwrap();
        assert_eq!(site.picture(), before, "{name}");
    });
}

#[test]
fn a_preparation_that_was_never_announced_is_cleared_by_the_next_of_its_number() {
    for (name, prepare) in CHANGES {
        let site = Site::new();
        let before = site.picture();
        drop(prepare(&site, 7).unwrap());
        let prepared = prepare(&site, 7).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        (prepared.act)().unwrap();
        site.files.undo(&prepared.change).unwrap();
        assert_eq!(site.picture(), before, "{name}");
    }
}

#[test]
fn a_file_that_was_saved_for_nothing_has_one_name_again() {
    let site = Site::new();
    drop(site.stage.prepare_write(7, &app(), "index.php", b"new").unwrap());
    assert_eq!(code(site.stage.prepare_append(8, &app(), "index.php", b"x")), "hard-link");
    act(site.stage.prepare_make_dir(7, &media(), "elsewhere").unwrap());
    act(site.stage.prepare_append(8, &app(), "index.php", b"x").unwrap());
}

#[test]
fn a_whole_run_is_undone_newest_first_and_committed_without_a_trace() {
    let site = Site::new();
    let before = site.picture();
    let done: Vec<Change> = CHANGES
        .iter()
        .filter_map(|(_, prepare)| prepare(&site, site.next()).ok())
        .filter_map(|prepared| (prepared.act)().is_ok().then_some(prepared.change))
        .collect();
    assert!(done.len() > 10);
    let after = site.picture();
    for change in done.iter().rev() {
        site.files.undo(change).unwrap();
    }
    site.files.forget().unwrap();
    assert_eq!(site.picture(), before);

    let site = Site::new();
    for (_, prepare) in CHANGES {
        let _ = prepare(&site, site.next()).map(|prepared| (prepared.act)());
    }
    site.files.forget().unwrap();
    assert_eq!(site.picture().len(), after.len());
    assert!(site.picture().iter().all(|line| line.contains("links 0") || line.contains("links 1")));
}

#[test]
fn new_bytes_keep_mode_and_attributes_of_what_they_replace() {
    let site = Site::new();
    let file = site.path("app/config/local.php");
    let tagged = rustix::fs::setxattr(&file, "user.tag", b"yes", rustix::fs::XattrFlags::empty()).is_ok();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(33), Some(34)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
    }
    let before = file.metadata().unwrap();
    act(site.stage.prepare_write(1, &app(), "config/local.php", b"x").unwrap());
    let after = file.metadata().unwrap();
    assert_eq!(after.mode() & 0o7777, 0o640, "never setuid");
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino());
    if tagged {
        let mut value = [0; 8];
        assert_eq!(rustix::fs::getxattr(&file, "user.tag", &mut value).unwrap(), 3);
    }
}

#[test]
fn new_entries_belong_to_the_owner_of_the_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let site = Site::with(|config| config.roots[0].owner = Some((33, 34)), |_| {});
    act(site.stage.prepare_write(1, &app(), "new", b"x").unwrap());
    act(site.stage.prepare_make_dir(2, &app(), "dir").unwrap());
    for name in ["app/new", "app/dir"] {
        let meta = site.path(name).metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid()), (33, 34), "{name}");
    }
    assert_eq!(site.path("app/new").metadata().unwrap().mode() & 0o7777, 0o644);
}

#[test]
fn what_was_written_since_a_move_comes_back_with_it() {
    let site = Site::new();
    let prepared = site.stage.prepare_rename(1, &app(), "index.php", "main.php").unwrap();
    (prepared.act)().unwrap();
    fs::write(site.path("app/tmp"), "newer").unwrap();
    fs::rename(site.path("app/tmp"), site.path("app/main.php")).unwrap();
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.text("app/index.php"), "newer");
}

#[test]
fn what_somebody_made_where_a_file_was_removed_is_not_lost() {
    let site = Site::new();
    let prepared = site.stage.prepare_remove(1, &app(), "index.php").unwrap();
    (prepared.act)().unwrap();
    fs::write(site.path("app/index.php"), "by somebody").unwrap();
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.text("app/index.php"), "old index");
    assert_eq!(site.text("app/.liftlock-r1/trash/1-later"), "by somebody");
}

#[test]
fn half_an_append_is_cut_off() {
    let site = Site::new();
    let before = site.picture();
    let prepared = site.stage.prepare_append(1, &app(), "index.php", b"1234567890").unwrap();
    fs::write(site.path("app/index.php"), "old index12345").unwrap();
    assert_eq!(settle(&site, &prepared.change), Verdict::NotDone);
    assert_eq!(site.picture(), before);
}

#[test]
fn an_append_of_the_right_length_and_wrong_bytes_is_not_done() {
    let site = Site::new();
    let prepared = site.stage.prepare_append(1, &app(), "index.php", b"12345").unwrap();
    fs::write(site.path("app/index.php"), "old index\0\0\0\0\0").unwrap();
    assert_eq!(settle(&site, &prepared.change), Verdict::NotDone);
    assert_eq!(site.text("app/index.php"), "old index");
}

#[test]
fn a_lost_saved_file_is_loud() {
    let site = Site::new();
    let prepared = site.stage.prepare_write(1, &app(), "index.php", b"new").unwrap();
    (prepared.act)().unwrap();
    fs::remove_file(site.path("app/.liftlock-r1/undo/1")).unwrap();
    assert_eq!(site.files.undo(&prepared.change).unwrap_err().code, "undo-data-missing");
}

#[test]
fn a_file_exchanged_between_preparation_and_change_stops_the_run() {
    let site = Site::new();
    let prepared = site.stage.prepare_write(1, &app(), "index.php", b"new").unwrap();
    fs::write(site.path("app/other"), "foreign").unwrap();
    fs::rename(site.path("app/other"), site.path("app/index.php")).unwrap();
    assert!(matches!((prepared.act)(), Err(CallError::Fault(fault)) if fault.code == "changed-meanwhile"));
}

#[test]
fn a_name_taken_between_preparation_and_change_is_an_answer() {
    let site = Site::new();
    let prepared = site.stage.prepare_make_dir(1, &app(), "new").unwrap();
    fs::write(site.path("app/new"), "foreign").unwrap();
    assert_eq!(code((prepared.act)()), "already-exists");
    assert_eq!(settle(&site, &prepared.change), Verdict::NotDone);
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.text("app/new"), "foreign");
}

#[test]
fn a_copy_out_of_a_root_is_compared_after_the_freeze() {
    let mut site = Site::new();
    let id = site.tree(&[("index.php", "new")]);
    let prepared = site.stage.prepare_copy_tree(50, &app(), "config", &tree(&id), "config").unwrap();
    assert!(!prepared.change.touches);
    let bulk: Bulk = serde_json::from_value((prepared.act)().unwrap()).unwrap();
    assert_eq!((bulk.entries, bulk.bytes), (2, 10));
    assert_eq!(fs::read_to_string(site.tree_path(&id).join("config/local.php")).unwrap(), "secret = 1");
    let done = [prepared.change];
    site.files.recheck(&done).unwrap();

    fs::write(site.path("app/config/local.php"), "secret = 9").unwrap();
    let fault = site.files.recheck(&done).unwrap_err();
    assert_eq!(fault.code, "changed-before-freeze");
    assert!(fault.message.contains("local.php"), "{}", fault.message);
}

#[test]
fn a_file_added_or_removed_before_the_freeze_is_noticed() {
    let mut site = Site::new();
    let id = site.tree(&[("index.php", "new")]);
    let prepared = site.stage.prepare_copy_tree(50, &app(), "media", &tree(&id), "media").unwrap();
    (prepared.act)().unwrap();
    let done = [prepared.change];
    site.files.recheck(&done).unwrap();
    fs::write(site.path("app/media/upload"), "x").unwrap();
    let fault = site.files.recheck(&done).unwrap_err();
    assert!(fault.message.contains("upload"), "{}", fault.message);
    fs::remove_file(site.path("app/media/upload")).unwrap();
    site.files.recheck(&done).unwrap();
    fs::remove_file(site.path("app/media/note")).unwrap();
    assert_eq!(site.files.recheck(&done).unwrap_err().code, "changed-before-freeze");
}

#[test]
fn changes_in_a_tree_are_undone_too_and_nothing_is_left_when_it_is_gone() {
    let mut site = Site::new();
    let id = site.tree(&[("index.php", "new"), ("lib/a.php", "a")]);
    let write = site.stage.prepare_write(50, &tree(&id), "index.php", b"newer").unwrap();
    assert!(!write.change.touches);
    (write.act)().unwrap();
    let remove = site.stage.prepare_remove(51, &tree(&id), "lib").unwrap();
    (remove.act)().unwrap();
    site.files.undo(&remove.change).unwrap();
    site.files.undo(&write.change).unwrap();
    assert_eq!(fs::read_to_string(site.tree_path(&id).join("index.php")).unwrap(), "new");
    assert!(site.tree_path(&id).join("lib/a.php").exists());
    let discard = site.stage.prepare_discard(52, &id).unwrap();
    let bulk: Bulk = serde_json::from_value((discard.act)().unwrap()).unwrap();
    assert_eq!(bulk.entries, 3);
    assert!(!site.tree_path(&id).exists());
    assert!(matches!(settle(&site, &discard.change), Verdict::Done(_)));
    for change in [&discard.change, &remove.change, &write.change] {
        site.files.undo(change).unwrap();
    }
}

#[test]
fn a_tree_that_live_data_was_moved_into_is_not_discarded() {
    let mut site = Site::new();
    let id = site.tree(&[("index.php", "new")]);
    let moved = site.stage.prepare_move_tree(50, &app(), "media", &tree(&id), "media").unwrap();
    assert!(moved.change.touches);
    (moved.act)().unwrap();
    assert_eq!(code(site.stage.prepare_discard(51, &id)), "undo-data");
}

#[test]
fn artifacts_are_discarded() {
    let mut site = Site::new();
    fs::write(site.path("artifacts/artifact-1"), "zip").unwrap();
    assert_eq!(code(site.stage.prepare_discard(1, "artifact-1")), "not-granted");
    site.stage.admit_artifact("artifact-1");
    let discard = site.stage.prepare_discard(1, "artifact-1").unwrap();
    (discard.act)().unwrap();
    assert!(!site.path("artifacts/artifact-1").exists());
    assert!(matches!(settle(&site, &discard.change), Verdict::Done(_)));
    assert_eq!(code(site.stage.prepare_discard(2, "artifact-1")), "not-found");
}

#[test]
fn a_directory_deeper_than_any_path_is_removed_and_forgotten() {
    let site = Site::new();
    let mut path = site.path("app/config");
    for _ in 0..700 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    act(site.stage.prepare_remove(1, &app(), "config").unwrap());
    site.files.forget().unwrap();
    assert!(!site.path("app/.liftlock-r1").exists());
}

#[test]
fn a_run_that_shall_stop_stops_in_a_long_loop() {
    let site = Site::new();
    site.files.stop.store(true, Ordering::Relaxed);
    let prepared = site.stage.prepare_copy_tree(1, &app(), "media", &app(), "copy").unwrap();
    assert!(matches!((prepared.act)(), Err(CallError::Fault(fault)) if fault.code == "interrupted"));
    assert_eq!(settle(&site, &prepared.change), Verdict::NotDone);
    assert_eq!(fs::read_dir(site.path("app/.liftlock-r1/tmp")).unwrap().count(), 0);
}

#[test]
fn the_hosts_own_file_in_a_root_is_nobodys_writing() {
    let temporary = tempfile::tempdir().unwrap();
    let app = temporary.path().join("app");
    fs::create_dir(&app).unwrap();
    let config = FilesConfig {
        run: "r1".to_owned(),
        roots: vec![RootConfig { name: "app".to_owned(), path: app.clone(), owner: None }],
        protected: Vec::new(),
        artifacts: temporary.path().join("artifacts"),
        limits: ArchiveLimits::default(),
        stop: Arc::default(),
        meter: Meter::default(),
    };
    let files = Files::open(config).unwrap().with_own([app.join("log.txt")]);
    fs::write(app.join("log.txt"), "ours").unwrap();
    assert_eq!(files.written_since(0).unwrap().count, 0);
    fs::write(app.join("log.txt.old"), "theirs").unwrap();
    let written = files.written_since(0).unwrap();
    assert_eq!((written.count, written.first.as_deref()), (1, Some("app:log.txt.old")));
}
