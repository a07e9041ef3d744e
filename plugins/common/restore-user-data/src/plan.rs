//! What is copied and what is carried, given what both directories have.

use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::join;
use liftlock_sdk::look::{Found, Look};

use crate::spec::{CarrySpec, CopySpec, fits};

/// The parameters of the slot.
pub(crate) struct Plan {
    pub(crate) copy: Vec<CopySpec>,
    pub(crate) carry: Vec<CarrySpec>,
    pub(crate) carry_unknown: Vec<String>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Copied to the same path of the new tree.
    pub(crate) copies: Vec<String>,
    /// Renamed by the switch.
    pub(crate) carries: Vec<Pair>,
}

/// From a path of the root to one of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Work {
    /// Adds what is carried as well, but for what is copied.
    pub(crate) fn carry(&mut self, pairs: Vec<Pair>) -> Result<(), Failure> {
        pairs.iter().try_for_each(must_fit_on_a_line)?;
        self.carries.extend(pairs.into_iter().filter(|pair| !self.copies.contains(&pair.from)));
        Ok(())
    }
}

impl Plan {
    /// Fails if something that must be there is not. All that can be said before the new tree is there.
    pub(crate) fn missing(&self, root: &impl Look) -> Result<(), Failure> {
        for spec in &self.copy {
            expand(root, spec)?;
        }
        self.named_carries(root).map(|_| ())
    }

    /// What is to be done. The same before and after the copies were made.
    pub(crate) fn resolve(&self, root: &impl Look, tree: &impl Look) -> Result<Work, Failure> {
        let mut carries = self.named_carries(root)?;
        for directory in &self.carry_unknown {
            let unknown = unknown(root, tree, directory)?.into_iter().filter(|pair| !is_carried(&carries, &pair.from));
            carries.extend(unknown.collect::<Vec<_>>());
        }
        let mut copies = Vec::new();
        for spec in &self.copy {
            for path in expand(root, spec)? {
                if !is_carried(&carries, &path) && wanted(tree, spec, &path)? {
                    copies.push(path);
                }
            }
        }
        copies.sort();
        copies.dedup();
        carries.iter().try_for_each(must_fit_on_a_line)?;
        Ok(Work { copies, carries })
    }

    fn named_carries(&self, root: &impl Look) -> Result<Vec<Pair>, Failure> {
        let mut pairs = Vec::new();
        for spec in &self.carry {
            match root.find(&spec.from)? {
                Found::Nothing if spec.optional => {}
                Found::Nothing => return Err(missing(&spec.from)),
                _ => pairs.push(Pair { from: spec.from.clone(), to: spec.to.clone() }),
            }
        }
        Ok(pairs)
    }
}

/// The paths of the root that an entry of `copy` stands for.
fn expand(root: &impl Look, spec: &CopySpec) -> Result<Vec<String>, Failure> {
    let mut paths = vec![String::new()];
    for part in spec.path.split('/') {
        let mut further = Vec::new();
        for path in &paths {
            match part {
                name if !name.contains('*') => further.push(join(path, name)),
                pattern if root.find(path)? == Found::Directory => {
                    let names = root.names(path)?;
                    further.extend(names.iter().filter(|name| fits(pattern, name)).map(|name| join(path, name)));
                }
                _ => {}
            }
        }
        paths = further;
    }
    let mut there = Vec::new();
    for path in paths {
        match root.find(&path)? {
            Found::Nothing if spec.optional || spec.is_pattern() => {}
            Found::Nothing => return Err(missing(&path)),
            _ => there.push(path),
        }
    }
    Ok(there)
}

/// The entries of a live directory that the new tree does not have. None if one of the two has no such directory at all:
/// then the switch leaves it alone, or it belongs to the new version only.
fn unknown(root: &impl Look, tree: &impl Look, directory: &str) -> Result<Vec<Pair>, Failure> {
    let mut pairs = Vec::new();
    match (root.find(directory)?, tree.find(directory)?) {
        (Found::Directory, Found::Directory) => {
            for name in root.names(directory)? {
                let path = join(directory, &name);
                if tree.find(&path)? == Found::Nothing {
                    pairs.push(Pair { from: path.clone(), to: path });
                }
            }
        }
        (Found::Other, Found::Directory) => {
            let message = format!("{directory} is a directory in the new version and something else (a link?) here");
            return Err(Failure::new("cannot-carry", message));
        }
        _ => {}
    }
    Ok(pairs)
}

/// What may be missing is copied only if the new version has the place for it.
fn wanted(tree: &impl Look, spec: &CopySpec, path: &str) -> Result<bool, Failure> {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    Ok(!(spec.optional || spec.is_pattern()) || tree.find(parent)? == Found::Directory)
}

/// Fails if a copy would replace a directory of the new version: that would hide files of it. Asked before the copy is made.
pub(crate) fn must_not_hide(tree: &impl Look, path: &str) -> Result<(), Failure> {
    if tree.find(path)? == Found::Directory {
        let message = format!("{path} is a directory of the new version: name the files in it that are to be copied");
        return Err(Failure::new("cannot-copy", message));
    }
    Ok(())
}

fn must_fit_on_a_line(pair: &Pair) -> Result<(), Failure> {
    if [&pair.from, &pair.to].iter().any(|path| path.contains(['\t', '\n', '\r'])) {
        return Err(Failure::new("cannot-carry", format!("the name {:?} has a tab or a line feed", pair.from)));
    }
    Ok(())
}

/// Whether the path goes with one of these pairs already.
pub(crate) fn is_carried(carries: &[Pair], path: &str) -> bool {
    carries.iter().any(|pair| is_within(path, &pair.from))
}

fn is_within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn missing(path: &str) -> Failure {
    Failure::new("not-found", format!("{path}, which belongs to the users, is not there"))
}

#[cfg(test)]
mod tests;
