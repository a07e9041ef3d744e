//! Against a real server, as all of this.

use std::process::Command;

use super::*;

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_server_that_does_not_come_up_says_why() {
    let error = Options::new().argument("--no-such-argument").start().unwrap_err().to_string();
    assert!(error.contains("no-such-argument"), "{error}");
}

#[test]
fn what_was_committed_is_there_after_a_kill_and_what_was_not_is_gone() {
    let mut server = Server::start().unwrap();
    server.run("CREATE DATABASE d; CREATE TABLE d.t (n INT PRIMARY KEY); INSERT INTO d.t VALUES (1)").unwrap();
    let mut open = server.client().unwrap();
    open.run("BEGIN; INSERT INTO d.t VALUES (2)").unwrap();
    let pid = server.pid().unwrap();
    server.kill9();
    assert!(!alive(pid) && server.pid().is_none());
    assert!(open.run("COMMIT").is_err(), "the session is gone with it");
    assert!(server.run("SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!(server.client().unwrap().column("SELECT n FROM d.t").unwrap(), ["1"]);
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(server.client().unwrap().cell("SELECT COUNT(*) FROM d.t").unwrap(), "1");
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start().unwrap();
    let (pid, directory) = (server.pid().unwrap(), server.directory.path().to_owned());
    assert!(alive(pid) && directory.is_dir());
    drop(server);
    assert!(!alive(pid) && !directory.exists());
}

#[test]
fn a_server_may_be_handed_to_another_thread() {
    let server = std::thread::spawn(|| Server::start().unwrap()).join().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(server.client().unwrap().cell("SELECT 1").unwrap(), "1");
}

/// The other process is this same test, told by its environment what to do.
#[test]
fn a_server_dies_with_the_process_that_started_it() {
    const TOLD: &str = "LIFTLOCK_TEST_START_AND_ABORT";
    if env::var_os(TOLD).is_some() {
        let server = Server::start().unwrap();
        fs::write(env::var_os(TOLD).unwrap(), server.pid().unwrap().to_string()).unwrap();
        std::process::abort();
    }
    let note = tempfile::NamedTempFile::new().unwrap();
    let mut other = Command::new(env::current_exe().unwrap());
    other.args(["--exact", "mariadb::tests::a_server_dies_with_the_process_that_started_it"]);
    assert!(!other.env(TOLD, note.path()).output().unwrap().status.success());
    let pid = fs::read_to_string(note.path()).unwrap().parse().unwrap();
    let start = Instant::now();
    while alive(pid) {
        assert!(start.elapsed() < Duration::from_secs(10), "{pid} lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_small_account_reaches_nothing_else() {
    let socket = shared().unwrap();
    let [one, other] = ["one", "other"].map(|name| Schema::new(&socket, name).unwrap());
    one.client().unwrap().run("CREATE TABLE t (n INT)").unwrap();
    assert!(one.client().unwrap().run(&format!("CREATE TABLE `{}`.t (n INT)", other.name())).is_err());
    let reader = one.account("r", "SELECT").unwrap();
    let mut reader = Client::login(&socket, &reader, one.name()).unwrap();
    assert!(reader.run("INSERT INTO t VALUES (1)").is_err());
    assert_eq!(reader.cell("SELECT COUNT(*) FROM t").unwrap(), "0");
}

#[test]
fn a_dropped_schema_takes_its_accounts_along() {
    let socket = shared().unwrap();
    let schema = Schema::new(&socket, "gone").unwrap();
    let account = schema.account("x", "SELECT").unwrap();
    let name = schema.name().to_owned();
    drop(schema);
    assert!(Client::login(&socket, "root", &name).is_err());
    assert!(Client::login(&socket, &account, "information_schema").is_err());
}

#[test]
fn statements_are_noted_if_they_are_to_be() {
    assert!(Server::start().unwrap().statements().is_err());
    let server = Options::new().noting().start().unwrap();
    server.run("SELECT 'a canary'").unwrap();
    assert!(server.statements().unwrap().contains("SELECT 'a canary'"));
}
