//! Which names are exchanged, and what is carried.

use liftlock_sdk::failure::Failure;

/// What is carried: from a path of the root to one of the tree.
pub(crate) type Pair = (String, String);

/// The parameters of the slot that name top-level entries.
pub(crate) struct Plan {
    /// Empty or `*`: all that the tree has.
    pub(crate) entries: Vec<String>,
    /// Never exchanged.
    pub(crate) keep: Vec<String>,
    /// Only in the root; they move away.
    pub(crate) remove: Vec<String>,
    /// Only in the tree, for after the exchange.
    pub(crate) fill: Option<String>,
}

impl Plan {
    /// The names to exchange, sorted, given what the tree and the root have.
    pub(crate) fn resolve(&self, tree: &[String], root: &[String]) -> Result<Vec<String>, Failure> {
        let mut names = self.exchanged(tree)?;
        names.extend(self.removed(tree, root)?);
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Err(Failure::new("nothing-to-switch", "the new version has no entry that may be exchanged"));
        }
        Ok(names)
    }

    fn exchanged(&self, tree: &[String]) -> Result<Vec<String>, Failure> {
        if self.entries.iter().all(|entry| entry == "*") {
            let stays = |name: &&String| self.keep.contains(name) || self.fill.as_ref() == Some(name);
            return Ok(tree.iter().filter(|name| !stays(name)).cloned().collect());
        }
        for name in &self.entries {
            if self.keep.contains(name) {
                return Err(contradiction(format!("{name} is to be exchanged and to be kept")));
            }
            if !tree.contains(name) {
                return Err(Failure::new("not-in-package", format!("the new version has no {name}")));
            }
        }
        Ok(self.entries.clone())
    }

    fn removed(&self, tree: &[String], root: &[String]) -> Result<Vec<String>, Failure> {
        for name in &self.remove {
            if self.keep.contains(name) {
                return Err(contradiction(format!("{name} is to be removed and to be kept")));
            }
            if tree.contains(name) {
                return Err(contradiction(format!("{name} is to be removed, but the new version has it")));
            }
        }
        Ok(self.remove.iter().filter(|name| root.contains(name)).cloned().collect())
    }
}

fn contradiction(message: String) -> Failure {
    Failure::new("param-wrong", message)
}

/// The pairs of a carry list: lines of `from`, a tab, `to`.
pub(crate) fn carried(list: &str) -> Result<Vec<Pair>, Failure> {
    list.lines()
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once('\t') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains('\t') => {
                Ok((from.to_owned(), to.to_owned()))
            }
            _ => Err(Failure::new("carry-wrong", format!("`{line}` is not a pair of paths with a tab between"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn resolve(entries: &[&str], keep: &[&str], remove: &[&str]) -> Result<Vec<String>, Failure> {
        Plan { entries: names(entries), keep: names(keep), remove: names(remove), fill: Some(".new".to_owned()) }
            .resolve(&names(&[".new", "bin", "config", "index.php"]), &names(&["bin", "blog", "config", "old.php"]))
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(resolve(&["config"], &["config"], &[]).unwrap_err().code, "param-wrong");
        assert_eq!(resolve(&["*"], &["old.php"], &["old.php"]).unwrap_err().code, "param-wrong");
        assert_eq!(resolve(&["*"], &[], &["bin"]).unwrap_err().code, "param-wrong");
    }

    #[test]
    fn an_entry_that_the_package_lacks_is_refused() {
        assert_eq!(resolve(&["bin", "program"], &[], &[]).unwrap_err().code, "not-in-package");
        assert_eq!(resolve(&["*"], &["bin", "config", "index.php"], &[]).unwrap_err().code, "nothing-to-switch");
    }

    #[test]
    fn all_but_what_is_kept_is_exchanged_and_strangers_stay() {
        let expected = names(&["bin", "index.php", "old.php"]);
        assert_eq!(resolve(&["*"], &["config"], &["old.php", "gone.php"]), Ok(expected.clone()));
        assert_eq!(resolve(&[], &["config"], &["old.php"]), Ok(expected));
        assert_eq!(resolve(&["bin"], &[], &[]), Ok(names(&["bin"])));
    }

    #[test]
    fn a_line_that_is_no_pair_is_refused() {
        for list in ["a", "a\t", "\tb", "a\tb\tc", "a\tb\nc"] {
            assert_eq!(carried(list).unwrap_err().code, "carry-wrong", "{list:?}");
        }
        let pairs = [("a/b".to_owned(), "c".to_owned()), ("d e".to_owned(), "d e".to_owned())];
        assert_eq!(carried("a/b\tc\nd e\td e\n"), Ok(pairs.to_vec()));
        assert_eq!(carried(""), Ok(Vec::new()));
    }
}
