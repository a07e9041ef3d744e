//! `liftlock apply`.

use clap::ValueEnum;
use liftlock::engine::OnFailure;
use liftlock::upgrade::Found;

use super::accept::{self, Accept};
use super::output::{self, ErrorText};
use super::package::Package;
use super::{Exit, Global, account, check, ending};

/// Upgrade the installation
///
/// Checks first, asks about warnings (without a terminal it stops with exit code 5), then runs the stages. If a stage fails,
/// everything is put back (exit code 3); with `--on-failure keep` the run waits for `resume` or `undo` instead (exit code 4).
/// A kill at any moment loses nothing: `resume` goes on, `undo` puts back. Where the upgrade is done already, there is nothing
/// to do (exit code 0).
#[derive(clap::Args)]
pub(super) struct Apply {
    /// What to do when a stage fails
    #[arg(long, default_value = "undo", value_enum)]
    on_failure: Choice,
    /// Take over an upgrade that another tool has begun and not ended: see `diagnose`
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    accept: Accept,
    #[command(flatten)]
    package: Package,
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
        self.upgrade(global).unwrap_or_else(|exit| exit)
    }

    fn upgrade(&self, global: &Global) -> Result<Exit, Exit> {
        let mut upgrade = self.package.open(global)?;
        let trouble = |trouble| output::trouble(global, &trouble);
        if self.adopt {
            upgrade.adopt().map_err(|fault| {
                output::fault(global, &fault, Some("liftlock diagnose"));
                Exit::Usage
            })?;
        }
        // Who takes over says that the journal does not know all that has happened here.
        let there = if self.adopt { None } else { upgrade.already_there().map_err(trouble)? };
        if let Some(there) = there {
            return Ok(output::nothing_to_do(global, &there));
        }
        upgrade.admit_new_run().map_err(trouble)?;
        let found = upgrade.check().map_err(trouble)?;
        let open = self.accept.open(global, &upgrade, &found)?;
        if found.iter().any(|(_, finding)| finding.blocks()) {
            return Ok(check::tell(global, &found, &open, ""));
        }
        if !open.is_empty() {
            self.ask(global, &found, &open)?;
        }
        let mut engine = upgrade.start(output::sink(global, None), self.on_failure.into()).map_err(trouble)?;
        let end = engine.drive();
        account::write(global, &upgrade);
        Ok(ending::tell(global, &engine, &end))
    }

    /// Somebody has to have read the warnings: who sits at the terminal now, or who has written their codes down before.
    fn ask(&self, global: &Global, found: &[Found], open: &[String]) -> Result<(), Exit> {
        check::findings(global, found);
        if accept::is_agreed(global, open) {
            return Ok(());
        }
        let keep = matches!(self.on_failure, Choice::Keep).then_some("--on-failure keep");
        let first: Vec<&str> = self.adopt.then_some("--adopt").into_iter().chain(keep).collect();
        let next = format!("liftlock apply{}", check::arguments(&first, &self.package, &self.accept, open));
        let message = format!("nobody has accepted the warnings {}", open.join(", "));
        let hint = Some(
            "mend what they are about, or accept them; for good: accept = [\"…\"] in installation.toml".to_owned(),
        );
        output::error(
            global,
            &ErrorText { hint, next: Some(&next), ..ErrorText::new("warnings-not-accepted", message) },
        );
        Err(Exit::Found)
    }
}
