//! What a component may import: the run, WASI with its doors closed, and the capabilities that its slot was granted.
//!
//! A component that imports anything else is refused before it runs, in words that name the interface and the line that would
//! allow it.

use std::collections::BTreeSet;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::liftlock;
use super::guest::Guest;
use super::load::Loaded;
use super::wasi;
use crate::bundle::{AskedCapability, PlannedSlot, PortKind};
use crate::policy::Refusal;

/// A capability of the contract, as a package name.
fn package(capability: AskedCapability) -> &'static str {
    match capability {
        AskedCapability::Database => "liftlock:database/",
        AskedCapability::Files => "liftlock:files/",
        AskedCapability::Network => "liftlock:network/",
        AskedCapability::Command => "liftlock:command/",
    }
}

/// The capabilities that a slot has: those that it asks for, and the operator has granted (policy has seen to that). A slot
/// that is handed a tree or an artifact needs no root to work with it; one that asks for a command may be told that it is not
/// there.
fn granted(planned: &PlannedSlot) -> BTreeSet<AskedCapability> {
    let slot = &planned.slot;
    let mut granted: BTreeSet<_> = slot.asks.iter().map(|ask| ask.capability).collect();
    if slot.consumes.iter().any(|port| matches!(port.kind, PortKind::Tree | PortKind::Artifact)) {
        granted.insert(AskedCapability::Files);
    }
    granted
}

/// Refuses a component for what it imports.
///
/// # Errors
/// One refusal for each import that is not there for it.
pub(super) fn admit(loaded: &Loaded, planned: &PlannedSlot) -> Result<(), Vec<Refusal>> {
    let open = granted(planned);
    let refusals: Vec<Refusal> = loaded.imports.iter().filter_map(|import| refuse(import, planned, &open)).collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn refuse(import: &str, planned: &PlannedSlot, open: &BTreeSet<AskedCapability>) -> Option<Refusal> {
    let slot = &planned.slot.name;
    if import.starts_with("liftlock:run/") || wasi::PACKAGES.iter().any(|p| import.starts_with(p)) {
        return None;
    }
    let shown = crate::escape::line(import, 200);
    let Some(capability) = AskedCapability::all().find(|c| import.starts_with(package(*c))) else {
        return Some(Refusal {
            code: "unknown-import",
            slot: slot.clone(),
            message: format!("the component of slot {slot} imports {shown}, which Liftlock does not have"),
            lines: Vec::new(),
        });
    };
    if open.contains(&capability) {
        return None;
    }
    Some(Refusal {
        code: "ungranted-import",
        slot: slot.clone(),
        message: format!(
            "the component of slot {slot} imports {shown}, but the slot asks for nothing of {capability}: \
             the pipeline must ask for it, and the operator allow it"
        ),
        // No line of the operator's can: what a slot does not ask for is not linked, whatever is granted.
        lines: Vec::new(),
    })
}

/// Links what the slot has, and nothing else.
pub(super) fn link(linker: &mut Linker<Guest>, planned: &PlannedSlot) -> wasmtime::Result<()> {
    wasi::link(linker)?;
    liftlock::run::types::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?;
    liftlock::run::context::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?;
    for capability in granted(planned) {
        match capability {
            AskedCapability::Database => {
                liftlock::database::database::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?;
            }
            AskedCapability::Files => liftlock::files::files::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?,
            AskedCapability::Network => {
                liftlock::network::network::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?;
            }
            AskedCapability::Command => {
                liftlock::command::command::add_to_linker::<Guest, HasSelf<Guest>>(linker, |g| g)?;
            }
        }
    }
    Ok(())
}
