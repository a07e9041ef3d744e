//! A host is killed while the server is still at its statement: `resume` waits for that session, and reads the marker behind it.
//!
//! Each rule is broken on purpose too, and must then be missed.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use liftlock_tests::counting::{Counting, Course};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::small::Slot;
use liftlock_tests::mariadb::{Client, Options, Server};
use liftlock_tests::numbers;

/// Rows of the table that is copied: some seconds, while which the host dies.
const MANY: u64 = 600_000;
/// Statements that count.
const UPDATES: usize = 100;
/// How long the orphan is at work at least when `resume` comes.
const HEAD_START: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed, and resumed once.
const AT_ONCE: Course = Course { runs: 2, undetermined: false };

const LOCK: &str = "lock-not-waited";
const BOTH: &str = "lock-not-waited,marker-plain-read";

/// What an undisturbed run makes.
fn undisturbed(make: fn(&Server) -> Result<Counting>, server: &Server) -> Result<Digest> {
    let site = make(server)?;
    site.host().run(["apply"])?.expect(0)?;
    site.digest()
}

fn apply(site: &Counting) -> Result<Child> {
    let mut command = site.host().command(["apply", "--on-failure", "keep"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("cannot start the host")
}

/// Waits until a session in the site's schema is at a statement that begins like this.
fn wait_for(client: &mut Client, site: &Counting, start: &str) -> Result<()> {
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '{}' AND INFO LIKE '{start}%' AND TIME_MS > 100",
        site.schema.name()
    );
    let began = Instant::now();
    while client.cell(&sql)? == "0" {
        ensure!(began.elapsed() < PATIENCE, "no session has come to {start}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn kill(mut host: Child) -> Result<()> {
    host.kill()?;
    host.wait().map(drop).context("the host does not end")
}

/// A stage that has these statements done, one a line.
fn statements(lines: &str) -> Result<Slot> {
    Ok(Slot::guest("statements")?.param("statements", lines).key("produces = { answers = \"text\" }"))
}

/// A table is copied for seconds, and the host dies at the start of it.
fn copying(server: &Server) -> Result<Counting> {
    // The rows are slow: no machine has copied them before the host is started again.
    let sql = format!(
        "CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL,
            slow VARCHAR(128) AS (SHA2(REPEAT(n, 200), 512)) STORED);
         INSERT INTO big (n) SELECT seq % 1000 FROM seq_1_to_{MANY};"
    );
    // An index without a name: a second time there would be two, and no error would say so.
    let sent = ["ALTER TABLE big ADD INDEX (n), ALGORITHM=COPY", "UPDATE big SET n = n + 1 WHERE id % 50 = 0"];
    let slot = statements(&sent.join("\n"))?.asks("database", "main", "define");
    Counting::new(server, &sql, slot.granted("database.main = \"define\""), None)
}

fn killed_while_copying(server: &Server, mutants: &str, after: &Digest) -> Result<Course> {
    let site = copying(server)?.broken(mutants);
    let host = apply(&site)?;
    wait_for(&mut server.client()?, &site, "ALTER TABLE")?;
    kill(host)?;
    site.finish(None, after)
}

/// Some batches, slow enough to be met on their way.
fn counting(server: &Server) -> Result<Counting> {
    let sql = "CREATE TABLE c (id INT PRIMARY KEY, n INT NOT NULL); INSERT INTO c VALUES (1, 0);
         CREATE TABLE many (n INT NOT NULL); INSERT INTO many SELECT seq FROM seq_1_to_50000";
    let updates = ["UPDATE c SET n = n + (SELECT MIN(many.n) FROM many) WHERE id = 1"; UPDATES].join("\n");
    Counting::new(server, sql, statements(&updates)?.database("write"), None)
}

/// A server that waits for a replica before it commits: with none there, as long as [`HEAD_START`], once.
fn replicated() -> Result<Server> {
    let timeout = format!("--rpl-semi-sync-master-timeout={}", HEAD_START.as_millis());
    let point = "--rpl-semi-sync-master-wait-point=AFTER_SYNC";
    Options::new().argument("--log-bin").argument("--server-id=1").argument(timeout).argument(point).start()
}

/// The host dies in a COMMIT that the server has not done yet when the next host comes.
fn killed_in_a_commit(server: &Server, mutants: &str, after: &Digest) -> Result<Course> {
    let site = counting(server)?.broken(mutants);
    let host = apply(&site)?;
    let began = Instant::now();
    while site.schema.root()?.cell("SELECT n FROM c")? == "0" {
        ensure!(began.elapsed() < PATIENCE, "nothing is counted");
        thread::sleep(Duration::from_millis(2));
    }
    // It gives up waiting for replicas after the first time.
    server.run("SET GLOBAL rpl_semi_sync_master_enabled = OFF; SET GLOBAL rpl_semi_sync_master_enabled = ON")?;
    wait_for(&mut server.client()?, &site, "COMMIT")?;
    kill(host)?;
    site.finish(None, after)
}

/// The host as it is ends in A; broken in these ways it does not.
fn seen(
    what: &str,
    server: &Server,
    killed: fn(&Server, &str, &Digest) -> Result<Course>,
    make: fn(&Server) -> Result<Counting>,
    mutants: &str,
    well: &[&str],
) -> Result<()> {
    const TRIALS: usize = 3;
    let after = undisturbed(make, server)?;
    let mut right = 0;
    for mutants in [""].iter().chain(well) {
        for _ in 0..TRIALS {
            let course = killed(server, mutants, &after).with_context(|| format!("{what}, broken: {mutants:?}"))?;
            ensure!(course == AT_ONCE, "{what}, broken: {mutants:?}: {course:?}");
            right += 1;
        }
    }
    let wrong = (0..TRIALS).map(|_| killed(server, mutants, &after));
    let red = wrong.filter(|course| !matches!(course, Ok(AT_ONCE))).count();
    numbers(format_args!("{what}: trials={right} wrong_verdicts=0; control={mutants} red={red} of {TRIALS}"));
    ensure!(red > 0, "{mutants}: nothing was seen");
    Ok(())
}

#[test]
fn a_statement_that_outlives_its_host_is_waited_for() -> Result<()> {
    seen("host killed in ALTER … COPY", &Server::start()?, killed_while_copying, copying, LOCK, &[])
}

/// The locking read alone is enough here, even without the lock; a plain read sees the row as it was before the COMMIT.
#[test]
fn a_commit_that_outlives_its_host_is_waited_for() -> Result<()> {
    seen("host killed in COMMIT", &replicated()?, killed_in_a_commit, counting, BOTH, &[LOCK])
}
