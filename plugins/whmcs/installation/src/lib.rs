//! What a WHMCS installation says of itself.
//!
//! It says its version twice: at the head of init.php, and in the row `Version` of `tblconfiguration`. Where the two differ WHMCS
//! shows "Down for Maintenance" to everybody, the administrators too.

pub mod patch_set;
pub mod settings;
pub mod version;

use liftlock_sdk::database::Database;
use liftlock_sdk::failure::Failure;
use liftlock_sdk::files::Directory;
use liftlock_sdk::look::{Found, Look};

pub use version::{Stage, Version};

/// The file whose head says the version.
pub const HEAD: &str = "init.php";

/// Bytes of it that are looked at.
const HEAD_SIZE: usize = 8 << 10;

/// The version of the files of an installation or a package; none if they do not say.
///
/// # Errors
/// What the host says.
pub fn of_files(directory: &Directory) -> Result<Option<Version>, Failure> {
    if directory.find(HEAD)? != Found::Other {
        return Ok(None);
    }
    let head = directory.read_part(HEAD, 0, HEAD_SIZE)?;
    Ok(version::in_head(&String::from_utf8_lossy(&head)))
}

/// The version of the database; none if it does not say.
///
/// # Errors
/// What the host says.
pub fn of_database(database: &Database) -> Result<Option<Version>, Failure> {
    if database.columns("tblconfiguration")?.is_empty() {
        return Ok(None);
    }
    let said: Option<String> =
        database.query_value("SELECT value FROM tblconfiguration WHERE setting = 'Version' ORDER BY id", &[])?;
    Ok(said.as_deref().and_then(Version::parse))
}

/// The failure to end a stage with where files and database differ: in WHMCS's own words, which people search for.
#[must_use]
pub fn mismatch(files: &Version, database: &Version) -> Failure {
    let message = format!(
        "database version '{database}' does not match file version '{files}': WHMCS would say \"Down for Maintenance\""
    );
    Failure::new("version-mismatch", message).with("files", files.to_string()).with("database", database.to_string())
}
