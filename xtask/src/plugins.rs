//! `plugins`: builds the stages to components and makes the bundles.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml_edit::DocumentMut;

use crate::bundle;
use crate::guest::Guest;
use crate::layout::{Layout, WASM};
use crate::outside;
use crate::process;
use crate::setup;

/// Build the stages to components and make the bundles (`target/bundles/<application>/`)
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(layout: &Layout, _: &Arguments) -> Result<()> {
    let guest = setup::ready(layout)?;
    println!("{}", build(layout, &guest)?);
    Ok(())
}

/// Builds all components and bundles. Returns a line of numbers.
///
/// # Errors
/// If a crate does not build, or a pipeline names a component that is not there.
pub(crate) fn build(layout: &Layout, guest: &Guest) -> Result<String> {
    let stages = components(layout, guest, &layout.plugins())?;
    let fixtures = components(layout, guest, &layout.test_guests())?;
    for (name, component) in &fixtures {
        bundle::put(&layout.guests().join(format!("{name}.wasm")), &fs::read(component)?)?;
    }
    let outside = outside::build(layout, guest)?;
    let bundles = bundles(layout, &stages)?;
    Ok(format!(
        "{} stages, {bundles} bundles, {} guests of the tests, {outside} built outside",
        stages.len(),
        fixtures.len()
    ))
}

/// Builds a workspace of guests, if it exists: name of the crate, path of the component.
fn components(layout: &Layout, guest: &Guest, workspace: &Path) -> Result<BTreeMap<String, PathBuf>> {
    if !workspace.join("Cargo.toml").is_file() {
        return Ok(BTreeMap::new());
    }
    let mut build = guest.cargo(layout, workspace, "build")?;
    process::run(build.arg("--workspace"))?;
    let release = layout.guest_target().join(WASM).join("release");
    let mut components = BTreeMap::new();
    for name in stage_crates(workspace)? {
        let path = release.join(format!("{}.wasm", name.replace('-', "_")));
        let bytes =
            fs::read(&path).with_context(|| format!("{name} was built, but {} is not there", path.display()))?;
        if !is_component(&bytes) {
            bail!("{name} was linked to a core module, not to a component: does it call wit_bindgen::generate?");
        }
        components.insert(name, path);
    }
    Ok(components)
}

/// The workspace's crates of the type cdylib: each becomes a component.
fn stage_crates(workspace: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for manifest in manifests(workspace, 0)? {
        let text = fs::read_to_string(&manifest)?;
        let manifest = text.parse::<DocumentMut>().with_context(|| manifest.display().to_string())?;
        let types = manifest.get("lib").and_then(|lib| lib.get("crate-type")).and_then(|types| types.as_array());
        let cdylib = types.is_some_and(|types| types.iter().any(|kind| kind.as_str() == Some("cdylib")));
        if let Some(name) = manifest.get("package").and_then(|package| package.get("name")?.as_str())
            && cdylib
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The manifests of the members: at most two directories deep (`common/<stage>`).
fn manifests(directory: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if directory.join("Cargo.toml").is_file() {
        found.push(directory.join("Cargo.toml"));
    }
    if depth == 2 {
        return Ok(found);
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "target" {
            found.extend(manifests(&entry.path(), depth + 1)?);
        }
    }
    Ok(found)
}

/// An application's `pipeline.toml` becomes the bundle of its name; any other `<name>.toml` beside it `<application>-<name>`.
fn bundles(layout: &Layout, stages: &BTreeMap<String, PathBuf>) -> Result<usize> {
    let mut made = 0;
    for (name, source) in pipelines(&layout.plugins())? {
        bundle::make(&source, &layout.bundles().join(name), stages)?;
        made += 1;
    }
    Ok(made)
}

/// The names of the bundles, and the files that say what is in them.
fn pipelines(plugins: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    if !plugins.is_dir() {
        return Ok(found);
    }
    for application in fs::read_dir(plugins)? {
        let application = application?;
        if !application.path().join("pipeline.toml").is_file() {
            continue;
        }
        let folder = application.file_name().to_string_lossy().into_owned();
        for entry in fs::read_dir(application.path())? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let name = match path.file_stem().map(|stem| stem.to_string_lossy()) {
                Some(stem) if stem == "pipeline" => folder.clone(),
                Some(stem) => format!("{folder}-{stem}"),
                None => continue,
            };
            found.insert(name, path);
        }
    }
    Ok(found)
}

/// The first eight bytes of a component: magic, version 13, layer 1.
fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x0d\0\x01\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_module_is_no_component() {
        assert!(!is_component(b"\0asm\x01\0\0\0"));
        assert!(!is_component(b""));
        assert!(is_component(b"\0asm\x0d\0\x01\0rest"));
    }

    #[test]
    fn each_pipeline_of_an_application_is_a_bundle() {
        let plugins = tempfile::tempdir().unwrap();
        for path in ["one/pipeline.toml", "two/pipeline.toml", "two/patch-set.toml", "two/notes.md", "sdk/Cargo.toml"] {
            let path = plugins.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names: Vec<_> = pipelines(plugins.path()).unwrap().into_keys().collect();
        assert_eq!(names, ["one", "two", "two-patch-set"]);
    }

    #[test]
    fn only_cdylibs_are_stages() {
        let workspace = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = workspace.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace]\nmembers = []\n");
        write("sdk/Cargo.toml", "[package]\nname = \"sdk\"\n");
        write("common/backup/Cargo.toml", "[package]\nname = \"backup\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n");
        write("target/x/Cargo.toml", "[package]\nname = \"x\"\n[lib]\ncrate-type = [\"cdylib\"]\n");
        assert_eq!(stage_crates(workspace.path()).unwrap(), ["backup"]);
    }
}
