//! What a stage is and what it can be asked.

use crate::bindings::exports::liftlock::stage::lifecycle;
use crate::failure::{Failure, Finding, Outcome};
use crate::run;

/// What `check` and `verify` answer. A failure (by `?`) counts as one finding that blocks.
pub type Findings = Result<Vec<Finding>, Failure>;

/// A stage. Each function is called in a fresh instance: nothing is remembered between them.
pub trait Stage {
    /// What the stage is. Must not call the host: nothing is granted yet.
    fn info() -> Info;

    /// Looks whether [`apply`](Stage::apply) would work. Read-only, no network; called at the start of the run, when inputs
    /// may still be missing ([`Finding::deferred`]), and again just before the stage.
    ///
    /// # Errors
    /// What the host says; it becomes a finding that blocks, under the application's own code as in [`apply`](Stage::apply).
    fn check() -> Findings {
        Ok(Vec::new())
    }

    /// Does the work. A failure carries the application's own code if the slot has the parameter `code-<code>` for it, or
    /// `code` for all; what it was called here stays in the fact `cause`.
    ///
    /// # Errors
    /// Whatever keeps the work from being done. The host puts back what was changed.
    fn apply() -> Result<Outcome, Failure>;

    /// Looks whether the work holds. Read-only.
    ///
    /// # Errors
    /// What the host says; it becomes a finding that blocks.
    fn verify() -> Findings {
        Ok(Vec::new())
    }
}

impl<S: Stage> lifecycle::Guest for S {
    fn describe() -> lifecycle::StageInfo {
        S::info().0
    }

    fn check() -> Vec<Finding> {
        S::check().unwrap_or_else(|failure| vec![with_own_code(failure).into()])
    }

    fn apply() -> Result<Outcome, Failure> {
        S::apply().map_err(with_own_code)
    }

    fn verify() -> Vec<Finding> {
        S::verify().unwrap_or_else(|failure| vec![with_own_code(failure).into()])
    }
}

/// Gives a failure the application's own code, where the slot names one.
fn with_own_code(failure: Failure) -> Failure {
    match run::param(&format!("code-{}", failure.code)).or_else(|| run::param("code")) {
        Some(code) => failure.under(code),
        None => failure,
    }
}

/// What goes from one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words. Whoever reads them must not trust them.
    Text,
    /// A package that was downloaded: an id that the host made.
    Artifact,
    /// A tree that was extracted: an id that the host made.
    Tree,
    /// A copy of tables: an id that the host made.
    Snapshot,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Artifact => "artifact",
            Self::Tree => "tree",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What a stage says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Info(lifecycle::StageInfo);

impl Info {
    /// A stage that needs and gives nothing yet. `version` is semantic: `env!("CARGO_PKG_VERSION")`.
    pub fn new(name: &str, version: &str) -> Self {
        Self(lifecycle::StageInfo {
            name: name.to_owned(),
            version: version.to_owned(),
            consumes: Vec::new(),
            produces: Vec::new(),
            asks: Vec::new(),
            extra: Vec::new(),
        })
    }

    /// Needs an input of this name.
    #[must_use]
    pub fn consumes(mut self, name: &str, kind: Kind) -> Self {
        self.0.consumes.push(port(name, kind, &[]));
        self
    }

    /// Takes an input of this name where the slot wires one.
    #[must_use]
    pub fn may_consume(mut self, name: &str, kind: Kind) -> Self {
        self.0.consumes.push(port(name, kind, &[("optional", "true")]));
        self
    }

    /// Puts out a value of this name.
    #[must_use]
    pub fn produces(mut self, name: &str, kind: Kind) -> Self {
        self.0.produces.push(port(name, kind, &[]));
        self
    }

    /// Asks the operator for something.
    #[must_use]
    pub fn asks(mut self, ask: Asked) -> Self {
        self.0.asks.push(ask.0);
        self
    }
}

fn port(name: &str, kind: Kind, extra: &[(&str, &str)]) -> lifecycle::Port {
    let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    lifecycle::Port { name: name.to_owned(), kind: kind.name().to_owned(), extra }
}

/// The first half of an ask: for what. The second half is how, and why: [`read`](Ask::read), [`write`](Ask::write),
/// [`define`](Ask::define) or [`run`](Ask::run).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    capability: &'static str,
    object: String,
}

/// An ask with its reason: made by [`Ask::read`] and its like, taken by [`Info::asks`].
#[derive(Debug, Clone, PartialEq)]
pub struct Asked(lifecycle::Ask);

impl Ask {
    /// A database by its name; `*` is the one that a parameter names.
    pub fn database(name: &str) -> Self {
        Self { capability: "database", object: name.to_owned() }
    }

    /// A root by its name; `*` is the one that a parameter names.
    pub fn files(root: &str) -> Self {
        Self { capability: "files", object: root.to_owned() }
    }

    /// An origin (`https://example.org`); `*` where only the operator knows.
    pub fn network(origin: &str) -> Self {
        Self { capability: "network", object: origin.to_owned() }
    }

    /// A command of the operator's by its name; `*` is the one that a parameter names. The operator may have none.
    pub fn command(name: &str) -> Self {
        Self { capability: "command", object: name.to_owned() }
    }

    /// To read, with the reason in words for the operator.
    pub fn read(self, reason: &str) -> Asked {
        self.access("read", reason)
    }

    /// To read and change, with the reason in words for the operator.
    pub fn write(self, reason: &str) -> Asked {
        self.access("write", reason)
    }

    /// To read and change, and to make programs that stay: triggers, views, routines, events. Of databases only. A slot of a
    /// pipeline may ask for less, and the stage then gets less.
    pub fn define(self, reason: &str) -> Asked {
        self.access("define", reason)
    }

    /// To run, with the reason in words for the operator. Of commands only.
    pub fn run(self, reason: &str) -> Asked {
        self.access("run", reason)
    }

    fn access(self, access: &str, reason: &str) -> Asked {
        Asked(lifecycle::Ask {
            capability: self.capability.to_owned(),
            object: self.object,
            access: access.to_owned(),
            reason: reason.to_owned(),
            extra: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Stage for Plain {
        fn info() -> Info {
            Info::new("plain", "1.2.3")
                .consumes("package", Kind::Artifact)
                .may_consume("tree", Kind::Tree)
                .produces("rows", Kind::Text)
                .asks(Ask::files("app").write("puts a file there"))
                .asks(Ask::database("*").define("makes a trigger"))
                .asks(Ask::command("clear-cache").run("builds the cache"))
        }

        fn apply() -> Result<Outcome, Failure> {
            Ok(Outcome::unchanged("nothing"))
        }
    }

    #[test]
    fn a_stage_with_defaults_describes_itself() {
        let info = <Plain as lifecycle::Guest>::describe();
        assert_eq!((info.name.as_str(), info.version.as_str()), ("plain", "1.2.3"));
        assert_eq!(info.consumes[0].kind, "artifact");
        assert_eq!(info.consumes[1].kind, "tree");
        assert_eq!(info.consumes[1].extra, [("optional".to_owned(), "true".to_owned())]);
        assert_eq!(info.produces[0].kind, "text");
        assert_eq!((info.asks[0].capability.as_str(), info.asks[0].access.as_str()), ("files", "write"));
        assert_eq!((info.asks[1].capability.as_str(), info.asks[1].access.as_str()), ("database", "define"));
        assert_eq!((info.asks[2].capability.as_str(), info.asks[2].access.as_str()), ("command", "run"));
        assert_eq!(<Plain as lifecycle::Guest>::check(), []);
    }
}
