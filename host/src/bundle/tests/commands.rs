//! Commands that stages may run: what must not be in the operator's file, and what is read from it.

use std::time::Duration;

use super::World;
use crate::bundle::{NamedCommand, Reach, ReachedRoot, Variable, WorkingDirectory};

const COMMAND: &str = "[commands.clear-cache]\nargv = [\"/bin/sh\", \"-c\", \"true\"]\nuser = \"1234:1235\"\n";

/// As whom a command can be run: who is not root, has no choice.
fn user() -> (u32, u32) {
    match rustix::process::geteuid().as_raw() {
        0 => (1234, 1235),
        own => (own, 1235),
    }
}

/// The world with a pipeline that can use a command, and these lines in the operator's file.
fn world(lines: &str) -> World {
    let suggested = "\n[commands.clear-cache]\nabout = \"builds the cache\"\nsuggested = [\"php\", \"bin/console\"]\n";
    let ask = "[{ capability = \"command\", object = \"clear-cache\", access = \"run\", reason = \"builds the cache\" },\n{ capability = \"database\"";
    let world = World::new().pipeline("[roots.app]\n", &format!("{suggested}\n[roots.app]\n"));
    let world = world.pipeline("[{ capability = \"database\"", ask);
    let lines = lines.replace("1234:", &format!("{}:", user().0));
    world.installation("[freeze]\n", &format!("{lines}\n[freeze]\n"))
}

fn refused(lines: &str, expected: &str) {
    let said = world(lines).problems();
    let said: Vec<_> = said.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(said.join("\n"), expected, "{lines}");
}

fn changed(from: &str, to: &str) -> String {
    assert!(COMMAND.contains(from), "{from}");
    COMMAND.replace(from, to)
}

#[test]
fn a_command_as_root_or_as_nobody_in_particular_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let hint = "(write the user that the application runs as, as in \"www-data\")";
    for user in ["root", "root:www-data", "0", "0:33", "root:0"] {
        let line = changed("1234:1235", user);
        refused(&line, &format!("[commands.clear-cache] user: no command is run as root {hint}"));
    }
    refused(&changed("\"1234:1235\"", "0"), &format!("[commands.clear-cache] user: no command is run as root {hint}"));
    refused(&changed("user = \"1234:1235\"\n", ""), "[commands.clear-cache]: the key \"user\" is missing");
}

#[test]
fn a_command_without_a_program_that_is_there_is_refused() {
    let argv = "[\"/bin/sh\", \"-c\", \"true\"]";
    let table = [
        ("[]", "argv: a command has no program"),
        ("[\"\"]", "argv: a command has no program"),
        (
            "\"rm -rf /\"",
            "argv: a command is not a line for a shell (write a list, as in [\"php\", \"bin/console\", \"cache:clear\"])",
        ),
        ("[\"bin/console\"]", "argv: \"bin/console\" is a relative path (write the absolute path)"),
        ("[\"/bin/sh\", \"a\\u0000b\"]", "argv: a command has a zero byte"),
        (
            "[\"no-such-program-at-all\"]",
            "argv: no program \"no-such-program-at-all\" is in \
             /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin (install it, or write its absolute path)",
        ),
    ];
    for (words, expected) in table {
        refused(&changed(argv, words), &format!("[commands.clear-cache] {expected}"));
    }
}

#[test]
fn what_is_wrong_in_a_command_is_told_with_its_place() {
    let table = [
        ("shell = true", "]: no key is called \"shell\""),
        ("time = \"0s\"", "] time: must be more than nothing"),
        (
            "memory = \"lots\"",
            "] memory: \"lots\" is not a size (write a number and B, KiB, MiB or GiB, as in \"256 MiB\")",
        ),
        ("environment = [\"A B\"]", "] environment: is not a name of a variable (write NAME, or NAME=value)"),
        ("environment = [\"LD_PRELOAD=/tmp/x\"]", "] environment: LD_PRELOAD changes what the program is"),
        ("directory = \"app\"\nreach = { roots = [\"web\"] }", ".reach] roots: no root is called \"web\" (known: app)"),
        ("directory = \"web\"", "] directory: no root is called \"web\" (or write an absolute path)"),
        (
            "reach = { databases = [\"mian\"] }",
            ".reach] databases: no database is called \"mian\" (did you mean \"main\"?)",
        ),
        ("reach = { tables = [\"x\"] }", ".reach]: no key is called \"tables\""),
        (
            "reach = { roots = [\"app:../x\"] }",
            ".reach] roots: \"app:../x\" is no place in a root (write a root, or a directory in one, as in \"app:var/cache\")",
        ),
    ];
    for (line, expected) in table {
        let said = world(&format!("{COMMAND}{line}\n")).problems();
        assert!(said.contains(&format!("[commands.clear-cache{expected}")), "{line}: {said}");
    }
}

#[test]
fn a_secret_is_in_no_environment() {
    let world = world(&format!("{COMMAND}environment = [\"LANG\", \"MAIN_URL\"]\n"));
    let world = world.installation("sqlite = \"www/data/shop.sqlite\"", "url-env = \"MAIN_URL\"");
    let said = world.problems();
    assert!(said.contains("MAIN_URL holds the address of a database with its password: no command gets it"), "{said}");
}

#[test]
fn a_command_that_the_pipeline_does_not_know_and_a_grant_of_none_are_refused() {
    let other = COMMAND.replace("clear-cache", "clear-cashe");
    let said = world(&other).problems();
    assert!(
        said.contains("[commands.clear-cashe]: no command is called \"clear-cashe\" (did you mean \"clear-cache\"?)"),
        "{said}"
    );
    let granted =
        world("").installation("database.main = \"write\"", "database.main = \"write\"\ncommand.clear-cache = \"run\"");
    let said = granted.problems();
    assert!(said.contains("[grants.migrate-sql] command.clear-cache: no command is called \"clear-cache\""), "{said}");
    let write = world(COMMAND).installation("database.main = \"write\"", "command.clear-cache = \"write\"");
    assert!(write.problems().contains("command.clear-cache: \"write\" is not a known word"), "{}", write.problems());
}

#[test]
fn an_ask_for_a_command_is_for_one_that_is_declared_and_only_to_run_it() {
    let undeclared = World::new().pipeline(
        "[{ capability = \"database\", object = \"main\", access = \"write\"",
        "[{ capability = \"command\", object = \"php\", access = \"run\"",
    );
    let said = undeclared.problems();
    assert!(said.contains("no command is called \"php\" (add [commands.php])"), "{said}");
    let written = world("").pipeline("access = \"run\"", "access = \"write\"");
    let said = written.problems();
    assert!(said.contains("a command is only run (write \"run\")"), "{said}");
}

#[test]
fn a_command_is_read() {
    let own = user();
    let lines = format!(
        "{COMMAND}time = \"3m\"\nmemory = \"2 GiB\"\nenvironment = [\"LANG\", \"APP_ENV=prod=1\"]\ndirectory = \"app\"\n\
         reach = {{ roots = [\"app:var/cache\"], databases = [\"main\"] }}\n"
    );
    let setup = world(&lines).load().unwrap();
    let planned = &setup.commands["clear-cache"];
    assert_eq!(planned.usage.suggested, ["php", "bin/console"]);
    let NamedCommand { argv, user, time, memory, environment, directory, reach } = planned.named.clone().unwrap();
    assert_eq!((argv[0].as_str(), argv.len()), ("/bin/sh", 3));
    assert_eq!(user.map(|user| (user.uid, user.gid)), Some(own));
    assert_eq!((time, memory), (Duration::from_secs(180), 2 << 30));
    let set = Variable::Set("APP_ENV".into(), "prod=1".into());
    assert_eq!(environment, [Variable::Passed("LANG".into()), set]);
    assert_eq!(directory, WorkingDirectory::Root("app".into()));
    let roots = vec![ReachedRoot { root: "app".into(), path: "var/cache".into() }];
    assert_eq!(reach, Reach { roots, databases: ["main".to_owned()].into() });
    assert_eq!(world("").load().unwrap().commands["clear-cache"].named, None, "nobody needs to have it");
}
