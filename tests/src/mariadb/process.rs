//! The server's process. It never outlives ours.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A running server. Dropped: it is killed.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    /// Starts it and waits for it. With `setpriv --pdeathsig` the system kills a child when the *thread* ends that started it:
    /// that must not be a thread of a test, which may hand its server to another one.
    keeper: Option<JoinHandle<()>>,
}

impl Process {
    pub(super) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (tell, told) = mpsc::channel();
        let keep = move || match command.spawn() {
            Ok(mut child) => {
                let _ = tell.send(Ok(child.id()));
                let _ = child.wait();
            }
            Err(error) => drop(tell.send(Err(error))),
        };
        let keeper = thread::Builder::new().name("mariadbd".to_owned()).spawn(keep)?;
        let pid = told.recv().context("its keeper is gone")?.context("cannot start the server")?;
        Ok(Self { pid, keeper: Some(keeper) })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.keeper.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks it to end, and waits. It is killed in any case.
    pub(super) fn end(self, most: Duration) -> Result<()> {
        let start = Instant::now();
        self.signal(Signal::TERM);
        while !self.has_ended() {
            ensure!(start.elapsed() < most, "it still runs after {most:?}");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && !self.has_ended()
        {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}
