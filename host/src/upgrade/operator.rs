//! The operator's side of a run: the freeze and the hooks of `installation.toml`.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bundle::{self, DatabasePlace, Freeze, Hooks, Setup};
use crate::effect::{Fault, Stamps};
use crate::engine::{Operator, Standing};
use crate::escape;
use crate::maintenance::Signs;

/// How much of a command's error output is shown.
const SHOWN: u64 = 10 << 10;
const POLL: Duration = Duration::from_millis(10);

/// Freeze and hooks, as the operator wrote them.
pub(super) struct Configured {
    freeze: Freeze,
    hooks: Hooks,
    signs: Signs,
    /// Variables that hold addresses with passwords: no command gets them.
    secret: Vec<String>,
    stop: Arc<AtomicBool>,
}

impl Configured {
    pub(super) fn new(setup: &Setup, signs: Signs, stop: Arc<AtomicBool>) -> Self {
        let installation = &setup.installation;
        let secret = installation.databases.values().filter_map(DatabasePlace::variable).map(str::to_owned);
        Self {
            freeze: installation.freeze.clone(),
            hooks: installation.hooks.clone(),
            signs,
            secret: secret.collect(),
            stop,
        }
    }

    /// Requests that began before the freeze come to their end.
    fn drain(&self) -> Result<(), Fault> {
        let until = Instant::now() + self.freeze.drain;
        while Instant::now() < until {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Fault::new("interrupted", "stopped by the operator during the drain"));
            }
            thread::sleep(POLL.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    fn run_all(&self, commands: &[bundle::Command], code: &'static str, env: &[(&str, &str)]) -> Result<(), Fault> {
        commands.iter().try_for_each(|argv| {
            let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
            let mut command = Command::new(program);
            command.args(arguments).envs(env.iter().copied());
            for variable in &self.secret {
                command.env_remove(variable);
            }
            run(&mut command, self.freeze.command_time, code)
        })
    }
}

impl Operator for Configured {
    fn freeze(&self, standing: Standing) -> Result<(), Fault> {
        self.signs.place(standing)?;
        self.run_all(&self.freeze.stop, "freeze-failed", &[])?;
        self.drain()
    }

    fn hold(&self, standing: Standing) {
        self.signs.hold(standing);
    }

    fn thaw(&self, stamps: &Stamps) -> Result<Stamps, Fault> {
        self.run_all(&self.freeze.start, "thaw-failed", &[])?;
        self.signs.remove(stamps)
    }

    fn after(&self, verbs: &[&str]) -> Result<(), Fault> {
        if !verbs.contains(&"switch-entries") {
            return Ok(());
        }
        self.run_all(&self.hooks.after_switch, "hook-failed", &[])
    }

    fn attention(&self, code: &str, message: &str) {
        self.signs.stop();
        // The run stands still already; that the message could not be sent is no second reason.
        let env = [("LIFTLOCK_CODE", code), ("LIFTLOCK_MESSAGE", message)];
        let _ = self.run_all(&self.hooks.on_attention, "hook-failed", &env);
    }
}

/// Runs a command of the operator's, in a process group of its own, for a limited time.
fn run(command: &mut Command, time: Duration, code: &'static str) -> Result<(), Fault> {
    let name = escape::line(&command.get_program().to_string_lossy(), 200);
    let fault = |what: String| Fault::new(code, format!("the command {name} {what}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|e| fault(format!("cannot be started: {e}")))?;
    // Read beside it: a command that fills the pipe would wait for ever.
    let errors = child.stderr.take().map(|pipe| thread::spawn(move || read_some(pipe)));
    let until = Instant::now() + time;
    let status = loop {
        match child.try_wait().map_err(|e| fault(format!("cannot be waited for: {e}")))? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                kill_group(&mut child);
                return Err(fault(format!("took longer than {time:?} ([freeze] command-time)")));
            }
            None => thread::sleep(POLL),
        }
    };
    if status.success() {
        return Ok(());
    }
    let said = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Err(fault(format!("failed ({status}): {}", escape::line(said.trim(), 1000))))
}

fn read_some(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(SHOWN).read_to_end(&mut bytes);
    let _ = io::copy(&mut pipe, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kill_group(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}
