//! Refusals, and the lines of `installation.toml` that would allow what is refused.

use std::fmt;

use crate::bundle::{Access, PlannedSlot};
use crate::escape;

use super::asks::EffectiveAsk;
use super::described::StageInfo;

/// More bytes of a guest's text than this are not repeated.
const LONGEST_TEXT: usize = 200;

/// Why a component may not run in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code in kebab case.
    pub code: &'static str,
    /// The slot.
    pub slot: String,
    /// What is refused: one sentence without a full stop.
    pub message: String,
    /// The lines for `installation.toml` that would allow it; none if no line can.
    pub lines: Vec<String>,
}

impl Refusal {
    /// A refusal that no line of the operator's can lift.
    pub(super) fn outright(code: &'static str, planned: &PlannedSlot, message: String) -> Self {
        Self { code, slot: planned.slot.name.clone(), message, lines: Vec::new() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.slot, self.message)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// A text from a guest as part of a line of ours: it cannot begin a line of its own, and does not go on for ever.
pub(super) fn plain(text: &str) -> String {
    escape::line(text, LONGEST_TEXT)
}

/// Something that the operator would have to grant.
pub(super) struct Addition {
    words: String,
    what: Added,
    reason: String,
}

enum Added {
    Object { key: String, access: Access, granted: Option<Access> },
    Origin(String),
}

impl Addition {
    pub(super) fn object(ask: &EffectiveAsk, granted: Option<Access>) -> Self {
        let key = format!("{}.{}", ask.capability, ask.object);
        Self::of(ask, Added::Object { key, access: ask.access, granted })
    }

    pub(super) fn origin(ask: &EffectiveAsk) -> Self {
        let origin = if ask.object == "*" { "https://…".to_owned() } else { ask.object.clone() };
        Self::of(ask, Added::Origin(origin))
    }

    fn of(ask: &EffectiveAsk, what: Added) -> Self {
        Self { words: ask.words(), what, reason: plain(&ask.reason) }
    }
}

/// Writes the lines to add, all of them below one header.
pub(super) struct Additions<'p> {
    planned: &'p PlannedSlot,
    component: String,
    headed: bool,
}

impl<'p> Additions<'p> {
    pub(super) fn new(described: &StageInfo, planned: &'p PlannedSlot) -> Self {
        let (name, version) = (plain(&described.name), plain(&described.version));
        let component = format!("# for {name} {version}, sha256 {}", planned.sha256);
        Self { planned, component, headed: false }
    }

    /// The refusal of everything that is asked for and not granted.
    pub(super) fn not_granted(&mut self, missing: &[Addition]) -> Refusal {
        let words: Vec<&str> = missing.iter().map(|addition| addition.words.as_str()).collect();
        let mut lines = self.header();
        let mut origins = Vec::new();
        let mut reasons = Vec::new();
        for Addition { what, reason, .. } in missing {
            match what {
                Added::Object { key, access, granted: None } => lines.push(format!("{key} = \"{access}\"  # {reason}")),
                Added::Object { key, access, granted: Some(granted) } => {
                    lines.push(format!("{key} = \"{access}\"  # in place of \"{granted}\": {reason}"));
                }
                Added::Origin(origin) => {
                    origins.push(origin.as_str());
                    reasons.push(reason.as_str());
                }
            }
        }
        if !origins.is_empty() {
            let list = joined(self.planned.grants.origins.iter().map(String::as_str), &origins);
            lines.push(format!("network = [{list}]  # {}", reasons.join("; ")));
        }
        self.refusal("not-granted", format!("{}: not granted", words.join(", ")), lines)
    }

    /// The refusal of a risk that has not been accepted by name.
    pub(super) fn not_accepted(&mut self, name: &str, code: &'static str, risk: String) -> Refusal {
        let list = joined(self.planned.grants.accept.iter().map(String::as_str), &[name]);
        let mut lines = self.header();
        lines.push(format!("accept = [{list}]  # {risk}"));
        self.refusal(code, risk, lines)
    }

    fn refusal(&self, code: &'static str, message: String, lines: Vec<String>) -> Refusal {
        Refusal { code, slot: self.planned.slot.name.clone(), message, lines }
    }

    /// The section, once; a section that is there already is only named, as TOML has none twice.
    fn header(&mut self) -> Vec<String> {
        if std::mem::replace(&mut self.headed, true) {
            return Vec::new();
        }
        let slot = &self.planned.slot.name;
        let section = if self.planned.swapped { format!("[swap.{slot}.grants]") } else { format!("[grants.{slot}]") };
        let place = if self.planned.grants.is_empty() { section } else { format!("# below {section}:") };
        vec![self.component.clone(), place]
    }
}

fn joined<'a>(there: impl Iterator<Item = &'a str>, more: &[&'a str]) -> String {
    let quoted: Vec<String> = there.chain(more.iter().copied()).map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}
