//! The commands: one file each. The only code that knows the terminal, the environment and exit codes.

mod accept;
mod account;
mod apply;
mod check;
mod commit;
mod completions;
mod diagnose;
mod ending;
mod exit;
mod log;
mod output;
mod package;
mod resume;
mod signals;
mod stage;
mod status;
mod supervise;
mod undo;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use liftlock::upgrade::{Trouble, Upgrade};
use rustix::process::{Resource, Rlimit, setrlimit};

pub(crate) use exit::Exit;

/// Raises an application from one version to the next, and puts it back exactly if anything goes wrong
#[derive(Parser)]
#[command(name = "liftlock", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done · 2 usage or a file is wrong · 3 failed and put back · 4 needs a person · \
    5 checks found problems · 75 another run holds the installation · 77 refused by policy · 130 interrupted, resumable")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
pub(crate) struct Global {
    /// The operator's file
    #[arg(
        long,
        short,
        global = true,
        env = "LIFTLOCK_INSTALLATION",
        default_value = "installation.toml",
        value_name = "FILE"
    )]
    installation: PathBuf,
    /// How to tell what happens
    #[arg(long, global = true, default_value = "human", value_enum)]
    format: Format,
    /// Tell every effect
    #[arg(long, short, global = true)]
    verbose: bool,
}

impl Global {
    /// Opens the installation, and takes its lock.
    fn open(&self) -> Result<Upgrade, Trouble> {
        // A variable that is not text is as good as not set.
        Upgrade::open(&self.installation, signals::stop_flag(), |name| std::env::var(name).ok())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people, with a progress bar on a terminal
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Check),
    Apply(apply::Apply),
    Resume(resume::Resume),
    Undo(undo::Undo),
    Commit(commit::Commit),
    Status(status::Status),
    Log(log::Log),
    Diagnose(diagnose::Diagnose),
    Stage(stage::Stage),
    Completions(completions::Completions),
    #[command(name = liftlock::capability::command::SUPERVISE, hide = true)]
    Supervise(supervise::Supervise),
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    // Undo data and recordings pass through this memory: no core file.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if let Err(exit) = faults() {
        return exit.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let global = &cli.global;
    let exit = match &cli.command {
        Command::Check(command) => command.run(global),
        Command::Apply(command) => command.run(global),
        Command::Resume(command) => command.run(global),
        Command::Undo(command) => command.run(global),
        Command::Commit(command) => command.run(global),
        Command::Status(command) => command.run(global),
        Command::Log(command) => command.run(global),
        Command::Diagnose(command) => command.run(global),
        Command::Stage(command) => command.run(global),
        Command::Completions(command) => command.run(),
        Command::Supervise(command) => command.run(),
    };
    exit.into()
}

/// Arms what a test asked for; empty in a shipped binary.
fn faults() -> Result<(), Exit> {
    #[cfg(feature = "faults")]
    {
        use liftlock::io::fault;
        let read = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        if let Some(text) = read("LIFTLOCK_FAULT") {
            fault::arm(&text).map_err(|_| Exit::Usage)?;
        }
        if let Some(name) = read("LIFTLOCK_MUTANT") {
            fault::set_mutant(&name);
        }
        if let Some(path) = read("LIFTLOCK_FAULT_TRACE") {
            fault::trace_to(path.as_ref()).map_err(|_| Exit::Usage)?;
        }
    }
    Ok(())
}
