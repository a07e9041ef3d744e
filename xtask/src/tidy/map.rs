//! The rule that the map shows the land: ARCHITECTURE.md names every top-level module of the host.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

const MAP: &str = "ARCHITECTURE.md";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let modules: BTreeSet<_> = sources.iter().filter_map(|source| module(&source.path)).collect();
    let Some(map) = sources.iter().find(|source| source.path == MAP) else {
        return vec![Finding::new(MAP, 1, "map", "it is not there; write the code map")];
    };
    let missing = modules.into_iter().filter(|name| !map.text.contains(*name));
    missing
        .map(|name| Finding::new(MAP, 1, "map", format!("it does not name host/src/{name}; say what it is")))
        .collect()
}

/// `engine/` or `effect.rs`: as the map writes it.
fn module(path: &str) -> Option<&str> {
    let below = path.strip_prefix("host/src/")?;
    let name = below.find('/').map_or(below, |slash| &below[..=slash]);
    (!matches!(name, "lib.rs" | "main.rs")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_repository_without_a_map_is_found() {
        assert_eq!(check(&[source("host/src/effect.rs", "")]).len(), 1);
    }

    #[test]
    fn a_module_that_the_map_forgot_is_found() {
        let modules = ["host/src/lib.rs", "host/src/effect.rs", "host/src/io/a.rs", "host/src/io/b.rs"];
        let mut sources: Vec<_> = modules.iter().map(|path| source(path, "")).collect();
        sources.push(source(MAP, "`effect.rs` is the seam"));
        let findings = check(&sources);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].advice.contains("host/src/io/"), "{findings:?}");
        sources.push(source("x", ""));
        sources[4].text.push_str(", `io/` the bottom");
        assert_eq!(check(&sources), []);
    }
}
