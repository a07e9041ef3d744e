//! `[versions]`: the component that says which version is here, for `diagnose`. It has what a slot has of its own (a pinned
//! component, parameters, asks, limits), so it is one, outside of the order: granted, limited and swapped by the name `versions`.

use super::document::Section;
use super::limits::LimitOverrides;
use super::slot::{Ask, AskedCapability, Phase, Slot};
use super::value;
use crate::effect::Access;

/// Its name, in `[grants.versions]` and beside it.
pub const VERSIONS: &str = "versions";

/// Reads `[versions]`. It may ask for files and databases, and for reading alone.
pub(super) fn read(section: &mut Section<'_>) -> Option<Slot> {
    let component = section.required("component", value::path_below);
    let sha256 = section.required("sha256", value::sha256);
    let params = section.values("params", value::param);
    let mut asks = Vec::new();
    for mut part in section.list("asks") {
        let Some(ask) = Ask::read(&mut part) else { continue };
        let read =
            ask.access == Access::Read && matches!(ask.capability, AskedCapability::Files | AskedCapability::Database);
        if !read {
            let message = "what reads versions may ask for files and databases, and for reading alone".to_owned();
            part.note("bad-value", Some("access"), message, Some("write \"read\"".to_owned()));
        }
        asks.push(ask);
    }
    let limits = section.table("limits").map(|mut limits| LimitOverrides::read(&mut limits)).unwrap_or_default();
    let (component, sha256) = (component?, sha256?);
    Some(Slot {
        name: VERSIONS.to_owned(),
        title: "Read which version is here".to_owned(),
        component,
        sha256,
        codes: Vec::new(),
        consumes: Vec::new(),
        produces: Vec::new(),
        inputs: std::collections::BTreeMap::new(),
        params,
        asks,
        phase: Phase::Upgrade,
        limits,
        expect: Vec::new(),
    })
}
