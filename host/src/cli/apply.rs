//! `liftlock apply`.

use clap::ValueEnum;
use liftlock::effect::Severity;
use liftlock::engine::OnFailure;

use super::{Exit, Global, check, ending, output};

/// Upgrade the installation
///
/// Checks first, then runs the stages. If a stage fails, everything is put back (exit code 3); with `--on-failure keep` the run
/// waits for `resume` or `undo` instead (exit code 4). A kill at any moment loses nothing: `resume` goes on, `undo` puts back.
/// Where the upgrade is done already, there is nothing to do (exit code 0).
#[derive(clap::Args)]
pub(super) struct Apply {
    /// What to do when a stage fails
    #[arg(long, default_value = "undo", value_enum)]
    on_failure: Choice,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Choice {
    /// Put everything back
    Undo,
    /// Stop there, for `resume` or `undo`
    Keep,
}

impl From<Choice> for OnFailure {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Undo => Self::PutBack,
            Choice::Keep => Self::Keep,
        }
    }
}

impl Apply {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let upgrade = match global.open() {
            Ok(upgrade) => upgrade,
            Err(trouble) => return output::trouble(global, &trouble),
        };
        match upgrade.already_there() {
            Err(trouble) => return output::trouble(global, &trouble),
            Ok(Some(there)) => return output::nothing_to_do(global, &there),
            Ok(None) => {}
        }
        if let Err(trouble) = upgrade.admit_new_run() {
            return output::trouble(global, &trouble);
        }
        match upgrade.check() {
            Err(trouble) => return output::trouble(global, &trouble),
            Ok(found) if found.iter().any(|(_, f)| f.severity == Severity::Blocking && !f.deferred) => {
                return check::tell(global, &found);
            }
            Ok(_) => {}
        }
        match upgrade.start(output::sink(global, None), self.on_failure.into()) {
            Err(trouble) => output::trouble(global, &trouble),
            Ok(mut engine) => {
                let end = engine.drive();
                ending::tell(global, &engine, &end)
            }
        }
    }
}
