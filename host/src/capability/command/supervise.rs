//! The process between the host and a command: it lives as long as either, and sees to it that nothing of the command
//! outlives both.
//!
//! The kernel can end a child when its parent dies (`PR_SET_PDEATHSIG`), but not the child's children, and not after a change of
//! user. So the host starts this program again, as a supervisor. It is the reaper of all that the command leaves behind
//! (`PR_SET_CHILD_SUBREAPER`), and holds a pipe from the host: when that closes, as it does however the host ends, everything
//! below is killed. It is also killed when the command has come to its end: what it left running was not asked for.

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus};

use super::order::{Order, Report};
use crate::effect::Fault;

/// The argument that makes a supervisor of this program.
pub const SUPERVISE: &str = "supervise-command";

/// Between two looks whether the command has ended.
const LOOK: Duration = Duration::from_millis(5);
/// How long everything is killed again and again: more than any process needs to die that is not stuck in the kernel.
const DYING: Duration = Duration::from_secs(20);
/// New files of a command can be read by all, and written by their owner only.
const UMASK: u32 = 0o022;

/// Runs what the host orders: reads the order from `host`, reports to `report`, and lets the command write to `output`. Ends the
/// command when `host` closes. For a process of its own.
///
/// # Errors
/// Where the host cannot be understood or heard, or the command not waited for.
pub fn supervise(
    mut host: impl BufRead + Send + 'static,
    output: impl AsFd,
    mut report: impl Write,
) -> Result<(), Fault> {
    let io = |error: io::Error| Fault::io("supervising a command", &error);
    let mut line = String::new();
    host.read_line(&mut line).map_err(io)?;
    let order: Order =
        serde_json::from_str(&line).map_err(|error| Fault::new("bad-order", format!("no order: {error}")))?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|errno| io(errno.into()))?;
    rustix::process::umask(Mode::from_raw_mode(UMASK));
    let mut tell = |what: Report| {
        let mut line = serde_json::to_vec(&what)?;
        line.push(b'\n');
        report.write_all(&line)?;
        report.flush()
    };
    let closed = closing(host);
    let pid = match start(&order, output) {
        Ok(pid) => pid,
        Err(error) => return tell(Report::NotStarted(error.to_string())).map_err(io),
    };
    let ended = tell(Report::Started(pid.as_raw_nonzero().get())).and_then(|()| wait(pid, &closed));
    // Whatever went wrong, nothing is left behind.
    end_all(pid);
    tell(ended.map_err(io)?).map_err(io)
}

/// Starts the command, in a process group of its own.
fn start(order: &Order, output: impl AsFd) -> io::Result<Pid> {
    let (program, arguments) = order.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&order.directory).process_group(0);
    let output = output.as_fd();
    command.stdin(Stdio::null()).stdout(output.try_clone_to_owned()?).stderr(output.try_clone_to_owned()?);
    // Always set, be it to ourselves: then the standard library forks, and a fork works under any limit. With another user it
    // gives up all other groups too.
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (uid, gid) = order.user.unwrap_or(own);
    command.uid(uid).gid(gid);
    let child = limited(order.memory, || command.spawn())?;
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Starts something that inherits a limit of address space, and so has it from its first instruction on, without a way to more.
fn limited<T>(memory: u64, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let own = rustix::process::getrlimit(Resource::As);
    let most = Some(own.maximum.map_or(memory, |most| most.min(memory)));
    // Who is not root stays below the limit, perhaps above it already: what is needed later is had now.
    drop(children(rustix::process::getpid()));
    rustix::process::setrlimit(Resource::As, Rlimit { current: most, maximum: most })?;
    let started = start();
    let _ = rustix::process::setrlimit(Resource::As, own);
    started
}

/// Says when the host has gone, or wants an end. Its thread has all the memory that it needs before this returns: behind the
/// limit of [`limited`] an allocator may find none for a thread that it has not seen yet.
fn closing(mut host: impl BufRead + Send + 'static) -> Receiver<()> {
    let (gone, closed) = mpsc::sync_channel(1);
    let (up, is_up) = mpsc::channel();
    thread::spawn(move || {
        let _ = up.send(());
        let _ = io::copy(&mut host, &mut io::sink());
        let _ = gone.send(());
    });
    let _ = is_up.recv();
    closed
}

fn wait(pid: Pid, closed: &Receiver<()>) -> io::Result<Report> {
    let mut until = None;
    loop {
        if let Some(report) = reap(pid)? {
            return Ok(report);
        }
        match closed.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                kill_all(pid);
                let until = *until.get_or_insert_with(|| Instant::now() + DYING);
                if Instant::now() > until {
                    return Err(io::Error::other("a killed command does not end"));
                }
                thread::sleep(LOOK);
            }
        }
    }
}

/// Takes the dead away, and says how the command ended if it is one of them. `ECHILD` cannot come before that.
fn reap(pid: Pid) -> io::Result<Option<Report>> {
    while let Some((dead, status)) = rustix::process::wait(WaitOptions::NOHANG)? {
        if dead == pid {
            return Ok(Some(how(status)));
        }
    }
    Ok(None)
}

fn how(status: WaitStatus) -> Report {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Report::Exited(code),
        (None, Some(signal)) => Report::Killed(signal),
        (None, None) => Report::Killed(0),
    }
}

/// Kills what is left, until there is nothing.
fn end_all(pid: Pid) {
    let until = Instant::now() + DYING;
    while Instant::now() < until {
        kill_all(pid);
        // No child any more: then no grandchild either, as they all come to us.
        if matches!(rustix::process::wait(WaitOptions::NOHANG), Err(rustix::io::Errno::CHILD)) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The group in one stroke, so that a fork is no way out; then those that have left it and come to us when their parents died.
fn kill_all(pid: Pid) {
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    for child in children(rustix::process::getpid()) {
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
}

fn children(of: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = pids.filter(|pid| parent(*pid) == Some(of.as_raw_nonzero().get()));
    pids.filter_map(Pid::from_raw).collect()
}

/// From `pid (name) state parent …`; a name may have anything in it.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let behind = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = String::from_utf8_lossy(stat.get(behind + 1..)?).into_owned();
    rest.split_whitespace().nth(1)?.parse().ok()
}
