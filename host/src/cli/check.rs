//! `liftlock check`.

use liftlock::effect::Severity;
use liftlock::upgrade::Found;
use serde_json::json;

use super::accept::{Accept, quoted};
use super::package::Package;
use super::{Exit, Format, Global, output};

/// Look whether the upgrade could run; change nothing
///
/// Reads both files, checks digests, contracts and grants, and asks every stage. Exit code 0 if nothing blocks, 5 if a
/// finding blocks, 77 if policy refuses. Warnings that are not accepted yet are counted: `apply` asks about them.
#[derive(clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    accept: Accept,
    #[command(flatten)]
    package: Package,
}

impl Check {
    pub(super) fn run(&self, global: &Global) -> Exit {
        self.look(global).unwrap_or_else(|exit| exit)
    }

    fn look(&self, global: &Global) -> Result<Exit, Exit> {
        let upgrade = self.package.open(global)?;
        let trouble = |trouble| output::trouble(global, &trouble);
        // To the checks of the stages, a finished upgrade is an installation of the wrong version.
        if let Some(there) = upgrade.already_there().map_err(trouble)? {
            return Ok(output::nothing_to_do(global, &there));
        }
        let found = upgrade.check().map_err(trouble)?;
        let open = self.accept.open(global, &upgrade, &found)?;
        if global.format == Format::Human {
            let pipeline = &upgrade.setup().bundle.pipeline;
            let stages = upgrade.setup().slots.len();
            output::line(&format!("{}: {} stages", pipeline.title, stages));
        }
        let arguments = arguments(&[], &self.package, &self.accept, &open);
        Ok(tell(global, &found, &open, &arguments))
    }
}

/// The arguments for `apply` that accept what is open too.
pub(super) fn arguments(first: &[&str], package: &Package, accept: &Accept, open: &[String]) -> String {
    let files = package.files.iter().map(|file| format!(" --package {}", quoted(file)));
    first.iter().map(|text| format!(" {text}")).chain(files).chain([accept.arguments(open)]).collect()
}

/// Tells the findings. A deferred one cannot be judged yet. `open` are the warnings that nobody has accepted, `arguments` those
/// with which `apply` goes on.
pub(super) fn tell(global: &Global, found: &[Found], open: &[String], arguments: &str) -> Exit {
    findings(global, found);
    let count = |severity| found.iter().filter(|(_, f)| f.severity == severity && !f.deferred).count();
    let (blocking, warnings) = (count(Severity::Blocking), count(Severity::Warning));
    let next = if blocking == 0 { format!("liftlock apply{arguments}") } else { "liftlock check".to_owned() };
    if global.format == Format::Json {
        output::json(&json!({
            "type": "end", "result": "checked", "blocking": blocking, "warnings": warnings, "unaccepted": open, "next": next,
        }));
    } else {
        let verdict = match (blocking, open.len()) {
            (0, 0) => "nothing is in the way",
            (0, _) => "nothing blocks, and some warnings are not accepted",
            _ => "the upgrade cannot begin",
        };
        output::line(&format!("{verdict}: {blocking} blocking, {warnings} warnings"));
        output::line(&format!("  next: {next}"));
    }
    if blocking == 0 { Exit::Done } else { Exit::Found }
}

/// Tells all that was found.
pub(super) fn findings(global: &Global, found: &[Found]) {
    let mut sink = output::sink(global, None);
    for (slot, finding) in found {
        sink.finding(slot, finding);
    }
}
