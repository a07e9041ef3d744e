//! Mistakes of an operator in the one file.

use std::fs;

use super::{FLAG, World, relative};
use crate::bundle::{Flag, Setup};

/// Replaces the first text by the second and compares all that is said about it.
fn refused(table: &[(&str, &str, &str)]) {
    for (from, to, expected) in table {
        assert_eq!(World::new().installation(from, to).problems(), *expected, "{to}");
    }
}

#[test]
fn a_file_that_is_not_there_or_no_file_or_not_text_is_refused() {
    let world = World::new();
    let problems = |name| relative(&Setup::load(&world.path(name)).unwrap_err().to_string(), world.directory.path());
    assert_eq!(problems("nothing.toml"), "nothing.toml: cannot be read: No such file or directory (os error 2)");
    assert_eq!(problems("bundle"), "bundle: cannot be read: not a regular file");
    fs::write(world.path("latin.toml"), b"format = 1\nname = \"\xe9\"").unwrap();
    assert_eq!(problems("latin.toml"), "latin.toml:2: is not UTF-8 text");
    fs::write(world.path("big.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    assert_eq!(problems("big.toml"), "big.toml: cannot be read: bigger than 1 MiB");
}

#[test]
fn what_is_not_there_or_not_known_is_refused() {
    refused(&[
        ("state = \"state\"\n", "", "installation.toml: the key \"state\" is missing"),
        ("state = ", "stat = 1\nstate = ", "installation.toml:3: no key is called \"stat\" (did you mean \"state\"?)"),
        (
            "[pipeline]",
            "[pipelines]",
            "installation.toml: the section [pipeline] is missing (add: [pipeline] path = \"pipeline.toml\")\n\
             installation.toml:5: no key is called \"pipelines\" (did you mean \"pipeline\"?)",
        ),
        ("path = \"www\"\n", "", "installation.toml:9: [roots.app]: the key \"path\" is missing"),
        (
            "owner = \"1234:1235\"",
            "owner = \"nobody-at-all\"",
            "installation.toml:11: [roots.app] owner: this machine has no user \"nobody-at-all\" (write numbers, as in \"33:33\")",
        ),
        (
            "sqlite = \"www/data/shop.sqlite\"",
            "url-env = \"mysql://root:secret@db/shop\"",
            "installation.toml:14: [databases.main] url-env: must be the name of a variable, not the address itself \
             (url-env = \"MAIN_DATABASE_URL\")",
        ),
        (
            "sqlite = \"www/data/shop.sqlite\"",
            "socket = \"/run/mysqld.sock\"\nuser = \"shop\"",
            "installation.toml:13: [databases.main]: the key \"schema\" is missing",
        ),
        (
            "sqlite = \"www/data/shop.sqlite\"",
            "url-env = \"DB\"\nurl-file = \"db.url\"",
            "installation.toml:13: [databases.main] url-env: says where the database is beside \"url-file\" (keep one of \
             the two)",
        ),
        (
            "sqlite = \"www/data/shop.sqlite\"",
            "url-env = \"DB\"\ntls = \"allways\"",
            "installation.toml:15: [databases.main] tls: \"allways\" is not a known word (known: off, preferred, required)",
        ),
        (
            "sqlite = \"www/data/shop.sqlite\"",
            "",
            "installation.toml:13: [databases.main]: nothing says where the database is (write sqlite = \"path\", or for a \
             server url-file = \"path\", url-env = \"NAME\" or socket = \"path\")",
        ),
        (
            "database.main = \"write\"",
            "database.main = \"wirte\"",
            "installation.toml:24: [grants.migrate-sql] database.main: \"wirte\" is not a known word (did you mean \"write\"?)",
        ),
        (
            "database.main = \"write\"",
            "databases.main = \"write\"",
            "installation.toml:24: [grants.migrate-sql]: no key is called \"databases\" (did you mean \"database\"?)",
        ),
        (
            "\"DATA-AND-NETWORK\"",
            "\"DATA-NETWORK\"",
            "installation.toml:25: [grants.migrate-sql] accept: \"DATA-NETWORK\" is not a known word (did you mean \
             \"DATA-AND-NETWORK\"?)",
        ),
        (
            "[\"https://Example.org/\"]",
            "\"https://example.org\"",
            "installation.toml:20: [grants.fetch-package] network: expected a list, found a text",
        ),
        (
            "\"https://Example.org/\"",
            "\"example.org\"",
            "installation.toml:20: [grants.fetch-package] network: \"example.org\" is not an address: relative URL without a base",
        ),
        (
            "\"127.0.0.1\"",
            "\"127.0.0.1:80\"",
            "installation.toml:21: [grants.fetch-package] private-addresses: \"127.0.0.1:80\" is not an address (write an \
             IP address or a network, as in \"10.0.0.5\" or \"10.0.0.0/8\")",
        ),
        (
            "guest-time = \"1m\"",
            "guest-time = 60",
            "installation.toml:28: [limits.default] guest-time: expected a duration like \"10m\", found an integer",
        ),
        (
            "guest-time = \"1m\"",
            "guest-time = \"0s\"",
            "installation.toml:28: [limits.default] guest-time: must be more than nothing",
        ),
        (
            "guest-time = \"1m\"",
            "memory = \"256\"",
            "installation.toml:28: [limits.default] memory: \"256\" is not a size (write a number and B, KiB, MiB or GiB, \
             as in \"256 MiB\")",
        ),
        (
            "guest-time = \"1m\"",
            "memory = \"5 GiB\"",
            "installation.toml:28: [limits.default] memory: a stage can have at most 4 GiB",
        ),
        (
            "[[\"systemctl\", \"stop\", \"cron\"]]",
            "[\"systemctl stop cron\"]",
            "installation.toml:35: [freeze] stop: a command is not a line for a shell (write each command as a list, as in \
             [[\"systemctl\", \"stop\", \"cron\"]])",
        ),
        (
            "[[\"systemctl\", \"stop\", \"cron\"]]",
            "[[]]",
            "installation.toml:35: [freeze] stop: a command has no program",
        ),
        (
            "path = \"data/.maintenance\"",
            "path = \"/etc/motd\"",
            "installation.toml:43: [maintenance.flag] path: \"/etc/motd\" is not a plain relative path (no leading slash, no . and \
             no ..)",
        ),
        (
            "page = \"maintenance.html\"",
            "page = \"data/maintenance.html\"",
            "installation.toml:41: [maintenance] page: \"data/maintenance.html\" is not the name of a file in the root itself",
        ),
        ("page = \"maintenance.html\"\n", "", "installation.toml:39: [maintenance]: the key \"page\" is missing"),
        ("lease = \"20s\"", "lease = \"500ms\"", "installation.toml:42: [maintenance] lease: must be whole seconds"),
        (
            "lease = \"20s\"",
            "status = \"maintenance.html\"",
            "installation.toml:42: [maintenance] status: the page and its status cannot be the same file (status = \
             \"status.json\")",
        ),
        (
            "lease = \"20s\"",
            "retry-afer = \"20s\"",
            "installation.toml:42: [maintenance]: no key is called \"retry-afer\" (did you mean \"retry-after\"?)",
        ),
    ]);
}

#[test]
fn a_flag_that_is_neither_a_file_nor_a_row_is_refused() {
    refused(&[
        (
            FLAG,
            "{ root = \"app\", path = \"x\", content = \"y\", value = \"on\" }",
            "installation.toml:43: [maintenance.flag]: is a file or a row, not both (a file has root, path and content; a row has \
             database, table, column, where and value)",
        ),
        (
            FLAG,
            "{ database = \"main\", table = \"t\", column = \"c\", where = {}, value = \"on\" }",
            "installation.toml:43: [maintenance.flag] where: must name a column and what is in it",
        ),
        (
            FLAG,
            "{ database = \"main\", table = \"t\", column = \"c\", where = \"a = 1\", value = \"on\" }",
            "installation.toml:43: [maintenance.flag] where: expected a table like { setting = \"…\" }, found a text",
        ),
        (
            FLAG,
            "{ database = \"main\", table = \"t\", column = \"c\", where = { a = true }, value = \"on\" }",
            "installation.toml:43: [maintenance.flag] where: expected a text, found a boolean",
        ),
        (
            FLAG,
            "{ database = \"main\", table = \"\", column = \"c\", where = { a = 1 }, value = 1 }",
            "installation.toml:43: [maintenance.flag] table: \"\" is no name of a table or column",
        ),
        (
            FLAG,
            "{ database = \"main\", table = \"t\", where = { a = 1 }, value = \"on\", colum = \"c\" }",
            "installation.toml:43: [maintenance.flag]: the key \"column\" is missing\n\
             installation.toml:43: [maintenance.flag]: no key is called \"colum\" (did you mean \"column\"?)",
        ),
    ]);
}

#[test]
fn a_flag_in_a_row_is_read() {
    let flag = "{ database = \"main\", table = \"tblConfiguration\", column = \"Value of it\", \
                where = { setting = \"MaintenanceMode\", \"Row No.\" = 7 }, value = 1 }";
    let setup = World::new().installation(FLAG, flag).load().unwrap();
    let Some(Flag::Row(row)) = setup.installation.maintenance.flag else { panic!("no row") };
    assert_eq!((row.database.as_str(), row.value.as_str()), ("main", "1"));
    let told = "Value of it of tblConfiguration where Row No. = \"7\" and setting = \"MaintenanceMode\"";
    assert_eq!(row.setting.to_string(), told);
}

#[test]
fn directories_that_lie_in_each_other_are_refused() {
    refused(&[
        (
            "state = \"state\"",
            "state = \"www/state\"",
            "installation.toml:3: state: the state directory is inside the root \"app\" (put it beside the root)",
        ),
        (
            "state = \"state\"",
            "state = \"state\"\nbackup = \"www/backup\"",
            "installation.toml:4: backup: the backup directory is inside the root \"app\" (put it beside the root)",
        ),
        (
            "state = \"state\"",
            "state = \"state/../www/new\"\nbackup = \"backup\"",
            "installation.toml:3: state: the state directory is inside the root \"app\" (put it beside the root)",
        ),
        (
            "state = \"state\"",
            "state = \".\"",
            "installation.toml:10: [roots.app] path: the root is inside the state directory (put it beside the root)\n\
             installation.toml:14: [databases.main] sqlite: the database is inside the state directory (move one of the two)",
        ),
        (
            "[databases.main]",
            "[roots.media]\npath = \"www/media\"\n[databases.main]",
            "installation.toml:14: [roots.media] path: the roots \"app\" and \"media\" lie in each other (name the outer one only)",
        ),
        (
            "[databases.main]",
            "[databases.copy]\nsqlite = \"www/data/shop.sqlite\"\n[databases.main]",
            "installation.toml:16: [databases.main] sqlite: is the same file as the database \"copy\" (name it once)",
        ),
    ]);
}

#[test]
fn a_state_directory_that_leads_into_a_root_by_a_link_is_refused() {
    let world = World::new().installation("state = \"state\"", "state = \"link/state\"");
    let world = world.installation("[pipeline]", "[roots.other]\npath = \"other\"\n[pipeline]");
    fs::create_dir_all(world.path("www/data")).unwrap();
    std::os::unix::fs::symlink(world.path("www/data"), world.path("link")).unwrap();
    assert!(world.problems().starts_with("installation.toml:3: state: the state directory is inside the root \"app\""));
}

#[test]
fn a_log_inside_a_root_is_refused_and_one_beside_it_is_taken_in_place_of_the_pipelines() {
    let world = |file: &str| {
        World::new().installation("[databases.main]", &format!("[log]\nfile = {file:?}\n[databases.main]"))
    };
    let said = world("www/upgrade_log.txt").problems();
    assert!(said.contains("[log] file: the log is inside the root \"app\""), "{said}");
    let beside =
        world("upgrade_log.txt").pipeline("[roots.app]", "[log]\nroot = \"app\"\nfile = \"log.txt\"\n[roots.app]");
    let log = beside.load().unwrap().text_log().unwrap();
    assert_eq!((log.path, log.in_root), (beside.path("upgrade_log.txt"), false));
}
