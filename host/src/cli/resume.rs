//! `liftlock resume`.

use super::apply::Choice;
use super::{Exit, Global, account, ending, output};

/// Go on with a run that was killed, stopped or kept after a failure
///
/// What is already done is not done twice: the stage in the middle is replayed from its recording up to where it was.
#[derive(clap::Args)]
pub(super) struct Resume {
    /// What to do when a stage fails
    #[arg(long, default_value = "keep", value_enum)]
    on_failure: Choice,
}

impl Resume {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let engine = global.open().and_then(|mut upgrade| {
            let engine = upgrade.resume(|plan| output::sink(global, Some(plan)), self.on_failure.into())?;
            Ok((upgrade, engine))
        });
        match engine {
            Err(trouble) => output::trouble(global, &trouble),
            Ok((upgrade, mut engine)) => {
                let end = engine.drive();
                account::write(global, &upgrade);
                ending::tell(global, &engine, &end)
            }
        }
    }
}
