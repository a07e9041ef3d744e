//! Ways out of a root, and things that are not files.

use super::*;

#[test]
fn every_verb_refuses_a_path_that_leads_out() {
    let site = Site::new();
    let stage = &site.stage;
    for path in ["../outside/secret", "/etc/passwd", "config/../../outside/secret", "config/", "a//b", ".", "a\0b"] {
        assert_eq!(code(stage.stat(&app(), path)), "invalid-path", "{path}");
        assert_eq!(code(stage.list(&app(), path, None, 1)), "invalid-path", "{path}");
        assert_eq!(code(stage.read(&app(), path, 0, 1)), "invalid-path", "{path}");
        assert_eq!(code(stage.digest(&app(), path)), "invalid-path", "{path}");
        assert_eq!(code(stage.digest_tree(&app(), path)), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_write(1, &app(), path, b"")), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_append(1, &app(), path, b"")), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_make_dir(1, &app(), path)), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_remove(1, &app(), path)), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_rename(1, &app(), "index.php", path)), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_rename(1, &app(), path, "x")), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_set_mode(1, &app(), path, 0)), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_copy_tree(1, &app(), path, &media(), "x")), "invalid-path", "{path}");
        assert_eq!(code(stage.prepare_move_tree(1, &app(), "config", &media(), path)), "invalid-path", "{path}");
    }
}

#[test]
fn the_root_itself_is_never_changed() {
    let site = Site::new();
    assert_eq!(code(site.stage.prepare_remove(1, &app(), "")), "invalid-path");
    assert_eq!(code(site.stage.prepare_set_mode(1, &app(), "", 0)), "invalid-path");
    assert_eq!(code(site.stage.prepare_rename(1, &app(), "", "x")), "invalid-path");
    assert_eq!(code(site.stage.prepare_write(1, &app(), "", b"")), "invalid-path");
}

#[test]
fn no_verb_follows_a_link_out_of_the_root() {
    let site = Site::new();
    let stage = &site.stage;
    for path in ["escape/secret", "escape/new"] {
        assert_eq!(code(stage.read(&app(), path, 0, 1)), "symlink");
        assert_eq!(code(stage.stat(&app(), path)), "symlink");
        assert_eq!(code(stage.prepare_write(1, &app(), path, b"")), "symlink");
        assert_eq!(code(stage.prepare_make_dir(1, &app(), path)), "symlink");
        assert_eq!(code(stage.prepare_remove(1, &app(), path)), "symlink");
        assert_eq!(code(stage.prepare_rename(1, &app(), "index.php", path)), "symlink");
    }
    for path in ["escape", "link"] {
        assert_eq!(code(stage.read(&app(), path, 0, 1)), "symlink");
        assert_eq!(code(stage.prepare_write(1, &app(), path, b"")), "symlink");
        assert_eq!(code(stage.prepare_append(1, &app(), path, b"")), "symlink");
        assert_eq!(code(stage.prepare_set_mode(1, &app(), path, 0o600)), "symlink");
        assert_eq!(code(stage.prepare_copy_tree(1, &app(), path, &media(), "x")), "symlink");
    }
    assert_eq!(code(stage.list(&app(), "escape", None, 1)), "symlink");
    assert_eq!(site.text("outside/secret"), "canary");
    assert_eq!(stage.stat(&app(), "link").unwrap().unwrap().kind, "symlink");
}

#[test]
fn a_directory_swapped_for_a_link_between_preparation_and_change_leads_nowhere() {
    let site = Site::new();
    let prepared = site.stage.prepare_write(1, &app(), "config/new", b"x").unwrap();
    fs::rename(site.path("app/config"), site.path("app/config2")).unwrap();
    std::os::unix::fs::symlink("../outside", site.path("app/config")).unwrap();
    assert!((prepared.act)().is_err());
    assert_eq!(fs::read_dir(site.path("outside")).unwrap().count(), 1);
}

#[test]
fn a_racing_swap_of_a_directory_for_a_link_never_leads_out() {
    let site = Site::new();
    let (real, aside, link) = (site.path("app/config"), site.path("app/aside"), site.path("app/trap"));
    std::os::unix::fs::symlink("../outside", &link).unwrap();
    let stop = AtomicBool::new(false);
    let (mut made, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(&real, &aside).and_then(|()| fs::rename(&link, &real));
                let _ = fs::rename(&real, &link).and_then(|()| fs::rename(&aside, &real));
            }
        });
        let end = std::time::Instant::now() + std::time::Duration::from_secs(1);
        while std::time::Instant::now() < end {
            let seq = site.next();
            assert!(!site.stage.read(&app(), "config/secret", 0, 9).is_ok_and(|bytes| bytes == b"canary"));
            match site.stage.prepare_make_dir(seq, &app(), &format!("config/d{seq}")) {
                Ok(prepared) => made += u32::from((prepared.act)().is_ok()),
                Err(_) => refused += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(made > 0 && refused > 0, "made {made}, refused {refused}: nobody was racing");
    assert_eq!(fs::read_dir(site.path("outside")).unwrap().count(), 1);
}

#[test]
fn a_fifo_or_device_is_refused_at_once() {
    let site = Site::new();
    let fifo = site.path("app/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o644), 0)
        .unwrap();
    let start = std::time::Instant::now();
    assert_eq!(code(site.stage.read(&app(), "fifo", 0, 1)), "not-a-file");
    assert_eq!(code(site.stage.digest(&app(), "fifo")), "not-a-file");
    assert_eq!(code(site.stage.prepare_write(1, &app(), "fifo", b"")), "not-a-file");
    assert_eq!(code(site.stage.prepare_append(1, &app(), "fifo", b"")), "not-a-file");
    let copy = site.stage.prepare_copy_tree(1, &app(), "", &media(), "x").unwrap();
    assert_eq!(code((copy.act)()), "not-a-file");
    assert!(start.elapsed() < std::time::Duration::from_secs(1));
}

#[test]
fn a_file_with_another_name_is_not_changed_in_place() {
    let site = Site::new();
    fs::hard_link(site.path("outside/secret"), site.path("app/hard")).unwrap();
    assert_eq!(code(site.stage.prepare_append(1, &app(), "hard", b"x")), "hard-link");
    assert_eq!(code(site.stage.prepare_set_mode(1, &app(), "hard", 0o777)), "hard-link");
    act(site.stage.prepare_write(1, &app(), "hard", b"x").unwrap());
    assert_eq!(site.text("outside/secret"), "canary");
}

#[test]
fn setuid_is_never_set() {
    let site = Site::new();
    for mode in [0o4755, 0o2755, 0o1777, u32::MAX] {
        assert_eq!(code(site.stage.prepare_set_mode(1, &app(), "index.php", mode)), "invalid-mode");
    }
    fs::set_permissions(site.path("app/index.php"), fs::Permissions::from_mode(0o6755)).unwrap();
    act(site.stage.prepare_copy_tree(1, &app(), "index.php", &app(), "copy").unwrap());
    assert_eq!(site.path("app/copy").metadata().unwrap().mode() & 0o7777, 0o755);
    let prepared = site.stage.prepare_set_mode(2, &app(), "index.php", 0o700).unwrap();
    (prepared.act)().unwrap();
    assert_eq!(site.path("app/index.php").metadata().unwrap().mode() & 0o7777, 0o700);
    site.files.undo(&prepared.change).unwrap();
    assert_eq!(site.path("app/index.php").metadata().unwrap().mode() & 0o7777, 0o6755);
}

#[test]
fn numbers_from_a_guest_are_checked() {
    let site = Site::new();
    let stage = &site.stage;
    assert_eq!(code(stage.read(&app(), "index.php", 0, u64::MAX)), "too-large");
    assert_eq!(code(stage.read(&app(), "index.php", 0, (8 << 20) + 1)), "too-large");
    assert_eq!(code(stage.prepare_write(1, &app(), "x", &vec![0; (8 << 20) + 1])), "too-large");
    assert_eq!(code(stage.prepare_append(1, &app(), "index.php", &vec![0; (8 << 20) + 1])), "too-large");
    assert_eq!(code(stage.list(&app(), "", None, 0)), "invalid-limit");
    assert_eq!(code(stage.list(&app(), "", None, 10_001)), "invalid-limit");
    assert_eq!(stage.read(&app(), "index.php", u64::MAX, 8).unwrap(), b"");
    assert_eq!(stage.read(&app(), "index.php", 4, 1 << 20).unwrap(), b"index");
}

#[test]
fn a_directory_is_listed_in_pages_and_in_the_order_of_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let site = Site::new();
    let many = site.path("app/many");
    fs::create_dir(&many).unwrap();
    let mut names: Vec<Vec<u8>> = (0..25_u8).map(|n| vec![b'n', n + 100]).collect();
    names.push(b"z\xff".to_vec());
    names.push(b"back\\slash".to_vec());
    names.push("Ä".as_bytes().to_vec());
    for name in &names {
        fs::write(many.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    names.sort();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = site.stage.list(&app(), "many", after.as_deref(), 4).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        seen.extend(page);
    }
    assert_eq!(
        seen.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>(),
        names.iter().map(|n| path::escape(n)).collect::<Vec<_>>()
    );
    for entry in seen {
        assert_eq!(site.stage.read(&app(), &format!("many/{}", entry.name), 0, 9).unwrap(), b"x");
    }
}

#[test]
fn nothing_is_an_answer_and_a_directory_is_no_file() {
    let site = Site::new();
    let stage = &site.stage;
    assert_eq!(stage.stat(&app(), "nothing").unwrap(), None);
    assert_eq!(stage.stat(&app(), "nothing/below").unwrap(), None);
    assert_eq!(stage.stat(&app(), "index.php/below").unwrap(), None);
    assert_eq!(code(stage.read(&app(), "nothing", 0, 1)), "not-found");
    assert_eq!(code(stage.read(&app(), "config", 0, 1)), "not-a-file");
    assert_eq!(code(stage.read(&app(), "", 0, 1)), "not-a-file");
    assert_eq!(code(stage.list(&app(), "index.php", None, 1)), "not-a-directory");
    assert_eq!(code(stage.list(&app(), "nothing", None, 1)), "not-found");
    assert_eq!(code(stage.prepare_write(1, &app(), "config", b"")), "not-a-file");
    assert_eq!(code(stage.prepare_make_dir(1, &app(), "config")), "already-exists");
    assert_eq!(code(stage.prepare_make_dir(1, &app(), "no/parent")), "not-found");
    assert_eq!(code(stage.prepare_rename(1, &app(), "index.php", "config")), "already-exists");
    assert_eq!(code(stage.prepare_rename(1, &app(), "config", "config/inside")), "invalid-path");
    let entry = stage.stat(&app(), "config/local.php").unwrap().unwrap();
    assert_eq!((entry.kind.as_str(), entry.size, entry.mode, entry.modified), ("file", 10, 0o640, 1_600_000_000));
    assert_eq!(
        stage.digest(&app(), "index.php").unwrap(),
        data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(b"old index"))
    );
    assert!(stage.free_space(&app(), "").unwrap() > 0);
}

#[test]
fn the_digest_of_a_tree_sees_names_modes_and_contents() {
    let site = Site::new();
    let digest = || site.stage.digest_tree(&app(), "").unwrap().extra[0].1.clone();
    let first = digest();
    assert_eq!(first, digest());
    fs::write(site.path("app/index.php"), "new index").unwrap();
    let second = digest();
    fs::set_permissions(site.path("app/index.php"), fs::Permissions::from_mode(0o600)).unwrap();
    let third = digest();
    fs::rename(site.path("app/index.php"), site.path("app/index.phq")).unwrap();
    let fourth = digest();
    let all: BTreeSet<_> = [&first, &second, &third, &fourth].into();
    assert_eq!(all.len(), 4);
    act(site.stage.prepare_write(1, &media(), "x", b"").unwrap());
    assert_eq!(digest(), fourth, "the staging is not part of it");
}

/// 10,000 paths out of awkward pieces: whatever they do, they do it inside.
#[test]
fn ten_thousand_paths_never_leave_the_root() {
    let site = Site::new();
    let pieces = [
        "..",
        ".",
        "",
        "/",
        "a",
        "config",
        "escape",
        "link",
        "media",
        "local.php",
        "\\x2e",
        "\\x2e\\x2e",
        "\\xff",
        "\\\\",
        "\0",
        "～",
        "..\u{2215}",
        "secret",
        ".liftlock-r1",
        "index.php",
        " ",
        "\n",
        "%2e%2e",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let before = site.picture();
    let mut accepted = 0;
    for _ in 0..10_000 {
        let path = (0..=random(4)).map(|_| pieces[random(pieces.len())]).collect::<Vec<_>>().join("/");
        let seq = site.next();
        let bytes = site.stage.read(&app(), &path, 0, 64);
        assert!(!bytes.is_ok_and(|bytes| bytes == b"canary"), "{path:?}");
        let prepared = match random(6) {
            0 => site.stage.prepare_write(seq, &app(), &path, b"fuzz"),
            1 => site.stage.prepare_make_dir(seq, &app(), &path),
            2 => site.stage.prepare_remove(seq, &app(), &path),
            3 => site.stage.prepare_rename(seq, &app(), &path, "media/moved"),
            4 => site.stage.prepare_set_mode(seq, &app(), &path, 0o755),
            _ => site.stage.prepare_append(seq, &app(), &path, b"fuzz"),
        };
        if let Ok(prepared) = prepared {
            accepted += 1;
            // Each of these syncs the disk; a part of them is enough.
            if accepted % 8 == 0 {
                let _ = (prepared.act)();
                site.files.undo(&prepared.change).unwrap();
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
    assert_eq!(site.text("outside/secret"), "canary");
    let names: Vec<_> = fs::read_dir(&site.home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    site.files.forget().unwrap();
    assert_eq!(site.picture(), before);
}
