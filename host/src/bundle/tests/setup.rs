//! The two files together, and what they name.

use std::fs;
use std::time::Duration;

use super::*;

/// Replaces the first text by the second and compares all that is said about it.
fn refused(table: &[(&str, &str, &str)]) {
    for (from, to, expected) in table {
        assert_eq!(World::new().installation(from, to).problems(), *expected, "{to}");
    }
}

#[test]
fn a_pipeline_that_is_not_the_pinned_one_is_refused_with_the_line_to_write() {
    let world = World::new();
    let digest = sha256_hex(world.pipeline.as_bytes());
    let zeros = "0".repeat(64);
    let changed = World::new().installation("PIN", &zeros);
    assert_eq!(
        changed.problems(),
        format!(
            "installation.toml:7: [pipeline] sha256: the pipeline is pinned as {zeros}, but the file is {digest} (if you \
             trust it, write: sha256 = \"{digest}\")"
        )
    );
    assert!(changed.load().unwrap_err().are_refusals());
    let unpinned = World::new().installation("sha256 = \"PIN\"\n", "");
    assert_eq!(
        unpinned.problems(),
        format!(
            "installation.toml:5: [pipeline]: the pipeline is not pinned (if you trust it, write: sha256 = \"{digest}\")"
        )
    );
    let missing = World::new().installation("bundle/pipeline.toml", "bundle/none.toml");
    assert_eq!(
        missing.problems(),
        "installation.toml:6: [pipeline] path: bundle/none.toml cannot be read: No such file or directory (os error 2)"
    );
    assert!(!missing.load().unwrap_err().are_refusals());
}

#[test]
fn what_the_pipeline_does_not_know_is_refused() {
    refused(&[
        (
            "[grants.migrate-sql]",
            "[grants.migrate]",
            "installation.toml:23: [grants.migrate]: no slot is called \"migrate\" (did you mean \"migrate-sql\"?)",
        ),
        (
            "[params.unpack]",
            "[params.unpak]",
            "installation.toml:16: [params.unpak]: no slot is called \"unpak\" (did you mean \"unpack\"?)",
        ),
        (
            "[limits.unpack]",
            "[limits.all]",
            "installation.toml:31: [limits.all]: no slot is called \"all\" (known: fetch-package, migrate-sql, tidy-up, unpack)",
        ),
        (
            "strip = 2",
            "stripe = 2",
            "installation.toml:17: [params.unpack] stripe: no parameter is called \"stripe\" (did you mean \"strip\"?)",
        ),
        (
            "database.main",
            "database.mein",
            "installation.toml:24: [grants.migrate-sql] database.mein: no database is called \"mein\" (did you mean \"main\"?)",
        ),
        (
            "database.main",
            "files.web",
            "installation.toml:24: [grants.migrate-sql] files.web: no root is called \"web\" (known: app)",
        ),
        (
            "root = \"app\"\npage",
            "root = \"apps\"\npage",
            "installation.toml:40: [maintenance] root: no root is called \"apps\" (did you mean \"app\"?)",
        ),
        (
            "{ root = \"app\"",
            "{ root = \"apps\"",
            "installation.toml:43: [maintenance.flag] root: no root is called \"apps\" (did you mean \"app\"?)",
        ),
        (
            FLAG,
            "{ database = \"mein\", table = \"t\", column = \"c\", where = { a = 1 }, value = \"on\" }",
            "installation.toml:43: [maintenance.flag] database: no database is called \"mein\" (did you mean \"main\"?)",
        ),
        (
            "[hooks]",
            "[artifacts.packet]\nfile = \"x.zip\"\n[hooks]",
            "installation.toml:45: [artifacts.packet]: no artifact is called \"packet\" (did you mean \"package\"?)",
        ),
    ]);
}

#[test]
fn what_the_pipeline_needs_and_the_installation_has_not_is_refused() {
    let world = World::new().pipeline("[roots.app]", "[roots.media]\n[roots.app]");
    assert_eq!(
        world.problems(),
        "installation.toml: the pipeline \"shop\" needs a root \"media\" (add: [roots.media] path = \"…\")"
    );
    let world = World::new().pipeline("[roots.app]", "[databases.log]\n[roots.app]");
    assert_eq!(
        world.problems(),
        "installation.toml: the pipeline \"shop\" needs a database \"log\" (add: [databases.log] sqlite = \"…\", or url-file = \"…\")"
    );
}

#[test]
fn a_component_that_is_gone_or_changed_is_refused_with_both_digests() {
    let world = World::new();
    fs::write(world.path("bundle/fetch.wasm"), "another").unwrap();
    fs::remove_file(world.path("bundle/tidy.wasm")).unwrap();
    let setup = world.load().unwrap();
    let problems = setup.verify_components().unwrap_err();
    assert_eq!(
        relative(&problems.to_string(), world.directory.path()),
        format!(
            "bundle/pipeline.toml:22: [[slot]] \"fetch-package\" sha256: the component is pinned as {}, but the file is {} \
             (get the bundle again: this component is not the vendor's)\n\
             bundle/pipeline.toml:56: [[slot]] \"tidy-up\" component: the component bundle/tidy.wasm cannot be read: No \
             such file or directory (os error 2)",
            sha256_hex(b"the fetching component"),
            sha256_hex(b"another"),
        )
    );
    assert!(!problems.are_refusals());
    assert_eq!(problems.iter().filter(|problem| problem.is_refusal()).count(), 1);
}

fn swapped(sha256: &str) -> World {
    let swap = format!(
        "[swap.unpack]\ncomponent = \"own.wasm\"\n{sha256}\n[swap.unpack.grants]\nfiles.app = \"read\"\n[hooks]"
    );
    let world = World::new().installation("[hooks]", &swap);
    fs::write(world.path("own.wasm"), "my own component").unwrap();
    world
}

#[test]
fn a_swapped_component_that_is_not_pinned_is_refused_with_the_line_to_write() {
    let digest = sha256_hex(b"my own component");
    assert_eq!(
        swapped("").problems(),
        format!(
            "installation.toml:45: [swap.unpack]: the component is not pinned (if you trust it, write: sha256 = \"{digest}\")"
        )
    );
    let zeros = "0".repeat(64);
    let world = swapped(&format!("sha256 = \"{zeros}\""));
    let problems = world.load().unwrap().verify_components().unwrap_err();
    assert_eq!(
        relative(&problems.to_string(), world.directory.path()),
        format!(
            "installation.toml:47: [swap.unpack] sha256: the component is pinned as {zeros}, but the file is {digest} (if \
             you trust it, write: sha256 = \"{digest}\")"
        )
    );
    assert!(problems.are_refusals());
}

#[test]
fn a_swap_inherits_no_grant_but_params_and_limits() {
    let digest = sha256_hex(b"my own component");
    let grants = "[grants.unpack]\nfiles.app = \"write\"\nnetwork = [\"https://example.org\"]\n[params.unpack]";
    let world = swapped(&format!("sha256 = \"{digest}\"")).installation("[params.unpack]", grants);
    let world = world.installation("strip = 2", "strip = 2\nown = \"parameter\"");
    let setup = world.load().unwrap();
    setup.verify_components().unwrap();
    let slot = &setup.slots[1];
    assert!(slot.swapped);
    assert_eq!((&slot.component, &slot.sha256), (&world.path("own.wasm"), &digest));
    let expected = Grants { roots: [("app".to_owned(), Access::Read)].into(), ..Grants::default() };
    assert_eq!(slot.grants, expected);
    assert_eq!(slot.params["own"], "parameter");
    assert_eq!(slot.limits.memory, 1 << 30);
}

#[test]
fn an_operators_package_is_not_measured_by_the_vendors_size() {
    let two = "2".repeat(64);
    let own = format!("[artifacts.package]\nfile = \"local.zip\"\nsha256 = \"{two}\"\n[hooks]");
    let world = World::new().installation("[hooks]", &own);
    let pin = world.load().unwrap().artifacts["package"].clone();
    assert_eq!((pin.sha256, pin.size, pin.file), (Some(two), None, Some(world.path("local.zip"))));
    let vendors = World::new().load().unwrap().artifacts["package"].clone();
    assert_eq!((vendors.sha256, vendors.size, vendors.file), (Some("1".repeat(64)), Some(1000), None));
}

#[test]
fn a_right_setup_is_joined() {
    let world = World::new();
    let setup = world.load().unwrap();
    setup.verify_components().unwrap();
    let Setup { installation, bundle, slots, databases, .. } = &setup;
    assert_eq!(installation.state, world.path("state"));
    assert_eq!(installation.backup, world.path("state/backups"));
    assert_eq!(installation.roots["app"].owner, Some(Owner { uid: 1234, gid: 1235 }));
    assert_eq!(installation.freeze.stop, [["systemctl", "stop", "cron"]]);
    assert_eq!(installation.freeze.drain, Duration::from_secs(5));
    let page = installation.maintenance.page.as_ref().unwrap();
    assert_eq!(
        (page.root.as_str(), page.file.as_str(), page.status.as_str()),
        ("app", "maintenance.html", "status.json")
    );
    assert_eq!((page.lease, page.retry_after), (Duration::from_secs(20), Duration::from_secs(30)));
    let Some(Flag::File(flag)) = &installation.maintenance.flag else { panic!("no flag") };
    assert_eq!((flag.path.as_str(), flag.content.as_str()), ("data/.maintenance", "closed"));
    assert_eq!(installation.hooks.after_switch.len(), 1);
    assert_eq!(bundle.digest, sha256_hex(world.pipeline.as_bytes()));
    assert_eq!(
        databases["main"],
        PlannedDatabase {
            place: DatabasePlace::Sqlite(world.path("www/data/shop.sqlite")),
            foreign_keys: Some(true),
            sql_mode: None,
        }
    );

    let names: Vec<&str> = slots.iter().map(|planned| planned.slot.name.as_str()).collect();
    assert_eq!(names, ["fetch-package", "unpack", "migrate-sql", "tidy-up"]);
    assert_eq!(slots[0].grants.origins, ["https://example.org"]);
    assert_eq!(slots[1].component, world.path("bundle/parts/unpack.wasm"));
    assert_eq!(slots[1].params["strip"], "2");
    assert_eq!(slots[1].params["quick"], "true");
    assert_eq!(slots[1].params["keep"], "a\nb");
    assert_eq!(slots[1].slot.inputs["archive"].to_string(), "fetch-package.package");
    assert!(slots[1].slot.consumed("hint").unwrap().optional);
    assert_eq!(slots[2].slot.expect.len(), 2);
    assert_eq!(slots[3].slot.phase, Phase::After);
    assert_eq!(setup.read_component(&slots[2]).unwrap(), b"the migrating component");
}

#[test]
fn the_nearest_word_about_a_limit_counts() {
    let setup = World::new().load().unwrap();
    let unpack = setup.slots[1].limits;
    assert_eq!(unpack.memory, 1 << 30, "the pipeline's");
    assert_eq!(unpack.handles, 20, "the operator's for all over the pipeline's");
    assert_eq!(unpack.guest_time, Duration::from_mins(2), "the operator's for this slot");
    assert_eq!(unpack.spool_bytes, Limits::default().spool_bytes, "the host's");
}

#[test]
fn check_and_verify_get_neither_write_nor_network() {
    let grants = Grants {
        databases: [("main".to_owned(), Access::Write)].into(),
        roots: [("app".to_owned(), Access::Write)].into(),
        commands: [("php".to_owned(), Access::Run)].into(),
        origins: vec!["https://example.org".to_owned()],
        private: vec!["10.0.0.1".to_owned()],
        accept: [ACCEPT_UNPINNED_PACKAGE.to_owned()].into(),
    };
    let expected = Grants {
        databases: [("main".to_owned(), Access::Read)].into(),
        roots: [("app".to_owned(), Access::Read)].into(),
        commands: [("php".to_owned(), Access::Run)].into(),
        ..Grants::default()
    };
    assert_eq!(grants.read_only(), expected);
}
