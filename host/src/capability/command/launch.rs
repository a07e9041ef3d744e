//! The host's side of a running command: starts its supervisor, reads what comes, keeps time, and says how it ended.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::order::{Order, Report};
use super::supervise::SUPERVISE;
use super::tail::Tail;
use super::{Command, CommandsConfig, Ended};
use crate::effect::{CallError, Extra, Fault};
use crate::io::fault;

/// Between two looks at the clock and at the operator.
const LOOK: Duration = Duration::from_millis(20);
/// How long the supervisor may take to end everything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the last of the output may take, once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What is counted, as the operator sees it behind a number.
const WAITING: &str = "seconds: a command of yours is at work";
/// The exit code of what took too long, as `timeout` has it.
const TIMED_OUT: i32 = 124;

/// Why the host has ended a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Time,
    Stop,
}

/// Runs a command to its end.
///
/// # Errors
/// The answer "command-not-started": nothing has happened. The faults "interrupted" and "command-lost": what happened is not
/// known.
pub(super) fn run(config: &CommandsConfig, name: &str, command: &Command) -> Result<Ended, CallError> {
    fault::point("command.run").map_err(|error| Fault::io(name, &error))?;
    let mut supervised = Supervised::start(config, command).map_err(|error| {
        let text = format!("the command {name} cannot be started: {error}");
        Fault::new("command-lost", text)
    })?;
    let ended = supervised.wait(config, name, command);
    supervised.end();
    fault::point("command.ran").map_err(|error| Fault::io(name, &error))?;
    ended
}

/// A command with its supervisor.
struct Supervised {
    supervisor: Child,
    reports: Receiver<Report>,
    output: Arc<Mutex<Tail>>,
    output_ended: Receiver<()>,
    /// The command's process group, once it runs.
    group: Option<Pid>,
}

impl Supervised {
    fn start(config: &CommandsConfig, command: &Command) -> io::Result<Self> {
        // Copies that survive `exec`, for the time of the start only: nobody else is to inherit the lock.
        let locks = config.lock.iter().map(rustix::io::dup).collect::<Result<Vec<OwnedFd>, _>>()?;
        let mut supervisor = std::process::Command::new(&config.supervisor)
            .arg0("liftlock")
            .arg(SUPERVISE)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        drop(locks);
        let pipes = (supervisor.stdin.as_mut(), supervisor.stdout.take(), supervisor.stderr.take());
        let (Some(orders), Some(output), Some(reports)) = pipes else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let Command { argv, user, memory, environment, directory, .. } = command.clone();
        let mut order = serde_json::to_vec(&Order { argv, user, memory, environment, directory })?;
        order.push(b'\n');
        orders.write_all(&order)?;
        let (output, output_ended) = read_output(output);
        Ok(Self { supervisor, reports: read_reports(reports), output, output_ended, group: None })
    }

    fn wait(&mut self, config: &CommandsConfig, name: &str, command: &Command) -> Result<Ended, CallError> {
        let started = Instant::now();
        let _work = config.meter.begin(WAITING, None);
        let (mut cut, mut shown) = (None, 0);
        loop {
            match self.reports.recv_timeout(LOOK) {
                Ok(Report::Started(pid)) => self.group = Pid::from_raw(pid),
                Ok(Report::NotStarted(why)) => {
                    let text = format!("the command {name} cannot be started: {why}");
                    return Err(CallError::answer("command-not-started", text));
                }
                Ok(Report::Exited(code)) => return self.ended(name, cut, code, None),
                Ok(Report::Killed(signal)) => return self.ended(name, cut, 128 + signal, Some(signal)),
                Err(RecvTimeoutError::Disconnected) => {
                    let text = format!("the command {name} was lost: its supervisor has ended");
                    return Err(Fault::new("command-lost", text).into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let spent = started.elapsed();
            config.meter.add(spent.as_secs().saturating_sub(shown));
            shown = spent.as_secs();
            if cut.is_none() {
                cut = match () {
                    () if config.stop.load(Ordering::Relaxed) => Some(Cut::Stop),
                    () if spent >= command.time => Some(Cut::Time),
                    () => None,
                };
            }
            if cut.is_some() {
                // A closed pipe is the word to end.
                drop(self.supervisor.stdin.take());
            }
            if cut.is_some() && spent > command.time + PATIENCE {
                return Err(Fault::new("command-lost", format!("the command {name} cannot be ended")).into());
            }
        }
    }

    fn ended(&self, name: &str, cut: Option<Cut>, code: i32, signal: Option<i32>) -> Result<Ended, CallError> {
        if cut == Some(Cut::Stop) {
            let text = format!("stopped by the operator while the command {name} was at work");
            return Err(Fault::new("interrupted", text).into());
        }
        let _ = self.output_ended.recv_timeout(LAST_WORDS);
        let tail = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut extra = Extra::new();
        let mut exit_code = code;
        // It may have ended by itself in the last moment.
        if let (Some(Cut::Time), Some(_)) = (cut, signal) {
            exit_code = TIMED_OUT;
            extra.push(("time-limit".to_owned(), "true".to_owned()));
        } else if let Some(signal) = signal {
            extra.push(("signal".to_owned(), signal.to_string()));
        }
        if tail.left_out > 0 {
            extra.push(("left-out".to_owned(), tail.left_out.to_string()));
        }
        Ok(Ended { exit_code, output: tail.text(), extra })
    }

    /// The supervisor ends by itself; one that does not is ended, and with it what it should have ended.
    fn end(&mut self) {
        drop(self.supervisor.stdin.take());
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.supervisor.try_wait() {
                Ok(Some(status)) if status.success() => return,
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// Read beside it: a command that fills the pipe would wait for ever.
fn read_output(mut from: impl Read + Send + 'static) -> (Arc<Mutex<Tail>>, Receiver<()>) {
    let tail = Arc::new(Mutex::new(Tail::default()));
    let (ended, output_ended) = mpsc::channel();
    let shared = Arc::clone(&tail);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            shared.lock().unwrap_or_else(PoisonError::into_inner).push(buffer.get(..length).unwrap_or_default());
        }
        let _ = ended.send(());
    });
    (tail, output_ended)
}

fn read_reports(from: impl Read + Send + 'static) -> Receiver<Report> {
    let (told, reports) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Anything else is a last word of a supervisor in trouble; that it ends without a report says enough.
            if let Ok(report) = serde_json::from_str(&line)
                && told.send(report).is_err()
            {
                return;
            }
        }
    });
    reports
}
