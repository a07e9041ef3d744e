//! `liftlock completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Exit};

/// Print the completions for a shell
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Exit {
        clap_complete::generate(self.shell, &mut Cli::command(), "liftlock", &mut std::io::stdout());
        Exit::Done
    }
}
