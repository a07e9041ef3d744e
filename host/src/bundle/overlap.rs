//! Which directories may not lie in which: a stage that writes a root must not reach what undoes it, and a web server that
//! serves a root must not serve backups.

use super::installation::Installation;
use super::problem::Problem;

/// All places of an installation that lie where they must not.
pub(super) fn check(installation: &Installation) -> Vec<Problem> {
    let mut check = Check { installation, problems: Vec::new() };
    check.directories();
    check.roots();
    check.databases();
    check.log();
    check.problems
}

struct Check<'i> {
    installation: &'i Installation,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn note(&mut self, code: &'static str, key: &str, message: String, hint: &str) {
        self.problems.push(self.installation.places.problem(code, key, message).hint(hint.to_owned()));
    }

    fn directories(&mut self) {
        let Installation { state, backup, roots, .. } = self.installation;
        let mut directories = vec![("state", state)];
        // Backups in the state directory are where that is.
        directories.extend((!backup.starts_with(state)).then_some(("backup", backup)));
        let hint = "put it beside the root";
        for (key, path) in directories {
            for (name, root) in roots {
                if path.starts_with(&root.path) {
                    let message = format!("the {key} directory is inside the root {name:?}");
                    self.note("directory-in-root", key, message, hint);
                } else if root.path.starts_with(path) {
                    let message = format!("the root is inside the {key} directory");
                    self.note("root-in-directory", &format!("[roots.{name}] path"), message, hint);
                }
            }
        }
    }

    fn roots(&mut self) {
        let roots = &self.installation.roots;
        for (index, (name, root)) in roots.iter().enumerate() {
            for (other, earlier) in roots.iter().take(index) {
                if root.path.starts_with(&earlier.path) || earlier.path.starts_with(&root.path) {
                    let message = format!("the roots {other:?} and {name:?} lie in each other");
                    self.note("roots-overlap", &format!("[roots.{name}] path"), message, "name the outer one only");
                }
            }
        }
    }

    /// Undo takes away what the pipeline wants in a root, and no more: another name would stay there.
    fn log(&mut self) {
        let Some(path) = &self.installation.log else { return };
        for name in
            self.installation.roots.iter().filter(|(_, root)| path.starts_with(&root.path)).map(|(name, _)| name)
        {
            let message = format!("the log is inside the root {name:?}");
            self.note("log-in-root", "[log] file", message, "put it beside the root");
        }
    }

    fn databases(&mut self) {
        let Installation { state, databases, .. } = self.installation;
        for (index, (name, place)) in databases.iter().enumerate() {
            let Some(path) = place.file() else { continue };
            let key = format!("[databases.{name}] sqlite");
            if path.starts_with(state) {
                let message = "the database is inside the state directory".to_owned();
                self.note("database-in-state", &key, message, "move one of the two");
            }
            if let Some((other, _)) = databases.iter().take(index).find(|(_, taken)| taken.file() == Some(path)) {
                let message = format!("is the same file as the database {other:?}");
                self.note("same-database", &key, message, "name it once");
            }
        }
    }
}
