//! The application's own note of the version that its database is at.

use liftlock_sdk::prelude::*;

/// How the ledger is written.
pub(crate) struct Ledger {
    write: String,
}

impl Ledger {
    /// The ledger of this slot.
    pub(crate) fn from_params() -> Result<Self, Failure> {
        Ok(Self { write: run::require_param("ledger-write")? })
    }

    /// Notes another version. A server does not count a row that had this value already, as where the file itself has set it.
    pub(crate) fn write(&self, database: &Database, version: &str) -> Result<(), Failure> {
        let done = database
            .execute(&self.write, &[version.into()])
            .map_err(|failure| failure.at(format!("the ledger cannot be set to {version}")))?;
        if done.affected == 0 && numbered_sql::read_ledger(database)? != version {
            let message = format!("setting the ledger to {version} changed no row");
            return Err(Failure::new("ledger-not-written", message));
        }
        Ok(())
    }
}
