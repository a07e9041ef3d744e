//! Mistakes of a vendor.

use super::World;

/// Replaces the first text by the second and compares all that is said about it.
fn refused(table: &[(&str, &str, &str)]) {
    for (from, to, expected) in table {
        assert_eq!(World::new().pipeline(from, to).problems(), *expected, "{to}");
    }
}

#[test]
fn a_file_that_is_not_toml_of_the_format_is_refused() {
    refused(&[
        ("name = \"shop\"", "name = \"shop", "bundle/pipeline.toml:2: invalid basic string, expected `\"`"),
        ("name = \"shop\"", "name = 1\nname = 2", "bundle/pipeline.toml:3: duplicate key"),
        ("name = \"shop\"", "name = 7", "bundle/pipeline.toml:2: name: expected a text, found an integer"),
        ("name = \"shop\"\n", "", "bundle/pipeline.toml: the key \"name\" is missing"),
        (
            "name = \"shop\"",
            "name = \"Shop/../x\"",
            "bundle/pipeline.toml:2: name: \"Shop/../x\" cannot be a name (small letters, digits, - and _, at most 64, \
             starting with a letter or digit)",
        ),
        ("title", "titel", "bundle/pipeline.toml:3: no key is called \"titel\" (did you mean \"title\"?)"),
        (
            "format = 1",
            "format = 2",
            "bundle/pipeline.toml:1: format: format 2 is not known (this host reads format 1)",
        ),
        ("format = 1\n", "", "bundle/pipeline.toml: the key \"format\" is missing"),
        (
            "\"Shop 1 to 2\"",
            "\"Shop\\u202e1\"",
            "bundle/pipeline.toml:3: title: has the character U+202E, which does not belong in a line",
        ),
        (
            "foreign_keys = true",
            "sql_mode = \"STRICT_TRANS_TABLES, ansi_quotes\"",
            "bundle/pipeline.toml:9: [databases.main] sql_mode: the mode ANSI_QUOTES is not supported: it changes how SQL \
             is read",
        ),
        (
            "foreign_keys = true",
            "foreign-keys = true",
            "bundle/pipeline.toml:9: [databases.main]: no key is called \"foreign-keys\" (did you mean \"foreign_keys\"?)",
        ),
        (
            "[roots.app]",
            "[roots.\"../app\"]",
            "bundle/pipeline.toml:11: [roots]: \"../app\" cannot be a name (small letters, digits, - and _, at most 64, \
             starting with a letter or digit)",
        ),
        (
            "\"https://example.org/shop-2.0.zip\"",
            "\"https://me:secret@example.org/\"",
            "bundle/pipeline.toml:15: [artifacts.package] url: an address with a password would get into logs",
        ),
        (
            "\"https://example.org/shop-2.0.zip\"",
            "\"file:///etc/passwd\"",
            "bundle/pipeline.toml:15: [artifacts.package] url: \"file\" is not https or http",
        ),
        ("1111", "xyz", "bundle/pipeline.toml:16: [artifacts.package] sha256: is not a SHA-256: 64 hex digits"),
        ("size = 1000", "size = -1", "bundle/pipeline.toml:17: [artifacts.package] size: must be at least 1"),
    ]);
}

#[test]
fn a_slot_that_says_the_wrong_thing_is_refused() {
    refused(&[
        (
            "component = \"fetch.wasm\"",
            "component = \"../../fetch.wasm\"",
            "bundle/pipeline.toml:21: [[slot]] \"fetch-package\" component: \"../../fetch.wasm\" is not a plain relative \
             path (no leading slash, no . and no ..)",
        ),
        (
            "component = \"fetch.wasm\"\n",
            "",
            "bundle/pipeline.toml:19: [[slot]] \"fetch-package\": the key \"component\" is missing",
        ),
        ("name = \"fetch-package\"\n", "", "bundle/pipeline.toml:19: [[slot]] number 1: the key \"name\" is missing"),
        (
            "codes = [\"ERR_DOWNLOAD\"]",
            "codes = [\n  \"ERR\",\n  5\n]",
            "bundle/pipeline.toml:25: [[slot]] \"fetch-package\" codes: expected a text, found an integer",
        ),
        (
            "strip = 1",
            "strip = 1.5",
            "bundle/pipeline.toml:34: [[slot]] \"unpack\" params.strip: expected a text, an integer, a boolean or a list \
             of texts, found a float",
        ),
        (
            "[\"a\", \"b\"]",
            "[\"a\\nb\"]",
            "bundle/pipeline.toml:34: [[slot]] \"unpack\" params.keep: a text in a list cannot have line feeds",
        ),
        (
            "memory = \"1 GiB\"",
            "memroy = \"1 GiB\"",
            "bundle/pipeline.toml:35: [[slot]] \"unpack\" limits: no key is called \"memroy\" (did you mean \"memory\"?)",
        ),
        (
            "\"tree\" }",
            "\"tee\" }",
            "bundle/pipeline.toml:32: [[slot]] \"unpack\" produces.tree: \"tee\" is not a kind (did you mean \"tree\"?)",
        ),
        (
            "{ tree = \"tree\" }",
            "{ tree = \"tree?\" }",
            "bundle/pipeline.toml:32: [[slot]] \"unpack\" produces.tree: \"tree?\" is not a kind (did you mean \"tree\"?)",
        ),
        (
            "phase = \"after\"",
            "phase = \"afterwards\"",
            "bundle/pipeline.toml:58: [[slot]] \"tidy-up\" phase: \"afterwards\" is not a known word (did you mean \"after\"?)",
        ),
        (
            "query = \"SELECT version FROM settings\"\n",
            "",
            "bundle/pipeline.toml:44: [[slot]] \"migrate-sql\" expect[0]: does not say what to expect (write database, \
             query and equals, or root, file and contains)",
        ),
        (
            "access = \"write\", reason = \"raises",
            "access = \"admin\", reason = \"raises",
            "bundle/pipeline.toml:42: [[slot]] \"migrate-sql\" asks[0].access: \"admin\" is not a known word (known: define, read, run, write)",
        ),
        (
            ", reason = \"raises the schema\"",
            "",
            "bundle/pipeline.toml:42: [[slot]] \"migrate-sql\" asks[0]: the key \"reason\" is missing",
        ),
        (
            "object = \"*\", access = \"read\"",
            "object = \"*\", access = \"write\"",
            "bundle/pipeline.toml:25: [[slot]] \"fetch-package\" asks[0].access: the network is for reading only (write \"read\")",
        ),
        (
            "object = \"*\"",
            "object = \"https://example.org/shop/\"",
            "bundle/pipeline.toml:25: [[slot]] \"fetch-package\" asks[0].object: \"https://example.org/shop/\" is more than \
             an origin (write \"https://example.org\")",
        ),
    ]);
}

#[test]
fn slots_that_do_not_fit_together_are_refused() {
    refused(&[
        (
            "\"fetch-package.package\"",
            "\"fetch-packages.package\"",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.archive: no slot is called \"fetch-packages\" (did you \
             mean \"fetch-package\"?)",
        ),
        (
            "\"fetch-package.package\"",
            "\"fetch-package.pakage\"",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.archive: the slot \"fetch-package\" does not produce \
             \"pakage\" (did you mean \"package\"?)",
        ),
        (
            "\"fetch-package.package\"",
            "\"tidy-up.package\"",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.archive: the slot \"tidy-up\" comes later (an input comes \
             from an earlier slot)",
        ),
        (
            "\"fetch-package.package\"",
            "\"unpack.tree\"",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.archive: the slot \"unpack\" is this slot itself (an input \
             comes from an earlier slot)",
        ),
        (
            "archive = \"artifact\"",
            "archive = \"tree\"",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.archive: fetch-package.package is of kind artifact, and \
             \"archive\" wants tree",
        ),
        (
            "\"text?\"",
            "\"text\"",
            "bundle/pipeline.toml:31: [[slot]] \"unpack\" consumes.hint: the input \"hint\" comes from nowhere (write: \
             inputs = { hint = \"slot.output\" })",
        ),
        (
            "inputs = { archive",
            "inputs = { hnt = \"fetch-package.package\", archive",
            "bundle/pipeline.toml:33: [[slot]] \"unpack\" inputs.hnt: consumes has no \"hnt\" (did you mean \"hint\"?)",
        ),
        (
            "name = \"migrate-sql\"",
            "name = \"unpack\"",
            "bundle/pipeline.toml:38: [[slot]] \"unpack\": another slot has the same name",
        ),
        (
            "name = \"migrate-sql\"",
            "name = \"default\"",
            "bundle/pipeline.toml:39: [[slot]] \"default\" name: no slot can be called \"default\"",
        ),
        (
            "codes = ",
            "phase = \"after\"\ncodes = ",
            "bundle/pipeline.toml:28: [[slot]] \"unpack\": comes behind \"fetch-package\", which runs after the upgrade\n\
             bundle/pipeline.toml:39: [[slot]] \"migrate-sql\": comes behind \"fetch-package\", which runs after the upgrade",
        ),
        (
            "object = \"main\"",
            "object = \"mian\"",
            "bundle/pipeline.toml:42: [[slot]] \"migrate-sql\" asks[0].object: no database is called \"mian\" (did you mean \"main\"?)",
        ),
        (
            "object = \"main\"",
            "object = \"*\"",
            "bundle/pipeline.toml:42: [[slot]] \"migrate-sql\" asks[0].object: \"*\" cannot be a name (small letters, \
             digits, - and _, at most 64, starting with a letter or digit)",
        ),
        (
            "root = \"app\"",
            "root = \"media\"",
            "bundle/pipeline.toml:50: [[slot]] \"migrate-sql\" expect[1].root: no root is called \"media\" (known: app)",
        ),
    ]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_lines() {
    let world =
        World::new().pipeline("to = \"2.0\"", "too = \"2.0\"").pipeline("1111", "").pipeline("\"tree\" }", "7 }");
    assert_eq!(
        world.problems(),
        "bundle/pipeline.toml: the key \"to\" is missing\n\
         bundle/pipeline.toml:5: no key is called \"too\" (did you mean \"to\"?)\n\
         bundle/pipeline.toml:16: [artifacts.package] sha256: is not a SHA-256: 64 hex digits\n\
         bundle/pipeline.toml:32: [[slot]] \"unpack\" produces.tree: expected a text, found an integer"
    );
}

#[test]
fn a_pipeline_without_slots_is_refused() {
    let mut world = World::new();
    world.pipeline = "format = 1\nname = \"a\"\nfrom = \"1\"\nto = \"2\"\n".to_owned();
    assert_eq!(world.problems().lines().next(), Some("bundle/pipeline.toml: has no [[slot]]: there is nothing to do"));
}

#[test]
fn a_log_that_is_not_directly_in_a_known_root_is_refused() {
    let world = |root: &str, file: &str| {
        World::new().pipeline("[roots.app]", &format!("[log]\nroot = {root:?}\nfile = {file:?}\n[roots.app]"))
    };
    for path in ["var/upgrade_log.txt", "../upgrade_log.txt", "/upgrade_log.txt", ".liftlock-x", ""] {
        let said = world("app", path).problems();
        assert!(said.contains("[log] file: "), "{path}: {said}");
    }
    let said = world("ap", "upgrade_log.txt").problems();
    assert!(said.contains("[log] root: no root is called \"ap\" (did you mean \"app\"?)"), "{said}");
    let good = world("app", "upgrade_log.txt");
    let log = good.load().unwrap().text_log().unwrap();
    assert_eq!((log.path, log.in_root), (good.path("www/upgrade_log.txt"), true));
}

/// With a [versions] in front of the slots.
fn versions(asks: &str) -> World {
    let digest = super::sha256_hex(b"the tidying component");
    let text = format!("[versions]\ncomponent = \"tidy.wasm\"\nsha256 = \"{digest}\"\n{asks}\n\n[[slot]]");
    World::new().pipeline("[[slot]]", &text)
}

#[test]
fn what_reads_versions_may_read_files_and_databases_and_nothing_else() {
    let asks = [
        ("files", "app", "write"),
        ("database", "main", "define"),
        ("network", "https://example.org", "read"),
        ("command", "php", "run"),
    ];
    for (capability, object, access) in asks {
        let ask = format!(
            "asks = [{{ capability = \"{capability}\", object = \"{object}\", access = \"{access}\", reason = \"x\" }}]"
        );
        let problems = versions(&ask).problems();
        assert!(problems.contains("[versions] asks[0].access: what reads versions may ask for"), "{ask}: {problems}");
    }
    let unknown = "asks = [{ capability = \"files\", object = \"ap\", access = \"read\", reason = \"x\" }]";
    assert!(versions(unknown).problems().contains("[versions] asks[0].object: no root is called \"ap\""));
    assert!(versions("axes = []").problems().contains("[versions]: no key is called \"axes\""));
}

#[test]
fn what_reads_versions_is_granted_swapped_and_pinned_like_a_slot() {
    let ask = "asks = [{ capability = \"files\", object = \"app\", access = \"read\", reason = \"x\" }]";
    let granted =
        versions(ask).installation("[limits.default]", "[grants.versions]\nfiles.app = \"read\"\n\n[limits.default]");
    let setup = granted.load().unwrap();
    let planned = setup.versions.as_ref().unwrap();
    assert_eq!((planned.slot.name.as_str(), planned.grants.roots.len()), ("versions", 1));
    setup.verify_components().unwrap();
    std::fs::write(granted.path("bundle/tidy.wasm"), "another").unwrap();
    assert!(
        setup.verify_components().unwrap_err().to_string().contains("[versions] sha256: the component is pinned as")
    );
    // Where a pipeline has none, nothing can be granted to it; and no slot can have its name.
    let without =
        World::new().installation("[limits.default]", "[grants.versions]\nfiles.app = \"read\"\n\n[limits.default]");
    assert!(without.problems().contains("[grants.versions]: no slot is called \"versions\""));
    refused(&[(
        "name = \"unpack\"",
        "name = \"versions\"",
        "bundle/pipeline.toml:28: [[slot]] \"versions\" name: no slot can be called \"versions\"",
    )]);
}
