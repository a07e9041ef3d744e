//! The plan of a run, from the setup: what the journal's first event carries.

use std::collections::BTreeMap;

use super::Upgrade;
use super::runs::RunDirectory;
use crate::bundle::{Input, PlannedSlot, Port, Setup, sha256_hex};
use crate::effect::Fault;
use crate::engine::event::{FORMAT, Plan, PlannedStage};
use crate::engine::state::{State, Step};

pub(super) fn make(upgrade: &Upgrade, run: &RunDirectory) -> Plan {
    let setup = &upgrade.setup;
    let pipeline = &setup.bundle.pipeline;
    Plan {
        format: FORMAT,
        run: run.id().to_owned(),
        host: env!("CARGO_PKG_VERSION").to_owned(),
        started: crate::engine::now(),
        installation: setup.installation.name.clone(),
        pipeline: pipeline.name.clone(),
        title: pipeline.title.clone(),
        pipeline_sha256: setup.bundle.digest.clone(),
        from: pipeline.from.clone(),
        to: pipeline.to.clone(),
        packages: upgrade.packages.clone(),
        adopted: upgrade.adopted,
        slots: setup.slots.iter().map(|planned| stage(setup, planned)).collect(),
    }
}

/// Whether a run can go on with the stages that there are now: those that its journal names. A stage in the middle must have
/// its old parameters too; one that has failed may be mended by others, as the replay notices what does not fit.
///
/// # Errors
/// "plan-changed", with the slot.
pub(super) fn unchanged(state: &State, now: &Plan) -> Result<(), Fault> {
    let changed = |what: String| {
        let hint = "put back what was changed in the files, or put the installation back with `liftlock undo`";
        Fault::new("plan-changed", format!("the run has begun with {what}")).hint(hint)
    };
    let then = &state.plan;
    if then.slots.len() != now.slots.len() {
        return Err(changed(format!("{} slots, now there are {}", then.slots.len(), now.slots.len())));
    }
    for (index, (then, now)) in (0..).zip(then.slots.iter().zip(&now.slots)) {
        let slot = &then.slot;
        if then.component != now.component {
            let (then, now) = (&then.component, &now.component);
            return Err(changed(format!("the component {then} in slot {slot}, now it is {now}")));
        }
        let wiring = |stage: &PlannedStage| {
            (stage.slot.clone(), stage.produces.clone(), stage.inputs.clone(), stage.after, stage.codes.clone())
        };
        let in_the_middle = index == state.stage && matches!(state.step, Step::Applying | Step::Applied);
        if wiring(then) != wiring(now) || in_the_middle && then.parameters != now.parameters {
            return Err(changed(format!("other parameters, grants or wiring of slot {slot}")));
        }
    }
    Ok(())
}

fn stage(setup: &Setup, planned: &PlannedSlot) -> PlannedStage {
    let slot = &planned.slot;
    let kinds = |ports: &[Port]| ports.iter().map(|p| (p.name.clone(), p.kind.to_string())).collect();
    let wired = |inputs: &BTreeMap<String, Input>| inputs.iter().map(|(n, i)| (n.clone(), i.to_string())).collect();
    PlannedStage {
        slot: slot.name.clone(),
        title: slot.title.clone(),
        component: planned.sha256.clone(),
        swapped: planned.swapped,
        parameters: parameters(setup, planned),
        produces: kinds(&slot.produces),
        inputs: wired(&slot.inputs),
        after: slot.phase == crate::bundle::Phase::After,
        codes: slot.codes.clone(),
    }
}

/// Digest of all that a stage's calls depend on, beside the component. Limits are left out: raising one is how a run that
/// passed it is resumed.
fn parameters(setup: &Setup, planned: &PlannedSlot) -> String {
    let granted = planned.grants.commands.keys();
    let commands: Vec<_> =
        granted.map(|name| setup.commands.get(name).and_then(|c| Some(&c.named.as_ref()?.reach))).collect();
    let text = format!("{:?}\n{:?}\n{:?}\n{commands:?}", planned.params, planned.grants, planned.slot.inputs);
    sha256_hex(text.as_bytes())
}
