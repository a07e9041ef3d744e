//! A bundle: a pipeline with its components beside it, each pinned by its digest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use toml_edit::{DocumentMut, Item, Table, value};

/// Writes the bundle of one application.
///
/// # Errors
/// If the pipeline names a component that is not there, or a file cannot be read or written.
pub(crate) fn make(pipeline: &Path, bundle: &Path, stages: &BTreeMap<String, PathBuf>) -> Result<()> {
    let text = fs::read_to_string(pipeline)?;
    let mut files = BTreeMap::new();
    let text = pinned(&text, |name| {
        let Some(component) = stages.get(name) else { bail!("no stage is called {name}") };
        let bytes = fs::read(component)?;
        let digest = hex_digest(&bytes);
        files.insert(format!("{name}.wasm"), bytes);
        Ok(digest)
    })
    .with_context(|| pipeline.display().to_string())?;
    files.insert("pipeline.toml".to_owned(), text.into_bytes());
    remove_others(bundle, &files)?;
    for (name, bytes) in &files {
        put(&bundle.join(name), bytes)?;
    }
    Ok(())
}

/// The pipeline with files in the place of names, and their digests.
fn pinned(pipeline: &str, mut digest: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut document = pipeline.parse::<DocumentMut>()?;
    let slots = document.get_mut("slot").and_then(|slots| slots.as_array_of_tables_mut());
    let Some(slots) = slots else { bail!("it has no [[slot]]") };
    for (number, slot) in slots.iter_mut().enumerate() {
        pin(slot, &format!("slot {}", number + 1), &mut digest)?;
    }
    if let Some(versions) = document.get_mut("versions").and_then(Item::as_table_mut) {
        pin(versions, "[versions]", &mut digest)?;
    }
    Ok(document.to_string())
}

/// Puts file and digest into a table that names a component.
fn pin(table: &mut Table, what: &str, digest: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    let Some(name) = table.get("component").and_then(|name| name.as_str()).map(str::to_owned) else {
        bail!("{what} names no component");
    };
    let digest = digest(&name)?;
    table["component"] = value(format!("{name}.wasm"));
    table["sha256"] = value(digest);
    Ok(())
}

/// Removes what an earlier build left and this one does not make.
fn remove_others(bundle: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    fs::create_dir_all(bundle)?;
    for entry in fs::read_dir(bundle)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| files.contains_key(name)) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file, if it is not so already.
///
/// # Errors
/// What the file system says.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// SHA-256 in hexadecimal.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_without_a_component_is_refused() {
        let error = pinned("[[slot]]\nname = \"a\"\n", |_| Ok(String::new())).unwrap_err();
        assert_eq!(error.to_string(), "slot 1 names no component");
    }

    #[test]
    fn a_pipeline_without_slots_is_refused() {
        assert!(pinned("name = \"a\"\n", |_| Ok(String::new())).is_err());
    }

    #[test]
    fn a_component_that_was_not_built_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let pipeline = directory.path().join("pipeline.toml");
        fs::write(&pipeline, "[[slot]]\ncomponent = \"nowhere\"\n").unwrap();
        let error = make(&pipeline, &directory.path().join("bundle"), &BTreeMap::new()).unwrap_err();
        assert!(format!("{error:#}").ends_with("no stage is called nowhere"), "{error:#}");
    }

    #[test]
    fn comments_stay_and_digests_are_filled_in() {
        let text = "# why\n[[slot]]\nname = \"a\" # kept\ncomponent = \"one\"\nsha256 = \"\"\n";
        let out = pinned(text, |name| Ok(format!("digest of {name}"))).unwrap();
        assert!(out.starts_with("# why\n"), "{out}");
        assert!(out.contains("name = \"a\" # kept"), "{out}");
        assert!(out.contains("component = \"one.wasm\"\nsha256 = \"digest of one\"\n"), "{out}");
    }

    #[test]
    fn the_component_that_reads_versions_is_pinned_too() {
        let text = "[versions]\ncomponent = \"eyes\"\n\n[[slot]]\ncomponent = \"one\"\n";
        let out = pinned(text, |name| Ok(format!("digest of {name}"))).unwrap();
        assert!(out.contains("component = \"eyes.wasm\"\nsha256 = \"digest of eyes\"\n"), "{out}");
        let error = pinned(&text.replace("component = \"eyes\"", ""), |_| Ok(String::new())).unwrap_err();
        assert_eq!(error.to_string(), "[versions] names no component");
    }

    #[test]
    fn a_bundle_is_made_and_old_components_go() {
        let directory = tempfile::tempdir().unwrap();
        let (pipeline, bundle) = (directory.path().join("pipeline.toml"), directory.path().join("bundle"));
        fs::write(&pipeline, "[[slot]]\ncomponent = \"one\"\n").unwrap();
        fs::create_dir(&bundle).unwrap();
        fs::write(bundle.join("old.wasm"), "").unwrap();
        let component = directory.path().join("one.wasm");
        fs::write(&component, "abc").unwrap();
        make(&pipeline, &bundle, &BTreeMap::from([("one".to_owned(), component)])).unwrap();
        assert!(!bundle.join("old.wasm").exists());
        assert_eq!(fs::read(bundle.join("one.wasm")).unwrap(), b"abc");
        let text = fs::read_to_string(bundle.join("pipeline.toml")).unwrap();
        assert!(text.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{text}");
    }
}
