//! An application's numbered SQL files, and its own note of how far its database is: `migrate-sql` applies the ones and keeps the
//! other, `read-versions` compares them.
//!
//! | parameter | what it is |
//! | --- | --- |
//! | `directory` | the directory with the SQL files; `{dialect}` in it is `sqlite` or `mysql` (MariaDB too): `SQL/{dialect}` |
//! | `suffix` | the end of the files' names; default `.sql` |
//! | `ledger-read` | a query whose first value is the version that the database is at |

mod files;
mod ledger;
mod order;

pub use files::{SqlFiles, directory};
pub use ledger::read_ledger;
pub use order::compare;
