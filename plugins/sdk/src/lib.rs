//! Write a Liftlock stage in Rust.
//!
//! A stage implements [`Stage`](stage::Stage) and is exported with [`export!`]; all that it may do to the world is in the modules
//! [`run`], [`database`], [`files`], [`network`] and [`command`]. There is nothing else: no files, clock, environment or sockets
//! of its own.
//!
//! ```
//! use liftlock_sdk::prelude::*;
//!
//! /// Removes messages that nobody will read.
//! struct ForgetOldMail;
//!
//! impl Stage for ForgetOldMail {
//!     fn info() -> Info {
//!         Info::new("forget-old-mail", env!("CARGO_PKG_VERSION"))
//!             .asks(Ask::database("*").write("deletes mail that is older than the parameter `before`"))
//!     }
//!
//!     fn apply() -> Result<Outcome, Failure> {
//!         let database = Database::open("main")?;
//!         let before = run::require_param("before")?;
//!         let done = database.execute("DELETE FROM mail WHERE sent < ?", &[before.into()])?;
//!         Ok(Outcome::changed_if(done.affected > 0, format!("{} messages forgotten", done.affected)))
//!     }
//! }
//!
//! liftlock_sdk::export!(ForgetOldMail);
//! # fn main() {}
//! ```
//!
//! A stage must be deterministic: the same answers, the same calls. A `HashMap`'s order is the usual trap; use a `BTreeMap`.

pub mod command;
pub mod database;
pub mod failure;
pub mod files;
pub mod look;
pub mod network;
pub mod rows;
pub mod run;
pub mod stage;
pub mod value;
pub mod version;
pub mod versions;

#[doc(hidden)]
pub mod bindings;

/// Exports a type that implements [`Stage`](stage::Stage) as the component: `liftlock_sdk::export!(MyStage);`
///
/// Where it is not built for WebAssembly nothing is exported, so that a stage's own tests run with `cargo test`.
#[macro_export]
macro_rules! export {
    ($stage:ident) => {
        #[cfg(target_family = "wasm")]
        $crate::bindings::export!($stage with_types_in $crate::bindings);

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::stage::Info = <$stage as $crate::stage::Stage>::info;
    };
}

/// Exports a type that implements [`Versions`](versions::Versions) as the component: `liftlock_sdk::export_versions!(MyReader);`
#[macro_export]
macro_rules! export_versions {
    ($reader:ident) => {
        #[cfg(target_family = "wasm")]
        $crate::bindings::reader::export!($reader with_types_in $crate::bindings::reader);

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> Result<$crate::versions::Report, $crate::failure::Failure> =
            <$reader as $crate::versions::Versions>::look;
    };
}

/// All that a stage usually needs: `use liftlock_sdk::prelude::*;`
pub mod prelude {
    pub use crate::command;
    pub use crate::database::Database;
    pub use crate::failure::{Failure, Finding, Outcome};
    pub use crate::files::{self, Directory};
    pub use crate::network;
    pub use crate::rows::Row;
    pub use crate::run;
    pub use crate::stage::{Ask, Findings, Info, Kind, Stage};
    pub use crate::value::Value;
}

/// The examples of the page for stage authors, so that they compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
