//! The plan of a run, from the setup: what the journal's first event carries.

use std::collections::BTreeMap;

use super::runs::{self, RunDirectory};
use crate::bundle::{Input, PlannedSlot, Port, Setup, sha256_hex};
use crate::engine::event::{FORMAT, Plan, PlannedStage};

pub(super) fn make(setup: &Setup, run: &RunDirectory) -> Plan {
    let pipeline = &setup.bundle.pipeline;
    Plan {
        format: FORMAT,
        run: run.id().to_owned(),
        host: env!("CARGO_PKG_VERSION").to_owned(),
        started: runs::now(),
        installation: setup.installation.name.clone(),
        pipeline: pipeline.name.clone(),
        title: pipeline.title.clone(),
        pipeline_sha256: setup.bundle.digest.clone(),
        from: pipeline.from.clone(),
        to: pipeline.to.clone(),
        slots: setup.slots.iter().map(stage).collect(),
    }
}

fn stage(planned: &PlannedSlot) -> PlannedStage {
    let slot = &planned.slot;
    let kinds = |ports: &[Port]| ports.iter().map(|p| (p.name.clone(), p.kind.to_string())).collect();
    let wired = |inputs: &BTreeMap<String, Input>| inputs.iter().map(|(n, i)| (n.clone(), i.to_string())).collect();
    PlannedStage {
        slot: slot.name.clone(),
        title: slot.title.clone(),
        component: planned.sha256.clone(),
        swapped: planned.swapped,
        parameters: parameters(planned),
        produces: kinds(&slot.produces),
        inputs: wired(&slot.inputs),
        after: slot.phase == crate::bundle::Phase::After,
        codes: slot.codes.clone(),
    }
}

/// Digest of all that a stage's calls depend on, beside the component. Limits are left out: raising one is how a run that
/// passed it is resumed.
fn parameters(planned: &PlannedSlot) -> String {
    let text = format!("{:?}\n{:?}\n{:?}", planned.params, planned.grants, planned.slot.inputs);
    sha256_hex(text.as_bytes())
}
