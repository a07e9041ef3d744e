//! Packages that the operator names on the command line: a local copy in place of the address, for this run. The pin holds all
//! the same. The journal remembers them, so `resume` needs no word about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Upgrade;
use crate::bundle::{ArtifactPin, did_you_mean};
use crate::effect::Fault;

/// The packages of this run, by name.
pub(super) type Packages = BTreeMap<String, PathBuf>;

impl Upgrade {
    /// Takes packages from these files: `NAME=FILE`, or `FILE` alone where the pipeline has but one package.
    ///
    /// # Errors
    /// "package-unknown", "package-not-named", "package-named-twice", "package-missing".
    pub fn take_packages(&mut self, given: &[String]) -> Result<(), Fault> {
        self.packages = read(given, &self.setup.artifacts)?;
        if let Some((name, path)) = self.packages.iter().find(|(_, path)| !path.is_file()) {
            let text = format!("the package {name} is not at {}, or is no file", path.display());
            return Err(Fault::new("package-missing", text));
        }
        put(&self.packages, &mut self.setup.artifacts);
        Ok(())
    }

    /// The same again for a run that has begun with them. One that is gone may be downloaded by now; if not, what the settings
    /// say holds.
    pub(super) fn take_packages_of(&mut self, run: &Packages) {
        let there = run.iter().filter(|(_, path)| path.is_file());
        self.packages = there.map(|(name, path)| (name.clone(), path.clone())).collect();
        put(&self.packages, &mut self.setup.artifacts);
    }
}

fn put(packages: &Packages, artifacts: &mut BTreeMap<String, ArtifactPin>) {
    for (name, path) in packages {
        if let Some(pin) = artifacts.get_mut(name) {
            pin.file = Some(path.clone());
        }
    }
}

/// A name and a file are told apart by the names that there are: a path may have a `=` in it too.
fn read(given: &[String], artifacts: &BTreeMap<String, ArtifactPin>) -> Result<Packages, Fault> {
    let mut packages = Packages::new();
    for text in given {
        let named = text.split_once('=').filter(|(name, _)| artifacts.contains_key(*name));
        let (name, file) = match named {
            Some((name, file)) => (name.to_owned(), file),
            None => (the_only(text, artifacts)?, text.as_str()),
        };
        let path = std::path::absolute(Path::new(file)).map_err(|e| Fault::io(format_args!("finding {file}"), &e))?;
        if packages.insert(name.clone(), path).is_some() {
            return Err(Fault::new("package-named-twice", format!("the package {name} is named twice")));
        }
    }
    Ok(packages)
}

fn the_only(text: &str, artifacts: &BTreeMap<String, ArtifactPin>) -> Result<String, Fault> {
    let names = || artifacts.keys().map(String::as_str);
    match (names().next(), names().nth(1)) {
        (Some(name), None) => Ok(name.to_owned()),
        (None, _) => Err(Fault::new("package-unknown", "this pipeline has no packages")),
        _ => {
            let all = names().collect::<Vec<_>>().join(", ");
            let fault = Fault::new("package-not-named", format!("which package is {text}? The pipeline has {all}"));
            let hint = text.split_once('=').and_then(|(name, _)| did_you_mean(name, names()));
            Err(fault.hint(hint.unwrap_or_else(|| "write --package NAME=FILE".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> BTreeMap<String, ArtifactPin> {
        names.iter().map(|name| ((*name).to_owned(), ArtifactPin::default())).collect()
    }

    fn code(given: &[&str], names: &[&str]) -> &'static str {
        let given: Vec<_> = given.iter().map(|text| (*text).to_owned()).collect();
        read(&given, &of(names)).unwrap_err().code
    }

    fn one(given: &str, names: &[&str]) -> (String, PathBuf) {
        read(&[given.to_owned()], &of(names)).unwrap().pop_first().unwrap()
    }

    #[test]
    fn a_file_that_could_be_any_of_several_or_none_is_refused() {
        assert_eq!(code(&["/a.zip"], &["app", "plugins"]), "package-not-named");
        assert_eq!(code(&["ap=/a.zip"], &["app", "plugins"]), "package-not-named");
        assert_eq!(code(&["/a.zip"], &[]), "package-unknown");
        assert_eq!(code(&["/a.zip", "app=/b.zip"], &["app"]), "package-named-twice");
    }

    #[test]
    fn the_only_package_needs_no_name() {
        assert_eq!(one("/a.zip", &["app"]), ("app".into(), "/a.zip".into()));
        assert_eq!(one("/v=2/a.zip", &["app"]), ("app".into(), "/v=2/a.zip".into()));
        assert_eq!(one("plugins=/p.zip", &["app", "plugins"]), ("plugins".into(), "/p.zip".into()));
    }

    #[test]
    fn a_local_copy_changes_the_place_and_not_the_pin() {
        let pin = ArtifactPin { sha256: Some("d".into()), size: Some(7), ..ArtifactPin::default() };
        let mut artifacts = BTreeMap::from([("app".to_owned(), pin.clone())]);
        put(&BTreeMap::from([("app".into(), "/a.zip".into())]), &mut artifacts);
        assert_eq!(artifacts["app"], ArtifactPin { file: Some("/a.zip".into()), ..pin });
    }
}
