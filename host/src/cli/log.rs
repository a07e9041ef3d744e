//! `liftlock log`.

use liftlock::bundle::Installation;
use liftlock::report::words;
use liftlock::upgrade::{self, Trouble};
use serde_json::json;

use super::{Exit, Format, Global, output};

/// Show the journal of the last run
#[derive(clap::Args)]
pub(super) struct Log {
    /// Only the last lines
    #[arg(long, short = 'n', value_name = "COUNT")]
    tail: Option<usize>,
}

impl Log {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let found = Installation::load(&global.installation)
            .map_err(Trouble::from)
            .and_then(|installation| upgrade::last_run(&installation.state)?.ok_or(Trouble::NoRun));
        let (_, state, entries) = match found {
            Ok(found) => found,
            Err(trouble) => return output::trouble(global, &trouble),
        };
        let skip = self.tail.map_or(0, |n| entries.len().saturating_sub(n));
        for entry in &entries[skip..] {
            match global.format {
                Format::Json => output::json(&json!({ "at": entry.at, "event": entry.event })),
                Format::Human => {
                    if let Some(text) = words::event(&entry.event, |stage| state.slot(stage).to_owned()) {
                        output::line(&format!("{}  {text}", time(entry.at)));
                    }
                }
            }
        }
        Exit::Done
    }
}

/// Milliseconds since 1970 as people write a time (UTC).
pub(super) fn time(at: u64) -> String {
    i64::try_from(at)
        .ok()
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
        .map_or_else(|| at.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string())
}
