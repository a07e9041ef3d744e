//! Grants: what the operator allows one stage.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Section;
use super::value;
use crate::effect::Access;

/// Accepts that a stage downloads a package that nobody has pinned.
pub const ACCEPT_UNPINNED_PACKAGE: &str = "UNPINNED-PACKAGE";
/// Accepts that a stage can both read data and reach the network.
pub const ACCEPT_DATA_AND_NETWORK: &str = "DATA-AND-NETWORK";

const ACCEPTED: [(&str, &str); 2] =
    [(ACCEPT_UNPINNED_PACKAGE, ACCEPT_UNPINNED_PACKAGE), (ACCEPT_DATA_AND_NETWORK, ACCEPT_DATA_AND_NETWORK)];

/// What one stage is allowed. Nothing that is not in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Databases by name.
    pub databases: BTreeMap<String, Access>,
    /// Roots by name.
    pub roots: BTreeMap<String, Access>,
    /// Commands by name.
    pub commands: BTreeMap<String, Access>,
    /// Origins that may be asked: scheme, host and port.
    pub origins: Vec<String>,
    /// Private addresses that an origin may lead to, as the operator wrote them.
    pub private: Vec<String>,
    /// Risks that the operator has accepted by name.
    pub accept: BTreeSet<String>,
}

impl Grants {
    /// The same for `check` and `verify`: nothing to be changed, no network. Of commands, those that change nothing are left; a
    /// command says that itself.
    #[must_use]
    pub fn read_only(&self) -> Self {
        let read = |of: &BTreeMap<String, Access>| of.keys().map(|name| (name.clone(), Access::Read)).collect();
        let commands = self.commands.clone();
        Self { databases: read(&self.databases), roots: read(&self.roots), commands, ..Self::default() }
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a `[grants.<slot>]` or `[swap.<slot>.grants]`.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let accept = section.optional("accept", value::set(value::word(&ACCEPTED))).unwrap_or_default();
        Self {
            databases: section.values("database", value::word(&Access::OF_DATABASES)),
            roots: section.values("files", value::word(&Access::OF_FILES)),
            commands: section.values("command", value::word(&Access::OF_COMMANDS)),
            origins: section.optional("network", value::list(value::origin)).unwrap_or_default(),
            private: section.optional("private-addresses", value::list(value::private_address)).unwrap_or_default(),
            accept: accept.into_iter().map(str::to_owned).collect(),
        }
    }
}
