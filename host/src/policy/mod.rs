//! Policy: what a stage asks for, cut to what its slot asks for, cut to what the operator grants.
//!
//! A stage may ask, never grant itself; a swapped component may not ask for more than the slot it takes. What is refused is
//! refused before anything runs, with the exact lines that would allow it. Pure: no file is read here.

mod asks;
mod contract;
mod described;
mod refusal;

#[cfg(test)]
mod tests;

use crate::bundle::{ACCEPT_DATA_AND_NETWORK, Access, AskedCapability, Grants, PlannedSlot};

use self::asks::EffectiveAsk;
pub use self::described::{DescribedAsk, DescribedPort, Extra, StageInfo};
pub use self::refusal::Refusal;
use self::refusal::{Addition, Additions};

/// What the component in a slot may do: exactly what it asks for within its slot, if all of that is granted.
///
/// # Errors
/// Every reason why it may not run. The lines of all refusals, in order, are one block for `installation.toml`.
pub fn decide(described: &StageInfo, planned: &PlannedSlot) -> Result<Grants, Vec<Refusal>> {
    let mut refusals = contract::compare(described, planned);
    let asks = match asks::effective(described, planned) {
        Ok(asks) => asks,
        Err(beyond) => {
            refusals.extend(beyond);
            return Err(refusals);
        }
    };
    let mut additions = Additions::new(described, planned);
    let mut grants = Grants { accept: planned.grants.accept.clone(), ..Grants::default() };
    let missing: Vec<Addition> = asks.iter().filter_map(|ask| grant(ask, planned, &mut grants).err()).collect();
    if !missing.is_empty() {
        refusals.push(additions.not_granted(&missing));
    }
    if let Some(risk) = data_and_network(&asks, &grants, planned)
        && !planned.grants.accept.contains(ACCEPT_DATA_AND_NETWORK)
    {
        refusals.push(additions.not_accepted(ACCEPT_DATA_AND_NETWORK, "data-and-network", risk));
    }
    if refusals.is_empty() { Ok(grants) } else { Err(refusals) }
}

/// What the operator granted in vain: more than `granted`, which is what [`decide`] has left of it. One sentence each.
#[must_use]
pub fn surplus(planned: &PlannedSlot, granted: &Grants) -> Vec<String> {
    let slot = &planned.slot.name;
    let databases =
        planned.grants.databases.iter().map(|(name, access)| ("database", name, access, &granted.databases));
    let roots = planned.grants.roots.iter().map(|(name, access)| ("files", name, access, &granted.roots));
    let commands = planned.grants.commands.iter().map(|(name, access)| ("command", name, access, &granted.commands));
    let objects =
        databases.chain(roots).chain(commands).filter_map(|(capability, name, access, left)| match left.get(name) {
            Some(left) if left >= access => None,
            Some(left) => {
                Some(format!("{slot}: {capability} {name}: {access} is granted, {left} is all that is asked for"))
            }
            None => Some(format!("{slot}: {capability} {name}: {access} is granted, but not asked for")),
        });
    let origins = planned.grants.origins.iter().filter(|origin| !granted.origins.contains(origin));
    let origins = origins.map(|origin| format!("{slot}: network {origin} is granted, but not asked for"));
    objects.chain(origins).collect()
}

/// Adds one ask to the grants, or says what the operator would have to add.
fn grant(ask: &EffectiveAsk, planned: &PlannedSlot, grants: &mut Grants) -> Result<(), Addition> {
    let (allowed, granted) = match ask.capability {
        AskedCapability::Database => (planned.grants.databases.get(&ask.object), &mut grants.databases),
        AskedCapability::Files => (planned.grants.roots.get(&ask.object), &mut grants.roots),
        AskedCapability::Command => (planned.grants.commands.get(&ask.object), &mut grants.commands),
        AskedCapability::Network => return grant_network(ask, planned, grants),
    };
    match allowed {
        // Nobody needs to have a command: the stage asks whether it is there.
        None if ask.capability == AskedCapability::Command => Ok(()),
        Some(allowed) if *allowed >= ask.access => {
            granted.insert(ask.object.clone(), ask.access);
            Ok(())
        }
        other => Err(Addition::object(ask, other.copied())),
    }
}

fn grant_network(ask: &EffectiveAsk, planned: &PlannedSlot, grants: &mut Grants) -> Result<(), Addition> {
    let allowed = &planned.grants.origins;
    let fitting: Vec<&String> = allowed.iter().filter(|origin| ask.object == "*" || ask.object == **origin).collect();
    if fitting.is_empty() {
        return Err(Addition::origin(ask));
    }
    for origin in fitting {
        if !grants.origins.contains(origin) {
            grants.origins.push(origin.clone());
        }
    }
    grants.private.clone_from(&planned.grants.private);
    Ok(())
}

/// What a stage could give away, if it has both something to read and somewhere to send it.
fn data_and_network(asks: &[EffectiveAsk], grants: &Grants, planned: &PlannedSlot) -> Option<String> {
    let (network, data): (Vec<_>, Vec<_>) = asks.iter().partition(|ask| ask.capability == AskedCapability::Network);
    // A command's output is data, once there is a command.
    let is_there =
        |ask: &&&EffectiveAsk| ask.capability != AskedCapability::Command || grants.commands.contains_key(&ask.object);
    let data = data.iter().filter(is_there);
    let data: Vec<String> = data.map(|ask| format!("{} {}", ask.capability, ask.object)).collect();
    let granted = &planned.grants.origins;
    let mut origins: Vec<String> = Vec::new();
    for ask in network {
        match ask.object.as_str() {
            "*" if granted.is_empty() => origins.push("any origin that is granted".to_owned()),
            "*" => origins.extend(granted.iter().cloned()),
            origin => origins.push(origin.to_owned()),
        }
    }
    origins.sort();
    origins.dedup();
    let both = !data.is_empty() && !origins.is_empty();
    both.then(|| format!("can send {} to {}", data.join(", "), origins.join(", ")))
}

impl EffectiveAsk {
    /// In words: "write to database main".
    fn words(&self) -> String {
        match (self.capability, self.access) {
            (AskedCapability::Network, _) if self.object == "*" => "reading from the network".to_owned(),
            (AskedCapability::Network, _) => format!("reading from {}", self.object),
            (capability, Access::Read) => format!("reading {capability} {}", self.object),
            (capability, Access::Write) => format!("writing {capability} {}", self.object),
            (capability, Access::Define) => format!("making programs in {capability} {}", self.object),
            (capability, Access::Run) => format!("running {capability} {}", self.object),
        }
    }
}
