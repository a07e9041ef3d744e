//! Where the SQL files are.

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;

use crate::version;

/// The directory with the SQL files.
pub(crate) struct Source {
    directory: Directory,
    path: String,
    suffix: String,
}

impl Source {
    /// The directory of this slot: in a root where the parameter names one, else in the new version. None as long as the
    /// new version is not there: the live one has the same directory, with the files of before. None as well where a root
    /// has no such directory: a package brings it, to be live from the switch until the upgrade is done.
    pub(crate) fn open(dialect: Dialect) -> Result<Option<Self>, Failure> {
        let path = of_dialect(&run::require_param("directory")?, dialect);
        let directory = match (run::param("root"), run::input("tree")) {
            (Some(root), _) => {
                let root = Directory::root(&root)?;
                if !root.exists(&path)? {
                    return Ok(None);
                }
                root
            }
            (None, Some(tree)) => Directory::tree(&tree)?,
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { directory, path, suffix: run::param_or("suffix", ".sql") }))
    }

    /// The versions of the files, in their order.
    pub(crate) fn versions(&self) -> Result<Vec<String>, Failure> {
        let entries = self.directory.list(&self.path)?;
        let files = entries.iter().filter(|entry| entry.kind == "file");
        let mut versions: Vec<_> =
            files.filter_map(|file| file.name.strip_suffix(&self.suffix)).map(str::to_owned).collect();
        versions.sort_by(|one, other| version::compare(one, other));
        Ok(versions)
    }

    /// The path of a version's file.
    pub(crate) fn path(&self, version: &str) -> String {
        files::join(&self.path, &format!("{version}{}", self.suffix))
    }

    /// What is in a version's file.
    pub(crate) fn read(&self, version: &str) -> Result<String, Failure> {
        self.directory.read_text(&self.path(version))
    }
}

/// The directory with the files for this database.
fn of_dialect(directory: &str, dialect: Dialect) -> String {
    directory.replace("{dialect}", dialect.family())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mariadb_has_the_files_of_mysql() {
        assert_eq!(of_dialect("SQL/{dialect}", Dialect::Mariadb), "SQL/mysql");
        assert_eq!(of_dialect("SQL/{dialect}", Dialect::Mysql), "SQL/mysql");
        assert_eq!(of_dialect("SQL/{dialect}", Dialect::Sqlite), "SQL/sqlite");
        assert_eq!(of_dialect("migrations", Dialect::Sqlite), "migrations");
    }
}
