//! `liftlock check`.

use liftlock::effect::Severity;
use liftlock::upgrade::Found;
use serde_json::json;

use super::{Exit, Format, Global, output};

/// Look whether the upgrade could run; change nothing
///
/// Reads both files, checks digests, contracts and grants, and asks every stage. Exit code 0 if nothing is in the way, 5 if a
/// finding blocks, 77 if policy refuses.
#[derive(clap::Args)]
pub(super) struct Check {}

impl Check {
    #[expect(clippy::unused_self, reason = "has the shape of its siblings")]
    pub(super) fn run(&self, global: &Global) -> Exit {
        let upgrade = match global.open() {
            Ok(upgrade) => upgrade,
            Err(trouble) => return output::trouble(global, &trouble),
        };
        // To the checks of the stages, a finished upgrade is an installation of the wrong version.
        match upgrade.already_there() {
            Err(trouble) => return output::trouble(global, &trouble),
            Ok(Some(there)) => return output::nothing_to_do(global, &there),
            Ok(None) => {}
        }
        match upgrade.check() {
            Ok(found) => {
                if global.format == Format::Human {
                    let pipeline = &upgrade.setup().bundle.pipeline;
                    let stages = upgrade.setup().slots.len();
                    output::line(&format!("{}: {} stages", pipeline.title, stages));
                }
                tell(global, &found)
            }
            Err(trouble) => output::trouble(global, &trouble),
        }
    }
}

/// Tells the findings. A deferred one cannot be judged yet.
pub(super) fn tell(global: &Global, found: &[Found]) -> Exit {
    let mut sink = output::sink(global, None);
    for (slot, finding) in found {
        sink.finding(slot, finding);
    }
    let count = |severity| found.iter().filter(|(_, f)| f.severity == severity && !f.deferred).count();
    let (blocking, warnings) = (count(Severity::Blocking), count(Severity::Warning));
    let next = if blocking == 0 { "liftlock apply" } else { "liftlock check" };
    if global.format == Format::Json {
        output::json(
            &json!({ "type": "end", "result": "checked", "blocking": blocking, "warnings": warnings, "next": next }),
        );
    } else {
        let verdict = if blocking == 0 { "nothing is in the way" } else { "the upgrade cannot begin" };
        output::line(&format!("{verdict}: {blocking} blocking, {warnings} warnings"));
        output::line(&format!("  next: {next}"));
    }
    if blocking == 0 { Exit::Done } else { Exit::Found }
}
