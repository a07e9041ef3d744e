//! The rule that the contract is frozen: components match interfaces by structure, so that any change of a released WIT file
//! breaks every compiled plugin.

use std::collections::BTreeMap;

use anyhow::Result;
use toml_edit::{DocumentMut, value};

use super::Finding;
use super::source::{self, Source};
use crate::bundle::{hex_digest, put};
use crate::layout::Layout;

const FROZEN: &str = "wit/frozen.toml";
const HOW: &str = "add a new function or a new version instead; before the first release: `cargo xtask tidy --freeze`";

/// Writes the digests of the contract as it is.
///
/// # Errors
/// What the file system says.
pub(super) fn freeze(layout: &Layout) -> Result<()> {
    let now = digests(&source::read(&layout.root)?);
    put(&layout.root.join(FROZEN), render(&now).as_bytes())?;
    println!("{FROZEN}: {} files", now.len());
    Ok(())
}

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let Some(frozen) = sources.iter().find(|source| source.path == FROZEN) else {
        return vec![Finding::new(FROZEN, 1, "frozen", "it is not there; `cargo xtask tidy --freeze`")];
    };
    let Ok(frozen) = frozen.text.parse::<DocumentMut>() else {
        return vec![Finding::new(FROZEN, 1, "frozen", "it is no TOML; `cargo xtask tidy --freeze`")];
    };
    let frozen: BTreeMap<_, _> =
        frozen.iter().filter_map(|(path, digest)| Some((path.to_owned(), digest.as_str()?.to_owned()))).collect();
    let now = digests(sources);
    let mut findings = Vec::new();
    for path in frozen.keys().filter(|path| !now.contains_key(*path)) {
        findings.push(Finding::new(FROZEN, 1, "frozen", format!("wit/{path} is gone; {HOW}")));
    }
    for (path, digest) in &now {
        let advice = match frozen.get(path) {
            Some(old) if old == digest => continue,
            Some(_) => format!("it differs from the frozen one; {HOW}"),
            None => format!("it is not in {FROZEN}; `cargo xtask tidy --freeze`"),
        };
        findings.push(Finding::new(&format!("wit/{path}"), 1, "frozen", advice));
    }
    findings
}

/// Path below `wit/` and SHA-256 of each file of the contract.
fn digests(sources: &[Source]) -> BTreeMap<String, String> {
    let contract = sources.iter().filter_map(|source| {
        let below = source.path.strip_prefix("wit/").filter(|path| path.ends_with(".wit"))?;
        Some((below.to_owned(), hex_digest(source.text.as_bytes())))
    });
    contract.collect()
}

fn render(digests: &BTreeMap<String, String>) -> String {
    let mut document = DocumentMut::new();
    for (path, digest) in digests {
        document[path] = value(digest);
    }
    format!(
        "# SHA-256 of each file of the contract. Checked, and after a change on purpose written, by `cargo xtask tidy`.\n{document}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn contract(texts: &[(&str, &str)]) -> Vec<Source> {
        texts.iter().map(|(path, text)| source(path, text)).collect()
    }

    fn frozen(texts: &[(&str, &str)]) -> Vec<Source> {
        let mut sources = contract(texts);
        let digests = render(&digests(&sources));
        sources.push(source(FROZEN, &digests));
        sources
    }

    #[test]
    fn a_contract_that_was_never_frozen_is_found() {
        assert_eq!(check(&contract(&[("wit/a.wit", "a")])).len(), 1);
    }

    #[test]
    fn a_change_is_found() {
        let mut sources = frozen(&[("wit/deps/a/a.wit", "a"), ("wit/b.wit", "b")]);
        assert_eq!(check(&sources), []);
        sources[0].text.push(' ');
        let findings = check(&sources);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].file, "wit/deps/a/a.wit");
    }

    #[test]
    fn a_file_that_came_or_went_is_found() {
        let mut sources = frozen(&[("wit/a.wit", "a")]);
        sources.push(source("wit/new.wit", "n"));
        assert_eq!(check(&sources).len(), 1);
        sources.remove(0);
        assert_eq!(check(&sources).len(), 2);
    }
}
