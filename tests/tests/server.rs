//! A server that dies, a host that dies, a connection that is cut: whether a statement has happened is known, and nothing happens
//! twice or not at all.

#![allow(clippy::print_stdout, reason = "what went wrong, before a line of numbers")]

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use liftlock_tests::counting::{Counting, Course};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::small::Slot;
use liftlock_tests::host::Ended;
use liftlock_tests::mariadb::{Options, Server};
use liftlock_tests::numbers;
use liftlock_tests::proxy::{Cut, Proxy};

/// Kills of each kind.
const KILLS: u64 = 100;
/// Rounds of counting in a run that is killed.
const ROUNDS: u64 = 4;
/// Rows of the table that is copied.
const MANY: u64 = 1_100_000;
/// Kills while it is copied.
const COPIES: u64 = 8;

/// Who dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    Host,
}

/// What many trials have come to.
#[derive(Default)]
struct Tally {
    trials: u64,
    runs: u64,
    undetermined: u64,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: &str, course: Result<Course>) {
        self.trials += 1;
        match course {
            Ok(course) => {
                self.runs += course.runs;
                self.undetermined += u64::from(course.undetermined);
            }
            Err(error) => self.wrong.push(format!("{what}: {error:#}")),
        }
    }

    fn told(&self, name: &str) -> Result<()> {
        for wrong in &self.wrong {
            println!("{wrong}");
        }
        let Self { trials, runs, undetermined, wrong } = self;
        numbers(format_args!(
            "{name}: trials={trials} runs={runs} wrong_verdicts={} undetermined={undetermined} rate={:.3}",
            wrong.len(),
            *undetermined as f64 / (*trials).max(1) as f64
        ));
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }
}

/// What an undisturbed run makes, and how long it takes.
fn undisturbed(make: &(impl Fn(&Server) -> Result<Counting> + ?Sized)) -> Result<(Digest, Duration)> {
    let server = Server::start()?;
    let site = make(&server)?;
    // Once before, so that the time is without compiling.
    site.host().run(["apply"])?.expect(0)?;
    let after = site.digest()?;
    site.host().run(["undo", "--accept-data-loss"])?.expect(0)?;
    site.is_before()?;
    let start = Instant::now();
    site.host().run(["apply"])?.expect(0)?;
    Ok((after, start.elapsed()))
}

/// Kills at moments that are spread over a run and a little beyond.
fn killed(make: impl Fn(&Server) -> Result<Counting> + Sync, victim: Victim, times: u64) -> Result<Tally> {
    let (after, time) = undisturbed(&make)?;
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= times {
                        return;
                    }
                    // Two at a time take longer than one.
                    let moment = time.mul_f64(1.6 * (n as f64 + 0.5) / times as f64);
                    let course = one(&make, victim, moment, n, &after);
                    tally
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(&format!("killed after {moment:?}"), course);
                }
            });
        }
    });
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn one(
    make: &impl Fn(&Server) -> Result<Counting>,
    victim: Victim,
    moment: Duration,
    n: u64,
    after: &Digest,
) -> Result<Course> {
    let mut server = Server::start()?;
    let site = make(&server)?;
    let mut child = start(&site)?;
    thread::sleep(moment);
    match victim {
        Victim::Server => {
            server.kill9();
            server.restart()?;
        }
        Victim::Host => child.kill()?,
    }
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ended = Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    let mut course = site.finish(Some(ended), after)?;
    if n.is_multiple_of(4) && !course.undetermined {
        site.undo(&mut course)?;
    }
    Ok(course)
}

fn start(site: &Counting) -> Result<Child> {
    let mut command = site.host().command(["apply", "--on-failure", "keep", "--format", "json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().context("cannot start the host")
}

fn counting(server: &Server) -> Result<Counting> {
    Counting::increments(server, ROUNDS, None)
}

#[test]
fn a_server_that_is_killed_leaves_the_count_right() -> Result<()> {
    killed(counting, Victim::Server, KILLS)?.told("mariadbd killed")
}

#[test]
fn a_host_that_is_killed_leaves_the_count_right() -> Result<()> {
    killed(counting, Victim::Host, KILLS)?.told("host killed at random moments")
}

/// The statement that takes longest: the server works on when the host is gone, and a resume that did not wait would be wrong.
fn copying(server: &Server) -> Result<Counting> {
    let sql = format!(
        "CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL);
         INSERT INTO big (n) SELECT seq % 1000 FROM seq_1_to_{MANY};"
    );
    let statements = [
        "ALTER TABLE big ADD COLUMN x INT NOT NULL DEFAULT 7, ALGORITHM=COPY",
        "UPDATE big SET n = n + 1 WHERE id % 50 = 0",
        "CREATE INDEX by_n ON big (n)",
        "ALTER TABLE big DROP COLUMN x, ALGORITHM=COPY",
    ];
    let slot = Slot::guest("statements")?
        .param("statements", statements.join("\n"))
        .key("produces = { answers = \"text\" }")
        .asks("database", "main", "define")
        .granted("database.main = \"define\"");
    Counting::new(server, &sql, slot, None)
}

#[test]
fn a_table_that_is_being_copied_when_the_server_dies() -> Result<()> {
    killed(copying, Victim::Server, COPIES)?.told("mariadbd killed in ALTER … COPY")
}

#[test]
fn a_table_that_is_being_copied_when_the_host_dies() -> Result<()> {
    killed(copying, Victim::Host, COPIES)?.told("host killed in ALTER … COPY")
}

/// Where a connection is cut: at bytes spread over a run in both directions, before statements, and behind their answers.
fn cuts(to_server: u64, to_client: u64) -> Vec<Cut> {
    let spread = |bytes: u64| (0..12).map(move |n| bytes * (2 * n + 1) / 24);
    let mut cuts: Vec<_> = spread(to_server).map(Cut::ToServer).chain(spread(to_client).map(Cut::ToClient)).collect();
    for (start, times) in [("COMMIT", 8), ("ALTER TABLE", 4), ("CREATE INDEX", 3), ("UPDATE", 4), ("INSERT", 4)] {
        for n in 1..=times {
            cuts.push(Cut::Before(start.to_owned(), n));
            cuts.push(Cut::Answered(start.to_owned(), n));
        }
    }
    cuts
}

#[test]
fn a_connection_that_is_cut_leaves_the_count_right() -> Result<()> {
    let server = Options::new().start()?;
    let proxy = Proxy::start(server.socket())?;
    server.run("CREATE USER counting@localhost; GRANT ALL ON *.* TO counting@localhost")?;
    let url = tempfile::tempdir()?;
    let file = url.path().join("url");
    let place = format!("url-file = {file:?}\ntls = \"off\"");
    let make = || -> Result<Counting> {
        let site = Counting::increments(&server, 2, Some(&place))?;
        std::fs::write(&file, format!("mysql://counting@127.0.0.1:{}/{}", proxy.port(), site.schema.name()))?;
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(site)
    };
    let site = make()?;
    site.host().run(["apply"])?.expect(0)?;
    let (after, counts) = (site.digest()?, proxy.counts());
    let (mut tally, mut not_reached) = (Tally::default(), 0);
    for cut in cuts(counts.to_server, counts.to_client) {
        let site = make()?;
        proxy.cut(cut.clone());
        let ended = site.host().run(["apply", "--on-failure", "keep", "--format", "json"])?;
        not_reached += u64::from(proxy.is_armed());
        proxy.disarm();
        tally.add(&format!("{cut:?}"), site.finish(Some(ended), &after));
    }
    println!("cuts that no run has reached: {not_reached}");
    ensure!(not_reached * 4 < tally.trials, "{not_reached} of {} cuts were not reached", tally.trials);
    tally.told("connection cut")
}
