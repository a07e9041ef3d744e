//! `liftlock undo`.

use super::output::{self, ErrorText};
use super::{Exit, Global, account, ending};

/// Put everything back as it was before the run
///
/// Possible until `commit`. Once the installation is open again, undo loses what users have written since: it then wants
/// `--accept-data-loss`.
#[derive(clap::Args)]
pub(super) struct Undo {
    /// Lose what others have written since the upgrade went live
    #[arg(long)]
    accept_data_loss: bool,
}

impl Undo {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let opened = global.open().and_then(|upgrade| {
            let engine = upgrade.reopen(|plan| output::sink(global, Some(plan)))?;
            Ok((upgrade, engine))
        });
        let (upgrade, mut engine) = match opened {
            Ok(opened) => opened,
            Err(trouble) => return output::trouble(global, &trouble),
        };
        if engine.state(|s| s.phase) == liftlock::engine::state::Phase::Committed {
            let message = "the run is committed: its undo data is gone".to_owned();
            let hint = Some("the backup that the run has made is in the backup directory".to_owned());
            output::error(
                global,
                &ErrorText { hint, next: Some("liftlock status"), ..ErrorText::new("committed", message) },
            );
            return Exit::NeedsPerson;
        }
        if !self.accept_data_loss {
            match engine.data_loss() {
                Ok(None) => {}
                Ok(Some(loss)) => {
                    let next = Some("liftlock undo --accept-data-loss");
                    output::error(global, &ErrorText { next, ..ErrorText::new("data-loss", loss) });
                    return Exit::NeedsPerson;
                }
                Err(fault) => {
                    output::fault(global, &fault, Some("liftlock status"));
                    return Exit::from(&fault);
                }
            }
        }
        let end = engine.undo("operator");
        account::write(global, &upgrade);
        match ending::tell(global, &engine, &end) {
            // Putting back is what was asked for.
            _ if end == liftlock::engine::Ending::PutBack => Exit::Done,
            exit => exit,
        }
    }
}
