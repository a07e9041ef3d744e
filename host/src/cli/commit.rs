//! `liftlock commit`.

use serde_json::json;

use super::{Exit, Format, Global, account, output};

/// Decide that the upgrade stays: drop the undo data
///
/// Removes old files, restore points, recordings and the marker in the database. Backups stay. Afterwards there is no undo.
#[derive(clap::Args)]
pub(super) struct Commit {}

impl Commit {
    #[expect(clippy::unused_self, reason = "has the shape of its siblings")]
    pub(super) fn run(&self, global: &Global) -> Exit {
        let done = global.open().and_then(|upgrade| {
            let mut engine = upgrade.reopen(|plan| output::sink(global, Some(plan)))?;
            engine.commit()?;
            account::write(global, &upgrade);
            Ok(())
        });
        match done {
            Err(trouble) => output::trouble(global, &trouble),
            Ok(()) => {
                if global.format == Format::Json {
                    output::json(&json!({ "type": "end", "result": "committed", "next": null }));
                }
                Exit::Done
            }
        }
    }
}
