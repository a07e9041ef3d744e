//! Slots: the named places of a pipeline, with the contract that the stage in it keeps.

use std::collections::BTreeMap;
use std::fmt;

use super::document::{Item, Section, Wrong};
use super::limits::LimitOverrides;
use super::suggest::did_you_mean;
use super::value;
use super::versions::VERSIONS;
use crate::effect::Access;

/// A named place in a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The name, unique in the pipeline.
    pub name: String,
    /// What the operator reads. The name, if the vendor wrote none.
    pub title: String,
    /// The component, relative to the directory of `pipeline.toml`.
    pub component: String,
    /// The component's SHA-256, in lower-case hex.
    pub sha256: String,
    /// Codes of the application that its failures may have.
    pub codes: Vec<String>,
    /// What the stage takes from earlier slots.
    pub consumes: Vec<Port>,
    /// What it puts out.
    pub produces: Vec<Port>,
    /// Where what it takes comes from, by the name of the port.
    pub inputs: BTreeMap<String, Input>,
    /// Parameters; lists are joined by line feeds.
    pub params: BTreeMap<String, String>,
    /// What it needs from the operator.
    pub asks: Vec<Ask>,
    /// When it runs.
    pub phase: Phase,
    /// Limits that are not the usual ones.
    pub limits: LimitOverrides,
    /// What the host itself looks at afterwards.
    pub expect: Vec<Expect>,
}

/// Something that goes from one stage to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name.
    pub name: String,
    /// What goes through it.
    pub kind: PortKind,
    /// Whether the stage can do without (written with a question mark). Inputs only.
    pub optional: bool,
}

/// What goes through a port. All but text are ids that the host made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortKind {
    /// Untrusted text.
    Text,
    /// A downloaded package.
    Artifact,
    /// An extracted directory.
    Tree,
    /// A copy of tables.
    Snapshot,
}

const KINDS: [(&str, PortKind); 4] = [
    ("text", PortKind::Text),
    ("artifact", PortKind::Artifact),
    ("tree", PortKind::Tree),
    ("snapshot", PortKind::Snapshot),
];

impl PortKind {
    /// The kind with this name in the contract.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }
}

impl fmt::Display for PortKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Artifact => "artifact",
            Self::Tree => "tree",
            Self::Snapshot => "snapshot",
        })
    }
}

/// An output of an earlier slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The slot.
    pub slot: String,
    /// The name of its output.
    pub output: String,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.output)
    }
}

/// Something that a slot needs from the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Of which capability.
    pub capability: AskedCapability,
    /// A database, a root, a command, or an origin; for the network "*" where only the operator knows it.
    pub object: String,
    /// How far.
    pub access: Access,
    /// Why, in the vendor's words.
    pub reason: String,
}

/// A capability that must be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskedCapability {
    /// A database of the installation.
    Database,
    /// A root of the installation.
    Files,
    /// A server.
    Network,
    /// A command of the operator's.
    Command,
}

const CAPABILITIES: [(&str, AskedCapability); 4] = [
    ("database", AskedCapability::Database),
    ("files", AskedCapability::Files),
    ("network", AskedCapability::Network),
    ("command", AskedCapability::Command),
];

impl AskedCapability {
    /// The capability with this name in the contract.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        CAPABILITIES.iter().find(|(name, _)| *name == word).map(|(_, capability)| *capability)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        CAPABILITIES.iter().map(|(_, capability)| *capability)
    }

    /// How far one may go with it.
    #[must_use]
    pub fn accesses(self) -> &'static [(&'static str, Access)] {
        match self {
            Self::Database => &Access::OF_DATABASES,
            Self::Files => &Access::OF_FILES,
            Self::Network => &[("read", Access::Read)],
            Self::Command => &Access::OF_COMMANDS,
        }
    }

    /// Whether one may go that far with it at all.
    #[must_use]
    pub fn has(self, access: Access) -> bool {
        self.accesses().iter().any(|(_, known)| *known == access)
    }
}

impl fmt::Display for AskedCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Files => "files",
            Self::Network => "network",
            Self::Command => "command",
        })
    }
}

/// When a slot runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// As part of the upgrade: undone with it.
    Upgrade,
    /// After the operator's decision to keep it.
    After,
}

const PHASES: [(&str, Phase); 2] = [("upgrade", Phase::Upgrade), ("after", Phase::After)];

/// Something that must be so after the slot, whatever the stage says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The first value of the first row of a query.
    Query {
        /// The database.
        database: String,
        /// One reading statement.
        query: String,
        /// The value, as text.
        equals: String,
    },
    /// A text in a file.
    File {
        /// The root.
        root: String,
        /// The path in it.
        file: String,
        /// The text.
        contains: String,
    },
}

impl Slot {
    /// Reads one `[[slot]]`. None where something essential is missing, which is noted.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let name = section.required("name", slot_name);
        let title = section.optional("title", value::line);
        let component = section.required("component", value::path_below);
        let sha256 = section.required("sha256", value::sha256);
        let codes = section.optional("codes", value::list(value::code)).unwrap_or_default();
        let consumes = ports(section.values("consumes", |item| kind(item, true)));
        let produces = ports(section.values("produces", |item| kind(item, false)));
        let inputs = section.values("inputs", input);
        let params = section.values("params", value::param);
        let asks = section.list("asks").iter_mut().filter_map(Ask::read).collect();
        let phase = section.optional("phase", value::word(&PHASES)).unwrap_or(Phase::Upgrade);
        let limits = section.table("limits").map(|mut limits| LimitOverrides::read(&mut limits)).unwrap_or_default();
        let expect = section.list("expect").iter_mut().filter_map(Expect::read).collect();
        let name = name?;
        let title = title.unwrap_or_else(|| name.clone());
        let (component, sha256) = (component?, sha256?);
        Some(Self {
            name,
            title,
            component,
            sha256,
            codes,
            consumes,
            produces,
            inputs,
            params,
            asks,
            phase,
            limits,
            expect,
        })
    }

    /// The port that takes this input.
    #[must_use]
    pub fn consumed(&self, name: &str) -> Option<&Port> {
        self.consumes.iter().find(|port| port.name == name)
    }

    /// The port that gives this output.
    #[must_use]
    pub fn produced(&self, name: &str) -> Option<&Port> {
        self.produces.iter().find(|port| port.name == name)
    }
}

impl Ask {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let capability = section.required("capability", value::word(&CAPABILITIES));
        let object = match capability? {
            AskedCapability::Network => section.required("object", origin_or_any),
            _ => section.required("object", value::name),
        };
        let access = section.required("access", value::word(&Access::NAMED));
        let reason = section.required("reason", value::line);
        let (capability, access) = (capability?, access?);
        if !capability.has(access) {
            let message = match capability {
                AskedCapability::Network => "the network is for reading only",
                AskedCapability::Files => "programs are defined in databases only",
                AskedCapability::Database => "a database is not run",
                AskedCapability::Command => "a command is only run",
            };
            let words: Vec<_> = capability.accesses().iter().map(|(word, _)| format!("{word:?}")).collect();
            section.note(
                "bad-value",
                Some("access"),
                message.to_owned(),
                Some(format!("write {}", words.join(" or "))),
            );
        }
        Some(Self { capability, object: object?, access, reason: reason? })
    }
}

impl Expect {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let database = section.optional("database", value::name);
        let query = section.optional("query", value::text);
        let equals = section.optional("equals", value::scalar);
        let root = section.optional("root", value::name);
        let file = section.optional("file", value::path_below);
        let contains = section.optional("contains", value::text);
        match (database, query, equals, root, file, contains) {
            (Some(database), Some(query), Some(equals), None, None, None) => {
                Some(Self::Query { database, query, equals })
            }
            (None, None, None, Some(root), Some(file), Some(contains)) => Some(Self::File { root, file, contains }),
            _ => {
                let hint = "write database, query and equals, or root, file and contains";
                section.note("bad-value", None, "does not say what to expect".to_owned(), Some(hint.to_owned()));
                None
            }
        }
    }
}

/// A slot's name. "default" would be taken for the limits of all slots, "versions" for what reads them.
fn slot_name(item: &Item<'_>) -> Result<String, Wrong> {
    let name = value::name(item)?;
    match name.as_str() {
        "default" | VERSIONS => Err(value::bad(format!("no slot can be called {name:?}"), None)),
        _ => Ok(name),
    }
}

fn ports(kinds: BTreeMap<String, (PortKind, bool)>) -> Vec<Port> {
    kinds.into_iter().map(|(name, (kind, optional))| Port { name, kind, optional }).collect()
}

fn kind(item: &Item<'_>, may_be_optional: bool) -> Result<(PortKind, bool), Wrong> {
    let text = value::text(item)?;
    let (word, optional) = text.strip_suffix('?').map_or((text.as_str(), false), |word| (word, may_be_optional));
    let fits = PortKind::named(word).filter(|_| may_be_optional || !text.ends_with('?'));
    let hint = || did_you_mean(word, KINDS.iter().map(|(name, _)| *name));
    fits.map(|kind| (kind, optional)).ok_or_else(|| value::bad(format!("{text:?} is not a kind"), hint()))
}

fn input(item: &Item<'_>) -> Result<Input, Wrong> {
    let text = value::text(item)?;
    let named = text.split_once('.').filter(|(slot, output)| value::is_name(slot) && value::is_name(output));
    let (slot, output) =
        named.ok_or_else(|| value::bad(format!("{text:?} is not an output"), "write \"slot.output\"".to_owned()))?;
    Ok(Input { slot: slot.to_owned(), output: output.to_owned() })
}

fn origin_or_any(item: &Item<'_>) -> Result<String, Wrong> {
    if item.get_ref().as_str() == Some("*") { Ok("*".to_owned()) } else { value::origin(item) }
}
