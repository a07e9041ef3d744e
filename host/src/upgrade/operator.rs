//! The operator's side of a run: the freeze and the hooks of `installation.toml`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bundle::{self, DatabasePlace, Freeze, Hooks, Setup};
use crate::effect::Fault;
use crate::engine::Operator;
use crate::escape;

/// How much of a command's error output is shown.
const SHOWN: u64 = 10 << 10;
const POLL: Duration = Duration::from_millis(10);

/// Freeze and hooks, as the operator wrote them.
pub(super) struct Configured {
    freeze: Freeze,
    hooks: Hooks,
    file: Option<PathBuf>,
    /// Variables that hold addresses with passwords: no command gets them.
    secret: Vec<String>,
    stop: Arc<AtomicBool>,
}

impl Configured {
    pub(super) fn new(setup: &Setup, stop: Arc<AtomicBool>) -> Self {
        let installation = &setup.installation;
        let file = installation.freeze.file.as_ref().and_then(|file| {
            let root = installation.roots.get(&file.root)?;
            Some(root.path.join(&file.path))
        });
        let secret = installation.databases.values().filter_map(DatabasePlace::variable).map(str::to_owned);
        Self {
            freeze: installation.freeze.clone(),
            hooks: installation.hooks.clone(),
            file,
            secret: secret.collect(),
            stop,
        }
    }

    fn content(&self) -> &[u8] {
        self.freeze.file.as_ref().map(|f| f.content.as_bytes()).unwrap_or_default()
    }

    /// Puts the maintenance file there. One of ours from before a crash is as good.
    fn place_file(&self) -> Result<(), Fault> {
        let Some(path) = &self.file else { return Ok(()) };
        let fault = |e: io::Error| Fault::io(format_args!("placing the maintenance file {}", path.display()), &e);
        match File::options().write(true).create_new(true).mode(0o644).open(path) {
            Ok(mut file) => {
                file.write_all(self.content()).and_then(|()| file.sync_all()).map_err(fault)?;
                crate::io::sync_dir(path.parent().unwrap_or(path)).map_err(fault)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && self.is_ours()? => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let text = format!("the maintenance file {} is there already, and is not ours", path.display());
                Err(Fault::new("freeze-failed", text).hint("remove it, or name another in [freeze] file"))
            }
            Err(e) => Err(fault(e)),
        }
    }

    /// A file of ours may have been cut short by a crash: the beginning of the content is enough.
    fn is_ours(&self) -> Result<bool, Fault> {
        let Some(path) = &self.file else { return Ok(false) };
        let meta = fs::symlink_metadata(path).map_err(|e| Fault::io(path.display(), &e))?;
        if !meta.is_file() || meta.len() > self.content().len() as u64 {
            return Ok(false);
        }
        let found = fs::read(path).map_err(|e| Fault::io(path.display(), &e))?;
        Ok(self.content().starts_with(&found))
    }

    fn remove_file(&self) -> Result<(), Fault> {
        let Some(path) = &self.file else { return Ok(()) };
        if !path.exists() || !self.is_ours()? {
            return Ok(());
        }
        fs::remove_file(path).map_err(|e| Fault::io(format_args!("removing {}", path.display()), &e))
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
    fn freeze(&self) -> Result<(), Fault> {
        self.place_file()?;
        self.run_all(&self.freeze.stop, "freeze-failed", &[])?;
        self.drain()
    }

    fn thaw(&self) -> Result<(), Fault> {
        self.run_all(&self.freeze.start, "thaw-failed", &[])?;
        self.remove_file()
    }

    fn after(&self, verbs: &[&str]) -> Result<(), Fault> {
        if !verbs.contains(&"switch-entries") {
            return Ok(());
        }
        self.run_all(&self.hooks.after_switch, "hook-failed", &[])
    }

    fn attention(&self, code: &str, message: &str) {
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
