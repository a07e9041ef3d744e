//! Where the SQL files are.

use liftlock_sdk::database::Dialect;
use liftlock_sdk::prelude::*;
use numbered_sql::SqlFiles;

/// The SQL files of this slot: in a root where the parameter names one, else in the new version. None as long as the new version
/// is not there: the live one has the same directory, with the files of before. None as well where a root has no such directory:
/// a package brings it, to be live from the switch until the upgrade is done.
pub(crate) fn open(dialect: Dialect) -> Result<Option<SqlFiles>, Failure> {
    let path = numbered_sql::directory(dialect)?;
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
    Ok(Some(SqlFiles::new(directory, path)))
}
