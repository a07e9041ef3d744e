//! PHP's data formats, read and written without PHP.
//!
//! [`serialized`] is the format of `serialize()`, in which applications keep structured values in a column; [`config`] edits a
//! PHP file that is one array of settings. Nothing is evaluated, and what is not understood for sure is refused, never
//! guessed: both formats come from other people's installations.

pub mod config;
pub mod report;
pub mod serialized;
