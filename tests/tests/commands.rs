//! Commands of the operator's in a run: what they do is undone with it, and nothing of them outlives the host.
//!
//! The command writes to the root and, on a connection of its own, to the schema of the database.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use liftlock_tests::digest::Digest;
use liftlock_tests::fixture::small::{Slot, Small};
use liftlock_tests::host::Host;
use liftlock_tests::mariadb::{Schema, Server};
use liftlock_tests::numbers;
use tempfile::TempDir;

/// Somebody who is not root.
const NOBODY: u32 = 65534;
const PATIENCE: Duration = Duration::from_secs(60);
/// Another run, or what is left of one, has the installation.
const BUSY: i32 = 75;

const NOTES: &str = "CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100) NOT NULL);
    INSERT INTO notes (note) VALUES ('one'), ('two');
    CREATE TABLE beside (id INT AUTO_INCREMENT PRIMARY KEY, note INT, CONSTRAINT b FOREIGN KEY (note) REFERENCES notes (id));
    INSERT INTO beside (note) VALUES (2);
    CREATE TRIGGER t BEFORE INSERT ON beside FOR EACH ROW SET NEW.note = NEW.note;";

/// What the command does. With a file `slow` it waits in the middle, and what it has started waits too.
const WORK: &str = r#"set -e
echo "working as $(id -u)"
mkdir -p cache/deep && echo compiled >cache/deep/x && rm uploads/photo.jpg && echo "<?php new" >index.php
sql() { mariadb --no-defaults --socket="$SOCKET" --user="$ACCOUNT" "$SCHEMA" -e "$1"; }
sql "ALTER TABLE notes ADD COLUMN made INT NOT NULL DEFAULT 7; INSERT INTO notes (note) VALUES ('a'); DELETE FROM beside"
if [ -e ../hand/server ]; then echo $$ >../hand/pid; sql "CREATE TABLE late AS SELECT SLEEP(4) AS n"; fi
if [ -e ../hand/slow ]; then sleep 600 & echo $! >../hand/child; echo $$ >../hand/pid; wait; fi
if [ -e ../hand/broken ]; then echo "it is broken"; exit 3; fi
sql "CREATE TABLE made (id INT PRIMARY KEY); INSERT INTO made VALUES (1); DROP TRIGGER t; INSERT INTO notes (note) VALUES ('b')"
echo done
"#;

struct Site {
    small: Small,
    schema: Schema,
    hand: PathBuf,
    before: Digest,
    _directory: TempDir,
}

impl Site {
    /// With the command `work` if `there`.
    fn new(server: &Server, there: bool) -> Result<Self> {
        let schema = server.schema("commands")?;
        schema.client()?.run(NOTES)?;
        let directory = tempfile::tempdir()?;
        let small = Small::new(directory.path())?.on_server(&schema);
        let hand = small.directory.join("hand");
        fs::create_dir(&hand)?;
        fs::set_permissions(&hand, Permissions::from_mode(0o777))?;
        let slot = Slot::guest("commands")?.database("write").files("write");
        let slot = slot.asks("command", "work", "run").asks("command", "look", "run");
        let (slot, settings) = if there {
            let script = small.directory.join("work.sh");
            fs::write(&script, WORK)?;
            (slot.granted("command.work = \"run\"").granted("command.look = \"run\""), commands(&small, &schema)?)
        } else {
            (slot, String::new())
        };
        small.pipeline(&[slot], &settings)?;
        let before = Digest::of_site(&small.root, &schema)?;
        Ok(Self { small, schema, hand, before, _directory: directory })
    }

    fn host(&self) -> Result<Host> {
        self.small.host()
    }

    fn digest(&self) -> Result<Digest> {
        Digest::of_site(&self.small.root, &self.schema)
    }

    fn is_before(&self) -> Result<()> {
        same("B", &self.before, &self.digest()?)
    }

    fn set(&self, name: &str, on: bool) -> Result<()> {
        let path = self.hand.join(name);
        if on {
            fs::write(path, "")?
        } else {
            fs::remove_file(path)?
        };
        Ok(())
    }

    /// Starts an upgrade, and kills the host while the command waits. Returns the process that the command has started.
    fn killed_in_the_middle(&self, also_the_supervisor: bool) -> Result<(u32, u32)> {
        self.set("slow", true)?;
        let mut command = self.host()?.command(["apply", "--on-failure", "keep"]);
        let host = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let (pid, child) = (number(&self.hand.join("pid"))?, number(&self.hand.join("child"))?);
        if also_the_supervisor {
            // The host must not see it: it would end what the supervisor leaves.
            signal("STOP", host.id())?;
            signal("KILL", parent_of(pid)?)?;
        }
        kill(host)?;
        self.set("slow", false)?;
        Ok((pid, child))
    }
}

/// The operator's lines. Who is root runs commands as somebody else, who must get at everything.
fn commands(small: &Small, schema: &Schema) -> Result<String> {
    let mut user = String::new();
    if rustix::process::geteuid().is_root() {
        user = format!("user = \"{NOBODY}:{NOBODY}\"");
        open_up(&small.directory, 0o755)?;
        let socket = schema.socket().parent().context("the socket is in no directory")?;
        open_up(socket, 0o711)?;
        give_away(&small.root)?;
    }
    let (socket, account, name) = (schema.socket().display(), schema.user(), schema.name());
    Ok(format!(
        "[commands.work]\nargv = [\"sh\", \"../work.sh\"]\n{user}\ndirectory = \"app\"\ntime = \"5m\"\n\
         environment = [\"SOCKET={socket}\", \"ACCOUNT={account}\", \"SCHEMA={name}\"]\n\
         reach = {{ roots = [\"app\"], databases = [\"main\"] }}\n\
         [commands.look]\nargv = [\"sh\", \"-c\", \"echo looked round\"]\n{user}\n"
    ))
}

/// Lets others through to a directory below the one for temporary files.
fn open_up(directory: &Path, mode: u32) -> Result<()> {
    let temporary = std::env::temp_dir();
    for path in directory.ancestors().take_while(|path| *path != temporary && path.parent().is_some()) {
        let now = fs::metadata(path)?.permissions().mode();
        fs::set_permissions(path, Permissions::from_mode(now | mode & 0o055))?;
    }
    Ok(())
}

fn give_away(path: &Path) -> Result<()> {
    if path.symlink_metadata()?.is_symlink() {
        return Ok(());
    }
    chown(path, Some(NOBODY), Some(NOBODY))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}

fn same(name: &str, wanted: &Digest, found: &Digest) -> Result<()> {
    let differences = wanted.diff(found);
    ensure!(differences.is_empty(), "not {name}:\n{}", differences.join("\n"));
    Ok(())
}

fn kill(mut host: Child) -> Result<()> {
    host.kill()?;
    host.wait().map(drop).context("the host does not end")
}

fn signal(name: &str, pid: u32) -> Result<()> {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status()?;
    ensure!(sent.success(), "{pid} cannot be sent {name}");
    Ok(())
}

/// The number in a file, once it is there.
fn number(path: &Path) -> Result<u32> {
    let began = Instant::now();
    loop {
        if let Some(number) = fs::read_to_string(path).ok().filter(|text| text.ends_with('\n')) {
            return Ok(number.trim().parse()?);
        }
        ensure!(began.elapsed() < PATIENCE, "{} does not come", path.display());
        thread::sleep(Duration::from_millis(5));
    }
}

fn parent_of(pid: u32) -> Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    Ok(behind.split_whitespace().nth(1).context("no parent")?.parse()?)
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn is_gone_soon(pid: u32) -> Result<()> {
    let began = Instant::now();
    while is_alive(pid) {
        ensure!(began.elapsed() < Duration::from_secs(5), "the process {pid} has outlived the host");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Without the command nothing is refused, and `check` says how there could be one.
#[test]
fn commands_that_are_not_there() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, false)?;
    let told = site.host()?.run(["check"])?.expect(0)?.stdout;
    for part in ["command-not-granted", "[commands.work]", "argv = [\"php\", \"--version\"]", "command.work = \"run\""]
    {
        ensure!(told.contains(part), "{part} is not in:\n{told}");
    }
    let told = site.host()?.run(["apply"])?.expect(0)?.stdout;
    ensure!(told.contains("no command: not-granted"), "{told}");
    site.is_before()
}

#[test]
fn commands_are_run_and_undone() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, true)?;
    let told = site.host()?.run(["check"])?.expect(0)?.stdout;
    for part in ["command-opaque", "may change root app, database main", "0: looked round", "read-only"] {
        ensure!(told.contains(part), "{part} is not in:\n{told}");
    }
    site.is_before()?;
    let told = site.host()?.run(["apply"])?.expect(0)?.stdout;
    ensure!(told.contains("says: done") && told.contains("2 notes more"), "{told}");
    let said = fs::read_to_string(site.small.root.join("said.txt"))?;
    ensure!(said.starts_with("working as ") && said.ends_with("\ndone"), "{said}");
    ensure!(!rustix::process::geteuid().is_root() || said.contains("as 65534"), "{said}");
    let notes = site.schema.client()?.column("SELECT CONCAT(note, ' ', made) FROM notes ORDER BY id")?;
    ensure!(notes == ["one 7", "two 7", "a 7", "b 7", "2 before, 4 after 7"], "{notes:?}");
    site.host()?.run(["undo"])?.expect(0)?;
    site.is_before()?;
    numbers("a command changed files, rows, tables and triggers; undone to the byte");
    Ok(())
}

#[test]
fn commands_that_fail_are_put_back_or_run_again() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, true)?;
    site.set("broken", true)?;
    let told = site.host()?.run(["apply", "--format", "json"])?.expect(3)?.stdout;
    ensure!(told.contains("the command work ended with code 3: it is broken"), "{told}");
    site.is_before()?;
    site.host()?.run(["apply", "--on-failure", "keep"])?.expect(4)?;
    site.set("broken", false)?;
    // It adds the column again, and so fails; but it was run again.
    let told = site.host()?.run(["resume", "--on-failure", "undo", "--format", "json"])?.expect(3)?.stdout;
    ensure!(told.contains("Duplicate column name"), "{told}");
    site.is_before()
}

#[test]
fn commands_die_with_the_host() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, true)?;
    let comparable = |digest: Digest| digest.without_new_times(&site.before);
    site.host()?.run(["apply"])?.expect(0)?;
    let after = comparable(site.digest()?);
    site.host()?.run(["undo"])?.expect(0)?;
    for way in ["resume", "undo"] {
        for file in ["pid", "child"] {
            // Of the time before.
            let _ = fs::remove_file(site.hand.join(file));
        }
        let (pid, child) = site.killed_in_the_middle(false)?;
        is_gone_soon(pid)?;
        is_gone_soon(child)?;
        site.host()?.run([way])?.expect(0)?;
        if way == "resume" {
            same("A", &after, &comparable(site.digest()?))?;
            site.host()?.run(["undo"])?.expect(0)?;
        }
        site.is_before()?;
    }
    numbers("2 hosts killed in a command: command and child gone, run again to A, undone to B");
    Ok(())
}

/// The server does the last statement of a dead client to its end. Undo waits for it: else the table would come after it.
#[test]
fn commands_leave_nothing_on_the_server() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, true)?;
    site.set("server", true)?;
    let mut command = site.host()?.command(["apply", "--on-failure", "keep"]);
    let host = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    number(&site.hand.join("pid"))?;
    let at_work = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'CREATE TABLE late%'";
    let (mut client, began) = (server.client()?, Instant::now());
    while client.cell(at_work)? == "0" {
        ensure!(began.elapsed() < PATIENCE, "the statement does not come");
    }
    kill(host)?;
    site.host()?.run(["undo"])?.expect(0)?;
    ensure!(client.cell(at_work)? == "0", "the statement is still at work");
    site.is_before()
}

#[test]
fn commands_that_outlive_everybody_keep_the_lock() -> Result<()> {
    let server = Server::start()?;
    let site = Site::new(&server, true)?;
    let (pid, child) = site.killed_in_the_middle(true)?;
    ensure!(is_alive(pid) && is_alive(child), "nobody was left to end them");
    let told = site.host()?.run(["resume", "--format", "json"])?.expect(BUSY)?.stdout;
    ensure!(told.contains(&format!("{pid} (sh)")) && told.contains(&format!("{child} (sleep)")), "{told}");
    signal("KILL", pid)?;
    signal("KILL", child)?;
    site.host()?.run(["resume"])?.expect(0)?;
    site.host()?.run(["undo"])?.expect(0)?;
    site.is_before()?;
    numbers("an orphan whose supervisor was killed too: named, and nothing resumed beside it");
    Ok(())
}
