//! What a component says of itself: untrusted text, in the shape of the contract's `stage-info`.

use crate::bundle::PortKind;

/// Pairs of name and value that later versions may use.
pub type Extra = Vec<(String, String)>;

/// What a component says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageInfo {
    /// Its name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// What it takes.
    pub consumes: Vec<DescribedPort>,
    /// What it puts out.
    pub produces: Vec<DescribedPort>,
    /// What it needs from the operator.
    pub asks: Vec<DescribedAsk>,
    /// For later versions.
    pub extra: Extra,
}

/// A port, as a component names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribedPort {
    /// Its name.
    pub name: String,
    /// The word for its kind.
    pub kind: String,
    /// "optional": "true" for an input that the stage can do without; the rest for later versions.
    pub extra: Extra,
}

/// An ask, as a component words it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DescribedAsk {
    /// "database", "files" or "network".
    pub capability: String,
    /// A name, an origin, or "*": whatever the pipeline says.
    pub object: String,
    /// "read" or "write".
    pub access: String,
    /// Why.
    pub reason: String,
    /// For later versions.
    pub extra: Extra,
}

impl DescribedPort {
    pub(super) fn kind(&self) -> Option<PortKind> {
        PortKind::named(&self.kind)
    }

    pub(super) fn is_optional(&self) -> bool {
        self.extra.iter().any(|(name, value)| name == "optional" && value == "true")
    }
}
