//! What a component asks for in its slot: the slot narrows what the stage could do anywhere, and a swap narrows the slot.

use url::Url;

use crate::bundle::{Access, Ask, AskedCapability, PlannedSlot};

use super::described::{DescribedAsk, StageInfo};
use super::refusal::{Refusal, plain};

/// An ask that is left when slot and component agree.
pub(super) struct EffectiveAsk {
    pub(super) capability: AskedCapability,
    pub(super) object: String,
    pub(super) access: Access,
    pub(super) reason: String,
}

/// What the component itself asks for, in words of the contract.
struct OwnAsk<'d> {
    capability: AskedCapability,
    object: String,
    access: Access,
    reason: &'d str,
}

impl<'d> OwnAsk<'d> {
    /// An ask in words of the contract, if it is one.
    fn parse(ask: &'d DescribedAsk) -> Option<Self> {
        let capability = AskedCapability::named(&ask.capability)?;
        let access = Access::named(&ask.access)?;
        let object = match capability {
            _ if !capability.has(access) => return None,
            AskedCapability::Network if ask.object != "*" => origin(&ask.object)?,
            _ => ask.object.clone(),
        };
        Some(Self { capability, object, access, reason: &ask.reason })
    }

    /// Whether this ask speaks of the object. "*" stands for whatever object the slot names.
    fn speaks_of(&self, ask: &Ask) -> bool {
        self.capability == ask.capability && (self.object == "*" || self.object == ask.object)
    }

    /// Whether the slot asks for at least this. "*" is resolved against the objects that the slot names.
    fn is_within(&self, slot: &[Ask]) -> bool {
        let covers = |ask: &&Ask| self.speaks_of(ask) || (ask.capability == self.capability && ask.object == "*");
        slot.iter().filter(covers).any(|ask| ask.access >= self.access)
    }
}

/// The asks of the component in this slot, or what it asks for beyond it.
pub(super) fn effective(described: &StageInfo, planned: &PlannedSlot) -> Result<Vec<EffectiveAsk>, Vec<Refusal>> {
    let own = own_asks(described, planned)?;
    if planned.swapped { of_swap(&own, planned) } else { of_slot(&own, planned) }
}

fn own_asks<'d>(described: &'d StageInfo, planned: &PlannedSlot) -> Result<Vec<OwnAsk<'d>>, Vec<Refusal>> {
    let mut own = Vec::new();
    let mut refusals = Vec::new();
    for ask in &described.asks {
        match OwnAsk::parse(ask) {
            Some(ask) => own.push(ask),
            None => {
                let words = [&ask.access, &ask.capability, &ask.object].map(|word| plain(word)).join(" ");
                let message = format!("the component asks for \"{words}\", which this host does not understand");
                refusals.push(Refusal::outright("unknown-ask", planned, message));
            }
        }
    }
    if refusals.is_empty() { Ok(own) } else { Err(refusals) }
}

/// An origin as the host writes it, so that a slash at its end is no difference, and nothing else is in it.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (is_web && is_bare).then(|| url.origin().ascii_serialization())
}

/// The vendor's component gets what the slot asks for. It must be able to use it, or the pipeline is wrong.
fn of_slot(own: &[OwnAsk<'_>], planned: &PlannedSlot) -> Result<Vec<EffectiveAsk>, Vec<Refusal>> {
    let asks = &planned.slot.asks;
    let unused = asks.iter().filter(|ask| !own.iter().any(|own| own.speaks_of(ask) && own.access >= ask.access));
    let refusals: Vec<Refusal> = unused
        .map(|Ask { capability, object, access, .. }| {
            let message = format!("the slot asks for {access} of {capability} {object}, and the component does not");
            Refusal::outright("slot-asks-more", planned, message)
        })
        .collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let effective = |ask: &Ask| EffectiveAsk {
        capability: ask.capability,
        object: ask.object.clone(),
        access: ask.access,
        reason: ask.reason.clone(),
    };
    Ok(asks.iter().map(effective).collect())
}

/// A swapped component gets what it asks for itself, and must not ask for more than the slot.
fn of_swap(own: &[OwnAsk<'_>], planned: &PlannedSlot) -> Result<Vec<EffectiveAsk>, Vec<Refusal>> {
    let asks = &planned.slot.asks;
    let beyond = own.iter().filter(|own| !own.is_within(asks));
    let refusals: Vec<Refusal> = beyond
        .map(|OwnAsk { capability, object, access, .. }| {
            let object = plain(object);
            let message =
                format!("the swapped component asks for {access} of {capability} {object}, the slot does not");
            Refusal::outright("swap-asks-more", planned, message)
        })
        .collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut effective: Vec<EffectiveAsk> = Vec::new();
    for own in own {
        for (object, access) in resolved(own, asks) {
            let same = |e: &&mut EffectiveAsk| e.capability == own.capability && e.object == object;
            match effective.iter_mut().find(same) {
                Some(known) => known.access = known.access.max(access),
                None => {
                    let (capability, reason) = (own.capability, own.reason.to_owned());
                    effective.push(EffectiveAsk { capability, object, access, reason });
                }
            }
        }
    }
    Ok(effective)
}

/// The objects that an ask of a swapped component stands for, none with more access than the slot asks for.
fn resolved(own: &OwnAsk<'_>, slot: &[Ask]) -> Vec<(String, Access)> {
    let of_capability = slot.iter().filter(|ask| ask.capability == own.capability);
    if own.object == "*" {
        of_capability.map(|ask| (ask.object.clone(), own.access.min(ask.access))).collect()
    } else {
        vec![(own.object.clone(), own.access)]
    }
}
