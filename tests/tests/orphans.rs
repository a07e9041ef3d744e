//! A host is killed while the server is still at its statement: `resume` waits for that session, and reads the marker behind it.
//!
//! Each rule is broken on purpose too, and must then be missed.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use liftlock_tests::counting::{Counting, Course};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::small::Slot;
use liftlock_tests::mariadb::{Client, Server};
use liftlock_tests::numbers;

/// Rows of the table that is copied: some seconds, while which the host dies.
const MANY: u64 = 600_000;
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

/// A table is copied for seconds, and the host dies at the start of it.
fn copying(server: &Server) -> Result<Counting> {
    // The rows are slow: no machine has copied them before the host is started again.
    let sql = format!(
        "CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL,
            slow VARCHAR(128) AS (SHA2(REPEAT(n, 200), 512)) STORED);
         INSERT INTO big (n) SELECT seq % 1000 FROM seq_1_to_{MANY};"
    );
    // An index without a name: a second time there would be two, and no error would say so.
    let statements = ["ALTER TABLE big ADD INDEX (n), ALGORITHM=COPY", "UPDATE big SET n = n + 1 WHERE id % 50 = 0"];
    let slot = Slot::guest("statements")?
        .param("statements", statements.join("\n"))
        .key("produces = { answers = \"text\" }")
        .asks("database", "main", "define")
        .granted("database.main = \"define\"");
    Counting::new(server, &sql, slot, None)
}

fn killed_while_copying(server: &Server, mutants: &str, after: &Digest) -> Result<Course> {
    let site = copying(server)?.broken(mutants);
    let host = apply(&site)?;
    wait_for(&mut server.client()?, &site, "ALTER TABLE")?;
    kill(host)?;
    site.finish(None, after)
}

fn counting(server: &Server) -> Result<Counting> {
    Counting::increments(server, 30, None)
}

/// The server holds all commits back, the host dies in one, and the server goes on when the next host has come.
fn killed_in_a_commit(server: &Server, mutants: &str, after: &Digest) -> Result<Course> {
    let site = counting(server)?.broken(mutants);
    let mut gate = server.client()?;
    let host = apply(&site)?;
    while site.schema.root()?.cell("SELECT n FROM c")? == "0" {
        thread::sleep(Duration::from_millis(2));
    }
    for stage in ["START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"] {
        gate.run(&format!("BACKUP STAGE {stage}"))?;
    }
    wait_for(&mut server.client()?, &site, "COMMIT")?;
    kill(host)?;
    let opening = thread::spawn(move || {
        thread::sleep(HEAD_START);
        gate.run("BACKUP STAGE END")
    });
    let course = site.finish(None, after);
    match opening.join() {
        Ok(opened) => opened?,
        Err(_) => bail!("the server was not let go"),
    }
    course
}

/// The host as it is ends in A; broken in these ways it does not.
fn seen(
    what: &str,
    killed: fn(&Server, &str, &Digest) -> Result<Course>,
    make: fn(&Server) -> Result<Counting>,
    mutants: &str,
    well: &[&str],
) -> Result<()> {
    const TRIALS: usize = 3;
    let server = Server::start()?;
    let after = undisturbed(make, &server)?;
    let mut right = 0;
    for mutants in [""].iter().chain(well) {
        for _ in 0..TRIALS {
            let course = killed(&server, mutants, &after).with_context(|| format!("{what}, broken: {mutants:?}"))?;
            ensure!(course == AT_ONCE, "{what}, broken: {mutants:?}: {course:?}");
            right += 1;
        }
    }
    let wrong = (0..TRIALS).map(|_| killed(&server, mutants, &after));
    let red = wrong.filter(|course| !matches!(course, Ok(AT_ONCE))).count();
    numbers(format_args!("{what}: trials={right} wrong_verdicts=0; control={mutants} red={red} of {TRIALS}"));
    ensure!(red > 0, "{mutants}: nothing was seen");
    Ok(())
}

#[test]
fn a_statement_that_outlives_its_host_is_waited_for() -> Result<()> {
    seen("host killed in ALTER … COPY", killed_while_copying, copying, LOCK, &[])
}

/// The locking read alone is enough here, even without the lock; a plain read sees the row as it was before the COMMIT.
#[test]
fn a_commit_that_outlives_its_host_is_waited_for() -> Result<()> {
    seen("host killed in COMMIT", killed_in_a_commit, counting, BOTH, &[LOCK])
}
