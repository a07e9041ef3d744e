//! What a command of the operator's may do to a root, and how it comes back.

use std::os::unix::fs::symlink;

use super::*;

/// A site whose picture has no inodes: a file that was replaced comes back as another.
fn plain(site: &Site) -> Vec<String> {
    let without = |line: String| {
        let (before, rest) = line.split_once(" inode ").unwrap();
        let (_, after) = rest.split_once(' ').unwrap();
        format!("{before} {after}")
    };
    site.picture().into_iter().map(without).collect()
}

/// All that a program can do to what is there.
fn ravage(site: &Site) {
    fs::write(site.path("app/index.php"), "another").unwrap();
    fs::remove_file(site.path("app/config/local.php")).unwrap();
    fs::write(site.path("app/config/local.php"), "secret = 2").unwrap();
    fs::remove_dir_all(site.path("app/media/2024")).unwrap();
    fs::write(site.path("app/media/2024"), "a file where a directory was").unwrap();
    fs::remove_file(site.path("app/media/note")).unwrap();
    fs::create_dir(site.path("app/media/note")).unwrap();
    fs::write(site.path("app/media/note/x"), "x").unwrap();
    fs::remove_file(site.path("app/link")).unwrap();
    symlink("/etc", site.path("app/link")).unwrap();
    fs::create_dir_all(site.path("app/new/deep")).unwrap();
    fs::write(site.path("app/new/deep/file"), "new").unwrap();
    fs::set_permissions(site.path("app/config"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_root_that_was_ravaged_comes_back() {
    let site = Site::new();
    let before = plain(&site);
    site.files.keep(1, 0, "app", "").unwrap();
    assert_eq!(plain(&site), before, "keeping changes nothing");
    ravage(&site);
    site.files.put_back(1, 0, "app").unwrap();
    assert_eq!(plain(&site), before);
    // A kill can fall anywhere: it is done again, and after more damage too.
    fs::write(site.path("app/index.php"), "once more").unwrap();
    site.files.put_back(1, 0, "app").unwrap();
    assert_eq!(plain(&site), before);
}

#[test]
fn what_was_not_touched_or_only_written_to_stays_the_same_file() {
    let site = Site::new();
    let before = site.picture();
    site.files.keep(1, 0, "app", "").unwrap();
    fs::write(site.path("app/index.php"), "old indeX").unwrap();
    site.files.put_back(1, 0, "app").unwrap();
    assert_eq!(site.picture(), before, "inodes too");
}

#[test]
fn outside_of_what_is_kept_nothing_is_touched() {
    let site = Site::new();
    site.files.keep(1, 0, "app", "media").unwrap();
    fs::write(site.path("app/index.php"), "another").unwrap();
    fs::write(site.path("app/new"), "new").unwrap();
    fs::write(site.path("app/media/new"), "new").unwrap();
    site.files.put_back(1, 0, "app").unwrap();
    assert_eq!((site.text("app/index.php").as_str(), site.text("app/new").as_str()), ("another", "new"));
    assert!(!site.path("app/media/new").exists());
}

#[test]
fn a_directory_that_was_not_there_goes_again() {
    let site = Site::new();
    site.files.keep(1, 0, "app", "var/cache").unwrap();
    fs::create_dir_all(site.path("app/var/cache/prod")).unwrap();
    fs::write(site.path("app/var/cache/prod/x"), "x").unwrap();
    site.files.put_back(1, 0, "app").unwrap();
    assert!(!site.path("app/var/cache").exists());
}

#[test]
fn a_database_in_a_root_is_not_a_file_of_it() {
    let protected = tempfile::tempdir().unwrap();
    let mut path = PathBuf::new();
    let site = Site::with(
        |config| {
            path = config.roots[0].path.join("data.sqlite");
            fs::write(&path, "rows").unwrap();
            config.protected = vec![path.clone(), protected.path().to_owned()];
        },
        |_| {},
    );
    site.files.keep(1, 0, "app", "").unwrap();
    fs::write(&path, "other rows").unwrap();
    site.files.put_back(1, 0, "app").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "other rows", "its restore point puts it back");
}

/// The file that the stage has appended to is replaced by the command, and by undo once more.
#[test]
fn what_was_appended_before_a_command_is_undone_behind_it() {
    let site = Site::new();
    let before = plain(&site);
    let seq = site.next();
    let appended = site.stage.prepare_append(seq, &app(), "index.php", b" and more").unwrap();
    let change = appended.change.clone();
    (appended.act)().unwrap();
    site.files.keep(2, 0, "app", "").unwrap();
    fs::remove_file(site.path("app/index.php")).unwrap();
    fs::write(site.path("app/index.php"), "another file").unwrap();
    site.files.put_back(2, 0, "app").unwrap();
    assert_eq!(site.text("app/index.php"), "old index and more");
    site.files.undo(&change).unwrap();
    assert_eq!(plain(&site), before);
}

#[test]
fn no_root_and_no_copies_are_no_way_back() {
    let site = Site::new();
    assert_eq!(site.files.keep(1, 0, "nothing", "").unwrap_err().code, "unknown-root");
    assert_eq!(site.files.keep(1, 0, "app", "../outside").unwrap_err().code, "invalid-path");
    assert_eq!(site.files.keep(1, 0, "app", "escape/secret").unwrap_err().code, "io-error");
    assert_eq!(site.files.put_back(7, 0, "app").unwrap_err().code, "undo-data-missing");
}
