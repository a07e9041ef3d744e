//! What others see as long as a run keeps them out: a page, its status, the application's own flag.
//!
//! The page is leased. A thread of the host renews page and status as long as the freeze lasts; when it ends, the page says so by
//! itself: with JavaScript because the heartbeat in the status is older than the lease, without it because the page names the
//! time up to which it holds. So a dead run cannot leave a page that claims progress.
//!
//! This module is also the one place that knows what ours looks like on disk: [`Shown::of`] an installation, [`run_of_page`] of a page,
//! [`Status::read`] of a status.

mod face;
mod file;
mod flag;
mod heart;
mod page;
mod row;
mod shown;
mod signs;
mod status;
#[cfg(test)]
mod tests;

pub use face::Face;
pub use flag::FlagInFile;
pub use page::run_of_page;
pub use row::{FlagInRow, is_on};
pub use shown::Shown;
pub use signs::Signs;
pub use status::{Doing, Status};
