//! Whether a component keeps the contract of its slot: the same ports, of the same kinds.

use crate::bundle::{PlannedSlot, Port};

use super::described::{DescribedPort, StageInfo};
use super::refusal::{Refusal, plain};

/// Every port in which the component differs from the slot.
pub(super) fn compare(described: &StageInfo, planned: &PlannedSlot) -> Vec<Refusal> {
    let slot = &planned.slot;
    let mut inputs = differences("input", &slot.consumes, &described.consumes);
    let left_out = |port: &&DescribedPort| {
        !port.is_optional() && slot.consumed(&port.name).is_some() && !slot.inputs.contains_key(&port.name)
    };
    let needed = described.consumes.iter().filter(left_out);
    inputs.extend(needed.map(|port| format!("it needs the input {:?}, which comes from nowhere", port.name)));
    let outputs = differences("output", &slot.produces, &described.produces);
    let who = if planned.swapped { "the swapped component" } else { "the component" };
    let refuse = |difference: String| {
        let message = format!("{who} {} does not fit the slot: {difference}", planned.component.display());
        Refusal::outright("contract-mismatch", planned, message)
    };
    inputs.into_iter().chain(outputs).map(refuse).collect()
}

fn differences(what: &str, slot: &[Port], component: &[DescribedPort]) -> Vec<String> {
    let mut differences = Vec::new();
    for port in slot {
        let mut same_name = component.iter().filter(|candidate| candidate.name == port.name);
        match (same_name.next(), same_name.next()) {
            (None, _) => differences.push(format!("it has no {what} {:?}", port.name)),
            (Some(_), Some(_)) => differences.push(format!("it has the {what} {:?} twice", port.name)),
            (Some(found), None) if found.kind() != Some(port.kind) => {
                let (name, found) = (&port.name, plain(&found.kind));
                differences.push(format!("its {what} {name:?} is of kind {found}, the slot's is {}", port.kind));
            }
            (Some(_), None) => {}
        }
    }
    let can_be_left_out = |port: &DescribedPort| what == "input" && port.is_optional();
    let unknown = component.iter().filter(|port| slot.iter().all(|known| known.name != port.name));
    let unknown = unknown.filter(|port| !can_be_left_out(port));
    differences.extend(unknown.map(|port| format!("the slot has no {what} \"{}\"", plain(&port.name))));
    differences
}
