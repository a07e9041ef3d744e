//! What a stage may not do: rights by operation, protected data, ids that it was not given.

use super::*;

type Try = fn(&StageFiles) -> Result<(), CallError>;

/// Every verb on a root, and the access it needs.
const VERBS: &[(&str, Access, Try)] = &[
    ("stat", Access::Read, |s| s.stat(&app(), "index.php").map(drop)),
    ("list", Access::Read, |s| s.list(&app(), "", None, 10).map(drop)),
    ("read", Access::Read, |s| s.read(&app(), "index.php", 0, 10).map(drop)),
    ("digest", Access::Read, |s| s.digest(&app(), "index.php").map(drop)),
    ("digest-tree", Access::Read, |s| s.digest_tree(&app(), "config").map(drop)),
    ("free-space", Access::Read, |s| s.free_space(&app(), "").map(drop)),
    ("open-root", Access::Read, |s| s.open_root("app").map(drop)),
    ("write", Access::Write, |s| s.prepare_write(1, &app(), "x", b"").map(drop)),
    ("append", Access::Write, |s| s.prepare_append(1, &app(), "index.php", b"").map(drop)),
    ("make-dir", Access::Write, |s| s.prepare_make_dir(1, &app(), "x").map(drop)),
    ("remove", Access::Write, |s| s.prepare_remove(1, &app(), "index.php").map(drop)),
    ("rename", Access::Write, |s| s.prepare_rename(1, &app(), "index.php", "x").map(drop)),
    ("set-mode", Access::Write, |s| s.prepare_set_mode(1, &app(), "index.php", 0o600).map(drop)),
    ("copy-tree into it", Access::Write, |s| s.prepare_copy_tree(1, &app(), "config", &app(), "x").map(drop)),
    ("move-tree", Access::Write, |s| s.prepare_move_tree(1, &app(), "config", &app(), "x").map(drop)),
];

#[test]
fn without_a_grant_no_verb_works_and_the_line_is_named() {
    for (verb, access, attempt) in VERBS {
        let site = Site::with(|_| {}, |grant| grant.roots.clear());
        let Err(CallError::Answer(failure)) = attempt(&site.stage) else { panic!("{verb} was allowed") };
        assert_eq!(failure.code, "not-granted", "{verb}");
        let word = if *access == Access::Write && !verb.contains("copy") { "write" } else { "read" };
        assert!(
            failure.message.ends_with(&format!("[grants.switch-code] files.app = \"{word}\"")),
            "{}",
            failure.message
        );
    }
}

#[test]
fn with_read_only_what_changes_is_refused() {
    for (verb, access, attempt) in VERBS {
        let site = Site::with(
            |_| {},
            |grant| {
                grant.roots.insert("app".to_owned(), Access::Read);
            },
        );
        match access {
            Access::Read => attempt(&site.stage).unwrap(),
            Access::Write | Access::Define | Access::Run => {
                assert_eq!(code(attempt(&site.stage)), "not-granted", "{verb}")
            }
        }
        assert!(!site.path("app/.liftlock-r1").exists(), "{verb} left something behind");
    }
}

#[test]
fn in_check_and_verify_what_changes_is_refused() {
    for (verb, access, attempt) in VERBS {
        let site = Site::with(|_| {}, |grant| grant.read_only = true);
        match access {
            Access::Read => attempt(&site.stage).unwrap(),
            Access::Write | Access::Define | Access::Run => {
                assert_eq!(code(attempt(&site.stage)), "read-only", "{verb}")
            }
        }
    }
    let mut site = Site::new();
    let id = site.tree(&[("a", "a")]);
    site.stage.grant.read_only = true;
    assert_eq!(code(site.stage.prepare_discard(9, &id)), "read-only");
    assert_eq!(code(site.stage.prepare_switch(9, &id, &["a".to_owned()], &[])), "read-only");
    assert_eq!(code(site.stage.prepare_write(9, &tree(&id), "a", b"")), "read-only");
    assert_eq!(code(site.stage.prepare_extract(9, "artifact-1", "app", 0)), "read-only");
}

#[test]
fn with_write_every_verb_works() {
    for (_, _, attempt) in VERBS {
        attempt(&Site::new().stage).unwrap();
    }
}

#[test]
fn a_tree_of_another_stage_is_refused() {
    let mut site = Site::new();
    let id = site.tree(&[("a", "a")]);
    site.stage.grant.trees.clear();
    assert_eq!(code(site.stage.open_tree(&id)), "not-granted");
    assert_eq!(code(site.stage.read(&tree(&id), "a", 0, 1)), "not-granted");
    assert_eq!(code(site.stage.prepare_discard(9, &id)), "not-granted");
    assert_eq!(code(site.stage.prepare_switch(9, &id, &[], &[])), "not-granted");
    site.stage.admit_tree(&id);
    assert_eq!(site.stage.open_tree(&id).unwrap(), tree(&id));
}

#[test]
fn an_id_is_never_a_path() {
    let mut site = Site::new();
    for id in
        ["", "..", "tree-", "tree-1/../..", "tree-../../config", "tree-1x", "/etc", "artifact-../x", "artifact-A", "a"]
    {
        site.stage.admit_tree(id);
        site.stage.admit_artifact(id);
        assert_eq!(code(site.stage.open_tree(id)), "not-granted", "{id}");
        assert_eq!(code(site.stage.prepare_discard(1, id)), "not-granted", "{id}");
        assert_eq!(code(site.stage.prepare_extract(1, id, "app", 0)), "not-granted", "{id}");
    }
    site.stage.admit_tree("tree-99");
    assert_eq!(code(site.stage.open_tree("tree-99")), "unknown-tree");
}

#[test]
fn a_root_that_the_installation_lacks_is_unknown() {
    let site = Site::with(
        |_| {},
        |grant| {
            grant.roots.insert("blog".to_owned(), Access::Read);
        },
    );
    assert_eq!(code(site.stage.open_root("blog")), "unknown-root");
}

fn with_database() -> Site {
    let site = Site::with(|config| config.protected.push(config.roots[0].path.join("config/db/site.sqlite")), |_| {});
    fs::create_dir(site.path("app/config/db")).unwrap();
    for name in ["site.sqlite", "site.sqlite-wal", "other"] {
        fs::write(site.path("app/config/db").join(name), "rows").unwrap();
    }
    site
}

#[test]
fn a_database_below_a_root_is_out_of_reach() {
    let site = with_database();
    let stage = &site.stage;
    for file in ["config/db/site.sqlite", "config/db/site.sqlite-wal", "config/db/site.sqlite-journal"] {
        assert_eq!(code(stage.read(&app(), file, 0, 1)), "protected-path", "{file}");
        assert_eq!(code(stage.stat(&app(), file)), "protected-path", "{file}");
        assert_eq!(code(stage.digest(&app(), file)), "protected-path", "{file}");
        assert_eq!(code(stage.prepare_write(1, &app(), file, b"")), "protected-path", "{file}");
        assert_eq!(code(stage.prepare_append(1, &app(), file, b"")), "protected-path", "{file}");
        assert_eq!(code(stage.prepare_remove(1, &app(), file)), "protected-path", "{file}");
        assert_eq!(code(stage.prepare_rename(1, &app(), "index.php", file)), "protected-path", "{file}");
        assert_eq!(code(stage.prepare_copy_tree(1, &app(), file, &media(), "x")), "protected-path", "{file}");
    }
    for directory in ["config", "config/db"] {
        assert_eq!(code(stage.prepare_remove(1, &app(), directory)), "protected-path", "{directory}");
        assert_eq!(code(stage.prepare_rename(1, &app(), directory, "x")), "protected-path", "{directory}");
        assert_eq!(code(stage.prepare_set_mode(1, &app(), directory, 0)), "protected-path", "{directory}");
        assert_eq!(code(stage.prepare_copy_tree(1, &app(), directory, &media(), "x")), "protected-path", "{directory}");
        assert_eq!(code(stage.digest_tree(&app(), directory)), "protected-path", "{directory}");
    }
}

#[test]
fn what_lies_beside_a_database_is_in_reach() {
    let site = with_database();
    assert_eq!(site.stage.read(&app(), "config/db/other", 0, 9).unwrap(), b"rows");
    assert_eq!(site.stage.list(&app(), "config/db", None, 10).unwrap().len(), 3);
    act(site.stage.prepare_write(1, &app(), "config/db/new", b"x").unwrap());
    act(site.stage.prepare_remove(2, &app(), "config/db/other").unwrap());
}

#[test]
fn a_protected_directory_named_through_a_link_is_found() {
    let home = tempfile::tempdir().unwrap();
    let alias = home.path().join("alias");
    let site = Site::with(
        |config| {
            std::os::unix::fs::symlink(&config.roots[0].path, &alias).unwrap();
            config.protected.push(alias.join("config"));
        },
        |_| {},
    );
    assert_eq!(code(site.stage.read(&app(), "config/local.php", 0, 1)), "protected-path");
    assert_eq!(code(site.stage.prepare_write(1, &app(), "config/new", b"")), "protected-path");
}

#[test]
fn a_directory_that_contains_another_root_stays() {
    let inner = |config: &mut FilesConfig| {
        let path = config.roots[0].path.join("media");
        config.roots.push(RootConfig { name: "inner".to_owned(), path, owner: None });
    };
    let site = Site::with(inner, |_| {});
    assert_eq!(code(site.stage.prepare_remove(1, &app(), "media")), "protected-path");
    assert_eq!(code(site.stage.prepare_rename(1, &app(), "media", "x")), "protected-path");
    act(site.stage.prepare_remove(1, &app(), "media/2024").unwrap());
}

#[test]
fn the_staging_is_private_and_invisible() {
    let mut site = Site::new();
    site.tree(&[("a", "a")]);
    let staging = site.path("app/.liftlock-r1");
    assert_eq!(staging.metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(staging.join(".htaccess")).unwrap(), "Require all denied\n");
    let names: Vec<_> = site.stage.list(&app(), "", None, 100).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["config", "escape", "index.php", "link", "media"]);
    assert_eq!(code(site.stage.stat(&app(), ".liftlock-r1")), "invalid-path");
    assert_eq!(code(site.stage.prepare_remove(9, &app(), ".liftlock-r1")), "invalid-path");
    assert_eq!(code(site.stage.prepare_rename(9, &app(), "config", ".liftlock-x")), "invalid-path");
}

#[test]
fn a_run_cannot_be_named_out_of_its_root() {
    for run in ["", "../x", "a/b", "a b", "\0"] {
        let config = FilesConfig {
            run: run.to_owned(),
            roots: Vec::new(),
            protected: Vec::new(),
            artifacts: PathBuf::new(),
            limits: ArchiveLimits::default(),
            stop: Arc::default(),
            meter: Meter::default(),
        };
        assert_eq!(Files::open(config).err().unwrap().code, "invalid-run", "{run:?}");
    }
}
