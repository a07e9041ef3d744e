//! The SQL files.

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;

use crate::order::compare;

/// The parameter `directory`, for this database.
///
/// # Errors
/// `param-missing`.
pub fn directory(dialect: Dialect) -> Result<String, Failure> {
    Ok(of_dialect(&run::require_param("directory")?, dialect))
}

/// The directory with the SQL files.
pub struct SqlFiles {
    root: Directory,
    path: String,
    suffix: String,
}

impl SqlFiles {
    /// Those at this path, which is what [`directory`] says, in a root or a tree.
    pub fn new(root: Directory, path: String) -> Self {
        Self { root, path, suffix: run::param_or("suffix", ".sql") }
    }

    /// The versions of the files, in their order.
    ///
    /// # Errors
    /// If it is no directory.
    pub fn versions(&self) -> Result<Vec<String>, Failure> {
        let entries = self.root.list(&self.path)?;
        let files = entries.iter().filter(|entry| entry.kind == "file");
        let mut versions: Vec<_> =
            files.filter_map(|file| file.name.strip_suffix(&self.suffix)).map(str::to_owned).collect();
        versions.sort_by(|one, other| compare(one, other));
        Ok(versions)
    }

    /// The path of a version's file.
    pub fn path(&self, version: &str) -> String {
        files::join(&self.path, &format!("{version}{}", self.suffix))
    }

    /// What is in a version's file.
    ///
    /// # Errors
    /// If it is not there, or no text.
    pub fn read(&self, version: &str) -> Result<String, Failure> {
        self.root.read_text(&self.path(version))
    }
}

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
